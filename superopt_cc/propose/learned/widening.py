"""A rewrite for wider integers in the place of one for narrower ones: extended at entry."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from superopt_cc.assembly.fragment import Fragment
from superopt_cc.verify.job import Facts
from superopt_cc.verify.signature.ctype import Bool, Enum, Int, Pointer

# 64 and 32 bits of the registers for integers and pointers, in order.
_REGISTERS = (("rdi", "edi"), ("rsi", "esi"), ("rdx", "edx"), ("rcx", "ecx"), ("r8", "r8d"),
              ("r9", "r9d"))  # fmt: skip
_WIDE, _NARROW = 8, 4


@dataclasses.dataclass(frozen=True, slots=True)
class _Word:
    size: int
    signed: bool


def widths(facts: Facts) -> tuple[int, ...]:
    """Bytes of each parameter that a general register may hold, in order."""
    return tuple(word.size for word in _words(facts))


def widened(fragment: Fragment, theirs: Sequence[int], facts: Facts) -> Iterator[Fragment]:
    """The ways to let code for parameters of `theirs` bytes stand for the function's own.

    The code itself where they are equal; none where it expects less than there is.
    """
    ours = _words(facts)
    if len(theirs) != len(ours):
        return
    narrow = [n for n, word in enumerate(ours) if theirs[n] != word.size]
    if not narrow:
        yield fragment
        return
    widens = all((theirs[n], ours[n].size) == (_WIDE, _NARROW) for n in narrow)
    if not widens or narrow[-1] >= len(_REGISTERS):
        return
    signed = any(ours[n].signed for n in narrow)
    # What is negative counts for none, or is meant.
    for clamped in (True, False) if signed else (False,):
        lines = ["\txorl\t%eax, %eax"] if clamped else []
        for number in narrow:
            lines += _extended(*_REGISTERS[number], ours[number].signed, clamped)
        yield dataclasses.replace(fragment, body=_after_landing_pad(fragment.body, lines))


def _extended(wide: str, narrow: str, signed: bool, clamped: bool) -> list[str]:
    if not signed:
        return [f"\tmovl\t%{narrow}, %{narrow}"]
    if clamped:
        return [f"\ttestl\t%{narrow}, %{narrow}", f"\tcmovs\t%eax, %{narrow}"]
    return [f"\tmovslq\t%{narrow}, %{wide}"]


def _after_landing_pad(body: tuple[str, ...], lines: Sequence[str]) -> tuple[str, ...]:
    at = body.index("\tendbr64") + 1 if "\tendbr64" in body else 0
    return (*body[:at], *lines, *body[at:])


def _words(facts: Facts) -> list[_Word]:
    found = []
    for parameter in facts.parameters:
        kind = facts.types[parameter.type]
        if isinstance(kind, Int | Enum):
            found.append(_Word(kind.size, kind.signed))
        elif isinstance(kind, Bool | Pointer):
            found.append(_Word(kind.size, False))
    return found
