"""Candidates for the numbers of an entry: a polynomial, a modulus, a character.

What an entry may say of a number: a literal; `constants`, those of the target's instructions and
tables; or a term of results on short data, as `f(80)^f(00)`: the elements in hexadecimal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

_CALL = re.compile(r"f\(([0-9a-f]*)\)")
_TERM = re.compile(r"(-?)f\(([0-9a-f]*)\)(?:([-^+])f\(([0-9a-f]*)\))?")
_MASK = (1 << 64) - 1


def needed(given: Sequence[str]) -> set[bytes]:
    """The short data that the terms among `given` ask about."""
    return {bytes.fromhex(text) for each in given for text in _CALL.findall(each)}


def candidates(
    given: Sequence[str], constants: Sequence[int], results: Mapping[bytes, int | None]
) -> tuple[int, ...]:
    """Every candidate once, in the order given."""
    return tuple(dict.fromkeys(_all(given, constants, results)))


def _all(
    given: Sequence[str], constants: Sequence[int], results: Mapping[bytes, int | None]
) -> Iterator[int]:
    for text in given:
        term = _TERM.fullmatch(text)
        if text == "constants":
            yield from constants
        elif term is None:
            yield int(text, 0) & _MASK
        else:
            minus, first, sign, second = term.groups()
            value = results.get(bytes.fromhex(first))
            other = results.get(bytes.fromhex(second)) if sign else 0
            if value is None or other is None:
                continue
            done = value ^ other if sign == "^" else value - other if sign == "-" else value + other
            yield (-done if minus else done) & _MASK
