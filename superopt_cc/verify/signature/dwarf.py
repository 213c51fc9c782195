"""Reading a unit's functions, variables and C types from the DWARF of its facts run.

The object is linked first (unresolved symbols ignored), so that every address in the debug
information is final and belongs to one symbol: names are found by address, which is right for
`buf.0`, `asm("name")` labels and mangled names alike.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path

from elftools.common.exceptions import DWARFError, ELFError
from elftools.dwarf.compileunit import CompileUnit
from elftools.dwarf.die import DIE
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from superopt_cc.errors import ToolchainError
from superopt_cc.toolchain.tools import link

_DW_OP_ADDR = 0x03
_DW_OP_REG0, _DW_OP_REG31, _DW_OP_REGX = 0x50, 0x6F, 0x90
_C_LANGUAGES = frozenset({0x01, 0x02, 0x0C, 0x1D, 0x2C})


class Debug:
    """The debug information of one unit.

    `functions` and `variables` map assembler names to DIEs (definitions before declarations);
    `register_variable` tells whether a global variable lives in a register.
    """

    def __init__(self, image: bytes) -> None:
        """`image` is a linked file.  Raises ToolchainError when its DWARF cannot be read."""
        self.functions: dict[str, DIE] = {}
        self.variables: dict[str, DIE] = {}
        self.register_variable = False
        try:
            elf = ELFFile(BytesIO(image))
            self._dwarf = elf.get_dwarf_info() if elf.has_dwarf_info() else None
            functions = _Names(_names_by_address(elf), self.functions)
            variables = _Names(functions.at, self.variables)
            for die in self._dies():
                if die.tag == "DW_TAG_subprogram":
                    functions.note(die, _low_pc(die))
                elif die.tag == "DW_TAG_variable":
                    variables.note(die, _static_address(die))
                    self.register_variable |= _is_global_register(die)
            functions.settle()
            variables.settle()
        except (DWARFError, ELFError, KeyError, IndexError) as error:
            raise ToolchainError(f"gcc's debug information cannot be read: {error}") from error

    def _dies(self) -> Iterator[DIE]:
        if self._dwarf is not None:
            for unit in self._dwarf.iter_CUs():
                yield from unit.iter_DIEs()


class _Names:
    """Collects DIEs under the assembler names of their addresses, then of their declarations."""

    def __init__(self, at: Mapping[int, tuple[str, ...]], table: dict[str, DIE]) -> None:
        self.at = at
        self._table = table
        self._placed: dict[int, list[DIE]] = {}
        self._declared: list[DIE] = []

    def note(self, die: DIE, address: int | None) -> None:
        if address is not None:
            self._placed.setdefault(address, []).append(die)
        elif "DW_AT_external" in die.attributes or "DW_AT_declaration" in die.attributes:
            self._declared.append(die)

    def settle(self) -> None:
        for address, dies in self._placed.items():
            for name in self.at.get(address, ()):
                # Things of no size share the next one's address: there only the name decides.
                fitting = [d for d in dies if len(dies) == 1 or linkage_name(d) == name]
                if len(fitting) == 1:
                    self._table[name] = fitting[0]
        for die in self._declared:
            self._table.setdefault(linkage_name(die), die)


def _low_pc(die: DIE) -> int | None:
    low = die.attributes.get("DW_AT_low_pc")
    return None if low is None else int(low.value)


def _static_address(die: DIE) -> int | None:
    """The address of a variable that has exactly one."""
    where = _location(die)
    if len(where) == 9 and where[0] == _DW_OP_ADDR:
        return int.from_bytes(bytes(where[1:]), "little")
    return None


def _is_global_register(die: DIE) -> bool:
    where = _location(die)
    if not where or not (_DW_OP_REG0 <= where[0] <= _DW_OP_REG31 or where[0] == _DW_OP_REGX):
        return False
    top = die.get_parent()
    return top is not None and top.tag == "DW_TAG_compile_unit"


def link_for_debug(object_path: Path, out: Path) -> bytes:
    """Link one object so that its debug information holds final addresses; the image's bytes."""
    link(
        [
            "-static",
            "-no-pie",
            "-nostdlib",
            "-e",
            "0",
            "--unresolved-symbols=ignore-all",
            "--noinhibit-exec",
            "--build-id=none",
            "-z",
            "noexecstack",
            object_path,
        ],
        out,
    )
    return out.read_bytes()


def _names_by_address(elf: ELFFile) -> Mapping[int, tuple[str, ...]]:
    names: dict[int, tuple[str, ...]] = {}
    table = elf.get_section_by_name(".symtab")
    if not isinstance(table, SymbolTableSection):
        return names
    for symbol in table.iter_symbols():
        kind = symbol["st_info"]["type"]
        defined = isinstance(symbol["st_shndx"], int)
        if defined and kind in ("STT_FUNC", "STT_OBJECT", "STT_NOTYPE", "STT_GNU_IFUNC"):
            address = int(symbol["st_value"])
            names[address] = (*names.get(address, ()), symbol.name)
    return names


def _location(die: DIE) -> list[int]:
    attribute = die.attributes.get("DW_AT_location")
    if attribute is None or attribute.form not in ("DW_FORM_exprloc", "DW_FORM_block1"):
        return []
    return [int(byte) for byte in attribute.value]


def origin(die: DIE) -> DIE:
    """The DIE that declares what `die` is an instance or a definition of; itself if none."""
    for _ in range(8):
        for name in ("DW_AT_abstract_origin", "DW_AT_specification"):
            if name in die.attributes:
                die = die.get_DIE_from_attribute(name)
                break
        else:
            return die
    return die


def _holder(die: DIE, name: str) -> DIE | None:
    """The DIE that has an attribute: itself or one that it is an instance or definition of."""
    for _ in range(8):
        if name in die.attributes:
            return die
        links = [a for a in ("DW_AT_abstract_origin", "DW_AT_specification") if a in die.attributes]
        if not links:
            return None
        die = die.get_DIE_from_attribute(links[0])
    return None


def attribute(die: DIE, name: str) -> object | None:
    """An attribute's raw value, from the DIE itself or what it is an instance of."""
    holder = _holder(die, name)
    return None if holder is None else holder.attributes[name].value


def type_die(die: DIE) -> DIE | None:
    """The DIE of a thing's type; None for void."""
    holder = _holder(die, "DW_AT_type")
    return None if holder is None else holder.get_DIE_from_attribute("DW_AT_type")


def text_of(value: object | None) -> str:
    """A name attribute as text; "" for none."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else ""


def linkage_name(die: DIE) -> str:
    """The assembler name that a declaration gives, else its source name."""
    name = attribute(die, "DW_AT_linkage_name")
    return text_of(name if name is not None else attribute(die, "DW_AT_name"))


def signature_die(die: DIE) -> DIE:
    """The DIE whose children are the parameters as the source declares them.

    An out-of-line instance refers to its abstract one, which lists what was written; a C++
    definition outside its class lists its own.
    """
    for _ in range(8):
        if "DW_AT_abstract_origin" not in die.attributes:
            return die
        die = die.get_DIE_from_attribute("DW_AT_abstract_origin")
    return die


def children(die: DIE, *tags: str) -> Iterator[DIE]:
    """The direct children with one of these tags."""
    return (child for child in die.iter_children() if child.tag in tags)


def is_c(die: DIE) -> bool:
    """Is the DIE's unit C (where a missing prototype means something)?"""
    value = die.cu.get_top_DIE().attributes["DW_AT_language"].value
    return int(value) in _C_LANGUAGES


def declared_at(die: DIE) -> tuple[str, int]:
    """(file as gcc names it, line) of the declaration; ("", 0) if unknown."""
    line = attribute(die, "DW_AT_decl_line")
    number = attribute(die, "DW_AT_decl_file")
    if not (isinstance(line, int) and isinstance(number, int) and isinstance(die.cu, CompileUnit)):
        return "", 0
    program = die.dwarfinfo.line_program_for_CU(die.cu)
    if program is None:
        return "", 0
    header = program.header
    files = header["file_entry"]
    position = number if header["version"] >= 5 else number - 1
    if not 0 <= position < len(files):
        return "", 0
    entry = files[position]
    folders = header["include_directory"]
    name = text_of(entry.name)
    if entry.dir_index and entry.dir_index < len(folders):
        name = os.path.join(text_of(folders[entry.dir_index]), name)
    return name, line
