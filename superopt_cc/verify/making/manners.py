"""How callees of a case choose their answers: by turns, or as functions of what they are passed.

Code that sorts or searches by a comparison function ends only if equal questions have equal
answers (design 5.6).
"""

from __future__ import annotations

import dataclasses

from superopt_cc.cases import Case, Manner
from superopt_cc.verify.making.shape import Shape, Wish
from superopt_cc.verify.making.values import Numbers

_BY_TURNS, _BY_ORDER, _IN_PLACE = 0.55, 0.8, 0.85
_KEYS = (1, 1, 4, 8)


def with_manner(case: Case, shape: Shape, wish: Wish, numbers: Numbers) -> Case:
    """The case with a manner of answering; callees that compare mostly change nothing.

    What callers typically pass is timed, too, where answers come by turns.
    """
    if not case.answers or wish.typical:
        return case
    chance = numbers.random()
    if chance < _BY_TURNS:
        return case
    key = numbers.choice(_KEYS)
    if chance > _BY_ORDER or not shape.orders:
        return dataclasses.replace(case, manner=Manner.ARGUMENTS, key=key)
    answers = case.answers
    if numbers.random() < _IN_PLACE:
        answers = tuple(dataclasses.replace(a, stores=(), returns=True) for a in answers)
    return dataclasses.replace(case, manner=Manner.ORDER, key=key, answers=answers)
