"""Values for C types: edges, constants of the target and their neighbours, random contents.

Everything here is a pure function of its random generator (design 5.6).
"""

from __future__ import annotations

import dataclasses
import functools
import random
import struct
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

_MASK64 = (1 << 64) - 1

FLOAT_EDGES: dict[int, tuple[bytes, ...]] = {
    4: tuple(
        struct.pack("<I", v)
        for v in (
            0, 0x80000000, 0x3F800000, 0xBF800000, 0x3F000000, 0x3F7FFFFF, 0x3F800001, 0x00000001,
            0x807FFFFF, 0x00800000, 0x7F7FFFFF, 0xFF7FFFFF, 0x7F800000, 0xFF800000, 0xFFC00000,
            0x4EFFFFFF, 0x4F000000, 0xCF000000, 0x4F800000, 0x5F000000, 0x4B000000, 0x4AFFFFFF,
        )
    ),
    8: tuple(
        struct.pack("<Q", v)
        for v in (
            0, 1 << 63, 0x3FF0000000000000, 0xBFF0000000000000, 0x3FE0000000000000,
            0x3FEFFFFFFFFFFFFF, 0x3FF0000000000001, 1, 0x800FFFFFFFFFFFFF, 0x0010000000000000,
            0x7FEFFFFFFFFFFFFF, 0xFFEFFFFFFFFFFFFF, 0x7FF0000000000000, 0xFFF0000000000000,
            0xFFF8000000000000, 0x41DFFFFFFFC00000, 0x41E0000000000000, 0xC1E0000000000000,
            0x41EFFFFFFFE00000, 0x43E0000000000000, 0x4330000000000000, 0x432FFFFFFFFFFFFF,
        )
    ),
}  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class Dictionary:
    """Constants of the target: integers with their neighbours, and floating-point bit patterns.

    `base` are the constants themselves, without neighbours.
    """

    integers: tuple[int, ...] = ()
    base: tuple[int, ...] = ()
    floats: tuple[bytes, ...] = ()


def dictionary(constants: Iterable[int], data_words: Iterable[bytes]) -> Dictionary:
    """Make the dictionary: each constant, its neighbours, negation and complement, and sums of
    two small ones (range checks subtract before they compare)."""
    base = sorted({c & _MASK64 for c in constants})
    small = [_signed(c, 8) for c in base if abs(_signed(c, 8)) < 1 << 16][:16]
    found: dict[int, None] = {}
    for c in base:
        for v in (c, c + 1, c - 1, -c, ~c):
            found[v & _MASK64] = None
    for a in small:
        for b in small:
            for v in (a - b, a + b, a - b + 1, a - b - 1):
                found[v & _MASK64] = None
    words = tuple(dict.fromkeys(w for w in data_words if len(w) in (4, 8)))
    return Dictionary(tuple(found)[:400], tuple(base)[:64], words[:200])


@functools.cache
def integer_edges(size: int) -> tuple[int, ...]:
    """Edge values of an integer of `size` bytes, as unsigned bit patterns."""
    bits = 8 * size
    values = {0, 1, 2, 3, 5, 7, 8, 9, 10, 15, 16, 31, 32, 33, 63, 64, 100, 127, 128, 255, 256}
    for power in range(4, bits + 1):
        if power in (7, 8, 15, 16, 31, 32, 62, 63, 64) or bits <= 16:
            values |= {(1 << power) - 1, 1 << power, (1 << power) + 1}
    values |= {-v for v in values}
    values |= {0x55 * 0x0101010101010101, 0xAA * 0x0101010101010101}
    return tuple(sorted({v & ((1 << bits) - 1) for v in values}))


def integer(size: int, words: Dictionary, numbers: random.Random) -> int:
    """A random integer of `size` bytes: edges, dictionary, or any number of random bits."""
    mask = (1 << 8 * size) - 1
    kind = numbers.random()
    if kind < 0.25:
        return numbers.choice(integer_edges(size))
    if kind < 0.5 and words.integers:
        return numbers.choice(words.integers) & mask
    value = numbers.getrandbits(numbers.randint(1, 8 * size))
    return (-value if numbers.random() < 0.3 else value) & mask


def floating(size: int, words: Dictionary, numbers: random.Random) -> bytes:
    """A random float of 4 or 8 bytes: edges, dictionary, small numbers, any finite pattern.

    Only one NaN payload is ever made, the one that the processor itself makes, so that results
    can be compared bit by bit (design 5.9).
    """
    kind = numbers.random()
    fitting = [w for w in words.floats if len(w) == size]
    if kind < 0.2:
        return numbers.choice(FLOAT_EDGES[size])
    if kind < 0.3 and fitting:
        return _only_default_nan(numbers.choice(fitting))
    form = "<f" if size == 4 else "<d"
    if kind < 0.55:
        return struct.pack(form, float(numbers.randint(-40, 40)))
    if kind < 0.85:
        return struct.pack(form, numbers.uniform(-1000.0, 1000.0))
    return _only_default_nan(numbers.randbytes(size))


def float_array(size: int, count: int, words: Dictionary, numbers: Numbers) -> bytes:
    """Contents of an array of floats: small integers, a range of reals, or a mixture with edges."""
    kind = numbers.randrange(3)
    form = np.float32 if size == 4 else np.float64
    if kind == 0:
        return numbers.arrays.integers(-40, 40, count).astype(form).tobytes()
    if kind == 1:
        return numbers.arrays.uniform(-1000.0, 1000.0, count).astype(form).tobytes()
    pool = b"".join(floating(size, words, numbers) for _ in range(48))
    patterns = np.frombuffer(pool, dtype=np.uint32 if size == 4 else np.uint64)
    return numbers.arrays.choice(patterns, count).tobytes()


def default_nans(size: int, data: bytes) -> bytes:
    """`data` as floats with every NaN replaced by the one that the processor makes."""
    values = np.frombuffer(data, dtype=np.float32 if size == 4 else np.float64)
    words = np.frombuffer(data, dtype=np.uint32 if size == 4 else np.uint64).copy()
    words[np.isnan(values)] = int.from_bytes(FLOAT_EDGES[size][14], "little")
    return words.tobytes()


def _only_default_nan(pattern: bytes) -> bytes:
    value = struct.unpack("<f" if len(pattern) == 4 else "<d", pattern)[0]
    if value == value:
        return pattern
    return FLOAT_EDGES[len(pattern)][14]


class Numbers(random.Random):
    """A seeded generator of single numbers, and of whole arrays at once."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.arrays = np.random.default_rng(seed & _MASK64)


def integer_array(size: int, count: int, limit: int, words: Dictionary, numbers: Numbers) -> bytes:
    """Contents of an array of integers in one of several characters: random, small (indices below
    `limit`), few distinct, equal, sorted, edges, dictionary."""
    kind = numbers.randrange(9)
    if kind == 0 or count == 0:
        return numbers.randbytes(size * count)
    if kind == 1:
        values = numbers.arrays.integers(0, max(limit, 1), count, dtype=np.uint64)
    elif kind == 2:
        values = numbers.arrays.integers(0, 3, count, dtype=np.uint64)
    elif kind == 3:
        values = np.full(count, integer(size, words, numbers), dtype=np.uint64)
    elif kind == 6:
        low = numbers.randint(-100, 100)
        values = numbers.arrays.integers(low, low + 200, count).astype(np.uint64)
    else:
        values = numbers.arrays.choice(_pool(kind, size, words, numbers), count)
        if kind == 4:
            values = np.sort(values)[:: numbers.choice((1, -1))]
    return values.astype(f"<u{size}").tobytes()


def _pool(kind: int, size: int, words: Dictionary, numbers: Numbers) -> npt.NDArray[np.uint64]:
    """The values that an array draws from: dictionary, edges, or a mixture of everything."""
    if kind == 5 and words.integers:
        return np.array(words.integers, dtype=np.uint64)
    if kind == 7:
        return np.array(integer_edges(size), dtype=np.uint64)
    return np.array([integer(size, words, numbers) for _ in range(48)], dtype=np.uint64)


_ALPHABETS = (
    bytes(range(1, 256)),
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    b"0123456789abcdefABCDEF",
    b"0123456789+-. ",
    b"ab",
    b" \t\nab,.-",
    b"a",
)


def text(count: int, limit: int, words: Dictionary, numbers: Numbers) -> bytes:
    """`count` characters that usually hold a terminating NUL within the first `limit` + 1."""
    alphabet = numbers.choice(_ALPHABETS)
    extra = bytes(v & 0xFF for v in words.integers if 0 < v < 256)
    if extra and numbers.random() < 0.5:
        alphabet = alphabet[:16] + extra
    letters = np.frombuffer(alphabet, dtype=np.uint8)
    body = bytearray(numbers.arrays.choice(letters, count).tobytes())
    if numbers.random() < 0.8 and count:
        body[min(numbers.randint(0, limit), count - 1)] = 0
    return bytes(body)


def _signed(value: int, size: int) -> int:
    half = 1 << (8 * size - 1)
    return (value & (2 * half - 1)) - (value & half) * 2
