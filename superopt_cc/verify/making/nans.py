"""Floats for one case: NaNs of several kinds, but as few in play as results can be told by.

design 5.9: where two NaNs meet the result may be either, and compilers drop operations that only
quiet one.  So a case for a target that computes holds one NaN; `plans` drops it where an invalid
operation of gcc's own code makes a second one or quiets it.
"""

from __future__ import annotations

import enum

import numpy as np
import numpy.typing as npt

from superopt_cc.verify.making import extended, values
from superopt_cc.verify.making.values import Dictionary, Numbers, Patterns
from superopt_cc.verify.signature.ctype import Float


class NaNs(enum.Enum):
    """What code does with NaNs: it moves them, compares them and cuts bits; or it computes; or it
    converts between float and double as well."""

    MOVED = 0
    COMPUTED = 1
    CONVERTED = 2


def _widened(pattern: int) -> int:
    """What `cvtss2sd` makes of a NaN's sign and payload, still quiet or signalling."""
    return (pattern >> 31) << 63 | 0x7FF << 52 | (pattern & 0x7FFFFF) << 29


_NARROW = (0x7FC00000, 0xFFC00001, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FC12345,
           0x7F800001, 0xFF800001, 0x7FA00000, 0xFFBFFFFF, 0x7F812345)  # fmt: skip
_WIDE = (0x7FF0000000000001, 0xFFF0000000000001, 0x7FF00000FFFFFFFF, 0x7FF8000000000001,
         0xFFF8000000000001, 0xFFFFFFFFFFFFFFFF, 0x7FF4000000000000)  # fmt: skip
# Quiet and signalling, of both signs; the wide ones begin with the narrow ones, widened.
_KNOWN: dict[int, Patterns] = {
    4: np.array(_NARROW, dtype=np.uint32),
    8: np.array((*map(_widened, _NARROW), *_WIDE), dtype=np.uint64),
    16: np.array((*map(extended.nan, _NARROW), *extended.MORE_NANS), dtype=np.uint64),
}
_DEFAULT = {
    **{size: int.from_bytes(word, "little") for size, word in values.DEFAULT_NAN.items()},
    16: extended.DEFAULT_NAN,
}
_INFINITE = {4: 0x7F800000, 8: 0x7FF0000000000000}
_RARE = 0.15  # of single floats are NaNs where a case has its own
_ALIKE = 0.15  # of them resemble the one before


class Floats:
    """Makes the floats of one case.

    `strange` says that NaNs other than the processor's own are among them so far.
    """

    def __init__(self, kind: NaNs, words: Dictionary, numbers: Numbers, *, typical: bool) -> None:
        """`typical` cases hold no NaN but the processor's own."""
        self._words, self._numbers = words, numbers
        self._pools = None if typical else _pools(kind, numbers)
        self._last: dict[int, bytes] = {}
        self.strange = False

    def one(self, kind: Float) -> bytes:
        pattern = self._alike(kind) or self._numbers.floating(kind.size, self._words)
        self._last[kind.size] = pattern
        if self._pools and (_is_nan(pattern) or self._numbers.random() < _RARE):
            self.strange = True
            pool = self._pools[kind.size]
            return bytes(pool[self._numbers.randrange(len(pool))].tobytes())
        return pattern

    def _alike(self, kind: Float) -> bytes | None:
        """Sometimes the number before, its negation or a neighbour: what comparisons tell apart."""
        last = self._last.get(kind.size)
        if last is None or self._numbers.random() > _ALIKE or _is_nan(last):
            return None
        value = int.from_bytes(last, "little")
        bits = 8 * (extended.BYTES if kind.size == extended.SIZE else kind.size)
        other = value ^ self._numbers.choice((0, 1 << bits - 1, 1))
        made = other.to_bytes(kind.size, "little")
        return None if _is_nan(made) else made

    def many(self, kind: Float, count: int) -> bytes:
        """Floats that have nothing to do with each other."""
        made = values.float_mixture(kind.size, count, self._words, self._numbers.arrays)
        return self.again(kind, made.tobytes(), count)

    def array(self, kind: Float, count: int, most: int) -> bytes:
        """An array of some character, a few NaNs among its first `most` elements."""
        return self.again(
            kind, values.float_array(kind.size, count, self._words, self._numbers), most
        )

    def again(self, kind: Float, data: bytes, most: int = 0) -> bytes:
        """`data` with this case's NaNs in place of any others, and of a few among the first."""
        words, found = _told(kind, data)
        if self._pools is None:
            words[found] = _DEFAULT[kind.size]
            return words.tobytes()
        arrays, pool = self._numbers.arrays, self._pools[kind.size]
        if most and len(words):
            found[values.below(min(most, len(words)), self._numbers.randrange(4), arrays)] = True
        many = int(found.sum())
        self.strange = self.strange or bool(many)
        words[found] = pool[values.below(len(pool), many, arrays)]
        return words.tobytes()


def _pools(kind: NaNs, numbers: Numbers) -> dict[int, Patterns] | None:
    """The NaNs of a case by the size of the float; None for the processor's own."""
    if numbers.random() < (0.3 if kind is NaNs.MOVED else 0.7):
        return None
    if kind is NaNs.MOVED:
        return _KNOWN
    narrow = numbers.randrange(len(_NARROW))
    wide = narrow if kind is NaNs.CONVERTED else numbers.randrange(len(_KNOWN[8]))
    return {
        4: _KNOWN[4][narrow : narrow + 1],
        8: _KNOWN[8][wide : wide + 1],
        16: _KNOWN[16][narrow : narrow + 1],
    }


def _told(kind: Float, data: bytes) -> tuple[Patterns, npt.NDArray[np.bool_]]:
    """The floats of some bytes, and which of them are NaNs."""
    if kind.size == extended.SIZE:
        rows = extended.regular(np.frombuffer(data, np.uint64).reshape(-1, 2))
        return rows, extended.is_nan(rows)
    words = np.frombuffer(data, dtype=np.uint32 if kind.size == 4 else np.uint64).copy()
    return words, np.isnan(words.view(np.float32 if kind.size == 4 else np.float64))


def _is_nan(pattern: bytes) -> bool:
    if len(pattern) == extended.SIZE:
        return bool(_told(Float(extended.SIZE), pattern)[1][0])
    infinite = _INFINITE[len(pattern)]
    return int.from_bytes(pattern, "little") & (1 << 8 * len(pattern) - 1) - 1 > infinite
