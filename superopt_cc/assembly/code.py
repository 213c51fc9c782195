"""One function's lines sorted into instructions, cold part and read-only tables.

Debug lines, CFI and exception tables are left out: they are not code.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from superopt_cc.assembly.sections import Section, SectionTracker
from superopt_cc.assembly.statements import (
    ALIGN_DIRECTIVES,
    DATA_DIRECTIVES,
    align_bytes,
    label_of,
    operands,
    rename,
    split_statement,
    strip_comment,
    symbols_in,
    tidy,
)

_BRANCH = re.compile(
    r"\t((?:notrack |bnd )*(?:callq?|jmpq?|j[a-z]{1,3}|loop[a-z]{0,2}|xbegin))\t"
    r"(\*?)([A-Za-z_.][\w.$]*)(@PLT|@GOTPCREL\(%rip\))?"
)
_INDEXED = re.compile(r"\([^()]*,[^()]*\)")
_SILENT = frozenset((".loc", ".file", ".size", ".type", ".globl", ".global", ".weak", ".local"))


@dataclasses.dataclass(frozen=True, slots=True)
class Constant:
    """Read-only data that a body carries: its label, alignment in bytes, tidied directives."""

    name: str
    align: int
    lines: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Code:
    """A function's text by purpose, every statement tidied.

    `hot` starts after the function's own label; `cold` is what stands in another code section.
    `asm` is True when an asm block with any text is inside, `exceptions` when an exception table
    is, `other` lists directives that are none of the known ones.
    """

    hot: tuple[str, ...]
    cold: tuple[str, ...]
    tables: tuple[Constant, ...]
    other: tuple[str, ...]
    asm: bool
    exceptions: bool

    @property
    def statements(self) -> tuple[str, ...]:
        return self.hot + self.cold


@dataclasses.dataclass(frozen=True, slots=True)
class Branch:
    """A call or jump to a name: `call f@PLT`, `jmp .L3`, `call *f@GOTPCREL(%rip)`."""

    mnemonic: str
    indirect: bool
    name: str
    suffix: str

    @property
    def is_call(self) -> bool:
        return "call" in self.mnemonic


def branch_of(statement: str) -> Branch | None:
    """The branch that a tidied statement is, if it goes to a name."""
    match = _BRANCH.fullmatch(statement)
    if match is None:
        return None
    mnemonic, star, name, suffix = match.groups()
    if star and not (suffix or "").startswith("@GOTPCREL"):
        return None
    return Branch(mnemonic, bool(star), name, suffix or "")


class _Splitter:
    def __init__(self, name: str, section: Section) -> None:
        self.name = name
        self.section = section
        self.tracker = SectionTracker()
        self.tracker.current = section
        self.parts: tuple[list[str], list[str]] = ([], [])
        self.tables: list[tuple[str, int, list[str]]] = []
        self.other: list[str] = []
        self.align = 1
        self.exceptions = False

    def feed(self, line: str) -> None:
        text = strip_comment(line)
        if not text:
            return
        label = label_of(text)
        if label is not None:
            self._label(label)
            self.feed(text[text.index(":") + 1 :])
            return
        if not text.startswith("."):
            self._code().append(tidy(line))
            return
        directive, rest = split_statement(text)
        if self.tracker.switch(directive, rest):
            self.align = 1
            self.exceptions |= self.tracker.current.name.startswith(".gcc_except_table")
        elif directive in ALIGN_DIRECTIVES:
            if self.tracker.current.code:
                self._code().append(tidy(line))
            else:
                self.align = max(self.align, align_bytes(directive, rest))
        elif directive in DATA_DIRECTIVES or directive in (".uleb128", ".sleb128"):
            self._data(tidy(line))
        elif directive.startswith(".cfi_"):
            self.exceptions |= directive == ".cfi_lsda"
        elif directive not in _SILENT:
            self.other.append(text)

    def _code(self) -> list[str]:
        return self.parts[self.tracker.current.name != self.section.name]

    def _label(self, name: str) -> None:
        section = self.tracker.current
        if name.isdigit():
            self.other.append(f"{name}:")
        elif section.code:
            if name != self.name and not name.endswith(".cold"):
                self._code().append(f"{name}:")
        elif not section.name.startswith(".gcc_except_table"):
            self.tables.append((name, self.align, []))
            self.align = 1

    def _data(self, statement: str) -> None:
        section = self.tracker.current
        if section.code:
            self._code().append(statement)
        elif section.name.startswith(".gcc_except_table"):
            return
        elif self.tables and not section.writable and section.loaded:
            self.tables[-1][2].append(statement)
        else:
            self.other.append(statement.strip())


def split_code(name: str, section: Section, lines: Iterable[str]) -> Code:
    """Sort a function's lines (its label line to its `.size` line)."""
    splitter = _Splitter(name, section)
    asm = in_asm = False
    for line in lines:
        if line.startswith(("#APP", "#NO_APP")):
            in_asm = line.startswith("#APP")
        elif in_asm:
            asm |= bool(strip_comment(line))
        else:
            splitter.feed(line)
    tables = tuple(Constant(n, a, tuple(body)) for n, a, body in splitter.tables)
    hot, cold = splitter.parts
    return Code(tuple(hot), tuple(cold), tables, tuple(splitter.other), asm, splitter.exceptions)


def is_dispatch(body: Sequence[str], i: int, tables: frozenset[str]) -> bool:
    """True when the indirect jump at `body[i]` surely goes through one of the body's own tables.

    `jmp *T(,%rdi,8)`, or `jmp *%rax` behind an addition to, or an indexed load from T into, `%rax`
    in the same straight line.  Every other one is a call through a pointer.
    """
    operand = operands(body[i]).lstrip("*")
    if not operand.startswith("%"):
        return _is_entry(operand, tables)
    for statement in reversed(body[:i]):
        if statement.endswith(":") or branch_of(statement) is not None:
            return False
        head, rest = split_statement(statement.strip())
        if rest.endswith(f", {operand}"):
            loaded = head.startswith("mov") and _is_entry(rest, tables)
            return loaded or (head in ("add", "addq") and bool(tables))
    return False


def _is_entry(operand: str, tables: frozenset[str]) -> bool:
    return _INDEXED.search(operand) is not None and not tables.isdisjoint(symbols_in(operand))


def labels_of(statements: Iterable[str], tables: Iterable[Constant] = ()) -> list[str]:
    """Labels defined in a body and its tables, in order."""
    found = [s[:-1] for s in statements if s.endswith(":")]
    return found + [t.name for t in tables]


def references(statement: str) -> list[str]:
    """Symbols that a tidied instruction or data directive names."""
    return [] if statement.endswith(":") else symbols_in(operands(statement))


def without_unused_labels(
    statements: Iterable[str], tables: Iterable[Constant] = ()
) -> tuple[str, ...]:
    """The statements less the labels that neither they nor the tables name."""
    listed = tuple(statements)
    used = {n for s in listed for n in references(s)}
    used.update(n for t in tables for s in t.lines for n in references(s))
    return tuple(s for s in listed if not s.endswith(":") or s[:-1] in used)


def retarget(
    statement: str, names: Mapping[str, str], branch: Callable[[Branch], str | None]
) -> str:
    """The statement with symbols renamed; `branch` may give a new operand for a named branch."""
    found = branch_of(statement)
    if found is not None and found.name not in names:
        operand = branch(found)
        if operand is not None:
            return f"\t{found.mnemonic}\t{operand}"
    return rename(statement, lambda name: names.get(name, name))
