"""Values of __int128: both halves matter, and what carries from one into the other."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

SIZE = 16
BITS = 8 * SIZE
MASK = (1 << BITS) - 1
_HALF = (1 << 64) - 1
# An array of (low half, high half).
Halves = npt.NDArray[np.uint64]

_SMALL = (0, 1, 2, 3, 5, 7, 8, 9, 10, 15, 16, 31, 32, 33, 63, 64, 65, 100, 127, 128, 255, 256)
_POWERS = (7, 8, 15, 16, 31, 32, 62, 63, 64, 65, 95, 96, 126, 127)
EDGES = tuple(
    sorted(
        {
            sign * value & MASK
            for sign in (1, -1)
            for value in (*_SMALL, *((1 << p) + d for p in _POWERS for d in (-1, 0, 1)), MASK // 3)
        }
    )
)


def spread(constants: Iterable[int], mask: int) -> set[int]:
    """Constants of 64 bits as values under a type's mask: in 128 bits also extended by their sign,
    and in the upper half."""
    found = {value & mask for value in constants}
    if mask.bit_length() > 64:
        found |= {value | MASK - _HALF for value in found if value >> 63 & 1}
        found |= {value << 64 & mask for value in found if value <= _HALF}
    return found


def mixture(low: Halves, high: Halves, arrays: np.random.Generator) -> Halves:
    """Numbers of 128 bits made of numbers of 64: extended by zeros or by the sign, in the upper
    half above zeros or ones, close to a power, or any in both."""
    count = len(low)
    kind = arrays.random(count)
    ones = np.uint64(_HALF)
    signs = (low >> np.uint64(63)) * ones
    high = np.where(kind < 0.3, signs, high)
    high = np.where(kind < 0.12, np.uint64(0), high)
    near = (arrays.random(count) * 5).astype(np.uint64) - np.uint64(2)
    low = np.where((kind >= 0.3) & (kind < 0.5), near, low)
    low = np.where((kind >= 0.5) & (kind < 0.55), np.uint64(1 << 63) + near, low)
    return np.stack((low, high), axis=1)


def numbers(halves: Halves) -> list[int]:
    """As integers without sign."""
    return [low | high << 64 for low, high in halves.tolist()]
