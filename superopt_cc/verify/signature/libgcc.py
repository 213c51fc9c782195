"""Functions of the compiler's own library that gcc calls where the source calls nothing.

Debug information does not declare them, so their types stand here: division of 128 bits, and the
products and quotients of complex numbers where a NaN came out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from superopt_cc.verify.signature.ctype import Array, CType, Float, Form, Function, Int, TypeTable

_DIVISIONS = {"__divti3": True, "__modti3": True, "__udivti3": False, "__umodti3": False}
_COMPLEX = {"__mulsc3": 4, "__divsc3": 4, "__muldc3": 8, "__divdc3": 8}


def with_prototypes(
    types: TypeTable, callees: Mapping[str, int], called: Iterable[str | None]
) -> tuple[TypeTable, Mapping[str, int]]:
    """Types and callees, with those of this library's functions among the names `called` for which
    the unit has no type, or only gcc's own note that they are called."""
    table: list[CType] = list(types)
    found = dict(callees)
    for name in sorted({name for name in called if name is not None}):
        declared = table[found[name]] if name in found else None
        if isinstance(declared, Function) and declared.returns is not None:
            continue
        if name in _DIVISIONS:
            table.append(Int(16, signed=_DIVISIONS[name]))
            parameters = [len(table) - 1] * 2
        elif name in _COMPLEX:
            table.append(Float(_COMPLEX[name]))
            parameters = [len(table) - 1] * 4
            table.append(Array(parameters[0], 2, Form.COMPLEX))
        else:
            continue
        table.append(Function(len(table) - 1, tuple(parameters), variadic=False))
        found[name] = len(table) - 1
    return tuple(table), found
