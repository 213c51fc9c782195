"""Rewrites between units: text that brings what it refers to along, and a check that it still
means the same (design 4.4).

A stored rewrite names a unit's own objects, but another unit with the same key may call them
otherwise, or call other objects by these names (`.LC3`, `table.0`).
"""

from __future__ import annotations

import dataclasses
import hashlib

from superopt_cc.assembly.canonical import pair_identity
from superopt_cc.assembly.code import references
from superopt_cc.assembly.fragment import Fragment, own_fragment
from superopt_cc.assembly.offered import parse_fragment
from superopt_cc.assembly.statements import symbols_in
from superopt_cc.assembly.unit import Symbol, Unit
from superopt_cc.errors import AssemblyError
from superopt_cc.propose.extract import standalone
from superopt_cc.types import Rewrite


def pack(unit: Unit, fragment: Fragment, rewrite: Rewrite) -> tuple[Rewrite, str]:
    """The rewrite as text for any unit, and the digest that says what it means."""
    parts = [standalone(fragment, unit)]
    packed = {fragment.name}
    todo = _names(fragment)
    while todo:
        name = todo.pop()
        symbol = unit.symbols.get(name)
        if name in packed or symbol is None or symbol.linkage != "local":
            continue
        packed.add(name)
        function = unit.resolve(name)
        if function is not None and function.name == name:
            own = own_fragment(function)
            parts.append(standalone(own, unit))
            todo += _names(own)
        elif symbol.kind in ("object", "label") and not symbol.tls:
            parts.append(_object_text(symbol))
            todo += [n for line in symbol.lines for n in references(line)]
            todo += [symbol.target] if symbol.target else []
    return dataclasses.replace(rewrite, text="".join(parts)), meaning(unit, fragment)


def unpack(unit: Unit, name: str, rewrite: Rewrite, packed_name: str, binding: str) -> Fragment:
    """A packed rewrite as a fragment of the unit's function `name`.

    Raises AssemblyError where it does not fit or would mean something else here.
    """
    fragment = parse_fragment(rewrite.text, packed_name, unit, name)
    if meaning(unit, fragment) != binding:
        raise AssemblyError(f"{name}: the stored rewrite refers to what is different here")
    return fragment


def meaning(unit: Unit, fragment: Fragment) -> str:
    """Digest of `pair_identity`."""
    text = pair_identity(unit, fragment)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _names(fragment: Fragment) -> list[str]:
    lines = [*fragment.body, *(line for c in fragment.constants for line in c.lines)]
    return [name for line in lines if not line.endswith(":") for name in symbols_in(line)]


def _object_text(symbol: Symbol) -> str:
    if symbol.target:
        return f"\t.set\t{symbol.name},{symbol.target}+{symbol.offset}\n"
    lines = [symbol.section.directive, f"\t.balign\t{symbol.align}"]
    if symbol.kind == "object":
        lines += [f"\t.type\t{symbol.name}, @object", f"\t.size\t{symbol.name}, {symbol.size}"]
    return "\n".join([*lines, f"{symbol.name}:", *symbol.lines]) + "\n"
