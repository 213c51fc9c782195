"""The header of a GGUF file: what the model is, read without loading it.

The format: magic, version, counts, key-value pairs, one description a tensor, padding, data.
"""

from __future__ import annotations

import dataclasses
import mmap
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from superopt_cc.errors import UsageError

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_STRING, _ARRAY = 8, 9
# Kind of a value -> its form; strings and arrays are read apart.
_FORMS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_DEEPEST = 4
_MOST_DIMENSIONS = 8

# Tensor type -> name, numbers in a block, bytes of a block.
TENSORS: Mapping[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    9: ("Q8_1", 32, 40),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74),
    18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18),
    21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1),
    25: ("I16", 1, 2),
    26: ("I32", 1, 4),
    27: ("I64", 1, 8),
    28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56),
    30: ("BF16", 1, 2),
    34: ("TQ1_0", 256, 54),
    35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17),
    40: ("NVFP4", 64, 36),
    41: ("Q1_0", 128, 18),
}

# `general.file_type` where it says more than the commonest tensor type does.
MIXES: Mapping[int, str] = {
    10: "Q2_K",
    11: "Q3_K_S",
    12: "Q3_K_M",
    13: "Q3_K_L",
    14: "Q4_K_S",
    15: "Q4_K_M",
    16: "Q5_K_S",
    17: "Q5_K_M",
    18: "Q6_K",
}

# First bytes of what people take for a GGUF file.
_FOREIGN = (
    (b"PK\x03\x04", "a zip archive, such as PyTorch weights; convert it (docs/models.md)"),
    (b"<", "a web page, not the file behind it"),
    (b"version https://git-lfs", "a Git LFS pointer; fetch the file itself"),
    (b"ggjt", "an old GGML file; convert the model again"),
    (b"lmgg", "an old GGML file; convert the model again"),
    (b"tjgg", "an old GGML file; convert the model again"),
)


@dataclasses.dataclass(frozen=True, slots=True)
class Header:
    """What the file says about itself; `context` 0 and empty words where it says nothing."""

    version: int
    architecture: str
    name: str
    context: int
    template: bool
    quantisation: str
    parameters: int
    tokens: int
    size: int


def read_header(path: Path) -> Header:
    """Read and check a model's header.  Raises UsageError (one line) for what cannot be used."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            if not size:
                raise UsageError(f"{path}: the file is empty")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _header(path, data, size)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"{path}: cannot be read: {why}") from error


def _header(path: Path, data: mmap.mmap, size: int) -> Header:
    _check_magic(path, data[:64])
    reader = _Reader(data, size)
    try:
        reader.at = len(_MAGIC)
        version = reader.take("I")
        if version not in _VERSIONS:
            raise UsageError(f"{path}: {_wrong_version(version)}")
        tensors, pairs = reader.take("Q"), reader.take("Q")
        values, lengths = _values(reader, pairs)
        totals, end = _tensors(reader, tensors, int(values.get("general.alignment") or 32))
    except _CutError as error:
        raise UsageError(f"{path}: cut off within its header; fetch it again") from error
    except _NonsenseError as error:
        raise UsageError(f"{path}: damaged: {error}") from error
    if end > size:
        raise UsageError(f"{path}: cut off: {size:,} of at least {end:,} bytes; fetch it again")
    _check_use(path, values, lengths)
    architecture = str(values.get("general.architecture"))
    return Header(
        version=version,
        architecture=architecture,
        name=str(values.get("general.name") or ""),
        context=_whole(values.get(f"{architecture}.context_length")),
        template=bool(values.get("tokenizer.chat_template")),
        quantisation=_quantisation(values, totals),
        parameters=sum(totals.values()),
        tokens=lengths["tokenizer.ggml.tokens"],
        size=size,
    )


def _check_magic(path: Path, start: bytes) -> None:
    if start[:4] == _MAGIC:
        return
    if b'{"' in start[8:16]:
        raise UsageError(f"{path}: a safetensors file, no GGUF; convert it (docs/models.md)")
    for magic, what in _FOREIGN:
        if start.lstrip().startswith(magic):
            raise UsageError(f"{path}: no GGUF file but {what}")
    raise UsageError(f"{path}: no GGUF file (it begins with {start[:4]!r})")


def _wrong_version(version: int) -> str:
    if version and not version & 0xFFFF:
        return "made for a big-endian machine"
    return f"GGUF version {version}; known are {' and '.join(map(str, _VERSIONS))}"


def _check_use(path: Path, values: Mapping[str, Any], lengths: Mapping[str, int]) -> None:
    """Some GGUF files are parts of models only."""
    if _whole(values.get("split.count")) > 1:
        count = values["split.count"]
        raise UsageError(f"{path}: one of {count} parts; join them: llama-gguf-split --merge")
    if not values.get("general.architecture"):
        raise UsageError(f"{path}: its header names no architecture")
    kind = values.get("general.type", "model")
    if kind != "model":
        raise UsageError(f"{path}: not a model but its {kind}")
    if not lengths.get("tokenizer.ggml.tokens"):
        raise UsageError(f"{path}: it has no tokens, so it cannot write text")


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _quantisation(values: Mapping[str, Any], totals: Mapping[int, int]) -> str:
    mix = MIXES.get(_whole(values.get("general.file_type")))
    if mix is not None:
        return mix
    if not totals:
        return ""
    most = max(totals, key=lambda kind: totals[kind])
    return TENSORS[most][0] if most in TENSORS else f"type {most}"


def _values(reader: _Reader, pairs: int) -> tuple[dict[str, Any], dict[str, int]]:
    """Single values by key, and the lengths of the arrays."""
    values: dict[str, Any] = {}
    lengths: dict[str, int] = {}
    for _ in range(pairs):
        key = reader.string()
        kind = reader.take("I")
        if kind == _ARRAY:
            lengths[key] = reader.skip_array()
        else:
            values[key] = reader.value(kind)
    return values, lengths


def _tensors(reader: _Reader, count: int, alignment: int) -> tuple[dict[int, int], int]:
    """Numbers by tensor type, and where the data ends, as far as the types are known."""
    totals: dict[int, int] = {}
    last = 0
    for _ in range(count):
        reader.skip_string()
        dimensions = reader.take("I")
        if dimensions > _MOST_DIMENSIONS:
            raise _NonsenseError(f"a tensor of {dimensions} dimensions")
        numbers = 1
        for _ in range(dimensions):
            numbers *= reader.take("Q")
        kind, offset = reader.take("I"), reader.take("Q")
        totals[kind] = totals.get(kind, 0) + numbers
        _, block, width = TENSORS.get(kind, ("", 1, 0))
        last = max(last, offset + -(-numbers // block) * width)
    if alignment <= 0:
        raise _NonsenseError(f"an alignment of {alignment}")
    return totals, -(-reader.at // alignment) * alignment + last if last else reader.at


class _CutError(Exception):
    """The file ends before its header does."""


class _NonsenseError(Exception):
    """No writer of GGUF files writes that."""


@dataclasses.dataclass(slots=True)
class _Reader:
    data: mmap.mmap
    size: int
    at: int = 0

    def take(self, form: str) -> int:
        """The next number; numbers of the header are little-endian."""
        return int(self._unpack(form)[0])

    def value(self, kind: int) -> object:
        if kind == _STRING:
            return self.string()
        if kind not in _FORMS:
            raise _NonsenseError(f"a value of kind {kind}")
        return self._unpack(_FORMS[kind])[0]

    def string(self) -> str:
        length = self.take("Q")
        start = self._advance(length)
        return self.data[start : start + length].decode("utf-8", "replace")

    def skip_string(self) -> None:
        self._advance(self.take("Q"))

    def skip_array(self, depth: int = 1) -> int:
        """Pass over an array; its length."""
        kind, length = self.take("I"), self.take("Q")
        if kind in _FORMS:
            self._advance(length * struct.calcsize(_FORMS[kind]))
        elif kind == _STRING:
            for _ in range(length):
                self.skip_string()
        elif kind == _ARRAY and depth < _DEEPEST:
            for _ in range(length):
                self.skip_array(depth + 1)
        else:
            raise _NonsenseError(f"an array of kind {kind}")
        return length

    def _unpack(self, form: str) -> tuple[Any, ...]:
        form = f"<{form}"
        return struct.unpack_from(form, self.data, self._advance(struct.calcsize(form)))

    def _advance(self, count: int) -> int:
        """Pass over `count` bytes; where they began."""
        start = self.at
        if count > self.size - start:
            raise _CutError
        self.at = start + count
        return start
