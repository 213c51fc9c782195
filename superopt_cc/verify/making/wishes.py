"""What inputs are asked for: every length, every constant alone and in pairs, every overlap."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from superopt_cc.verify.making import alias
from superopt_cc.verify.making.shape import Shape, Wish
from superopt_cc.verify.making.values import Numbers, integer_edges
from superopt_cc.verify.making.wide import spread
from superopt_cc.verify.signature.ctype import Bool, Enum, Int, Pointer, size_of

ROUND = 96
LARGE = (512, 1000, 1024, 4095, 4096)
_SIZES = (*range(41), 47, 48, 49, 63, 64, 65, 100, 127, 128, 129, 255, 256, 257)
_OVERLAP_PAIRS = 6
_DISTANCES = (0, 1, -1, 2, -2, 3, -3, 4, -4, 8, -8, 15, -15)
# What lies between a beginning and its end, in elements, both ways round.
_BETWEEN = (16, 17, 20, 24, 31, 32, 33, 40, 47, 63, 64, 65, 100, 127, 128, 129, 255, 256, 257, 1000)
_END_PAIRS = 3
# Directed inputs are many: the sizes that vector tails need come with the others.
_FEW = (3, 0, 5, 1, 8, 2, 16, 4, 9, 7, 17, 12, 20)
_PAIRS, _CORNERS = 480, 150


class Wishes:
    """The wishes for one target in order; `complete` once every wish that must be tried was
    handed out.

    With `focus` only inputs aimed at the dictionary: the constants of a rewrite.
    """

    def __init__(self, shape: Shape, numbers: Numbers, directed: int, *, focus: bool) -> None:
        self._shape, self._numbers = shape, numbers
        self._most, self._focus = directed, focus
        self.complete = False

    def every(self) -> Iterator[Wish]:
        """Fixed arguments first (edges and dictionary, alone), then in pairs, then random."""
        sizes = itertools.cycle(_SIZES)
        if not self._focus:
            yield from (Wish(next(sizes), alias=False) for _ in range(ROUND))
        repeat = 1 if self._shape.has_memory else 2
        few = itertools.cycle(_FEW)
        for position, value in self._directed()[: self._most] * repeat:
            # A constant may be a length: the objects are made large enough for it.
            size = value if 0 < value <= LARGE[-1] else next(few)
            yield Wish(size, {position: value}, self._numbers.random() < 0.3)
        for pair in self._pairs():
            yield Wish(next(few), pair, self._numbers.random() < 0.3)
        if not self._focus:
            yield from self._overlaps()
        self.complete = True
        while not self._focus:
            yield Wish(next(sizes), alias=self._numbers.random() < 0.5)
        yield from (Wish(next(sizes)) for _ in range(ROUND // 2))

    def _overlaps(self) -> Iterator[Wish]:
        """Every pair of pointers that may overlap, at several distances, more than once."""
        pairs = alias.pairs(self._shape, restrict=False)
        holders = alias.holders(self._shape)[:_OVERLAP_PAIRS]
        for size in (7, 19, 36):
            for first, second in alias.pairs(self._shape, restrict=True)[:_OVERLAP_PAIRS]:
                yield Wish(size, overlap=(first, second, 0), unwritten=True, typical=True)
            for first, second in pairs[:_OVERLAP_PAIRS]:
                for elements in _DISTANCES:
                    yield Wish(size, overlap=(first, second, elements), typical=True)
            for pair in holders:
                yield from (Wish(size, inside=pair) for _ in _DISTANCES)
        for first, second in [pair for pair in pairs if self._may_enclose(*pair)][:_END_PAIRS]:
            for elements in _BETWEEN:
                yield Wish(1, overlap=(first, second, elements), typical=True)
                yield Wish(1, overlap=(first, second, -elements), typical=True)

    def _may_enclose(self, first: int, second: int) -> bool:
        """Could two pointers be an array's beginning and its end?"""
        one, other = (self._shape.types[self._shape.parameters[p]] for p in (first, second))
        return isinstance(one, Pointer) and isinstance(other, Pointer) and one.to == other.to

    def _positions(self) -> list[tuple[int, int]]:
        """(parameter, bit mask of its type) for every integer parameter."""
        types = self._shape.types
        return [
            (p, 1 if isinstance(types[index], Bool) else (1 << 8 * size_of(types, index)) - 1)
            for p, index in enumerate(self._shape.parameters)
            if isinstance(types[index], (Int, Enum, Bool))
        ]

    def _directed(self) -> list[tuple[int, int]]:
        """(parameter, value): the constants themselves come before neighbours and edges."""
        words = self._shape.dictionary
        first: list[tuple[int, int]] = []
        rest: list[tuple[int, int]] = []
        for position, mask in self._positions():
            base = spread(words.base, mask)
            others = spread(words.integers, mask) - base
            if not self._focus:
                edges = integer_edges((mask.bit_length() + 7) // 8)
                others |= {v & mask for v in edges} - base
            first += [(position, v) for v in sorted(base)]
            rest += [(position, v) for v in sorted(others)]
        self._numbers.shuffle(rest)
        return first + rest

    def _pairs(self) -> list[dict[int, int]]:
        """Two arguments at once: every pair of constants where they are few, else a sample."""
        words = self._shape.dictionary
        pairs = [
            {p: a & mask, q: b & other}
            for (p, mask), (q, other) in itertools.combinations(self._positions(), 2)
            for a in words.base
            for b in words.base
        ]
        self._numbers.shuffle(pairs)
        pairs = self._corners() + pairs if not self._focus else pairs
        directed = self._directed()
        if len(self._positions()) > 1 and not self._focus:
            pairs[_PAIRS:] = [dict(self._numbers.choices(directed, k=2)) for _ in range(ROUND)]
        return pairs[: _PAIRS + ROUND]

    def _corners(self) -> list[dict[int, int]]:
        """Smallest, largest, -1, 0 and 1 in two arguments at once."""
        found: list[dict[int, int]] = []
        for (p, mask), (q, other) in itertools.combinations(self._positions(), 2):
            for a in (0, 1, mask, mask >> 1, (mask >> 1) + 1):
                for b in (0, 1, other, other >> 1, (other >> 1) + 1):
                    found.append({p: a & mask, q: b & other})
        self._numbers.shuffle(found)
        return found[:_CORNERS]
