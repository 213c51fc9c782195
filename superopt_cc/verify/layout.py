"""Where the objects of a case lie, and the bytes that the native runner is sent.

Objects go into slots of the runner's arena, each slot between inaccessible pages: flush against
the end or the start of its slot (design 5.6).  The structs are those of csrc/runner.h.
"""

from __future__ import annotations

import dataclasses
import random
import struct
from collections.abc import Callable, Mapping, Sequence

from superopt_cc.cases import Answer, Blob, Case, Ref, Word

SLOTS = 32
SLOT_BYTES = 1 << 19
SLOT_GUARD = 1 << 24
SLOT_STRIDE = SLOT_GUARD * 2 + SLOT_BYTES
PAGE = 4096
MARGIN = 64
RESULT = struct.Struct("<12Q")
DIAG = struct.Struct("<6Q")
CALL_BYTES = 18 * 8
_HEAD = struct.Struct("<9Q16Q6Q")
_WINDOW = struct.Struct("<4Q")
_ANSWER = struct.Struct("<8Q")
_STORE = struct.Struct("<2Q")
_QUAD = struct.Struct("<Q")
_DUMP = 1
_NORETURN = 1
_MASK = (1 << 64) - 1

Address = Callable[[Word], int]


@dataclasses.dataclass(frozen=True, slots=True)
class Arena:
    """Addresses of the runner's arena and of the image's writable data.

    `data` is (address, bytes) of the image's writable section, `symbols` addresses of its
    symbols.  The read-only view of slot s is slot s + SLOTS.
    """

    base: int
    data: tuple[int, bytes]
    symbols: Mapping[str, int]

    def slot(self, number: int, *, writable: bool) -> int:
        """Address of the first byte of a slot, in one of its two views."""
        index = number if writable else number + SLOTS
        return self.base + index * SLOT_STRIDE + SLOT_GUARD


@dataclasses.dataclass(frozen=True, slots=True)
class Style:
    """How to lay out: flush at the slots' end or start, slots in which order, which noise.

    `odd` moves objects away from the start so that none is better aligned than its type
    guarantees.  `room` bytes are left free before each object, for probing.  `unused` gives,
    per integer argument, the mask of bits that the type does not define: noise fills them.
    """

    at_end: bool = True
    odd: bool = False
    reverse: bool = False
    unused: tuple[int, ...] = ()
    room: int = 0
    skew: int = 0
    calls: int = 16


@dataclasses.dataclass(frozen=True, slots=True)
class Placed:
    """One encoded case.

    `places` are the objects' addresses as the function sees them, `setup` the writable view's.
    `dumps` lists (object number or "" for the image's data, first byte, length) in the order of
    the result's window bytes.
    """

    encoded: bytes
    places: tuple[int, ...]
    setup: tuple[int, ...]
    dumps: tuple[tuple[int | str, int, int], ...]
    out_bytes: int


def padded(count: int) -> int:
    """`count` rounded up to a multiple of eight."""
    return (count + 7) & ~7


def place(blob: Blob, slot: int, style: Style) -> int:
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
    diagnoses lies before the first.
    """

    cases: tuple[Case, ...]
    placed: tuple[Placed, ...]
    outs: tuple[int, ...]
    encoded: bytes


def encode_batch(cases: Sequence[Case], arena: Arena, styles: Sequence[Style], seed: int) -> Batch:
    """Encode cases, case i in style i modulo the number of styles; `seed` is that of the noise."""
    numbers, fill = random.Random(seed), random.Random(1)
    at = DIAG.size * len(cases)
    outs = [at]
    placed: list[Placed] = []
    for i, case in enumerate(cases):
        one = encode(case, arena, styles[i % len(styles)], at, numbers, fill)
        at += one.out_bytes
        outs.append(at)
        placed.append(one)
    return Batch(tuple(cases), tuple(placed), tuple(outs), b"".join(p.encoded for p in placed))


def encode(
    case: Case,
    arena: Arena,
    style: Style,
    out_offset: int,
    numbers: random.Random,
    fill: random.Random,
) -> Placed:
    """Lay out one case: noise from `numbers`, the bytes around objects from `fill`.

    Raises ValueError when it has more objects than slots."""
    if len(case.objects) > SLOTS:
        raise ValueError(f"a case of {len(case.objects)} objects does not fit {SLOTS} slots")
    order = range(len(case.objects))
    slots = [len(case.objects) - 1 - i if style.reverse else i for i in order]
    offsets = [place(blob, slots[i], style) for i, blob in enumerate(case.objects)]
    places = tuple(
        arena.slot(slots[i], writable=blob.written) + offsets[i]
        for i, blob in enumerate(case.objects)
    )
    setup = tuple(arena.slot(slots[i], writable=True) + offsets[i] for i in order)

    def address(word: Word) -> int:
        if isinstance(word, Ref):
            if isinstance(word.object, str):
                return arena.symbols[word.object] + word.offset
            return (places[word.object] + word.offset) & _MASK
        return word & _MASK

    windows: list[bytes] = []
    dumps: list[tuple[int | str, int, int]] = []
    for i, blob in enumerate(case.objects):
        data = with_pointers(blob, address)
        before = min(MARGIN, offsets[i])
        after = min(MARGIN, SLOT_BYTES - offsets[i] - len(data))
        noise = fill.randbytes(before + after)
        body = _within(noise[:before], blob.before[-before:] if before else b"", True) + data
        body += _within(noise[before:], blob.after[:after], False)
        windows.append(
            _WINDOW.pack(places[i] - before, setup[i] - before, len(body), int(blob.written))
        )
        windows.append(body.ljust(padded(len(body)), b"\0"))
        if blob.written:
            dumps.append((i, -before, len(body)))
    data_at, data_bytes = arena.data
    if data_bytes:
        body = _globals(case, arena, address)
        windows.append(_WINDOW.pack(data_at, data_at, len(body), _DUMP))
        windows.append(body.ljust(padded(len(body)), b"\0"))
        dumps.append(("", 0, len(body)))
    answers = [_answer(a, address, setup, arena) for a in case.answers]
    gprs = [address(word) for word in case.ints]
    for i, mask in enumerate(style.unused):
        gprs[i] = (gprs[i] & ~mask & _MASK) | (numbers.getrandbits(64) & mask)
    gprs += [_odd_noise(numbers) for _ in range(6 - len(gprs))]
    vectors = b"".join(case.floats) + numbers.randbytes(16 * (8 - len(case.floats)))
    stack = b"".join(_QUAD.pack(address(word)) for word in case.stack)
    out = RESULT.size + sum(padded(n) for _, _, n in dumps) + CALL_BYTES * style.calls
    tail = stack + b"".join(windows) + b"".join(answers)
    head = _HEAD.pack(
        _HEAD.size + len(tail),
        out_offset,
        out,
        *gprs,
        *struct.unpack("<16Q", vectors),
        case.mxcsr,
        style.skew,
        len(case.stack),
        len(windows) // 2,
        len(case.answers),
        case.manner | case.key << 8,
    )
    return Placed(head + tail, places, setup, tuple(dumps), out)


def _odd_noise(numbers: random.Random) -> int:
    """What nobody set may be anything: also zero, all ones, small (odd_noise of csrc/)."""
    word = numbers.getrandbits(64)
    kind = word >> 60
    if kind > 2:
        return word
    return (0, _MASK, word & 0xFF)[kind]


def _within(noise: bytes, known: bytes, at_end: bool) -> bytes:
    """Noise with the known bytes at the side of the object."""
    rest = len(noise) - len(known)
    return noise[:rest] + known if at_end else known + noise[len(known) :]


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
            _STORE.pack(where + s.offset, len(data)) + data.ljust(padded(len(data)), b"\0")
        )
    head = _ANSWER.pack(
        address(answer.rax),
        answer.rdx & _MASK,
        *struct.unpack("<2Q", answer.xmm0),
        *struct.unpack("<2Q", answer.xmm1),
        0 if answer.returns else _NORETURN,
        len(stores),
    )
    return head + b"".join(stores)
