"""Worked examples for prompts: one of our own a surface, and what this machine has verified.

Verified rewrites of functions whose code is like the target's say more than any fixed example:
likeness is the cosine between counts of mnemonics and of runs of two and three of them.
"""

from __future__ import annotations

import collections
import dataclasses
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from superopt_cc.assembly.code import split_code, without_unused_labels
from superopt_cc.assembly.sections import TEXT
from superopt_cc.assembly.statements import split_statement
from superopt_cc.errors import AssemblyError, StoreError
from superopt_cc.settings import Settings
from superopt_cc.store.local import Store

_MOST_STORIES = 400
_LEAST_LIKENESS = 0.3
_LONGEST_RUN = 3
_LONGEST = 2500  # characters of one side of an example


@dataclasses.dataclass(frozen=True, slots=True)
class Example:
    """Code and faster code that does the same; `gain` is "" where it was not measured."""

    before: str
    after: str
    gain: str = ""


BUILT_IN: Mapping[str, Example] = {
    "c": Example(
        """\
int count_set(unsigned x)
{
    int n = 0;
    for (int i = 0; i < 32; i++)
        if (x & (1u << i))
            n++;
    return n;
}""",
        """\
int count_set(unsigned x)
{
    x = x - ((x >> 1) & 0x55555555u);
    x = (x & 0x33333333u) + ((x >> 2) & 0x33333333u);
    x = (x + (x >> 4)) & 0x0f0f0f0fu;
    return (int)((x * 0x01010101u) >> 24);
}""",
    ),
    "asm": Example(
        """\
sum_below:
	xorl	%eax, %eax
	xorl	%edx, %edx
	testl	%edi, %edi
	je	.L1
.L3:
	addl	%eax, %edx
	addl	$1, %eax
	cmpl	%eax, %edi
	jne	.L3
.L1:
	movl	%edx, %eax
	ret""",
        """\
sum_below:
	movl	%edi, %eax
	leaq	-1(%rax), %rdx
	imulq	%rdx, %rax
	shrq	$1, %rax
	ret""",
    ),
}


def similar(settings: Settings, surface: str, code: Sequence[str], most: int = 2) -> list[Example]:
    """The store's verified rewrites of the functions most like `code`, the most alike first."""
    wanted = runs(code)
    ranked: list[tuple[float, Example]] = []
    for story in _stories(settings):
        target = _statements(str(story.get("target", "")))
        likeness = cosine(wanted, runs(target))
        example = _example(story, surface, target) if likeness >= _LEAST_LIKENESS else None
        if example is not None:
            ranked.append((likeness, example))
    ranked.sort(key=lambda pair: -pair[0])
    return [example for _, example in ranked[:most]]


def runs(statements: Sequence[str]) -> collections.Counter[tuple[str, ...]]:
    """How often each run of one to three mnemonics occurs."""
    names = [split_statement(s.strip())[0] for s in statements if s[0] == "\t" and s[1] != "."]
    return collections.Counter(
        tuple(names[i : i + length])
        for length in range(1, _LONGEST_RUN + 1)
        for i in range(len(names) - length + 1)
    )


def cosine(one: Mapping[Any, int], other: Mapping[Any, int]) -> float:
    """Of two counts, between 0 and 1."""
    both = sum(count * other.get(run, 0) for run, count in one.items())
    sizes = [math.sqrt(sum(n * n for n in counts.values())) for counts in (one, other)]
    return both / (sizes[0] * sizes[1]) if both else 0.0


def _stories(settings: Settings) -> Iterator[Mapping[str, Any]]:
    """Replaced functions that the store tells of; none where it cannot be read."""
    try:
        with Store(settings.cache_dir, settings.cache_size) as store:
            for name in store.stories()[-_MOST_STORIES:]:
                story = store.story(name)
                if story is not None and _outcome(story).get("outcome") == "replaced":
                    yield story
    except StoreError:
        return


def _outcome(story: Mapping[str, Any]) -> Mapping[str, Any]:
    outcome = story.get("outcome")
    return outcome if isinstance(outcome, dict) else {}


def _example(story: Mapping[str, Any], surface: str, target: Sequence[str]) -> Example | None:
    outcome = _outcome(story)
    rewrite = outcome.get("rewrite") or {}
    measurement = outcome.get("measurement") or {}
    speedup = measurement.get("speedup")
    gain = f"{speedup:.2f}" if isinstance(speedup, float) else ""
    if surface == "c":
        given = rewrite.get("provenance") or {}
        before, after = given.get("function", ""), given.get("code", "")
        if given.get("surface") != "c":
            return None
    else:
        name = str(story.get("name"))
        before = "\n".join((f"{name}:", *target))
        after = "\n".join((f"{name}:", *_statements(str(rewrite.get("text", "")))))
    if not (before and after) or max(len(before), len(after)) > _LONGEST:
        return None
    return Example(before, after, gain)


def _statements(text: str) -> tuple[str, ...]:
    """The labels and instructions of one function's text."""
    match = re.search(r"^([A-Za-z_.$][\w.$]*):", text, re.MULTILINE)
    if match is None:
        return ()
    try:
        code = split_code(match.group(1), TEXT, text[match.start() :].splitlines())
    except AssemblyError:
        return ()
    used = without_unused_labels(code.statements, code.tables)
    return tuple(s for s in used if s.endswith(":") or s[1] != ".")
