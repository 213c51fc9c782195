"""Where the objects of a case lie, and the bytes that the native runner is sent.

Objects go into slots of the runner's arena, each slot between inaccessible pages: flush against
the end or the start of its slot (design 5.6).  The structs are those of csrc/runner.h.
"""

from __future__ import annotations

import dataclasses
import itertools
import random
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence

from superopt_cc.cases import Answer, Blob, Case, Far, Ref, Word

SLOTS = 32
# Registers that pass arguments.
GPRS, XMMS = 6, 8
SLOT_BYTES = 1 << 19
SLOT_GUARD = 1 << 24
SLOT_STRIDE = SLOT_GUARD * 2 + SLOT_BYTES
PAGE = 4096
MARGIN = 64
RESULT = struct.Struct("<18Q")
DIAG = struct.Struct("<6Q")
CALL_BYTES = 19 * 8
_PASSED = struct.Struct(f"<{GPRS}Q{16 * XMMS}s")
PASSED_AT = 24
HEAD = struct.Struct(f"<3Q{_PASSED.size}s7Q")
WINDOW = struct.Struct("<4Q")
ANSWER = struct.Struct("<8Q")
STORE = struct.Struct("<2Q")
_QUAD = struct.Struct("<Q")
_PADDING = tuple(bytes(-n % 8) for n in range(8))
# Noise for both sides of an object: many, so that no two of one case are alike.
_AROUND = tuple(itertools.starmap(random.Random(1).randbytes, [(2 * MARGIN,)] * 97))
_DUMP, _FAR, _LONG = 1, 2, 4
_TIMES = 8  # from this bit on
_LONG_AWAY, _LONG_STRIDE = 1 << 41, 1 << 36
_NORETURN = 1
_MASK = (1 << 64) - 1

Address = Callable[[Word], int]


@dataclasses.dataclass(frozen=True, slots=True)
class Arena:
    """Addresses of the runner's arena, of its stack and of the image's writable data.

    `data` is (address, bytes) of the image's writable section, `symbols` addresses of its
    symbols.  Each slot lies `stride` bytes from the one before it, in either direction; the
    read-only view of slot s is slot s + SLOTS.
    """

    base: int
    data: tuple[int, bytes]
    symbols: Mapping[str, int]
    stride: int
    stack: int

    def slot(self, number: int, *, writable: bool) -> int:
        """Address of the first byte of a slot, in one of its two views."""
        index = number if writable else number + SLOTS
        return self.base + index * self.stride + SLOT_GUARD

    def long(self, number: int) -> int:
        """Address of object `number` where that is too long for a slot."""
        return self.slot(0, writable=True) + _LONG_AWAY + number * _LONG_STRIDE

    def slots(self) -> Iterator[int]:
        """Addresses of all slots in both views."""
        return (self.slot(number, writable=True) for number in range(2 * SLOTS))

    @property
    def low(self) -> int:
        """The lowest address of all slots."""
        return min(self.slots())


@dataclasses.dataclass(frozen=True, slots=True)
class Style:
    """How to lay out: flush at the slots' end or start, slots in which order, which noise.

    `odd` moves objects away from the start so that none is better aligned than its type
    guarantees.  `room` bytes are left free before each object, for probing.  `unused` gives, per
    argument, the mask of bits that the type does not define, which noise fills: for the six
    integer registers, the eight vector registers, then for the words on the stack.
    """

    at_end: bool = True
    odd: bool = False
    reverse: bool = False
    unused: tuple[int, ...] = ()
    room: int = 0
    skew: int = 0
    calls: int = 16


def quiet(style: Style) -> Style:
    """The style without noise in registers that pass vectors or floats."""
    masks = style.unused
    calm = (*masks[:GPRS], *(0 for _ in masks[GPRS : GPRS + XMMS]), *masks[GPRS + XMMS :])
    return dataclasses.replace(style, unused=calm)


@dataclasses.dataclass(frozen=True, slots=True)
class Placed:
    """Where one case of a batch lies.

    `places` are the objects' addresses as the function sees them, `setup` the writable view's.
    `dumps` lists (object number or "" for the image's data, first byte, length) in the order of
    the result's window bytes.
    """

    places: tuple[int, ...]
    setup: tuple[int, ...]
    dumps: tuple[tuple[int | str, int, int], ...]
    out_bytes: int


def padded(count: int) -> int:
    """`count` rounded up to a multiple of eight."""
    return (count + 7) & ~7


def place(blob: Blob, style: Style) -> int:
    """Offset in its slot of one object: at exactly its guaranteed alignment (design 5.6)."""
    size = len(blob.data)
    if not style.at_end:
        return style.room + (blob.align if style.odd else 0)
    offset = SLOT_BYTES - style.room - size
    return offset - offset % blob.align


@dataclasses.dataclass(frozen=True, slots=True)
class Batch:
    """Encoded cases that are run together.

    Result i begins at byte `outs[i]` of the results file and ends at `outs[i + 1]`; the array of
    diagnoses lies before the first.  Objects lie in the first `slots` of the arena.
    """

    cases: tuple[Case, ...]
    placed: tuple[Placed, ...]
    outs: tuple[int, ...]
    encoded: bytes
    slots: int

    @property
    def far(self) -> bool:
        """Has any object pages outside of the slots?"""
        return any(case.far or any(o.times > 1 for o in case.objects) for case in self.cases)


def encode_batch(cases: Sequence[Case], arena: Arena, styles: Sequence[Style], seed: int) -> Batch:
    """Encode cases, case i in style i modulo the number of styles; `seed` is that of the noise."""
    numbers, fill = random.Random(seed), itertools.cycle(_AROUND)
    at = DIAG.size * len(cases)
    outs = [at]
    placed: list[Placed] = []
    encoded: list[bytes] = []
    for case, style in zip(cases, itertools.cycle(styles), strict=False):
        one = _encode(case, arena, style, at, numbers, fill, encoded)
        at += one.out_bytes
        outs.append(at)
        placed.append(one)
    slots = max([len(one.places) for one in placed], default=0)
    return Batch(tuple(cases), tuple(placed), tuple(outs), b"".join(encoded), slots)


def other_noise(batch: Batch, arena: Arena, styles: Sequence[Style], seed: int) -> Batch:
    """The batch that `encode_batch` makes with another seed."""
    numbers = random.Random(seed)
    encoded = bytearray(batch.encoded)
    at = 0
    for case, placed, style in zip(
        batch.cases, batch.placed, itertools.cycle(styles), strict=False
    ):
        passed, stack = _arguments(case, style, _addresses(placed.places, arena), numbers)
        encoded[at + PASSED_AT : at + PASSED_AT + _PASSED.size] = passed
        encoded[at + HEAD.size : at + HEAD.size + len(stack)] = stack
        at += _QUAD.unpack_from(encoded, at)[0]
    return dataclasses.replace(batch, encoded=bytes(encoded))


def _addresses(places: Sequence[int], arena: Arena) -> Address:
    """What the words of a case are, its objects being there."""

    def address(word: Word) -> int:
        if isinstance(word, Ref):
            if isinstance(word.object, str):
                return arena.symbols[word.object] + word.offset
            return (places[word.object] + word.offset) & _MASK
        return word & _MASK

    return address


def _arguments(
    case: Case, style: Style, address: Address, numbers: random.Random
) -> tuple[bytes, bytes]:
    """The registers that pass arguments and the words on the stack, noise in what passes none."""
    gprs = [address(word) for word in case.ints]
    _fill_unused(gprs, style.unused[:GPRS], 64, numbers)
    gprs += [_odd_noise(numbers) for _ in range(GPRS - len(gprs))]
    passed = _PASSED.pack(*gprs, _vectors(case.floats, style, numbers))
    if not case.stack:
        return passed, b""
    words = [address(word) for word in case.stack]
    _fill_unused(words, style.unused[GPRS + XMMS :], 64, numbers)
    return passed, b"".join(map(_QUAD.pack, words))


def _encode(
    case: Case, arena: Arena, style: Style, out_offset: int, numbers: random.Random,
    fill: Iterator[bytes], encoded: list[bytes],
) -> Placed:  # fmt: skip
    """Lay out one case and append its bytes: noise from `numbers`, what stands around objects from
    `fill`.

    Raises ValueError when it has more objects than slots."""
    if len(case.objects) > SLOTS:
        raise ValueError(f"a case of {len(case.objects)} objects does not fit {SLOTS} slots")
    offsets = [place(blob, style) for blob in case.objects]
    setup, places = _places(case.objects, offsets, arena, style)

    address = _addresses(places, arena)
    passed, stack = _arguments(case, style, address, numbers)
    parts = [stack, *(vector[16:] for vector in case.floats)]
    dumps: list[tuple[int | str, int, int]] = []
    for i, blob in enumerate(case.objects):
        if blob.times > 1:
            flags = _LONG | blob.times << _TIMES
            parts += WINDOW.pack(places[i], setup[i], len(blob.data), flags), blob.data
            continue
        before = min(MARGIN, offsets[i])
        body = _body(blob, before, offsets[i], next(fill), address)
        length = sum(map(len, body))
        parts.append(WINDOW.pack(places[i] - before, setup[i] - before, length, blob.written))
        parts += body
        parts.append(_PADDING[length % 8])
        if blob.written:
            dumps.append((i, -before, length))
    for page in case.far:
        at = (places[page.object] + page.offset) & _MASK & -PAGE
        parts += WINDOW.pack(at, at, PAGE, _DUMP | _FAR), _page(page)
        dumps.append((page.object, at - places[page.object], PAGE))
    data_at, data_bytes = arena.data
    if data_bytes:
        parts.append(WINDOW.pack(data_at, data_at, len(data_bytes), _DUMP))
        parts += _globals(case, arena, address), _PADDING[len(data_bytes) % 8]
        dumps.append(("", 0, len(data_bytes)))
    parts += [_answer(a, address, setup, arena) for a in case.answers]
    out = RESULT.size + sum([padded(n) for _, _, n in dumps]) + CALL_BYTES * style.calls
    head = HEAD.pack(
        HEAD.size + sum(map(len, parts)),
        out_offset,
        out,
        passed,
        case.mxcsr,
        style.skew,
        len(case.stack),
        len(case.objects) + len(case.far) + bool(data_bytes),
        len(case.answers),
        case.manner | case.key << 8,
        wide(case),
    )
    encoded.append(head)
    encoded += parts
    return Placed(places, setup, tuple(dumps), out)


def _places(
    objects: Sequence[Blob], offsets: Sequence[int], arena: Arena, style: Style
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Addresses of objects in the writable view, and those that the function sees."""
    slots = range(len(objects))
    setup = [
        arena.slot(slot, writable=True) + offset
        for slot, offset in zip(reversed(slots) if style.reverse else slots, offsets, strict=True)
    ]
    setup = [arena.long(i) if objects[i].times > 1 else at for i, at in enumerate(setup)]
    seen = [
        at if blob.written or blob.times > 1 else at + SLOTS * arena.stride
        for at, blob in zip(setup, objects, strict=True)
    ]
    return tuple(setup), tuple(seen)


def _body(
    blob: Blob, before: int, offset: int, noise: bytes, address: Address
) -> tuple[bytes, bytes, bytes, bytes, bytes]:
    """What stands before, in and behind an object, noise where nothing is known."""
    after = min(MARGIN, SLOT_BYTES - offset - len(blob.data))
    left, right = blob.before[-before:] if before else b"", blob.after[:after]
    data = with_pointers(blob, address)
    rest = noise[MARGIN + len(right) : MARGIN + after]
    return noise[: before - len(left)], left, data, right, rest


def _page(page: Far) -> bytes:
    return (page.pattern * (PAGE // len(page.pattern) + 1))[:PAGE]


def _vectors(floats: Sequence[bytes], style: Style, numbers: random.Random) -> bytes:
    """The lower halves of vector registers, noise in those that pass nothing."""
    masks = style.unused[GPRS : GPRS + XMMS]
    if any(masks):
        passed = [int.from_bytes(vector[:16], "little") for vector in floats]
        _fill_unused(passed, masks, 128, numbers)
        floats = [vector.to_bytes(16, "little") for vector in passed]
    rest = 16 * (XMMS - len(floats))
    noise = numbers.getrandbits(8 * rest).to_bytes(rest, "little")
    return b"".join([vector[:16] for vector in floats]) + noise


def wide(case: Case) -> int:
    """A bit for each vector register whose upper half the case gives too."""
    return sum(1 << i for i, vector in enumerate(case.floats) if len(vector) > 16)


def _fill_unused(
    words: list[int], masks: Sequence[int], bits: int, numbers: random.Random
) -> None:  # fmt: skip
    """Noise in the bits of arguments that no type defines."""
    for i, mask in enumerate(masks[: len(words)]):
        if mask:
            words[i] = (words[i] & ~mask) | (numbers.getrandbits(bits) & mask)


def _odd_noise(numbers: random.Random) -> int:
    """What nobody set may be anything: also zero, all ones, small (odd_noise of csrc/)."""
    word = numbers.getrandbits(64)
    kind = word >> 60
    if kind > 2:
        return word
    return (0, _MASK, word & 0xFF)[kind]


def with_pointers(blob: Blob, address: Address) -> bytes:
    """The object's bytes with its pointers written in; `address` maps a Ref to a number."""
    if not blob.pointers:
        return blob.data
    data = bytearray(blob.data)
    for at, ref in blob.pointers:
        _QUAD.pack_into(data, at, address(ref))
    return bytes(data)


def _globals(case: Case, arena: Arena, address: Address) -> bytes:
    base, initial = arena.data
    body = bytearray(initial)
    for name, content in case.globals.items():
        at = arena.symbols[name] - base
        body[at : at + len(content)] = content
    for name, offset, ref in case.global_pointers:
        _QUAD.pack_into(body, arena.symbols[name] - base + offset, address(ref))
    return bytes(body)


def _answer(answer: Answer, address: Address, setup: Sequence[int], arena: Arena) -> bytes:
    stores: list[bytes] = []
    for s in answer.stores:
        data = s.data
        if s.pointer is not None:
            data = _QUAD.pack(address(s.pointer))
        where = setup[s.where] if isinstance(s.where, int) else arena.symbols[s.where]
        stores.append(
            STORE.pack(where + s.offset, len(data)) + data.ljust(padded(len(data)), b"\0")
        )
    head = ANSWER.pack(
        address(answer.rax),
        answer.rdx & _MASK,
        *struct.unpack("<2Q", answer.xmm0),
        *struct.unpack("<2Q", answer.xmm1),
        0 if answer.returns else _NORETURN,
        len(stores),
    )
    return head + b"".join(stores)
