"""From a function's text, its command and its sources to gcc's facts about it (design 4.4).

As in ccache's direct mode: while the source, every header and the options are what they were,
the facts of the last facts run hold and none is paid for.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from superopt_cc.store.local import Store
from superopt_cc.store.units import GCC_VARIABLES, digest, file_digest
from superopt_cc.verify import job
from superopt_cc.verify.signature import ctype

_MARKER = re.compile(rb'^#(?: line)? \d+ "((?:[^"\\\n]|\\.)*)"', re.MULTILINE)
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)")
_VARIANTS = 8  # states of the sources remembered per function: branches switch back and forth

_CLASSES: Mapping[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        ctype.Int,
        ctype.Bool,
        ctype.Enum,
        ctype.Float,
        ctype.Pointer,
        ctype.Array,
        ctype.Field,
        ctype.Struct,
        ctype.Function,
        ctype.Unsupported,
        job.Parameter,
        job.CallUse,
        job.FrameObject,
        job.Facts,
    )
}


def sources_of(preprocessed: bytes, folder: Path) -> tuple[tuple[str, str], ...]:
    """(absolute path, sha256) of every file that a preprocessed text came from.

    Empty when one of them cannot be read again (standard input): then nothing is remembered.
    """
    names = {_unescape(match) for match in _MARKER.findall(preprocessed)}
    paths = sorted(
        str(folder / os.fsdecode(name))
        for name in names
        # gcc names its own inventions <built-in>, and folders by a trailing "//"
        if not (name.startswith(b"<") and name != b"<stdin>") and not name.endswith(b"/")
    )
    found = tuple((path, file_digest(path)) for path in paths)
    return found if all(seen for _, seen in found) else ()


def command_digest(
    compiler: Path, argv: Sequence[str], folder: Path, environ: Mapping[str, str]
) -> str:
    """Names a compile command: the compiler (as installed now), arguments, folder, variables."""
    try:
        state = compiler.stat()
        built = f"{state.st_size} {state.st_mtime_ns}"
    except OSError:
        built = ""
    words = [str(compiler), built, str(folder), *(environ.get(v, "") for v in GCC_VARIABLES), *argv]
    return digest(*(os.fsencode(word) for word in words))


@dataclasses.dataclass(slots=True)
class Manifests:
    """Facts remembered for the functions of one compile command.

    `command` comes from `command_digest`.  Hashes of files are taken once per object.
    """

    store: Store
    command: str
    _digests: dict[str, str] = dataclasses.field(default_factory=dict)

    def facts(self, function_text: str) -> job.Facts | None:
        """Facts about the function whose canonical text this is, if no source changed.

        Raises StoreError.
        """
        for variant in self._variants(function_text):
            if self._unchanged(variant):
                try:
                    facts = decode(variant["facts"])
                except (KeyError, TypeError, ValueError):
                    continue
                return facts if isinstance(facts, job.Facts) else None
        return None

    def sources(self, function_text: str) -> tuple[tuple[str, str], ...]:
        """The sources behind what `facts` answers; empty without an answer."""
        for variant in self._variants(function_text):
            if self._unchanged(variant):
                return tuple((str(path), str(seen)) for path, seen in variant["sources"])
        return ()

    def keep(
        self, function_text: str, facts: job.Facts, sources: tuple[tuple[str, str], ...]
    ) -> None:
        """Remember facts.  Raises StoreError."""
        if not sources:
            return
        variant = {"sources": [list(pair) for pair in sources], "facts": encode(facts)}
        others = [v for v in self._variants(function_text) if v["sources"] != variant["sources"]]
        self.store.keep_manifest(self._name(function_text), [variant, *others[: _VARIANTS - 1]])

    def _name(self, function_text: str) -> str:
        return digest(self.command.encode(), os.fsencode(function_text))

    def _variants(self, function_text: str) -> list[dict[str, Any]]:
        value = self.store.manifest(self._name(function_text))
        return value if isinstance(value, list) else []

    def _unchanged(self, variant: Mapping[str, Any]) -> bool:
        return all(self._digest(path) == seen for path, seen in variant["sources"])

    def _digest(self, path: str) -> str:
        if path not in self._digests:
            self._digests[path] = file_digest(path)
        return self._digests[path]


def encode(value: Any) -> Any:
    """Facts as plain JSON values; each dataclass carries its name under ""."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {"": type(value).__name__, **fields}
    if isinstance(value, frozenset):
        return {"": "frozenset", "items": sorted(value)}
    if isinstance(value, Mapping):
        return {name: encode(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    return value


def decode(value: Any) -> Any:
    """The inverse of `encode`.  Raises KeyError, TypeError or ValueError."""
    if isinstance(value, list):
        return tuple(decode(item) for item in value)
    if not isinstance(value, dict):
        return value
    name = value.get("")
    if name is None:
        return {key: decode(item) for key, item in value.items()}
    if name == "frozenset":
        return frozenset(value["items"])
    return _CLASSES[name](**{key: decode(item) for key, item in value.items() if key})


def _unescape(name: bytes) -> bytes:
    """A file name as it stands in a line marker, back to its bytes."""

    def plain(match: re.Match[bytes]) -> bytes:
        code = match.group(1)
        return bytes([int(code, 8) & 255]) if code.isdigit() and len(code) == 3 else code

    return _ESCAPE.sub(plain, name)
