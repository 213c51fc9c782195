"""Values of long double: ten bytes in x87's format, and six of padding that nobody defines.

Only what the processor makes itself is made: of NaNs that one, and never a leading bit that
contradicts the exponent, which x87 code takes for invalid.  NumPy's longdouble is that format on
x86-64.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

SIZE, BYTES = 16, 10
_LEADING = 1 << 63
_LARGEST = 0x7FFF  # exponent of infinities and NaNs
_SIGN = 0x8000
_BIAS = 0x3FFF
# An array of (significand, sign and exponent below padding).
Rows = npt.NDArray[np.uint64]

_FULL = (1 << 64) - 1
_POSITIVE = (
    (0, 0), (1, 0), (_LEADING - 1, 0), (_LEADING, 1), (_FULL, _LARGEST - 1), (_LEADING, _LARGEST),
    (_LEADING, _BIAS), (_LEADING + 1, _BIAS), (_FULL, _BIAS - 1), (_LEADING, _BIAS - 1),
    # the largest below an integer and a half, 2^31, 2^32, 2^52, 2^53, 2^63, 2^64 and neighbours
    (_FULL, _BIAS - 2), (0xC000000000000000, _BIAS), (0xA000000000000000, _BIAS + 1),
    (_LEADING, _BIAS + 15), (0xFFFE000000000000, _BIAS + 14), (0xFFFF800000000000, _BIAS + 14),
    (_LEADING, _BIAS + 31), (0xFFFFFFFE00000000, _BIAS + 30), (0xFFFFFFFF00000000, _BIAS + 30),
    (_LEADING + (1 << 31), _BIAS + 31), (0xFFFFFFFF00000000, _BIAS + 31), (_LEADING, _BIAS + 32),
    (_LEADING, _BIAS + 53), (_LEADING + (1 << 10), _BIAS + 53), (0xFFFFFFFFFFFFF800, _BIAS + 52),
    (_LEADING, _BIAS + 62), (_FULL, _BIAS + 61), (_FULL - 1, _BIAS + 62), (_FULL, _BIAS + 62),
    (_LEADING, _BIAS + 63), (_LEADING + 1, _BIAS + 63), (_FULL, _BIAS + 63), (_LEADING, _BIAS + 64),
    # where double and float end: largest, halfway beyond it, smallest normal, subnormal, half that
    (0xFFFFFFFFFFFFF800, _BIAS + 1023), (0xFFFFFFFFFFFFFC00, _BIAS + 1023), (_FULL, _BIAS + 1023),
    (_LEADING, _BIAS + 1024), (_LEADING, _BIAS - 1022), (_FULL, _BIAS - 1023),
    (_LEADING, _BIAS - 1074), (_LEADING, _BIAS - 1075), (_LEADING + 1, _BIAS - 1075),
    (0xFFFFFF0000000000, _BIAS + 127), (0xFFFFFF8000000000, _BIAS + 127), (_LEADING, _BIAS + 128),
    (_LEADING, _BIAS - 126), (_LEADING, _BIAS - 149), (_LEADING, _BIAS - 150),
    (_LEADING + 1, _BIAS - 150),
)  # fmt: skip
DEFAULT_NAN = (0xC000000000000000, _SIGN | _LARGEST)
# Zeros first; the processor's own NaN is as likely as three others.
EDGES: Rows = np.array(
    [(low, high | sign) for low, high in _POSITIVE for sign in (0, _SIGN)] + [DEFAULT_NAN] * 3,
    dtype=np.uint64,
)


def nan(pattern: int) -> tuple[int, int]:
    """What `flds` would make of a float's NaN, were it still quiet or signalling."""
    return _LEADING | (pattern & 0x7FFFFF) << 40, (pattern >> 31) << 15 | _LARGEST


# NaNs that no float or double widens to.
MORE_NANS = ((_LEADING | 1, _LARGEST), (_LEADING | 1, _SIGN | _LARGEST), (_FULL, _LARGEST),
             (0xC000000000000001, _SIGN | _LARGEST), (0xBFFFFFFFFFFFFFFF, _LARGEST))  # fmt: skip


def is_nan(rows: Rows) -> npt.NDArray[np.bool_]:
    """Which rows are NaNs."""
    large = (rows[:, 1] & np.uint64(_LARGEST)) == _LARGEST
    found: npt.NDArray[np.bool_] = large & ((rows[:, 0] & np.uint64(_LEADING - 1)) != 0)
    return found


def regular(rows: Rows) -> Rows:
    """The rows, with the leading bit that the exponent asks for."""
    low = rows[:, 0] | np.uint64(_LEADING)
    small = (rows[:, 1] & np.uint64(_LARGEST)) == 0
    low[small] &= np.uint64(_LEADING - 1)
    return np.stack((low, rows[:, 1]), axis=1)


def widened(words: Iterable[bytes]) -> Rows:
    """Constants of 4, 8 and 10 bytes as long doubles; bytes that are none are left out."""
    found = []
    for word in words:
        if len(word) == BYTES:
            found.append(np.frombuffer(word.ljust(SIZE, b"\0"), np.uint64))
        elif len(word) in (4, 8):
            (value,) = struct.unpack("<f" if len(word) == 4 else "<d", word)
            if not math.isnan(value):
                found.append(_rows(np.array([value]))[0])
    return regular(np.array(found, dtype=np.uint64).reshape(-1, 2))


def _rows(values: npt.NDArray[np.floating]) -> Rows:
    rows = values.astype(np.longdouble).view(np.uint64).reshape(-1, 2)
    return np.stack((rows[:, 0], rows[:, 1] & np.uint64(0xFFFF)), axis=1)


def array(kind: int, count: int, known: Rows, arrays: np.random.Generator) -> bytes:
    """Contents of an array: small integers, reals, zeros of both signs, or a mixture."""
    if kind == 0:
        rows = whole((arrays.random(count) * 80).astype(np.int64) - 40)
    elif kind == 1:
        rows = reals(count, arrays)
    elif kind == 2:
        rows = _any_of(EDGES[:2], count, arrays)
    else:
        rows = _any_of(mixture(48, known, arrays), count, arrays)
    return padded(rows, arrays).tobytes()


def whole(numbers: npt.NDArray[np.int64]) -> Rows:
    """Integers."""
    return _rows(numbers.astype(np.longdouble))


def reals(count: int, arrays: np.random.Generator) -> Rows:
    """Between -1000 and 1000, all bits of the significand in use."""
    fine = arrays.uniform(-1.0, 1.0, count).astype(np.longdouble) * np.longdouble(2.0**-44)
    return _rows(arrays.uniform(-1000.0, 1000.0, count).astype(np.longdouble) + fine)


def mixture(count: int, known: Rows, arrays: np.random.Generator) -> Rows:
    """`count` numbers: edges, `known` ones, small integers and halves, reals, integers of 64 bits,
    what lies between two doubles or floats, any finite pattern."""
    drawn = np.frombuffer(arrays.bytes(SIZE * count), np.uint64).reshape(count, 2)
    kind = arrays.random(count)
    short = (arrays.random(count) * 64).astype(np.uint64)
    low, high = drawn[:, 0] | np.uint64(_LEADING), drawn[:, 1] & np.uint64(0xFFFF)
    high[(high & np.uint64(_LARGEST)) == _LARGEST] ^= np.uint64(1)
    near = kind < 0.9  # magnitudes that others meet without vanishing in them
    exponents = (arrays.random(count) * 140).astype(np.uint64) + np.uint64(_BIAS - 70)
    high[near] = (high & np.uint64(_SIGN) | exponents)[near]
    between = kind < 0.85
    low[between] = _between(drawn[:, 0], arrays)[between]
    made = regular(np.stack((low, high), axis=1))
    wholes = _rows((drawn[:, 0] >> short).astype(np.longdouble))
    wholes[:, 1] ^= drawn[:, 1] & np.uint64(_SIGN)
    halves = _rows(((arrays.random(count) * 161).astype(np.int64) - 80) / np.longdouble(2))
    for limit, rows in (
        (0.75, wholes), (0.65, reals(count, arrays)), (0.5, halves),
        (0.3, _any_of(known, count, arrays)), (0.2, _any_of(EDGES, count, arrays)),
    ):  # fmt: skip
        chosen = kind < limit
        made[chosen] = rows[chosen]
    made[is_nan(made)] = DEFAULT_NAN
    return padded(made, arrays)


def _any_of(rows: Rows, count: int, arrays: np.random.Generator) -> Rows:
    rows = rows if len(rows) else EDGES
    drawn: Rows = rows[(arrays.random(count) * len(rows)).astype(np.int64)]
    return drawn


def _between(low: Rows, arrays: np.random.Generator) -> Rows:
    """Significands halfway between two doubles or two floats, or next to that."""
    kept = np.where(arrays.random(len(low)) < 0.6, np.uint64(11), np.uint64(40))
    half = np.uint64(1) << (kept - np.uint64(1))
    step = (arrays.random(len(low)) * 3).astype(np.uint64) - np.uint64(1)
    found: Rows = ((low >> kept) << kept) + half + step
    return found


def padded(rows: Rows, arrays: np.random.Generator) -> Rows:
    """The rows with noise in what pads them to sixteen bytes."""
    noise = np.frombuffer(arrays.bytes(8 * len(rows)), np.uint64) << np.uint64(16)
    return np.stack((rows[:, 0], rows[:, 1] & np.uint64(0xFFFF) | noise), axis=1)


def simple(data: bytes) -> list[bytes]:
    """Simpler numbers than this one."""
    value = np.frombuffer(data, np.longdouble)[0]
    wanted = [0.0, 1.0, 2.0]
    if abs(value) < 1e6:
        wanted += [float(int(value)), float(int(value / 2))]
    return [bytes(row.tobytes()) for row in _rows(np.array(wanted))]


def text(data: bytes) -> str:
    """As C writes it."""
    value = np.frombuffer(data[:BYTES].ljust(SIZE, b"\0"), np.longdouble)[0]
    if np.isnan(value):
        return f"nan /* {data[BYTES - 1 :: -1].hex()} */"
    said = np.format_float_scientific(value, unique=True, trim="0")
    plain = np.format_float_positional(value, unique=True, trim="0")
    return (plain if len(plain) <= len(said) + 4 else said) + ("" if np.isinf(value) else "L")
