"""The entries of the knowledge base as values, read from their folders (cache/knowledge/README.md).

An entry's prototype says which roles its arguments play: `const T *` is read, `T *` is read and
written, `size_t` counts elements, anything else is a plain value.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from superopt_cc.errors import SuperoptError
from superopt_cc.propose.known import knowledge_folder

Role = Literal["in", "out", "count", "value"]

# Types of common.h: bytes, signed.
INTEGERS: Mapping[str, tuple[int, bool]] = {
    f"{'s' if signed else 'u'}{8 * size}": (size, signed)
    for size in (1, 2, 4, 8)
    for signed in (False, True)
} | {
    "size_t": (8, False), "position": (8, False), "place": (8, True),
    "bool": (1, False), "order": (4, True), "f32": (4, True), "f64": (8, True),
}  # fmt: skip

_PROTOTYPE = re.compile(r"(\w+) compute\((.*)\)")
_ARGUMENT = re.compile(r"(const )?(\w+) (\*?)(\w+)")
_FILES = ("entry.toml", "reference.c")


class EntryError(SuperoptError):
    """An entry whose folder does not say what it must; the message names it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Argument:
    """One argument of `compute`; `type` is the pointee's for a buffer."""

    name: str
    type: str
    role: Role


@dataclasses.dataclass(frozen=True, slots=True)
class Implementation:
    """One way to compute it, for processors that have `needs` ("SSE2", ...)."""

    name: str
    text: str
    needs: tuple[str, ...]
    options: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One known computation.

    `choices` maps macros to the C texts that may stand for them, `numbers` names of arguments that
    may be constants, and of macros, to where candidates come from (`numbers.candidates`).  `bytes`:
    a "set" of byte values, or a "map" of them, that the entry works with.  `tables` maps names to
    element type and length: made of the numbers by the reference.  `most`: more elements are not
    looked at; `squares`: buffers hold as many rows as columns.  For the entry's tests `samples` are
    values of its numbers, `room` how many elements are written for each that is read.
    """

    name: str
    what: str
    returns: str
    arguments: tuple[Argument, ...]
    choices: Mapping[str, tuple[str, ...]]
    numbers: Mapping[str, tuple[str, ...]]
    tables: Mapping[str, tuple[str, int]]
    bytes: str
    samples: Mapping[str, tuple[int, ...]]
    room: int
    most: int
    squares: bool
    reference: str
    implementations: tuple[Implementation, ...]

    @property
    def writes(self) -> bool:
        """Does it write through an argument?"""
        return any(argument.role == "out" for argument in self.arguments)

    @property
    def macros(self) -> tuple[str, ...]:
        """The numbers that are no arguments: constants in every function of this kind."""
        own = {argument.name for argument in self.arguments}
        return tuple(name for name in self.numbers if name not in own)

    @property
    def variants(self) -> tuple[Mapping[str, str], ...]:
        """Every combination of choices."""
        return tuple(
            dict(zip(self.choices, texts, strict=True))
            for texts in itertools.product(*self.choices.values())
        )


def folder() -> Path:
    """Where the entries lie: in an installed package, or in the checkout of an editable one."""
    return Path(knowledge_folder())


@functools.cache
def common() -> str:
    """The C text that every reference and implementation begins with."""
    return (folder() / "common.h").read_text(encoding="ascii")


@functools.cache
def all_entries() -> tuple[Entry, ...]:
    """Every entry, by name.  Raises EntryError."""
    return tuple(_read(path) for path in sorted(folder().iterdir()) if path.is_dir())


def _read(path: Path) -> Entry:
    try:
        told = tomllib.loads((path / _FILES[0]).read_text(encoding="ascii"))
        reference = (path / _FILES[1]).read_text(encoding="ascii")
        returns, arguments = _prototype(told["prototype"])
        numbers = {name: tuple(map(str, given)) for name, given in told.get("numbers", {}).items()}
        return Entry(
            path.name, told["what"], returns, arguments,
            {name: tuple(texts) for name, texts in told.get("choices", {}).items()},
            numbers,
            {name: (kind, int(count)) for name, (kind, count) in told.get("tables", {}).items()},
            told.get("bytes", ""),
            {name: tuple(values) for name, values in told.get("samples", {}).items()},
            int(told.get("room", 1)), int(told.get("most", 1 << 16)), bool(told.get("squares")),
            reference, tuple(_implementations(path, told)),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EntryError(f"{path}: cannot be read: {error!r}") from error


def _prototype(text: str) -> tuple[str, tuple[Argument, ...]]:
    whole = _PROTOTYPE.fullmatch(text)
    if whole is None:
        raise ValueError(f"prototype: {text}")
    arguments: list[Argument] = []
    for part in whole.group(2).split(", "):
        match = _ARGUMENT.fullmatch(part)
        if match is None:
            raise ValueError(f"argument: {part}")
        const, kind, star, name = match.groups()
        role: Role = "count" if kind == "size_t" else "value"
        if star:
            role = "in" if const else "out"
        arguments.append(Argument(name, kind, role))
    return whole.group(1), tuple(arguments)


def _implementations(path: Path, told: Mapping[str, Any]) -> Iterator[Implementation]:
    for each in told["implementations"]:
        text = (path / each["file"]).read_text(encoding="ascii")
        options = tuple(each.get("options", "").split())
        yield Implementation(each["file"], text, tuple(each.get("needs", ())), options)
