"""A body that reports the values that its comparisons compare.

The instructions in front of a comparison copy its operands to `superopt.watched` and call a
routine that appends them to the trace.  They change no register and no flag.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from superopt_cc.assembly.statements import operands, split_operands

WATCH = "superopt.watch"
_WATCHED = "superopt.watched"
# Two operands of 16 bytes, and a register's own value meanwhile.
_SLOTS, _SAVED = (0, 16), 32
# Words of a report: the number of the instruction and one, then eight bytes of both operands.
REPORT_WORDS = 3
_LOADS = {1: ("movb", "%al"), 2: ("movw", "%ax"), 4: ("movl", "%eax"), 8: ("movq", "%rax")}


@dataclasses.dataclass(frozen=True, slots=True)
class Watch:
    """Report operands of a body's instruction `number`: at most two, by their place in Intel's
    order or by a register's name; constants need no report.  `size`: bytes of one in memory."""

    number: int
    operands: tuple[int | str, ...]
    size: int


def watch(code: str, watches: Sequence[Watch]) -> str:
    """Rendered code that reports what is watched; its constants stay as they are."""
    wanted = {each.number: each for each in watches}
    lines: list[str] = []
    aside = number = 0
    for line in code.splitlines():
        aside += line.startswith("\t.pushsection") - line.startswith("\t.popsection")
        if not aside and line.startswith("\t") and line[1:2] not in ("", "."):
            if number in wanted:
                lines += _report(line, wanted[number])
            number += 1
        lines.append(line)
    return "\n".join(lines) + "\n"


def _report(line: str, wanted: Watch) -> Iterator[str]:
    texts = split_operands(operands(line))[::-1]  # AT&T's order is the other
    if any(isinstance(place, int) and place >= len(texts) for place in wanted.operands):
        return  # a short spelling
    for slot, place in zip(_SLOTS, wanted.operands, strict=False):
        text = place if isinstance(place, str) else texts[place]
        yield from _copy(text.strip(), f"{_WATCHED}+{slot}(%rip)", wanted.size)
    for half in range(1 + (wanted.size > 8)):
        yield f"\tleaq\t-128(%rsp), %rsp\n\tpushq\t${wanted.number + 1}"
        yield f"\tcall\t{WATCH}{half}\n\tleaq\t136(%rsp), %rsp"


def _copy(text: str, slot: str, size: int) -> Iterator[str]:
    saved = f"{_WATCHED}+{_SAVED}(%rip)"
    if text.startswith("$"):
        return
    if text.startswith(("%xmm", "%ymm")):
        yield f"\tmovups\t%x{text[2:]}, {slot}"
    elif text.startswith("%"):
        yield f"\tmov\t{text}, {slot}"
    else:
        move, register = _LOADS.get(size, ("movups", "%xmm0"))
        keep, whole = ("movups", "%xmm0") if size > 8 else ("movq", "%rax")
        yield f"\t{keep}\t{whole}, {saved}"
        yield f"\t{move}\t{text}, {register}"
        yield f"\t{move}\t{register}, {slot}"
        yield f"\t{keep}\t{saved}, {whole}"


def watch_routine(tracer: str) -> str:
    """The routines, for the low and the high half of operands: they append to the trace."""
    lines: list[str] = []
    for half in (0, 1):
        left, right = (f"{_WATCHED}+{slot + 8 * half}(%rip)" for slot in _SLOTS)
        lines += [
            f"\t.globl\t{WATCH}{half}", f"{WATCH}{half}:", "\tpushfq", "\tpushq\t%rax",
            "\tpushq\t%rcx", f"\tmovq\t{tracer}(%rip), %rax",
            f"\tleaq\t{8 * REPORT_WORDS}(%rax), %rcx", f"\tcmpq\t{tracer}+8(%rip), %rcx",
            "\tja\t1f", f"\tmovq\t%rcx, {tracer}(%rip)",
            "\tmovq\t32(%rsp), %rcx", "\tmovq\t%rcx, (%rax)",
            f"\tmovq\t{left}, %rcx", "\tmovq\t%rcx, 8(%rax)",
            f"\tmovq\t{right}, %rcx", "\tmovq\t%rcx, 16(%rax)",
            "\tpopq\t%rcx", "\tpopq\t%rax", "\tpopfq", "\tret", "1:\tint3",
        ]  # fmt: skip
    return "\n".join(lines) + "\n"


def watched_words() -> str:
    """The memory that watches use, in a writable section."""
    return f"\t.globl\t{_WATCHED}\n\t.balign\t64\n{_WATCHED}:\n\t.zero\t64\n"
