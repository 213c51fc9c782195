"""Spells instructions for every form of the table, and lets the assembler pick those that exist."""

from __future__ import annotations

import dataclasses
import itertools
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from elftools.elf.elffile import ELFFile

from superopt_cc.assembly.decode import Instruction, decode_bytes
from superopt_cc.assembly.instructions import Atom, Form

_POINTERS = {
    1: "byte",
    2: "word",
    4: "dword",
    8: "qword",
    10: "tbyte",
    16: "xmmword",
    32: "ymmword",
    64: "zmmword",
}
_GENERAL = (
    ("bl", "bx", "ebx", "rbx"), ("r9b", "r9w", "r9d", "r9"),
    ("r11b", "r11w", "r11d", "r11"), ("r12b", "r12w", "r12d", "r12"),
)  # fmt: skip
_CLASSES = {16: "xmm", 32: "ymm", 64: "zmm"}


@dataclasses.dataclass(frozen=True)
class Instance:
    """A spelled instruction, the form that it was made from, and how it decodes."""

    text: str
    form: Form
    decoded: Instruction


def _general(position: int, size: int) -> str:
    return _GENERAL[position][(1, 2, 4, 8).index(size)]


def _spell(
    atom: Atom, role: str, position: int, width: int, vectors: tuple[int, ...], immediate: str
) -> str | None:
    size = atom.size or (width // atom.fraction if width else 0)
    kind = atom.kind
    if kind == "r":
        return _general(position, size) if size in (1, 2, 4, 8) else None
    if kind == "m":
        size = 4 if role == "a" else size
        return f"{_POINTERS[size]} ptr [rsi]" if size in _POINTERS else None
    if kind in ("i", "n"):
        return immediate
    if kind in ("1", "cl", "ax"):
        return kind
    if kind == "k":
        return f"k{position + 2}"
    if kind == "t":
        return f"st({vectors[position]})"
    if kind == "v":
        return f"{_CLASSES[max(16, size)]}{vectors[position]}" if size else None
    return f"{kind}mm{vectors[position]}"


def _widths(form: Form) -> tuple[int, ...]:
    kinds = {a.kind for s in form.slots for a in s.atoms}
    if "v" in kinds:
        return (16, 32, 64)
    for kind, width in (("z", 64), ("y", 32), ("x", 16)):
        if kind in {a.kind for a in form.slots[0].atoms} if form.slots else False:
            return (width,)
    if kinds & {"x", "y", "z"}:
        return (64,) if "z" in kinds else (32,) if "y" in kinds else (16,)
    return (1, 2, 4, 8)


def _operand_lists(form: Form) -> Iterator[tuple[str, ...]]:
    immediates = ("1f",) if form.category in ("branch", "jump", "call") else ("3", "0x51")
    choices = [(1, 2, 3, 4), (17, 22, 31, 20)]
    if form.note in ("same", "ternary"):
        immediates = ("3", "-1")
        choices += [(1, 2, 2, 2), (2, 2, 2, 2)]
    if any(a.kind == "t" for s in form.slots for a in s.atoms):
        choices += [(0, 2), (2, 0), (0, 0)]
    for width in _widths(form):
        for vectors in choices:
            for atoms in itertools.product(*(s.atoms for s in form.slots)):
                for immediate in immediates:
                    words = [
                        _spell(a, s.role, n, width, vectors, immediate)
                        for n, (a, s) in enumerate(zip(atoms, form.slots, strict=True))
                    ]
                    if None not in words:
                        yield tuple(w for w in words if w is not None)


def spellings(form: Form) -> Iterator[str]:
    """Candidate lines of Intel syntax; not all of them exist."""
    name = form.name.replace("_", " ") if form.category == "string" else form.name
    if form.category == "string" or not form.slots:
        yield name
        return
    for words in dict.fromkeys(_operand_lists(form)):
        if name == "fxch":  # st(0) is decoded but never spelled
            words = words[1:]
        line = f"{name} {', '.join(words)}"
        yield line
        if name.startswith("v") and "mm1" in words[0]:
            yield f"{{evex}} {line}"
        if name.startswith("v") and ("zmm" in line or "31" in line or words[0][0] == "k"):
            yield f"{name} {', '.join((words[0] + '{k1}', *words[1:]))}"
            yield f"{name} {', '.join((words[0] + '{k1}{z}', *words[1:]))}"
        if name.startswith("v") and "zmm" in words[0] and "zmmword" in line:
            for size, count in (("dword", 16), ("qword", 8)):
                yield line.replace("zmmword ptr [rsi]", f"{size} ptr [rsi]{{1to{count}}}")
    if any(
        a.kind == "r" and form.name in ("mov", "add", "xor", "sub", "sbb", "xchg", "movzx")
        for s in form.slots
        for a in s.atoms
    ):
        yield f"{name} {'eax' if name == 'movzx' else 'ah'}, bh"
        yield f"{name} eax, {'al' if name == 'movzx' else 'eax'}"


def _assemble(lines: list[str], folder: Path) -> tuple[set[int], bytes]:
    """Numbers of refused lines, and the code when none is refused."""
    source = folder / "instances.s"
    source.write_text(".intel_syntax noprefix\n" + "\n".join(f"{n} 1:" for n in lines) + "\n")
    done = subprocess.run(
        ["as", str(source), "-o", str(folder / "instances.o")], capture_output=True, text=True
    )
    numbers = re.findall(r"instances\.s:(\d+): (?:Error|Warning)", done.stderr)
    refused = {int(number) - 2 for number in numbers}
    if done.returncode:
        return refused, b""
    with (folder / "instances.o").open("rb") as stream:
        return refused, ELFFile(stream).get_section_by_name(".text").data()


def instances(forms: list[Form], folder: Path) -> list[Instance]:
    """Every spelling that the assembler takes, decoded."""
    made = [(line, form) for form in forms for line in spellings(form)]
    made = list({line: (line, form) for line, form in reversed(made)}.values())
    made.reverse()
    refused, _ = _assemble([f"{line};" for line, _ in made], folder)
    kept = [pair for n, pair in enumerate(made) if n not in refused]
    refused, code = _assemble([f"{line};" for line, _ in kept], folder)
    assert not refused
    decoded = decode_bytes(code, 0)
    assert len(decoded) == len(kept)
    return [Instance(line, form, one) for (line, form), one in zip(kept, decoded, strict=True)]
