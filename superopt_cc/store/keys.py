"""The store's key of one function: text plus facts, never the name (design 4.4).

Two functions share a key only if every rewrite that is right for one is right for the other, so
everything that verification looks at goes in.  Versions of the verifier do not: they belong to
the evidence, so that an upgrade re-verifies instead of forgetting.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence

from superopt_cc.types import to_json
from superopt_cc.verify.job import CallUse, Contract, Facts
from superopt_cc.verify.signature.ctype import (
    Array,
    Bool,
    CType,
    Enum,
    Float,
    Function,
    Int,
    Pointer,
    Struct,
    TypeTable,
    Unsupported,
)

_SCHEME = "superopt-cc key 1"


# Told in a form of their own, or (names, places in the source) no part of what a rewrite must do.
_TOLD_APART = frozenset(
    {
        "name",
        "types",
        "parameters",
        "returns",
        "globals",
        "callees",
        "calls",
        "local_calls",
        "source",
        "source_name",
        "line",
        "options",
        "frame",
    }
)


def function_key(
    closure: str,
    facts: Facts,
    options: Sequence[str],
    contract: Contract,
    rules: Sequence[str] = (),
) -> str:
    """64 hexadecimal digits that name what a rewrite must be right for.

    `closure` is the canonical text of the function with everything that it reaches
    (`assembly.closure_identity`: bytes, alignment, mutability and binding of objects, names of
    callees); `options` every option that may change code; `rules` what else the place in the
    unit demands (the clobber rule of design 5.4).
    """
    types = _Types(facts.types)
    others = {f.name for f in dataclasses.fields(Facts)} - _TOLD_APART
    value: dict[str, object] = {
        "closure": closure,
        "parameters": [types.number(p.type) for p in facts.parameters],
        "returns": types.number(facts.returns),
        "globals": [(n, types.number(t)) for n, t in sorted(facts.globals.items())],
        "callees": [(n, types.number(t)) for n, t in sorted(facts.callees.items())],
        "calls": [_call(call, facts.name) for call in facts.calls],
        "local calls": [_call(call, facts.name) for call in facts.local_calls],
        "frame": [(o.offset, types.number(o.type), o.align, o.fixed, o.sites) for o in facts.frame],
        "facts": {name: _plain(getattr(facts, name)) for name in sorted(others)},
        "options": list(options),
        "contract": to_json(contract),
        "rules": list(rules),
    }
    value["types"] = types.spelled()
    text = json.dumps([_SCHEME, value], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, frozenset) else to_json(value)


def _call(call: CallUse, own_name: str) -> object:
    """One call with the own name abstracted, as in the canonical text."""
    callee = "%self" if call.callee == own_name else call.callee
    return to_json(dataclasses.replace(call, callee=callee))


class _Types:
    """Numbers types in the order they are met, whatever their place in Facts' table.

    `spelled` describes each numbered type by structure, naming others by number, so that
    recursive and densely linked structures stay short.  Names of structures and members say
    nothing and are left out.
    """

    def __init__(self, table: TypeTable) -> None:
        self._table = table
        self._numbers: dict[int, int] = {}
        self._order: list[int] = []

    def number(self, index: int | None) -> int | None:
        if index is None:
            return None
        if index not in self._numbers:
            self._numbers[index] = len(self._order)
            self._order.append(index)
        return self._numbers[index]

    def spelled(self) -> list[list[object]]:
        """All numbered types, and those that they lead to."""
        found: list[list[object]] = []
        while len(found) < len(self._order):
            found.append(self._spell(self._table[self._order[len(found)]]))
        return found

    def _spell(self, kind: CType) -> list[object]:
        match kind:
            case Pointer():
                words = [w for w in ("const", "restrict", "volatile") if getattr(kind, w)]
                return ["pointer", kind.size, words, self.number(kind.to)]
            case Array(element, count, form, align):
                return [form, count, self.number(element), *([align] if align else [])]
            case Struct():
                fields = [[f.offset, f.bits, self.number(f.type)] for f in kind.fields]
                return ["union" if kind.union else "struct", kind.size, kind.align, fields]
            case Function():
                parameters = [self.number(p) for p in kind.parameters]
                flags = [kind.variadic, kind.prototyped]
                return ["function", self.number(kind.returns), parameters, flags]
            case Int() | Bool() | Enum() | Float() | Unsupported():
                return [type(kind).__name__, to_json(kind)]
