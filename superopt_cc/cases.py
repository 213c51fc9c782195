"""One concrete input of a function: register arguments, memory, and how the world answers calls.

`verify` makes cases, runs target and rewrite on them and stores counterexamples as JSON;
`cost` times over them.  A case names memory by object number, never by address, so that every
run can lay it out afresh.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Iterator, Mapping
from typing import Any


@dataclasses.dataclass(frozen=True, slots=True)
class Ref:
    """A pointer to byte `offset` (may be one past the end) of object number or symbol `object`."""

    object: int | str
    offset: int


Word = int | Ref


@dataclasses.dataclass(frozen=True, slots=True)
class Blob:
    """One memory object.

    `data` are its initial bytes, `align` its guaranteed alignment in bytes (a power of two),
    `written` whether the target writes any byte of it on this case, `pointers` the 8-byte slots
    that hold pointers: (byte offset, where to).  `before` and `after` stand around them where the
    layout leaves room: the rest of what the bytes were cut from, outside of the object proper.
    One that is only read may be `times` as long: the same whole pages again and again.
    """

    data: bytes
    align: int = 1
    written: bool = True
    pointers: tuple[tuple[int, Ref], ...] = ()
    before: bytes = b""
    after: bytes = b""
    times: int = 1


@dataclasses.dataclass(frozen=True, slots=True)
class Far:
    """What object number `object` has in the page of its byte `offset`, far outside of its blob:
    `pattern` again and again."""

    object: int
    offset: int
    pattern: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class Store:
    """Bytes that a stub writes during a call: into object number or global symbol `where`."""

    where: int | str
    offset: int
    data: bytes
    pointer: Ref | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What one call out does: return registers, memory changes, or never returning.

    In cases to be timed, `given` are the pointers into its caller's frame that it is passed:
    (argument, name of the object, byte offset).  `stores` reach these objects by name from then on.
    `back`: it returns its first argument.
    """

    rax: Word = 0
    rdx: int = 0
    xmm0: bytes = bytes(16)
    xmm1: bytes = bytes(16)
    stores: tuple[Store, ...] = ()
    returns: bool = True
    given: tuple[tuple[int, str, int], ...] = ()
    back: bool = False


class Manner(enum.IntEnum):
    """How callees choose among a case's answers: by the number of the call; by who is called with
    what; or by the number, save that comparison functions compare (csrc/runner.h)."""

    TURN = 0
    ARGUMENTS = 1
    ORDER = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Case:
    """One input.

    `ints` fill rdi, rsi, rdx, rcx, r8, r9 in order; `floats` (16 bytes each, or 32)
    fill xmm0..7 or ymm0..7; `stack` the 8-byte stack argument words.  `globals` sets initial
    bytes of writable symbols (missing ones keep the image's own), `global_pointers` pointers in
    them: (symbol, byte offset, where to).  `answers` are used for calls out by call index, the last
    one repeated, or in another `manner`: callees see `key` bytes of what an argument points to.
    `mxcsr` is the control word at entry.  `size` is the stratum measure: the
    largest number of bytes that the target touches in one object.  `strange`: there are NaNs in
    it that the processor does not make itself, and the target computes with floats.  `far` are
    further pages of objects too long to be held.
    """

    ints: tuple[Word, ...] = ()
    floats: tuple[bytes, ...] = ()
    stack: tuple[Word, ...] = ()
    objects: tuple[Blob, ...] = ()
    globals: Mapping[str, bytes] = dataclasses.field(default_factory=dict)
    global_pointers: tuple[tuple[str, int, Ref], ...] = ()
    answers: tuple[Answer, ...] = ()
    mxcsr: int = 0x1F80
    size: int = 0
    manner: Manner = Manner.TURN
    key: int = 0
    strange: bool = False
    far: tuple[Far, ...] = ()


def weight(case: Case) -> int:
    """Bytes in its objects and in what callees write."""
    stores = (store for answer in case.answers for store in answer.stores)
    return sum(len(blob.data) for blob in case.objects) + sum(len(s.data) for s in stores)


def parts(cases: Iterable[Case], most: int = 8 << 20) -> Iterator[list[Case]]:
    """The cases in lists that weigh at most about `most` bytes together."""
    part: list[Case] = []
    room = most
    for case in cases:
        size = weight(case)
        if part and size > room:
            yield part
            part, room = [], most
        part.append(case)
        room -= size
    if part:
        yield part


def _word_json(word: Word) -> Any:
    return {"object": word.object, "offset": word.offset} if isinstance(word, Ref) else word


def _ref(value: Any) -> Ref:
    where = value["object"]
    return Ref(where if isinstance(where, str) else int(where), int(value["offset"]))


def _word(value: Any) -> Word:
    return _ref(value) if isinstance(value, dict) else int(value)


def case_to_json(case: Case) -> dict[str, Any]:
    """Encode a case for a counterexample file; bytes become hexadecimal."""
    return {
        "ints": [_word_json(w) for w in case.ints],
        "floats": [f.hex() for f in case.floats],
        "stack": [_word_json(w) for w in case.stack],
        "objects": [
            {
                "data": o.data.hex(),
                "align": o.align,
                "written": o.written,
                "pointers": [[at, _word_json(ref)] for at, ref in o.pointers],
                "before": o.before.hex(),
                "after": o.after.hex(),
                "times": o.times,
            }
            for o in case.objects
        ],
        "globals": {name: data.hex() for name, data in case.globals.items()},
        "global_pointers": [[n, at, _word_json(ref)] for n, at, ref in case.global_pointers],
        "answers": [
            {
                "rax": _word_json(a.rax),
                "rdx": a.rdx,
                "xmm0": a.xmm0.hex(),
                "xmm1": a.xmm1.hex(),
                "returns": a.returns,
                "given": [list(each) for each in a.given],
                "back": a.back,
                "stores": [
                    {
                        "where": s.where,
                        "offset": s.offset,
                        "data": s.data.hex(),
                        "pointer": _word_json(s.pointer) if s.pointer else None,
                    }
                    for s in a.stores
                ],
            }
            for a in case.answers
        ],
        "mxcsr": case.mxcsr,
        "size": case.size,
        "manner": int(case.manner),
        "key": case.key,
        "strange": case.strange,
        "far": [[page.object, page.offset, page.pattern.hex()] for page in case.far],
    }


def case_from_json(value: Mapping[str, Any]) -> Case:
    """Decode `case_to_json`.  Raises KeyError, TypeError or ValueError on anything else."""
    return Case(
        ints=tuple(_word(w) for w in value["ints"]),
        floats=tuple(bytes.fromhex(f) for f in value["floats"]),
        stack=tuple(_word(w) for w in value["stack"]),
        objects=tuple(
            Blob(
                bytes.fromhex(o["data"]),
                int(o["align"]),
                bool(o["written"]),
                tuple((int(at), _ref(to)) for at, to in o["pointers"]),
                bytes.fromhex(o["before"]),
                bytes.fromhex(o["after"]),
                int(o.get("times", 1)),
            )
            for o in value["objects"]
        ),
        globals={str(k): bytes.fromhex(v) for k, v in value["globals"].items()},
        global_pointers=tuple(
            (str(n), int(at), _ref(ref)) for n, at, ref in value["global_pointers"]
        ),
        answers=tuple(
            Answer(
                _word(a["rax"]),
                int(a["rdx"]),
                bytes.fromhex(a["xmm0"]),
                bytes.fromhex(a["xmm1"]),
                tuple(
                    Store(
                        s["where"],
                        int(s["offset"]),
                        bytes.fromhex(s["data"]),
                        _ref(s["pointer"]) if s["pointer"] else None,
                    )
                    for s in a["stores"]
                ),
                bool(a["returns"]),
                tuple((int(n), str(where), int(at)) for n, where, at in a["given"]),
                bool(a["back"]),
            )
            for a in value["answers"]
        ),
        mxcsr=int(value["mxcsr"]),
        size=int(value["size"]),
        manner=Manner(value["manner"]),
        key=int(value["key"]),
        strange=bool(value["strange"]),
        far=tuple(Far(int(o), int(at), bytes.fromhex(p)) for o, at, p in value.get("far", ())),
    )
