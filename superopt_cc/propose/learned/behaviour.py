"""Fingerprints of what a function does: equal for every spelling of one computation."""

from __future__ import annotations

import collections
import hashlib
from collections.abc import Callable, Sequence

from superopt_cc.assembly.unit import Unit
from superopt_cc.cases import Case
from superopt_cc.errors import RunnerError, ToolchainError
from superopt_cc.propose.learned.inputs import Roles, cases, every_role
from superopt_cc.propose.learned.pattern import Pattern, Scalar, pattern_of
from superopt_cc.verify.job import Facts
from superopt_cc.verify.running.image import REAL_FUNCTIONS
from superopt_cc.verify.running.observed import Observed

RunTarget = Callable[[Sequence[Case]], Sequence[Observed]]

# Changes with the inputs: fingerprints of other inputs are no guess at all.
_SCHEME = "superopt-cc behaviour 1"
# Fewer results say nothing, nor do two of which one is rarer.
_LEAST, _LEAST_OF_TWO = 8, 3
_NARROW = (1 << 32) - 1


def fingerprints(facts: Facts, unit: Unit, run: RunTarget) -> tuple[str, ...]:
    """64 hexadecimal digits for each way to take the parameters that says something.

    Under a way that is not meant (a length taken for any number) spellings may run away each in
    its own manner; under the one that is meant they agree, so one equal fingerprint is enough.
    None where what is called decides, or nothing is known of the types.
    """
    pattern = pattern_of(facts)
    if pattern is None or any(_is_outside(use.callee, unit) for use in facts.calls):
        return ()
    found: list[str] = []
    for roles in every_role(pattern):
        made = cases(pattern, roles)
        try:
            seen = run(made)
        except (RunnerError, ToolchainError):
            continue
        words = [_outcome(pattern, case, one) for case, one in zip(made, seen, strict=True)]
        if _telling(words):
            text = "\n".join((_SCHEME, _spelled(pattern, roles), repr(roles), *words))
            found.append(hashlib.sha256(text.encode()).hexdigest())
    return tuple(found)


def _telling(words: Sequence[str]) -> bool:
    """Did the target come back often enough, and do different things?"""
    counts = collections.Counter(word for word in words if word)
    if counts.total() < _LEAST:
        return False
    return len(counts) > 2 or (len(counts) == 2 and min(counts.values()) >= _LEAST_OF_TWO)


def _spelled(pattern: Pattern, roles: Roles) -> str:
    """The pattern without the width of the result, and those of integers that are all small."""
    places = list(pattern.parameters)
    integers = {n for n, p in enumerate(places) if p == Scalar("int", p.size)}
    if roles.small or integers <= set(roles.counts):
        for number in integers:
            places[number] = Scalar("int", 0)
    result = pattern.result
    if isinstance(result, Scalar) and result.kind != "float":
        result = Scalar("int", 0)
    return repr(Pattern(tuple(places), result))


def _is_outside(callee: str | None, unit: Unit) -> bool:
    """Does a call reach what stands for somebody else's code in tests?"""
    known = callee is not None and unit.resolve(callee) is not None
    return not known and callee not in REAL_FUNCTIONS


def _outcome(pattern: Pattern, case: Case, seen: Observed) -> str:
    """One input's outcome in words without addresses; "" where the target did not return."""
    if not seen.returned:
        return ""
    changed = [
        f"{number} {hashlib.sha256(memory).hexdigest()}"
        for number, (blob, memory) in enumerate(zip(case.objects, seen.memory, strict=True))
        if memory != blob.data
    ]
    return " ".join((_result(pattern, case, seen), *changed))


def _result(pattern: Pattern, case: Case, seen: Observed) -> str:
    if pattern.result == "pointer":
        for number, (blob, address) in enumerate(zip(case.objects, seen.addresses, strict=True)):
            if address <= seen.result <= address + len(blob.data):
                return f"at {number} {seen.result - address}"
        return f"value {seen.result}"
    if pattern.result == "void":
        return "void"
    # Code that leaves more than is asked for serves as well.
    return f"value {seen.result & _NARROW} {seen.vector}"
