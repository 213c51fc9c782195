"""One linked image that holds many copies of a target and of its rewrites, each placed apart.

A *placement* is one copy of the target, a second copy of it placed the way rewrites are, and one
copy of each rewrite, every one on pages of its own (design 6).  Two byte-identical functions
differ by up to 17 % by where they lie, so nothing is ever concluded from one placement.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

import numpy as np
from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from superopt_cc.assembly.arithmetic import ARITHMETIC
from superopt_cc.assembly.closure import Body, Harness, harness_text
from superopt_cc.assembly.fragment import Fragment
from superopt_cc.assembly.statements import data_size
from superopt_cc.assembly.unit import Unit
from superopt_cc.cost.arena import STUB
from superopt_cc.cost.callers import LATENCY, THROUGHPUT, Result, Words, caller_text
from superopt_cc.cost.wire import Code
from superopt_cc.errors import RunnerError
from superopt_cc.toolchain import tools

_BASE = 0x1000_0000
_PAGE = 4096
_LINE = 64
# Where the linker may put functions that gcc aligns to 16 bytes.
_TARGET_OFFSETS = (0, 16, 32, 48)
_UNKNOWN_DATA = 64
_REAL = {
    "memcpy": "superopt.time.memmove",
    "memmove": "superopt.time.memmove",
    "memset": "superopt.time.memset",
    "memcmp": "superopt.time.memcmp",
    "strlen": "superopt.time.strlen",
}


@dataclasses.dataclass(frozen=True, slots=True)
class TimingImage:
    """A linked image.

    `placements[p]` are the functions of placement p: target, target placed as a rewrite, then the
    rewrites in order.  `target` is the target under its own name.  `symbols` maps names to
    addresses; `colds` are the ranges that calls use besides their own code.
    """

    path: Path
    target: Code
    placements: tuple[tuple[Code, ...], ...]
    symbols: Mapping[str, int]
    colds: tuple[Code, ...]
    stubs: bool

    @property
    def loops(self) -> tuple[tuple[str, int], ...]:
        """The two shapes and the addresses of their loops."""
        return (
            ("throughput", self.symbols[THROUGHPUT]),
            ("latency", self.symbols[LATENCY]),
        )


def _label(placement: int, function: int) -> str:
    return f"superopt.time.f{placement}.{function}"


def _bodies(fragments: Sequence[Fragment], placements: int, seed: int) -> list[Body]:
    """All copies in the order in which they lie: whether the target comes first alternates."""
    rng = np.random.default_rng(seed)
    bodies: list[Body] = []
    for p in range(placements):
        kinds: list[Fragment | None] = [None, None, *fragments]
        order = range(len(kinds)) if p % 2 == 0 else reversed(range(len(kinds)))
        for k in order:
            line = _LINE * int(rng.integers(0, _PAGE // _LINE // 2))
            within = _TARGET_OFFSETS[(p // 2) % len(_TARGET_OFFSETS)] if k == 0 else 0
            bodies.append(Body(_label(p, k), kinds[k], line + within))
    return bodies


def _support_text(harness: Harness, data_sizes: Mapping[str, int]) -> str:
    """Stubs and outside data, then the functions that both sides of a comparison may call."""
    lines: list[str] = []
    functions = [name for name in harness.undefined_data if name not in data_sizes]
    for symbol, name in (*harness.stubs.items(), *zip(functions, functions, strict=True)):
        if name not in ARITHMETIC:
            lines += [f"\t.globl\t{symbol}", f"\t.set\t{symbol}, {_REAL.get(name, STUB)}"]
        elif symbol != name:  # the library's own code, as in the user's program
            lines += ["\t.text", f"\t.globl\t{symbol}", f"{symbol}:", f"\tjmp\t{name}"]
    lines.append("\t.bss")
    for name in sorted(data_sizes.keys() & set(harness.undefined_data)):
        size = max(data_sizes[name], _UNKNOWN_DATA)
        lines += [f"\t.globl\t{name}", "\t.balign\t64", f"{name}:", f"\t.zero\t{size}"]
    own = resources.files("superopt_cc.cost").joinpath("support.s").read_text(encoding="utf-8")
    return "\n".join(lines) + "\n" + own


def build_image(
    unit: Unit,
    target: str,
    fragments: Sequence[Fragment],
    folder: Path,
    *,
    words: Words,
    result: Result,
    chained: int,
    placements: int,
    data_sizes: Mapping[str, int],
    answers: bool,
    as_options: Sequence[str],
    seed: int,
) -> TimingImage:
    """Assemble and link everything into `folder`.

    `data_sizes` are sizes in bytes of variables that the unit does not define; what else it does
    not define are functions.  `answers`: something is called, perhaps through pointers.  Raises
    ToolchainError when as or ld refuses, Ineligible when the target cannot live in an image,
    RunnerError when a wrapper for a local callee would be needed or a label is missing.
    """
    harness = harness_text(unit, target, _bodies(fragments, placements, seed))
    if harness.wraps:
        raise RunnerError(f"{target}: a timing image calls local functions directly")
    called = {*harness.stubs.values(), *harness.undefined_data}
    stubs = answers or bool(set(harness.stubs.values()) - _REAL.keys() - set(ARITHMETIC))
    texts = (
        (harness.text, tuple(as_options)),
        (_support_text(harness, data_sizes), ()),
        (caller_text(words, result, chained, answers=stubs), ()),
    )
    objects = [folder / f"timing-{n}.o" for n in range(len(texts))]
    for (text, options), out in zip(texts, objects, strict=True):
        tools.assemble(text, out, options)
    path = folder / "timing-image"
    library = [] if called.isdisjoint(ARITHMETIC) else [tools.compiler_library()]
    tools.link_image([*objects, *library], path, _BASE)
    return _read(path, target, placements, len(fragments), stubs)


def _read(path: Path, target: str, placements: int, fragments: int, stubs: bool) -> TimingImage:
    try:
        with path.open("rb") as stream:
            elf = ELFFile(stream)
            table = elf.get_section_by_name(".symtab")
            if not isinstance(table, SymbolTableSection):
                raise RunnerError("the timing image has no symbol table")
            codes = {
                s.name: Code(int(s["st_value"]), max(int(s["st_size"]), 1))
                for s in table.iter_symbols()
                if s.name and s["st_shndx"] != "SHN_UNDEF"
            }
            sections = [
                Code(int(s["sh_addr"]), int(s["sh_size"]))
                for s in elf.iter_sections()
                if s["sh_flags"] & 2 and not s["sh_flags"] & 4 and s["sh_size"]
            ]
        copies = tuple(
            tuple(codes[_label(p, k)] for k in range(fragments + 2)) for p in range(placements)
        )
        own = codes[target]
    except (ELFError, KeyError) as error:
        raise RunnerError(f"the timing image of {target} is not as expected: {error}") from error
    starts = sorted(c.at for row in copies for c in row)
    callees = [
        code
        for name, code in codes.items()
        if code.size > 1 and code.at < starts[0] and not name.startswith("superopt.time.f")
    ]
    symbols = {name: code.at for name, code in codes.items()}
    return TimingImage(path, own, copies, symbols, tuple(sections + callees), stubs)


def table_bytes(fragment: Fragment) -> int:
    """The size of a body's own constants in bytes; sizes that only as can tell count as large."""
    sizes = [data_size(constant.lines) for constant in fragment.constants]
    return sum(_PAGE if size is None else size for size in sizes)
