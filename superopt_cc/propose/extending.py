"""clang's bodies made to fit gcc's callers: narrow arguments extended at entry (design 5.6).

The convention leaves undefined what lies above a `char` or `short` in its register.  clang takes it
for the value's extension, gcc's callers promise nothing.  Its constants stand in rows, of which
only the first has a directive for its alignment; afterwards each has its own.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence

from superopt_cc.assembly.registers import PARTS
from superopt_cc.errors import SuperoptError
from superopt_cc.verify.job import Facts
from superopt_cc.verify.signature import abi
from superopt_cc.verify.signature.ctype import Bool, Enum, Int

_REGISTER = re.compile(r"%(\w+)")
_NAMES = {mask: {p: n for n, (p, m) in PARTS.items() if m == mask} for mask in (1, 3, 15)}
_CONSTANTS = re.compile(r"\t\.section\t\.rodata\.cst(\d+),")
_SECTION = re.compile(r"\t\.(?:section|text|data|bss)\b")
_FLOW = re.compile(r"\t(?:j|call|ret|loop)|[^\t#]")


@dataclasses.dataclass(frozen=True, slots=True)
class Narrow:
    """An argument that fills only `size` bytes of `register` (1 or 2)."""

    register: str
    size: int
    signed: bool

    @property
    def mask(self) -> int:
        return (1 << self.size) - 1

    def instruction(self) -> str:
        """What extends it to an int, as a caller of clang's would have done."""
        letter = "s" if self.signed else "z"
        names = _NAMES[self.mask][self.register], _NAMES[15][self.register]
        return f"\tmov{letter}{'bw'[self.size - 1]}l\t%{names[0]}, %{names[1]}"


def narrow_arguments(facts: Facts) -> tuple[Narrow, ...]:
    """Arguments of integer type in registers that are shorter than an int."""
    try:
        places = abi.assign(facts.types, [p.type for p in facts.parameters])
    except SuperoptError:
        return ()
    found = []
    for parameter, place in zip(facts.parameters, places, strict=True):
        kind = facts.types[parameter.type]
        if place.kind == "int" and isinstance(kind, Int | Bool | Enum) and kind.size < 4:
            signed = not isinstance(kind, Bool) and kind.signed
            found.append(Narrow(abi.INTEGER_REGISTERS[place.number], kind.size, signed))
    return tuple(found)


def extended(text: str, name: str, arguments: Sequence[Narrow]) -> str:
    """clang's output in which the function `name` extends what it takes for extended."""
    lines = text.split("\n")
    label = next((i for i, s in enumerate(lines) if s.startswith(f"{name}:")), None)
    if label is None:
        return text
    last = next((i for i in range(label, len(lines)) if ".size" in lines[i]), len(lines))
    body = lines[label + 1 : last]
    wanted = [a.instruction() for a in arguments if _relies(body, a)]
    first = label + 1 + next((i for i, s in enumerate(body) if _is_instruction(s)), 0)
    if "endbr64" in lines[first]:
        first += 1
    return "\n".join([*lines[:first], *wanted, *lines[first:]])


def aligned_constants(text: str) -> str:
    """clang's output in which each constant may be carried apart from its row."""
    lines: list[str] = []
    size = ""
    for line in text.split("\n"):
        if _SECTION.match(line):
            found = _CONSTANTS.match(line)
            size = found.group(1) if found else ""
        elif size and line.startswith(".LCPI"):
            lines.append(f"\t.balign\t{size}")
        lines.append(line)
    return "\n".join(lines)


def _is_instruction(line: str) -> bool:
    return line.startswith("\t") and line[1:2] not in (".", "#", "")


def _relies(body: Sequence[str], argument: Narrow) -> bool:
    """May a body read bits of the argument's register above the argument?

    What stands before the first branch is followed; behind it any mention counts.
    """
    straight = True
    for line in filter(None, body):
        code = line.partition("#")[0]
        if straight and _FLOW.match(code):
            straight = False
        if not _is_instruction(code):
            continue
        wide = any(mask & ~argument.mask for mask in _mentions(code, argument.register))
        if straight and _overwrites(code, argument):
            return False
        if wide:
            return True
    return False


def _mentions(code: str, register: str) -> Iterator[int]:
    """The bytes of a register that an instruction names, once for each time."""
    for name in _REGISTER.findall(code):
        parent, mask = PARTS.get(name, ("", 0))
        if parent == register:
            yield mask


def _overwrites(code: str, argument: Narrow) -> bool:
    """Does an instruction fill the whole register from something else, or from the argument?"""
    words = code.split(None, 1)
    if len(words) < 2 or not words[0].startswith(("mov", "lea")):
        return False
    source, _, target = words[1].strip().rpartition(",")
    parent, mask = PARTS.get(target.strip().lstrip("%"), ("", 0))
    if parent != argument.register or mask & 15 != 15:
        return False
    return not any(m & ~argument.mask for m in _mentions(source, argument.register))
