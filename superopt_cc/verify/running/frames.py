"""Objects in the frame of gcc's code that callees get pointers to (design 5.5).

The runner knows where gcc's code keeps them and which calls lie in the scope of each.  Two runs of
gcc's code in which everything that nobody set has opposite bits show what each call gets to see:
bits that differ are indeterminate, all others a rewrite must show its callees too, wherever its own
frame has the object.  What such a run reports has the form in which the runner takes it for all
further runs of the same inputs, with a mask in place of contents: no result goes back to it.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from superopt_cc.assembly.decode import Instruction
from superopt_cc.assembly.statements import split_statement
from superopt_cc.assembly.unit import Function
from superopt_cc.cases import Answer, Case
from superopt_cc.verify.job import FrameObject
from superopt_cc.verify.signature import pointers
from superopt_cc.verify.signature.ctype import TypeTable, size_of

_OBJECT = struct.Struct("<q2Q")
_SITE = struct.Struct("<2Q")
# An address that no program has stands for byte 0 of an object (FRAME_TAG of csrc/runner.h).
_TAG = 0xF8A3 << 48
_HEAD, _VIEW = 2, 5
_PLACE, _BYTES = 1, 4
_SHOWN, _UNKNOWN, _END, _KEPT, _BACK = 6, 7, 8, 9, 10
_MOST_SITES = 1024
_MOST_CALLS = 256  # of one input that is timed

Words = npt.NDArray[np.uint64]


@dataclasses.dataclass(frozen=True, slots=True)
class Frames:
    """`objects` are (bytes from the end of the frame, size, alignment), `sites` (bytes from the
    function's start to where a call returns, bits of the objects in whose scope it lies)."""

    objects: tuple[tuple[int, int, int], ...]
    names: tuple[str, ...]
    sites: tuple[tuple[int, int], ...]

    def name(self, address: int) -> str:
        """What a recorded argument that stands for an object's address points to; "" for others."""
        number, offset = address >> 32 & 0xFFFF, address & 0xFFFFFFFF
        if address >> 48 != _TAG >> 48:
            return ""
        known = number < len(self.objects) and offset <= self.objects[number][1]
        if not known:
            return "another place in its frame"
        return f"&{self.names[number]}" + (f"+{offset}" if offset else "")

    def packed(self, entry: int) -> bytes:
        """As the runner takes them; `entry` is the function's address."""
        sites = (_SITE.pack(entry + back, objects) for back, objects in self.sites)
        return b"".join([*(_OBJECT.pack(*each) for each in self.objects), *sites])


NO_FRAMES = Frames((), (), ())


def frames_of(
    found: Sequence[FrameObject], types: TypeTable, function: Function, body: Sequence[Instruction]
) -> Frames:
    """The frame of a function whose instructions are `body`; of what it jumps to without a return
    nothing in its frame is known."""
    text = [s for s in function.code.statements if not s.endswith(":") and not s.startswith("\t.")]
    ways = enumerate(sorted(pointers.sites(function.code)))
    numbers = [number for number, at in ways if split_statement(text[at].strip())[0][:4] == "call"]
    backs = [i.end - body[0].address for i in body if i.name == "call"]
    if len(backs) != len(numbers) or len(backs) > _MOST_SITES:
        return NO_FRAMES
    scopes = (sum(1 << i for i, o in enumerate(found) if n in o.sites) for n in numbers)
    objects = tuple((o.offset, size_of(types, o.type), o.align) for o in found)
    names = tuple(o.name for o in found)
    return Frames(objects, names, tuple(zip(backs, scopes, strict=True)))


def symbol(number: int) -> str:
    """The name of a frame's object in the stores of an answer."""
    return f"superopt.frame.{number}"


def addresses(frames: Frames) -> Mapping[str, int]:
    """What stands for the addresses of the objects."""
    return {symbol(i): _TAG | i << 32 for i in range(len(frames.objects))}


def each_input(views: Words) -> Iterator[list[list[int]]]:
    """What the runner reported, input by input: call, place, object, offset, bytes of each view."""
    at = 0
    while at < len(views):
        size, count = int(views[at]), int(views[at + 1])
        head = at + _HEAD
        yield views[head : head + _VIEW * count].reshape(-1, _VIEW).tolist()
        at += size


def resolved(case: Case, views: Sequence[Sequence[int]], names: Collection[str]) -> Case | None:
    """The case with an answer for every call of gcc's code that sees objects of its frame: where
    it is given them, and only those changes that it makes of them.  None where gcc's code passes
    something else.  `names` are those of all objects."""
    if any(view[_PLACE] in (_UNKNOWN, _END) for view in views):
        return None
    # What tells of an answer comes with the number of the call after it.
    calls = 1 + max((view[0] - (view[_PLACE] > _SHOWN) for view in views), default=-1)
    if not case.answers or calls > _MOST_CALLS:
        return None if calls else case
    given: list[list[tuple[int, str, int]]] = [[] for _ in range(calls)]
    hidden = [set(names) for _ in range(calls)]
    back: set[int] = set()
    for call, place, number, offset, _ in views:
        if place < _SHOWN:
            given[call].append((place, symbol(number), offset))
        elif place == _SHOWN:
            hidden[call].discard(symbol(number))
        elif place == _KEPT:
            hidden[call - 1].add(symbol(number))
        else:
            back.add(call - 1)
    answers = []
    for n in range(calls):
        own = _without(case.answers[min(n, len(case.answers) - 1)], hidden[n])
        answers.append(dataclasses.replace(own, given=tuple(given[n]), back=n in back))
    left = case.answers[calls:] or case.answers[-1:]
    answers += [_without(answer, names) for answer in left]
    return dataclasses.replace(case, answers=tuple(answers))


def _without(answer: Answer, hidden: Collection[str]) -> Answer:
    """The answer without changes of some objects."""
    stores = tuple(store for store in answer.stores if store.where not in hidden)
    return dataclasses.replace(answer, stores=stores)


def merged(one: Words, other: Words, count: int) -> Words:
    """The views of `count` inputs, out of what two runs of gcc's code reported."""
    found: list[Words] = []
    at = there = 0
    while len(found) < count and at < len(one) and there < len(other):
        size, others = int(one[at]), int(other[there])
        if not size or not others:
            break  # no room was left for it
        found.append(_masked(one[at : at + size], other[there : there + others]))
        at, there = at + size, there + others
    return np.concatenate(found) if found else np.zeros(0, dtype=np.uint64)


def _masked(one: Words, other: Words) -> Words:
    """Masks instead of contents, up to where one of the runs was ended."""
    ours, theirs = (w[_HEAD : _HEAD + _VIEW * int(w[1])].reshape(-1, _VIEW) for w in (one, other))
    first = _HEAD + ours.size, _HEAD + theirs.size
    if np.array_equal(ours, theirs) and len(one) == len(other):
        return np.concatenate((one[: first[0]], ~(one[first[0] :] ^ other[first[1] :])))
    short = min(len(ours), len(theirs))
    unlike = np.flatnonzero((ours[:short] != theirs[:short]).any(axis=1))
    same = int(unlike[0]) if len(unlike) else short
    ends = [v[same] for v in (ours, theirs) if same < len(v) and v[same, _PLACE] == _END]
    if not ends:  # they went apart: nothing is known
        return np.array([_HEAD + _VIEW, 1, 0, _UNKNOWN, 0, 0, 0], dtype=np.uint64)
    shown = ours[:same][ours[:same, _PLACE] == _SHOWN]
    words = int(((shown[:, _BYTES] + np.uint64(7)) // np.uint64(8)).sum())
    masks = ~(one[first[0] : first[0] + words] ^ other[first[1] : first[1] + words])
    rows = np.concatenate((ours[:same].reshape(-1), ends[0]))
    head = np.array([_HEAD + len(rows) + words, same + 1], dtype=np.uint64)
    return np.concatenate((head, rows, masks))
