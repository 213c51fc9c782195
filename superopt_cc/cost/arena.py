"""Cases laid out in memory, ready to be called: argument words, objects, answers of stubs.

Calls that are timed together form a block; each has its own copies of the objects, and a block
is kept small enough for the first-level cache where one case allows it.  Addresses are absolute:
the timer puts the arena where it was laid out for.
"""

from __future__ import annotations

import dataclasses
import random
import struct
from collections.abc import Iterator, Mapping, Sequence

from superopt_cc.cases import Answer, Blob, Case, Ref, Store, Word
from superopt_cc.cost.callers import Words
from superopt_cc.cost.strata import Stratum
from superopt_cc.cost.wire import Block, Call, Setting
from superopt_cc.errors import SuperoptError

BLOCK_CALLS = 64
BLOCK_BYTES = 16 * 1024
STRATUM_BYTES = 6 * 1024 * 1024
LARGEST_CASE = 2 * 1024 * 1024
RANDOM_BLOCKS = 128
STEADY_BLOCKS = 9
STEADY_CASES = 2
STUB = "superopt.time.stub"
# Words of the image (support.s): zero, the registers that pass arguments, addresses of objects.
_ZERO, _ARGUMENTS, _FRAMES = "superopt.time.zero", "superopt.time.arguments", "superopt.time.frames"
_MOST_FRAMES = 64
_LINE = 64
_MASK64 = 2**64 - 1


@dataclasses.dataclass(frozen=True, slots=True)
class Series:
    """Blocks of one stratum in one order of inputs: [first, first + count) of the arena's."""

    stratum: str
    order: str
    first: int
    count: int


@dataclasses.dataclass(frozen=True, slots=True)
class Arena:
    """The whole workload at address `base`; `inputs` counts distinct cases in it."""

    base: int
    data: bytes
    calls: tuple[Call, ...]
    blocks: tuple[Block, ...]
    settings: tuple[Setting, ...]
    series: tuple[Series, ...]
    inputs: int


def case_bytes(case: Case, words: Words) -> int:
    """About how much memory one call of `case` needs, in bytes."""
    return words.stride + sum(len(o.data) + 16 for o in case.objects)


class _Builder:
    """Appends blocks to one growing arena."""

    def __init__(
        self, base: int, words: Words, symbols: Mapping[str, int], dice: random.Random
    ) -> None:
        self.base = base
        self.words = words
        self.symbols = symbols
        self.dice = dice
        self.data = bytearray()
        self.calls: list[Call] = []
        self.blocks: list[Block] = []
        self.settings: list[Setting] = []
        self._setting_data: dict[bytes, int] = {}

    def _place(self, size: int, align: int, *, loose: bool = False) -> int:
        """Reserve `size` bytes; `loose` objects get only the alignment that they must have."""
        step = align if loose else max(align, 16)
        start = -(-len(self.data) // step) * step
        if loose and align < 16:
            start += align * self.dice.randrange(16 // align)
        self.data += bytes(start + size - len(self.data))
        return start

    def _pad_to_line(self) -> int:
        self.data.extend(bytes(-len(self.data) % _LINE))
        return len(self.data)

    def add_block(self, cases: Sequence[Case], *, answers: bool) -> None:
        """One block that calls `cases` in order; their `globals` are those of the first."""
        begin = self._pad_to_line()
        stride = self.words.stride
        self._place(stride * len(cases), 16)
        stored = [_stored_into(case) for case in cases]
        places: list[list[int]] = [[0] * len(case.objects) for case in cases]
        for case, into, at in zip(cases, stored, places, strict=True):
            self._place_objects(case, at, [n not in into for n in range(len(case.objects))])
        writable = self._pad_to_line()
        first_call = len(self.calls)
        for n, (case, into, at) in enumerate(zip(cases, stored, places, strict=True)):
            own = len(self.data)
            self._place_objects(case, at, [n in into for n in range(len(case.objects))])
            words_at = begin + n * stride
            self.calls.append(
                Call(self.base + words_at, self.base + own, self.base + len(self.data))
            )
        writable_end = self._pad_to_line()
        answer_at = [
            self._answers(case.answers, at) if answers else 0
            for case, at in zip(cases, places, strict=True)
        ]
        end = self._pad_to_line()
        for n, (case, at) in enumerate(zip(cases, places, strict=True)):
            self._fill_objects(case, at)
            self._fill_words(begin + n * stride, case, at, answer_at[n])
        first_setting = len(self.settings)
        self._add_settings(cases[0], places[0])
        base = self.base
        block = Block(
            first_call, len(cases), stride, base + begin, base + end, base + writable,
            base + writable_end, first_setting, len(self.settings) - first_setting,
        )  # fmt: skip
        self.blocks.append(block)

    def _place_objects(self, case: Case, at: list[int], wanted: Sequence[bool]) -> None:
        for n, blob in enumerate(case.objects):
            if wanted[n]:
                at[n] = self._place(len(blob.data), blob.align, loose=self.dice.random() < 0.5)

    def _fill_objects(self, case: Case, at: Sequence[int]) -> None:
        for start, blob in zip(at, case.objects, strict=True):
            self.data[start : start + len(blob.data)] = self._image(blob, at)

    def _image(self, blob: Blob, at: Sequence[int]) -> bytes:
        if not blob.pointers:
            return blob.data
        image = bytearray(blob.data)
        for offset, ref in blob.pointers:
            struct.pack_into("<Q", image, offset, self._word(ref, at))
        return bytes(image)

    def _word(self, word: Word, at: Sequence[int]) -> int:
        if isinstance(word, Ref):
            if isinstance(word.object, str):
                # What has no symbol of its own is a function that pointers point to.
                return self.symbols.get(word.object, self.symbols.get(STUB, 0)) + word.offset
            return self.base + at[word.object] + word.offset
        return word & _MASK64

    def _fill_words(self, start: int, case: Case, at: Sequence[int], answer: int) -> None:
        words = self.words
        # Until the timer finds a byte that the call writes, the latency chain reads its own word.
        values = [self.base + start, answer, *(self._word(word, at) for word in case.ints)]
        struct.pack_into(f"<{len(values)}Q", self.data, start, *values)
        values = [self._word(word, at) for word in case.stack]
        struct.pack_into(f"<{len(values)}Q", self.data, start + words.stack_at, *values)
        for n, value in enumerate(case.floats):
            where = start + words.floats_at + words.vector * n
            self.data[where : where + len(value)] = value

    def _answers(self, answers: Sequence[Answer], at: Sequence[int]) -> int:
        """Lay out a call's answers, last one first (it repeats itself); their address.

        An answer: rax, rdx, xmm0, xmm1, address of the next, number of pointers given and of
        stores, which bits of rax come from the first argument, then all these (`support.s` reads
        this).
        """
        slots = self._slots(answers)
        following = 0
        for answer in reversed(answers or (Answer(),)):
            given = [
                struct.pack("<3Q", self.symbols[_ARGUMENTS] + 8 * place, offset, slots[where])
                for place, where, offset in answer.given
            ]
            placed = [self._store(store, at, slots) for store in answer.stores]
            stores = [store for store in placed if store is not None]
            start = self._place(80 + 24 * len(given) + 32 * len(stores), 16)
            own = self.base + start
            rax = 0 if answer.back else self._word(answer.rax, at)
            head = struct.pack("<QQ", rax, answer.rdx & _MASK64)
            passed = _MASK64 if answer.back else 0
            tail = struct.pack("<4Q", following or own, len(given), len(stores), passed)
            image = b"".join((head, answer.xmm0, answer.xmm1, tail, *given, *stores))
            self.data[start : start + len(image)] = image
            following = own
        return following

    def _slots(self, answers: Sequence[Answer]) -> dict[str, int]:
        """The words of the image that keep the addresses of objects in the frame, by name."""
        names = dict.fromkeys(where for a in answers for _, where, _ in a.given)
        if len(names) > _MOST_FRAMES:
            raise SuperoptError("callees see too many variables of the frame to be timed")
        return {name: self.symbols[_FRAMES] + 8 * n for n, name in enumerate(names)}

    def _store(self, store: Store, at: Sequence[int], slots: Mapping[str, int]) -> bytes | None:
        """As `support.s` reads it; None for a symbol that the image does not hold."""
        data = store.data
        if store.pointer is not None:
            data = struct.pack("<Q", self._word(store.pointer, at))
        to, through = store.offset, self.symbols.get(_ZERO, 0)
        if isinstance(store.where, int):
            to += self.base + at[store.where]
        elif store.where in slots:
            through = slots[store.where]
        elif store.where in self.symbols:
            to += self.symbols[store.where]
        else:
            return None
        source = self._place(len(data), 8)
        self.data[source : source + len(data)] = data
        return struct.pack("<4Q", to, self.base + source, len(data), through)

    def _add_settings(self, case: Case, at: Sequence[int]) -> None:
        for name, data in sorted(case.globals.items()):
            if name in self.symbols and data:
                self._add_setting(self.symbols[name], data)
        for name, offset, ref in case.global_pointers:
            if name in self.symbols:
                value = struct.pack("<Q", self._word(ref, at))
                self._add_setting(self.symbols[name] + offset, value)

    def _add_setting(self, to: int, data: bytes) -> None:
        source = self._setting_data.get(data)
        if source is None:
            source = self._setting_data[data] = self._place(len(data), 16)
            self.data[source : source + len(data)] = data
        self.settings.append(Setting(to, self.base + source, len(data)))


def _stored_into(case: Case) -> frozenset[int]:
    """Numbers of the objects that a call may change: by itself or through its stubs."""
    own = frozenset(n for n, blob in enumerate(case.objects) if blob.written)
    if not case.answers:
        return own
    stores = (s.where for a in case.answers for s in a.stores)
    return own | {where for where in stores if isinstance(where, int)}


def _groups(cases: Sequence[Case]) -> list[list[Case]]:
    """Cases that can share a block: those that set the same globals."""
    found: dict[object, list[Case]] = {}
    for number, case in enumerate(cases):
        # Pointers in globals lead to one case's own objects, so that case stays alone.
        alone = number if case.global_pointers else -1
        found.setdefault((alone, tuple(sorted(case.globals.items()))), []).append(case)
    return list(found.values())


def _block_calls(cases: Sequence[Case], words: Words) -> int:
    if any(case.global_pointers for case in cases):
        return 1
    some = cases[:BLOCK_CALLS]
    mean = sum(case_bytes(case, words) for case in some) / len(some)
    return max(1, min(BLOCK_CALLS, int(BLOCK_BYTES / mean)))


def _random_blocks(
    cases: Sequence[Case], words: Words, dice: random.Random
) -> Iterator[list[Case]]:
    """Blocks that together hold every case, in random order; short ones are filled up."""
    blocks: list[list[Case]] = []
    for group in _groups(dice.sample(cases, len(cases))):
        count = _block_calls(group, words)
        for first in range(0, len(group), count):
            part = group[first : first + count]
            blocks.append([part[i % len(part)] for i in range(count)])
    dice.shuffle(blocks)
    yield from blocks


def _steady_blocks(
    cases: Sequence[Case], words: Words, dice: random.Random
) -> Iterator[list[Case]]:
    """Blocks of very few inputs, each repeated: what branch predictors like best."""
    groups = _groups(cases)
    while True:
        group = dice.choice(groups)
        count = _block_calls(group, words)
        few = [dice.choice(group) for _ in range(min(STEADY_CASES, count))]
        yield [few[i * len(few) // count] for i in range(count)]


def lay_out(
    strata: Sequence[Stratum],
    words: Words,
    symbols: Mapping[str, int],
    *,
    base: int,
    seed: int,
    answers: bool,
) -> Arena:
    """Build the arena of all strata in both orders at address `base`.

    `symbols` are the image's; `answers` whether stubs are called.  Same seed, same arena.
    """
    dice = random.Random(seed)
    builder = _Builder(base, words, symbols, dice)
    series: list[Series] = []
    inputs = 0
    for stratum in strata:
        for order, source, most in (
            ("random", _random_blocks, RANDOM_BLOCKS),
            ("steady", _steady_blocks, STEADY_BLOCKS),
        ):
            first, began = len(builder.blocks), len(builder.data)
            distinct: set[int] = set()
            for cases in source(stratum.cases, words, dice):
                builder.add_block(cases, answers=answers)
                distinct.update(map(id, cases))
                full = len(builder.data) - began > STRATUM_BYTES
                if len(builder.blocks) - first == most or full:
                    break
            series.append(Series(stratum.name, order, first, len(builder.blocks) - first))
            inputs += len(distinct) if order == "random" else 0
    return Arena(
        base, bytes(builder.data), tuple(builder.calls), tuple(builder.blocks),
        tuple(builder.settings), tuple(series), inputs,
    )  # fmt: skip
