"""Inputs whose objects were too small for where an index points, made larger."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from superopt_cc.cases import Case
from superopt_cc.verify.making.shape import MAX_OBJECT
from superopt_cc.verify.running.probe import Probed, Wild

# Of one round so many are tried again, of so many bytes in all.
_MOST, _BYTES = 12, 1 << 20


def too_small(probes: Sequence[Probed | Wild]) -> list[int]:
    """The positions of those that larger objects may help."""
    found: list[int] = []
    room = _BYTES
    for i, probe in enumerate(probes):
        if isinstance(probe, Wild) and 0 < probe.needs <= min(MAX_OBJECT, room):
            found.append(i)
            room -= probe.needs
            if len(found) == _MOST:
                break
    return found


def grown(case: Case, needs: int) -> Case:
    """The case with all objects that hold no pointers at least `needs` bytes long: their contents
    come again and again."""
    return dataclasses.replace(
        case,
        objects=tuple(
            dataclasses.replace(o, data=(o.data * (needs // len(o.data) + 1))[:needs])
            if o.data and not o.pointers and len(o.data) < needs
            else o
            for o in case.objects
        ),
    )
