"""What a target does on inputs that somebody else chose: results and memory afterwards."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from superopt_cc.cases import Case
from superopt_cc.verify.running.image import Image
from superopt_cc.verify.running.layout import RESULT, Style, encode_batch, padded
from superopt_cc.verify.running.runner import Masks, Mode, Run, Runner, Status

_RAX, _XMM0 = 2, 4
_TICKS, _LOOPS = 2, 3


@dataclasses.dataclass(frozen=True, slots=True)
class Observed:
    """One input's outcome.

    `returned` says whether the function came back at all.  `result` is what it left in %rax,
    `vector` in the lower half of %xmm0, of both only the bits that its type uses; `memory` are the
    bytes of every object, with `addresses` where the objects lay.
    """

    returned: bool
    result: int
    vector: int
    memory: tuple[bytes, ...]
    addresses: tuple[int, ...]


NEVER = Observed(False, 0, 0, (), ())


def observe(
    runner: Runner, image: Image, name: str, masks: Masks, cases: Sequence[Case], style: Style
) -> list[Observed]:
    """Run function `name` on `cases`, each object of which must be writable.

    What follows the third endless loop is not run.  Raises RunnerError as `Runner.run`.
    """
    mode = Mode(stop_loop=True, ticks=_TICKS, flags=False)
    done: list[Observed] = []
    for _ in range(_LOOPS):
        if len(done) == len(cases):
            break
        batch = encode_batch(cases[len(done) :], image.arena, (style,), 1)
        run = runner.run(batch, image.symbols[name], mode, masks)
        done += [_outcome(run, number) for number in range(run.done)]
        done += [NEVER] * (len(done) < len(cases))
    return done + [NEVER] * (len(cases) - len(done))


def _outcome(run: Run, number: int) -> Observed:
    if run.status(number) != Status.RETURNED:
        return NEVER
    raw, placed = run.result(number), run.batch.placed[number]
    words = RESULT.unpack_from(raw)
    memory: dict[int, bytes] = {}
    at = RESULT.size
    for which, first, length in placed.dumps:
        if isinstance(which, int):
            size = len(run.batch.cases[number].objects[which].data)
            memory[which] = raw[at - first : at - first + size]
        at += padded(length)
    objects = tuple(memory.get(i, b"") for i in range(len(placed.places)))
    return Observed(True, words[_RAX], words[_XMM0], objects, placed.places)
