"""Values for C types: edges, constants of the target and their neighbours, random contents.

Everything here is a pure function of its random generator (design 5.6).
"""

from __future__ import annotations

import dataclasses
import functools
import random
import struct
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from superopt_cc.verify.making import extended, wide

MASK64 = (1 << 64) - 1
_STOCK = 512
Integers = npt.NDArray[np.uint64]
Patterns = npt.NDArray[Any]


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

DEFAULT_NAN = {size: edges[14] for size, edges in FLOAT_EDGES.items()}


@dataclasses.dataclass(frozen=True)
class Dictionary:
    """Constants of the target: integers with their neighbours, and floating-point bit patterns.

    `base` are the constants themselves, without neighbours; `floats` take 4, 8 or 10 bytes.
    """

    integers: tuple[int, ...] = ()
    base: tuple[int, ...] = ()
    floats: tuple[bytes, ...] = ()

    @functools.cached_property
    def array(self) -> Integers:
        """`integers` for drawing many at once."""
        return np.array(self.integers, dtype=np.uint64)

    @functools.cached_property
    def extended(self) -> extended.Rows:
        """`floats` as long doubles."""
        return extended.widened(self.floats)

    @functools.cached_property
    def letters(self) -> bytes:
        """Those that fit a byte."""
        return bytes(dict.fromkeys(v for v in self.integers if 0 < v < 256))

    @functools.cached_property
    def marks(self) -> bytes:
        """The constants themselves that fit a byte, also those that code subtracts."""
        sizes = (abs(_signed(c, 8)) for c in self.base)
        return bytes(dict.fromkeys(v for v in sizes if 0 < v < 256))


def dictionary(constants: Iterable[int], data_words: Iterable[bytes]) -> Dictionary:
    """Make the dictionary: each constant, its neighbours, negation and complement, and sums of
    two small ones (range checks subtract before they compare)."""
    base = sorted({c & MASK64 for c in constants})
    small = [_signed(c, 8) for c in base if abs(_signed(c, 8)) < 1 << 16][:16]
    found: dict[int, None] = {}
    for c in base:
        for v in (c, c + 1, c - 1, -c, ~c):
            found[v & MASK64] = None
    for a in small:
        for b in small:
            for v in (a - b, a + b, a - b + 1, a - b - 1):
                found[v & MASK64] = None
    words = tuple(dict.fromkeys(w for w in data_words if len(w) in (4, 8, 10)))
    return Dictionary(tuple(found)[:400], tuple(base)[:64], words[:200])


@functools.cache
def integer_edges(size: int) -> tuple[int, ...]:
    """Edge values of an integer of `size` bytes, as unsigned bit patterns."""
    if size == 16:
        return wide.EDGES
    bits = 8 * size
    values = {0, 1, 2, 3, 5, 7, 8, 9, 10, 15, 16, 31, 32, 33, 63, 64, 100, 127, 128, 255, 256}
    for power in range(4, bits + 1):
        if power in (7, 8, 15, 16, 31, 32, 62, 63, 64) or bits <= 16:
            values |= {(1 << power) - 1, 1 << power, (1 << power) + 1}
    values |= {-v for v in values}
    values |= {0x55 * 0x0101010101010101, 0xAA * 0x0101010101010101}
    return tuple(sorted({v & ((1 << bits) - 1) for v in values}))


@functools.cache
def _edge_array(size: int) -> Integers:
    return np.array(integer_edges(size), dtype=np.uint64)


def below(limit: int, count: int, arrays: np.random.Generator) -> npt.NDArray[np.int64]:
    """`count` integers from 0 to `limit` - 1, which is far below 2^53.

    For a few numbers `Generator.integers` takes several times as long.
    """
    return (arrays.random(count) * limit).astype(np.int64)


def draw(pool: Integers, count: int, arrays: np.random.Generator) -> Integers:
    """`count` of the pool's values, each as likely as the others."""
    drawn: Integers = pool[below(len(pool), count, arrays)]
    return drawn


def mixture(size: int, count: int, words: Dictionary, arrays: np.random.Generator) -> Integers:
    """`count` integers of `size` bytes: edges, dictionary, or any number of random bits.

    Those of 16 bytes are rows of two halves.
    """
    if size == wide.SIZE:
        low, high = (mixture(8, count, words, arrays) for _ in range(2))
        return wide.mixture(low, high, arrays)
    kind = arrays.random(count)
    short = below(8 * size, count, arrays) + (64 - 8 * size)
    values = np.frombuffer(arrays.bytes(8 * count), np.uint64) >> short.astype(np.uint64)
    negative = arrays.random(count) < 0.3
    values[negative] = -values[negative]
    edges = kind < 0.25
    values[edges] = draw(_edge_array(size), int(edges.sum()), arrays)
    if words.integers:
        known = (kind >= 0.25) & (kind < 0.5)
        values[known] = draw(words.array, int(known.sum()), arrays)
    return values & np.uint64((1 << 8 * size) - 1)


def float_mixture(
    size: int, count: int, words: Dictionary, arrays: np.random.Generator
) -> Patterns:
    """`count` floats as bit patterns, those of 16 bytes in rows of two words: edges, dictionary,
    small numbers, any finite pattern.

    The only NaN among them is the one that the processor makes; `nans.Floats` puts others in its
    place.
    """
    if size == extended.SIZE:
        return extended.mixture(count, words.extended, arrays)
    form, word = (np.float32, np.uint32) if size == 4 else (np.float64, np.uint64)
    kind = arrays.random(count)
    values = np.frombuffer(arrays.bytes(size * count), word).copy()
    spread = kind < 0.85
    values[spread] = arrays.uniform(-1000.0, 1000.0, int(spread.sum())).astype(form).view(word)
    whole = kind < 0.55
    values[whole] = (below(81, int(whole.sum()), arrays) - 40).astype(form).view(word)
    for limit, patterns in ((0.3, [w for w in words.floats if len(w) == size]),
                            (0.2, FLOAT_EDGES[size])):  # fmt: skip
        if patterns:
            chosen = kind < limit
            pool = np.frombuffer(b"".join(patterns), dtype=word)
            values[chosen] = pool[below(len(pool), int(chosen.sum()), arrays)]
    values[np.isnan(values.view(form))] = int.from_bytes(DEFAULT_NAN[size], "little")
    return values


def float_array(size: int, count: int, words: Dictionary, numbers: Numbers) -> bytes:
    """Contents of an array of floats: small integers, a range of reals, or a mixture with edges."""
    kind = numbers.randrange(5)
    if size == extended.SIZE and kind != 3:
        return extended.array(kind, count, words.extended, numbers.arrays)
    form = np.float32 if size == 4 else np.float64
    if kind == 2:
        zeros = b"".join(FLOAT_EDGES[size][:2])  # both of them, and nothing else
        pool = np.frombuffer(zeros, np.uint32 if size == 4 else np.uint64)
        return pool[below(2, count, numbers.arrays)].tobytes()
    if kind == 3:
        return numbers.floating(size, words) * count
    if kind == 0:
        return (below(80, count, numbers.arrays) - 40).astype(form).tobytes()
    if kind == 1:
        return numbers.arrays.uniform(-1000.0, 1000.0, count).astype(form).tobytes()
    pool = float_mixture(size, 48, words, numbers.arrays)
    return pool[below(len(pool), count, numbers.arrays)].tobytes()


class Numbers(random.Random):
    """A seeded generator of single numbers, and of whole arrays at once.

    Single values for C types are made in stock: one call of NumPy costs as much as a hundred.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.arrays = np.random.default_rng(seed & MASK64)
        self._integers: dict[tuple[int, int], tuple[Dictionary, list[int]]] = {}
        self._floats: dict[tuple[int, int], tuple[Dictionary, list[bytes]]] = {}

    def integer(self, size: int, words: Dictionary) -> int:
        """One of `mixture`."""
        key = size, id(words)  # kept alive by its entry
        known = self._integers.get(key)
        if known is None or not known[1]:
            made = mixture(size, _STOCK, words, self.arrays)
            known = words, wide.numbers(made) if size == wide.SIZE else made.tolist()
            self._integers[key] = known
        return known[1].pop()

    def floating(self, size: int, words: Dictionary) -> bytes:
        """One of `float_mixture`."""
        key = size, id(words)
        known = self._floats.get(key)
        if known is None or not known[1]:
            data = float_mixture(size, _STOCK, words, self.arrays).tobytes()
            known = words, [data[i : i + size] for i in range(0, len(data), size)]
            self._floats[key] = known
        return known[1].pop()


def integer_array(size: int, count: int, limit: int, words: Dictionary, numbers: Numbers) -> bytes:
    """Contents of an array of integers in one of several characters: random, small (indices below
    `limit`), few distinct, equal, sorted, edges, dictionary."""
    kind = numbers.randrange(9)
    arrays = numbers.arrays
    if kind == 0 or count == 0:
        return numbers.randbytes(size * count)
    if size == wide.SIZE:
        return _wide_array(kind, count, limit, words, numbers)
    if kind == 1:
        values = below(max(limit, 1), count, arrays).astype(np.uint64)
    elif kind == 2:
        values = below(3, count, arrays).astype(np.uint64)
    elif kind == 3:
        values = np.full(count, numbers.integer(size, words), dtype=np.uint64)
    elif kind == 6:
        low = numbers.randint(-100, 100)
        values = (below(200, count, arrays) + low).astype(np.uint64)
    else:
        values = draw(_pool(kind, size, words, arrays), count, arrays)
        if kind == 4:
            values = np.sort(values)[:: numbers.choice((1, -1))]
    return values.astype(f"<u{size}").tobytes()


def _wide_array(
    kind: int, count: int, limit: int, words: Dictionary, numbers: Numbers
) -> bytes:  # fmt: skip
    """Such contents of integers of 16 bytes: small, equal, or of many kinds."""
    if kind == 1:
        low = below(max(limit, 1), count, numbers.arrays).astype(np.uint64)
        return np.stack((low, np.zeros(count, np.uint64)), axis=1).tobytes()
    if kind == 3:
        return numbers.integer(wide.SIZE, words).to_bytes(wide.SIZE, "little") * count
    pool = mixture(wide.SIZE, 48 if kind < 6 else count, words, numbers.arrays)
    return pool[below(len(pool), count, numbers.arrays)].tobytes()


def _pool(kind: int, size: int, words: Dictionary, arrays: np.random.Generator) -> Integers:
    """The values that an array draws from: dictionary, edges, or a mixture of everything."""
    if kind == 5 and words.integers:
        return words.array
    return _edge_array(size) if kind == 7 else mixture(size, 48, words, arrays)


_ALPHABETS = (
    bytes(range(1, 256)),
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    b"0123456789abcdefABCDEF",
    b"0123456789",
    b"0123456789+-. ",
    b"ab",
    b" \t\nab,.-",
    b"a",
)


def text(count: int, limit: int, words: Dictionary, numbers: Numbers) -> bytes:
    """`count` characters that usually hold a terminating NUL within the first `limit` + 1."""
    alphabet = numbers.choice(_ALPHABETS)
    chance = numbers.random()
    if words.letters and chance < 0.35:
        alphabet = alphabet[:16] + words.letters
    elif words.marks and chance < 0.6:  # so few that what code looks for stands side by side
        alphabet = alphabet[:1] + words.marks
    letters = np.frombuffer(alphabet, dtype=np.uint8)
    body = bytearray(letters[below(len(letters), count, numbers.arrays)].tobytes())
    if numbers.random() < 0.8 and count:
        body[min(numbers.randint(0, limit), count - 1)] = 0
    return bytes(body)


def _signed(value: int, size: int) -> int:
    half = 1 << (8 * size - 1)
    return (value & (2 * half - 1)) - (value & half) * 2
