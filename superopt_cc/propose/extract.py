"""One function taken out of a compiler's output and made a rewrite, with its origin."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping

from superopt_cc.assembly.canonical import closure_identity, fragment_identity
from superopt_cc.assembly.fragment import Fragment, FragmentError
from superopt_cc.assembly.offered import parse_fragment
from superopt_cc.assembly.unit import Unit
from superopt_cc.propose.base import Context
from superopt_cc.types import Attempt, Origin, Rewrite

# What taking out and rendering put before a compiler's own label (`.LLown.L2`).
_OWN_LABEL = re.compile(r"\.L(?:Lown\.)+L(?=\w)")
_LABEL = re.compile(r"\.L[\w.]*")
# gcc gives a small constant a name inside of a larger one: `.set .LC2,.LC5`.
_ALIAS = re.compile(r"^\t\.set\t(\.LC\d+),(\.LC\d+(?:\+\d+)?)\n", re.MULTILINE)

# What a copy is called whose original is the target itself.
OWN_CODE = "gcc's own code"


class Extractor:
    """Takes the job's function out of compiler output; equal code comes out once.

    Copies of the target and of what was taken before are dropped before any work (design 5.1).
    """

    def __init__(self, context: Context, proposer: str) -> None:
        self._context = context
        self._proposer = proposer
        self._name = context.job.name
        target = context.unit.function(self._name)
        self._seen = {closure_identity(context.unit, target): OWN_CODE}

    def take(
        self, text: str, how: str, origin: Origin, provenance: Mapping[str, str]
    ) -> Rewrite | Attempt:
        """The rewrite that compiler output `text` offers, or why there is none."""
        unit = self._context.unit
        if f"\n{self._name}:" not in text:
            return self._fallen(how, "absent", "the function is no longer there (inlined, cloned)")
        try:
            text = _without_aliases(text)
            fragment = parse_fragment(text, self._name, unit)
            identity = fragment_identity(unit, fragment)
        except FragmentError as error:
            return self._fallen(how, error.reason.value, error.detail)
        known = self._seen.get(identity)
        if known is not None:
            return self._fallen(how, "copy", f"same code as {known}")
        self._seen[identity] = how
        offered = standalone(fragment, unit)
        return Rewrite(offered, self._proposer, origin, how, dict(provenance))

    def _fallen(self, how: str, result: str, detail: str) -> Attempt:
        return Attempt(self._proposer, how, result, detail)


def _without_aliases(text: str) -> str:
    """Compiler output in which every constant goes by the name of the data that it lies in."""
    names = dict(_ALIAS.findall(text))
    if not names:
        return text
    known = "|".join(map(re.escape, names))
    return re.sub(rf"(?:{known})(?![\w.])", lambda m: names[m.group()], _ALIAS.sub("", text))


def standalone(fragment: Fragment, unit: Unit) -> str:
    """A fragment as text of its own: the function under its name, its constants beside it."""
    name = fragment.name
    lines = ["\t.text"]
    if unit.function(name).linkage == "global":
        lines.append(f"\t.globl\t{name}")
    lines.append(f"\t.type\t{name}, @function")
    rendered = fragment.render(name, ".L")
    code = _OWN_LABEL.sub(".L", rendered)
    # Seen: the body's own .LC1 and the .LC1 of the unit that it refers to became one.
    for number in itertools.count():
        if len(set(_LABEL.findall(code))) == len(set(_LABEL.findall(rendered))):
            break
        code = _OWN_LABEL.sub(f".L{number}.L", rendered)
    return "\n".join(lines) + "\n" + code + f"\t.size\t{name}, .-{name}\n"
