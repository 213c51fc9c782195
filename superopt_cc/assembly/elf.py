"""Sections, symbols and relocations of the ELF files that `as` and `ld` make for x86-64.

Every rewrite has its object and its image read: a general reader takes milliseconds for each.
"""

from __future__ import annotations

import dataclasses
import functools
import struct
from collections.abc import Iterator
from pathlib import Path

from elftools.elf.enums import ENUM_RELOC_TYPE_x64

from superopt_cc.errors import AssemblyError

_FILE = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELOCATION = struct.Struct("<QIIq")
_MAGIC = b"\x7fELF\x02\x01"  # 64 bits, little endian
_SYMTAB, _RELA, _NOBITS = 2, 4, 8
_FIRST_SPECIAL = 0xFF00
# What neither has a name for.
_UNKNOWN = "<unknown>"
_KINDS = {number: name for name, number in ENUM_RELOC_TYPE_x64.items() if isinstance(number, int)}
_KINDS[41] = "R_X86_64_GOTPCRELX"

WRITABLE, ALLOCATED, EXECUTABLE = 1, 2, 4
FUNCTION = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Section:
    """A section with its bytes; `flags` are WRITABLE, ALLOCATED, EXECUTABLE and others."""

    number: int
    name: str
    kind: int
    flags: int
    address: int
    size: int
    link: int
    info: int
    data: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class Symbol:
    """A symbol; `section` is None where it is undefined or in no section of the file."""

    name: str
    kind: int
    section: int | None
    value: int
    size: int


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One relocation of a section: byte `offset`, symbol, kind by name."""

    offset: int
    symbol: Symbol
    kind: str
    addend: int


class Elf:
    """One file.  Raises AssemblyError when it is none of ours or cut short."""

    def __init__(self, source: Path | str | bytes) -> None:
        name = "object" if isinstance(source, bytes) else str(source)
        try:
            data = source if isinstance(source, bytes) else Path(source).read_bytes()
            self.sections = tuple(_sections(data))
        except (OSError, ValueError, IndexError, struct.error) as error:
            raise AssemblyError(f"{name}: not an ELF file that can be read: {error}") from error

    def section(self, name: str) -> Section | None:
        """The first one of that name."""
        return next((s for s in self.sections if s.name == name), None)

    @functools.cached_property
    def symbols(self) -> tuple[Symbol, ...]:
        """The symbol table.  Raises AssemblyError when there is none."""
        table = next((s for s in self.sections if s.kind == _SYMTAB), None)
        if table is None:
            raise AssemblyError("the object has no symbol table")
        names = self.sections[table.link].data
        return tuple(
            Symbol(_text(names, at), info & 15, _real(number), value, size)
            for at, info, _, number, value, size in _SYMBOL.iter_unpack(table.data)
        )

    def relocations(self, section: Section) -> Iterator[Entry]:
        """What the linker fills in there."""
        for table in self.sections:
            if table.kind == _RELA and table.info == section.number:
                for offset, kind, symbol, addend in _RELOCATION.iter_unpack(table.data):
                    name = _KINDS.get(kind, _UNKNOWN)
                    yield Entry(offset, self.symbols[symbol], name, addend)

    def label(self, symbol: Symbol) -> str:
        """A symbol's name, or that of the section which it stands for."""
        if symbol.name or symbol.section is None:
            return symbol.name
        return self.sections[symbol.section].name


def _sections(data: bytes) -> Iterator[Section]:
    head = _FILE.unpack_from(data)
    if not head[0].startswith(_MAGIC):
        raise ValueError("another format")
    start, count, names = head[6], head[12], head[13]
    rows = [_SECTION.unpack_from(data, start + i * _SECTION.size) for i in range(count)]
    texts = data[rows[names][4] : rows[names][4] + rows[names][5]] if rows else b""
    for number, (name, kind, flags, address, offset, size, link, info, _, _) in enumerate(rows):
        content = bytes(size) if kind == _NOBITS else data[offset : offset + size]
        if len(content) != size:
            raise ValueError("cut short")
        yield Section(
            number, _text(texts, name), kind, flags, address, size, link, info, content
        )  # fmt: skip


def _real(section: int) -> int | None:
    return section if 0 < section < _FIRST_SPECIAL else None


def _text(names: bytes, at: int) -> str:
    return names[at : names.index(b"\0", at)].decode("utf-8", "surrogateescape")
