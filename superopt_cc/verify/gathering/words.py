"""The words of an input that code may compare, sum or branch on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from superopt_cc.cases import Case
from superopt_cc.verify.gathering.places import Fits, Place, place_of, read
from superopt_cc.verify.making.shape import Shape
from superopt_cc.verify.running.layout import Arena, Style, encode_batch
from superopt_cc.verify.running.probe import ROOM
from superopt_cc.verify.running.runner import Masks, Mode, Runner
from superopt_cc.verify.running.trace import Decoder
from superopt_cc.verify.signature.ctype import Float, Int, Pointer, size_of

_STEPS = 60_000
_WIDE = 8
_MOST = 4096


class Loads:
    """Finds what the function `name` reads of its input, each word in the size it is read in."""

    def __init__(
        self, shape: Shape, decoder: Decoder, runner: Runner, arena: Arena, name: str, masks: Masks
    ) -> None:  # fmt: skip
        self._shape, self._decoder, self._runner = shape, decoder, runner
        self._arena, self._name, self._masks = arena, name, masks
        self._fits = Fits(shape.types)
        self._elements = _element_sizes(shape)

    def words(self, case: Case) -> list[tuple[Place, int]]:
        """The words and what they are, those first that are passed, others as they are read."""
        places = dict.fromkeys([*self._passed(case), *self._loaded(case)])
        found = ((place, read(case, place)) for place in itertools.islice(places, _MOST))
        return [(p, word) for p, word in found if word is not None and self._fits.place(p)]

    def fits(self, word: int, value: int, size: int) -> bool:
        """May a word become another value?"""
        return self._fits(word, value, size)

    def _passed(self, case: Case) -> Iterator[Place]:
        words = [word for each in self._shape.locations for word in each.words]
        for word in words:
            size = max(1, min(word.bits, 64) // 8)
            if word.kind == "sse":
                size, step = word.bits // 8, size if word.bits <= 64 else 4
                yield from (Place("float", word.number, at, step) for at in range(0, size, step))
            elif isinstance((case.ints if word.kind == "int" else case.stack)[word.number], int):
                yield Place(word.kind, word.number, 0, size)
        for number, answer in enumerate(case.answers):
            if isinstance(answer.rax, int):
                yield from (Place("answer", number, 0, size) for size in (4, 8))

    def _loaded(self, case: Case) -> Iterator[Place]:
        style = Style(at_end=False, room=ROOM, calls=0)
        batch = encode_batch((case,), self._arena, (style,), 1)
        mode = Mode(steps=_STEPS, ticks=4)
        run = self._decoder.follow(self._runner, self._name, batch, mode, self._masks)
        accesses = self._decoder.accesses(run.trace)
        loads = ~accesses.write
        pairs = np.stack([accesses.address[loads], accesses.size[loads]], axis=1)
        if not run.done or not len(pairs):
            return
        _, first = np.unique(pairs, axis=0, return_index=True)
        for address, size in pairs[np.sort(first)].tolist():
            for at, part in self._parts(size):
                place = place_of(run, 0, address + at, part, self._arena)
                if place is not None:
                    yield place

    def _parts(self, size: int) -> Iterator[tuple[int, int]]:
        if size <= _WIDE:
            yield 0, size
            return
        for part in self._elements:
            yield from ((at, part) for at in range(0, min(size, 4096), part))


def _element_sizes(shape: Shape) -> Sequence[int]:
    """Of what pointers lead to: vectors and library functions read many at once."""
    found = set()
    for index in shape.parameters:
        kind = shape.types[index]
        if isinstance(kind, Pointer) and kind.to is not None:
            inner = shape.types[kind.to]
            if isinstance(inner, (Int, Float)):
                found.add(size_of(shape.types, kind.to))
    return sorted(size for size in found if size <= _WIDE) or (4,)
