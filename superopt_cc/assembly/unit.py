"""One translation unit's text split into functions and data, in one pass.

The text is what gcc hands to the assembler (AT&T, one statement a line).  Nothing is changed or
judged here: `reasons` says who is eligible, `splice` writes the new text.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cached_property

from superopt_cc.assembly.code import Code, references, split_code
from superopt_cc.assembly.sections import Section, SectionTracker
from superopt_cc.assembly.statements import (
    ALIGN_DIRECTIVES,
    DATA_DIRECTIVES,
    align_bytes,
    data_size,
    label_of,
    split_statement,
    strip_comment,
    symbols_in,
    tidy,
)
from superopt_cc.errors import AssemblyError

_LINKAGE = {".globl": "global", ".global": "global", ".weak": "weak", ".local": "local"}
_LEAVES_SECTION = (
    "\t.section", "\t.text", "\t.data", "\t.bss", "\t.pushsection", "\t.popsection",
    "\t.previous", "#",
)  # fmt: skip
_VISIBILITY = frozenset((".hidden", ".protected", ".internal"))


@dataclasses.dataclass(frozen=True)
class Function:
    """A function with a body in this text.

    `lines` runs from the label line to the `.size` line, both included; `first` and `last` are
    their indices in `Unit.lines`.  `head` are the attribute lines directly before (`.p2align`,
    `.globl`, `.type`), `align` the bytes they align to, `aliases` other names of the same code.
    """

    name: str
    linkage: str
    section: Section
    align: int
    head: tuple[str, ...]
    lines: tuple[str, ...]
    first: int
    last: int
    aliases: tuple[str, ...] = ()
    visibility: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)

    @cached_property
    def code(self) -> Code:
        """The lines by purpose."""
        return split_code(self.name, self.section, self.lines)

    @cached_property
    def mentions(self) -> frozenset[str]:
        """Every symbol that the code and its tables name, its own labels included."""
        tables = (line for table in self.code.tables for line in table.lines)
        return frozenset(n for s in (*self.code.statements, *tables) for n in references(s))


@dataclasses.dataclass(frozen=True, slots=True)
class Symbol:
    """A symbol that this text defines.

    `kind` is "function", "object", "ifunc" or "label" (data without a type, such as `.LC0`).
    `lines` are the tidied data directives of an object, `size` its bytes (0 where unknown).  An
    alias names its `target` and a byte `offset` and has no lines of its own.
    """

    name: str
    kind: str
    linkage: str
    section: Section
    writable: bool
    size: int
    align: int
    lines: tuple[str, ...] = ()
    visibility: str = ""
    tls: bool = False
    target: str = ""
    offset: int = 0


@dataclasses.dataclass(frozen=True, eq=False)
class Unit:
    """A parsed text, equal only to itself.

    `asm_names` are all words inside asm blocks, wherever these stand.
    """

    text: str
    lines: tuple[str, ...]
    functions: tuple[Function, ...]
    symbols: Mapping[str, Symbol]
    linkages: Mapping[str, str]
    visibilities: Mapping[str, str]
    asm_names: frozenset[str]
    sections: frozenset[str]
    intel: bool
    index: Mapping[str, Function] = dataclasses.field(repr=False)

    def function(self, name: str) -> Function:
        """The function called `name` (not an alias); AssemblyError if there is none."""
        try:
            return self.index[name]
        except KeyError:
            raise AssemblyError(f"no function `{name}` in this assembly text") from None

    def resolve(self, name: str) -> Function | None:
        """The function that `name` or an alias of it stands for."""
        symbol = self.symbols.get(name)
        for _ in range(8):
            if symbol is None or not symbol.target or symbol.kind == "ifunc":
                break
            symbol = self.symbols.get(symbol.target)
        return self.index.get(symbol.name) if symbol and symbol.kind == "function" else None

    def used_by_others(self, function: Function) -> bool:
        """Does other code of this text name the function, by any of its names (design 5.4)?"""
        return any(
            not other.mentions.isdisjoint(function.names)
            for other in self.functions
            if other.name != function.name
        )


@dataclasses.dataclass(slots=True)
class _Block:
    """Data between labels while it is being read."""

    names: list[str]
    section: Section
    align: int
    lines: list[str]


@dataclasses.dataclass(slots=True)
class _Open:
    """A function whose `.size` has not come yet."""

    name: str
    section: Section
    align: int
    head: tuple[str, ...]
    first: int


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.split("\n")
        self.sections = SectionTracker()
        self.section_names: set[str] = set()
        self.types: dict[str, str] = {}
        self.sizes: dict[str, int] = {}
        self.linkages: dict[str, str] = {}
        self.visibilities: dict[str, str] = {}
        self.commons: dict[str, tuple[int, int]] = {}
        self.sets: list[tuple[str, str]] = []
        self.asm_names: set[str] = set()
        self.intel = False
        self.functions: list[tuple[_Open, int]] = []
        self.blocks: list[_Block] = []
        self.open: _Open | None = None
        self.block: _Block | None = None
        self.align = 1
        self.head = 0

    def run(self) -> Unit:
        in_asm = False
        for i, line in enumerate(self.lines):
            if not line or (line[0] == "#" and not line.startswith(("#APP", "#NO_APP"))):
                continue
            if self._passes_by(line):
                continue
            if line[0] == "#":
                in_asm = line.startswith("#APP")
                self.block = None
                self._boundary(i)
            elif in_asm:
                self.asm_names.update(symbols_in(line))
            elif line[0] == "\t" and line[1:2] != ".":
                if self.open is None:
                    self.block = None
                    self._boundary(i)
            elif (stripped := strip_comment(line)).endswith(":"):
                self._label(i, stripped[:-1])
            elif stripped.startswith("."):
                self._directive(i, *split_statement(stripped))
            elif (name := label_of(line)) is not None and "=" not in stripped:
                self._label(i, name)
            elif "=" in stripped:
                name, _, value = stripped.partition("=")
                self.sets.append((name.strip(), value.strip("= \t")))
        return self._unit()

    def _passes_by(self, line: str) -> bool:
        """Debug information, most of a text where there is any, says nothing about symbols."""
        if self.sections.current.debug:
            return not line.startswith(_LEAVES_SECTION)
        return self.open is not None and line.startswith(("\t.loc", "\t.cfi"))

    def _boundary(self, i: int) -> None:
        self.head = i + 1
        self.align = 1

    def _label(self, i: int, name: str) -> None:
        if self.open is not None:
            return
        section = self.sections.current
        if section.code:
            if self.types.get(name) == "function":
                head = tuple(self.lines[self.head : i])
                self.open = _Open(name, section, self.align, head, i)
            self.block = None
        elif section.loaded:
            block = self.block
            if block is not None and not block.lines and block.section == section:
                block.names.append(name)
            else:
                self.block = _Block([name], section, self.align, [])
                self.blocks.append(self.block)
        self._boundary(i)

    def _directive(self, i: int, directive: str, rest: str) -> None:
        if directive in DATA_DIRECTIVES:
            if self.open is None:
                if self.block is not None:
                    self.block.lines.append(tidy(self.lines[i]))
                self._boundary(i)
        elif directive in ALIGN_DIRECTIVES:
            self.align = max(self.align, align_bytes(directive, rest))
            self.block = None
        elif directive == ".type":
            name, _, kind = rest.partition(",")
            self.types[name.strip()] = kind.strip().lstrip("@%").strip('"')
        elif directive in _LINKAGE:
            for name in rest.split(","):
                self.linkages[name.strip()] = _LINKAGE[directive]
        elif directive == ".size":
            self._size(i, rest)
        elif self.sections.switch(directive, rest):
            self.section_names.add(self.sections.current.name)
            self.block = None
            if self.open is None:
                self._boundary(i)
        else:
            self._other(directive, rest)

    def _size(self, i: int, rest: str) -> None:
        name, _, value = (p.strip() for p in rest.partition(","))
        if self.open is not None and name == self.open.name:
            self.functions.append((self.open, i))
            self.open = None
            self._boundary(i)
        elif value.isdigit():
            self.sizes[name] = int(value)

    def _other(self, directive: str, rest: str) -> None:
        if directive in _VISIBILITY:
            for name in rest.split(","):
                self.visibilities[name.strip()] = directive[1:]
        elif directive in (".comm", ".lcomm"):
            parts = [p.strip() for p in rest.split(",")]
            if directive == ".lcomm":
                self.linkages[parts[0]] = "local"
            align = int(parts[2], 0) if len(parts) > 2 else 1
            self.commons[parts[0]] = (int(parts[1], 0), align)
            self.linkages.setdefault(parts[0], "global")
        elif directive in (".set", ".equ", ".equiv", ".weakref", ".symver"):
            name, _, value = rest.partition(",")
            self.sets.append((name.strip(), value.strip()))
        elif directive == ".intel_syntax":
            self.intel = True
        elif self.open is None and not directive.startswith(".cfi"):
            self.block = None

    def _unit(self) -> Unit:
        symbols: dict[str, Symbol] = {}
        for block in self.blocks:
            for name in block.names:
                symbols[name] = self._object(name, block)
        bss = Section(".bss", "aw", "\t.bss")
        for name, (size, align) in self.commons.items():
            symbols[name] = Symbol(
                name, "object", self._linkage(name), bss, True, size, align,
                (f"\t.zero\t{size}",), self.visibilities.get(name, ""),
            )  # fmt: skip
        for opened, _ in self.functions:
            symbols[opened.name] = Symbol(
                opened.name, self._kind(opened.name), self._linkage(opened.name), opened.section,
                False, 0, opened.align, (), self.visibilities.get(opened.name, ""),
            )  # fmt: skip
        aliases = self._aliases(symbols)
        functions = tuple(self._function(o, last, aliases) for o, last in self.functions)
        return Unit(
            self.text,
            tuple(self.lines),
            functions,
            symbols,
            self.linkages,
            self.visibilities,
            frozenset(self.asm_names),
            frozenset(self.section_names),
            self.intel,
            {f.name: f for f in functions},
        )

    def _kind(self, name: str) -> str:
        kind = self.types.get(name, "")
        return {"gnu_indirect_function": "ifunc", "function": "function"}.get(
            kind, "object" if kind else "label"
        )

    def _linkage(self, name: str) -> str:
        return self.linkages.get(name, "local")

    def _object(self, name: str, block: _Block) -> Symbol:
        size = self.sizes.get(name)
        if size is None:
            size = data_size(block.lines) or 0
        return Symbol(
            name, self._kind(name), self._linkage(name), block.section, block.section.writable,
            size, block.align, tuple(block.lines), self.visibilities.get(name, ""),
            block.section.tls,
        )  # fmt: skip

    def _aliases(self, symbols: dict[str, Symbol]) -> dict[str, list[str]]:
        """Add `.set` names to `symbols`; the result maps a function to its other names."""
        functions: dict[str, list[str]] = {}
        for name, value in self.sets:
            base, sign, number = value.partition("+")
            target = symbols.get(base.strip())
            if target is None or (sign and not number.strip().isdigit()):
                continue
            while target.target and target.kind != "ifunc" and target.target in symbols:
                target = symbols[target.target]
            kind = "ifunc" if self._kind(name) == "ifunc" else target.kind
            symbols[name] = dataclasses.replace(
                target, name=name, kind=kind, linkage=self._linkage(name), lines=(),
                visibility=self.visibilities.get(name, ""), target=base.strip(),
                offset=int(number) if sign else 0, size=self.sizes.get(name, 0),
            )  # fmt: skip
            if target.kind == "function":
                functions.setdefault(target.name, []).append(name)
        return functions

    def _function(self, opened: _Open, last: int, aliases: Mapping[str, list[str]]) -> Function:
        return Function(
            opened.name, self._linkage(opened.name), opened.section, opened.align, opened.head,
            tuple(self.lines[opened.first : last + 1]), opened.first, last,
            tuple(aliases.get(opened.name, ())), self.visibilities.get(opened.name, ""),
        )  # fmt: skip


def parse_unit(text: str) -> Unit:
    """Split gcc's assembler text; AssemblyError where a directive cannot be read."""
    return _Parser(text).run()
