"""Do values that came from outside have the types that their dataclasses declare?"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from enum import Enum


def conforms(value: object, kind: object) -> bool:
    """Is `value` of a type as our frozen data declares it, all the way down?

    Numbers are finite; `Any` is refused, for nothing is known of it.
    """
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return isinstance(value, kind) and all(conforms(getattr(value, n), hints[n]) for n in hints)
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return any(conforms(value, part) for part in parts)
    if origin is tuple:
        return isinstance(value, tuple) and _row(value, parts)
    if origin is Mapping:
        return isinstance(value, dict) and all(
            conforms(k, parts[0]) and conforms(v, parts[1]) for k, v in value.items()
        )
    if kind is float:
        return type(value) in (int, float) and _is_finite(value)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return isinstance(value, kind)
    return kind in (str, int, bool, type(None)) and type(value) is kind


def _row(value: tuple[object, ...], parts: tuple[object, ...]) -> bool:
    if parts[1:] == (Ellipsis,):
        return all(conforms(one, parts[0]) for one in value)
    return len(value) == len(parts) and all(map(conforms, value, parts))


def _is_finite(value: object) -> bool:
    try:
        return isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:
        return False
