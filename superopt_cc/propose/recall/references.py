"""References of entries, compiled once for this machine and called in this process.

They are ours, unlike targets: what they touch is bounded by the probes' buffers.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from superopt_cc.propose.recall.entries import Entry, common
from superopt_cc.toolchain.command import CompileCommand, compile_shared

_DIGEST = hashlib.sha256().digest_size
Call = Callable[[ctypes.Array[ctypes.c_uint64]], int]
Words = Sequence[int]
_DEFINED = re.compile(r"^\w[\w *]*?(\w+)\(", re.MULTILINE)  # functions


class Reference:
    """One entry's reference in all its variants."""

    def __init__(self, entry: Entry, library: ctypes.CDLL) -> None:
        self._entry, self._library = entry, library

    def call(self, variant: int) -> Call:
        """The variant as a function of its arguments' words, and behind them its macros'."""
        found = self._library[f"call_{_own(self._entry, variant)}"]
        found.restype = ctypes.c_uint64
        found.argtypes = [ctypes.c_void_p]
        return found

    def set_bytes(self, values: bytes) -> None:
        """What the entry's set or map of bytes is from now on."""
        ctypes.memmove(ctypes.addressof(ctypes.c_uint8.in_dll(self._library, "BYTES")), values, 256)

    def table(self, variant: int, name: str, words: Words) -> str:
        """The C definition of a table that the numbers decide."""
        kind, count = self._entry.tables[name]
        size = int(kind[1:]) // 8
        room = ctypes.create_string_buffer(size * count)
        fill = self._library[f"table_{name}_{_own(self._entry, variant)}"]
        fill.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        fill.restype = None
        fill(packed(words), room)
        raw = room.raw
        values = (
            hex(int.from_bytes(raw[i : i + size], "little")) for i in range(0, len(raw), size)
        )
        return f"static const {kind} {name}[{count}] = {{ {', '.join(values)} }};"


def packed(words: Words) -> ctypes.Array[ctypes.c_uint64]:
    """Words as a C array."""
    return (ctypes.c_uint64 * max(len(words), 1))(*(word & (2**64 - 1) for word in words))


def references(
    entries: Sequence[Entry], command: CompileCommand, folder: Path
) -> dict[str, Reference]:
    """The references of all entries, by name; the shared object they lie in is kept in `folder`.

    Raises ToolchainError when they do not compile, OSError where they cannot be kept.
    """
    text = source(entries)
    digest = hashlib.sha256(text.encode()).hexdigest()[:24]
    path = folder / f"references-{digest}.so"
    if not _is_whole(path):
        folder.mkdir(parents=True, exist_ok=True)
        fresh = folder / f".{path.name}.{os.getpid()}"
        compile_shared(command, text, fresh)
        _seal(fresh)
        fresh.replace(path)  # others may be making the same one
    library = _library(path)
    return {entry.name: Reference(entry, library) for entry in entries}


def _seal(path: Path) -> None:
    """Append the file's digest; nothing that loads it looks behind its end."""
    with path.open("r+b") as file:
        content = file.read()
        file.write(hashlib.sha256(content).digest())


def _is_whole(path: Path) -> bool:
    """Is it the file that was made?  A damaged one would end this process when it is called."""
    try:
        content = path.read_bytes()
    except OSError:
        return False
    return hashlib.sha256(content[:-_DIGEST]).digest() == content[-_DIGEST:]


@functools.cache
def _library(path: Path) -> ctypes.CDLL:
    return ctypes.CDLL(str(path))


def source(entries: Sequence[Entry]) -> str:
    """One C text with every variant of all references under names of their own."""
    parts = [common(), "u8 BYTES[256];"]
    for entry in entries:
        numbers = {name: f"number_{name}_{_own(entry, 0)}" for name in entry.macros}
        parts += [f"static u64 {own};" for own in numbers.values()]
        for variant, choice in enumerate(entry.variants):
            names = {**numbers, **choice, **renamed(entry, entry.reference, variant)}
            parts += [f"#define {name} {text}" for name, text in names.items()]
            parts += [entry.reference, shims(entry, variant)]
            parts += [f"#undef {name}" for name in names]
    return "\n".join(parts) + "\n"


def _own(entry: Entry, variant: int) -> str:
    return f"{entry.name.replace('-', '_')}_{variant}"


def renamed(entry: Entry, text: str, variant: int) -> dict[str, str]:
    """Names of a variant's own for the functions that a C text defines."""
    return {name: f"{name}_{_own(entry, variant)}" for name in _DEFINED.findall(text)}


def shims(entry: Entry, variant: int, *, numbers: bool = True) -> str:
    """What `Reference` calls, around what is called `compute` and `make_NAME` just now.

    Without `numbers` these are constants.
    """
    own = _own(entry, variant)
    count = len(entry.arguments)
    given = [f"{name} = w[{at}];" for at, name in enumerate(entry.macros, start=count)]
    setting = " ".join(given) if numbers else ""
    words = ", ".join(
        f"({argument.type} {'*' * (argument.role in ('in', 'out'))})w[{at}]"
        for at, argument in enumerate(entry.arguments)
    )
    call = f"compute({words})"
    body = f"{call}; return 0;" if entry.returns == "void" else f"return (u64){call};"
    lines = [f"u64 call_{own}(const u64 *w) {{ {setting} {body} }}"]
    for name in entry.tables if numbers else ():
        head = f"void table_{name}_{own}(const u64 *w, void *out)"
        lines.append(f"{head} {{ {setting} make_{name}(out); }}")
    return "\n".join(lines)
