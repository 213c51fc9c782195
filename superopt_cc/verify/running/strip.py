"""Thousands of inputs that differ from one case in a few words, encoded at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from superopt_cc.cases import Case
from superopt_cc.verify.running.layout import (
    ANSWER,
    DIAG,
    GPRS,
    HEAD,
    PASSED_AT,
    RESULT,
    STORE,
    WINDOW,
    Arena,
    Batch,
    Style,
    encode_batch,
    padded,
    wide,
)

_FLAGS_AT = 24  # of a window
_OUT_AT = 8  # of a case: where its result goes, and how long that is


class Place(Protocol):
    """As `gathering.places.Place`."""

    @property
    def kind(self) -> str: ...
    @property
    def where(self) -> int | str: ...
    @property
    def offset(self) -> int: ...
    @property
    def size(self) -> int: ...


Change = tuple[Place, int]


class Strip:
    """One case in one layout, ready to be run with other words in it.

    Results hold no memory: what the code under test does is read from its trace.
    """

    def __init__(self, case: Case, arena: Arena, style: Style, seed: int) -> None:
        self.case, self._arena = case, arena
        batch = encode_batch((case,), arena, (style,), seed)
        (self._placed,), self._slots = batch.placed, batch.slots
        self._bytes = np.frombuffer(batch.encoded, dtype=np.uint8).copy()
        self._windows: list[tuple[int, int]] = []  # in the encoding, and as the function sees it
        self._answers: list[int] = []
        self._find(batch.encoded)

    def _find(self, encoded: bytes) -> None:
        """Where windows and answers lie; no window is dumped."""
        *_, stack, windows, answers, _, uppers = HEAD.unpack_from(encoded)
        at = HEAD.size + 8 * stack + 16 * uppers.bit_count()
        for _ in range(windows):
            address, _, length, _ = WINDOW.unpack_from(encoded, at)
            self._windows.append((at, address))
            self._bytes[at + _FLAGS_AT : at + _FLAGS_AT + 8] = 0
            at += WINDOW.size + padded(length)
        for _ in range(answers):
            self._answers.append(at)
            stores = ANSWER.unpack_from(encoded, at)[-1]
            at += ANSWER.size
            for _ in range(stores):
                at += STORE.size + padded(STORE.unpack_from(encoded, at)[1])

    def _at(self, place: Place) -> int:
        """Where a place lies in the encoding."""
        if place.kind == "object":
            window, address = self._windows[int(place.where)]
            before = self._placed.places[int(place.where)] - address
            return window + WINDOW.size + before + place.offset
        if place.kind == "global":
            inside = self._arena.symbols[str(place.where)] - self._arena.data[0]
            return self._windows[-1][0] + WINDOW.size + inside + place.offset
        if place.kind == "answer":
            return self._answers[int(place.where)]
        if place.kind == "float" and place.offset >= 16:
            before = wide(self.case) & (1 << int(place.where)) - 1
            uppers = HEAD.size + 8 * len(self.case.stack)
            return uppers + 16 * before.bit_count() + place.offset - 16
        starts = {
            "int": (PASSED_AT, 8),
            "stack": (HEAD.size, 8),
            "float": (PASSED_AT + 8 * GPRS, 16),
        }
        start, step = starts[place.kind]
        return start + step * int(place.where) + place.offset

    def batch(self, variants: Sequence[Sequence[Change]]) -> Batch:
        """The case once for each variant, some of its words changed."""
        count = len(variants)
        rows = np.tile(self._bytes, (count, 1))
        first, out = DIAG.size * count, RESULT.size
        outs = first + out * np.arange(count + 1, dtype=np.uint64)
        heads = np.stack([outs[:-1], np.full(count, out, dtype=np.uint64)], axis=1)
        rows[:, _OUT_AT : _OUT_AT + 16] = heads.view(np.uint8)
        where: dict[Place, int] = {}
        for row, changes in zip(rows, variants, strict=True):
            for place, value in changes:
                at = where.get(place)
                if at is None:
                    at = where[place] = self._at(place)
                row[at : at + place.size] = np.frombuffer(
                    value.to_bytes(place.size, "little"), dtype=np.uint8
                )
        return Batch(
            (self.case,) * count, (self._placed,) * count, tuple(outs.tolist()), rows.tobytes(),
            self._slots,
        )  # fmt: skip

    @property
    def weight(self) -> int:
        """Bytes of one variant."""
        return len(self._bytes)
