"""Variables that no pointer names: static ones whose address nothing in the unit takes.

gcc's optimiser relies on this, so rewrites may as well (design 5.6).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from superopt_cc.assembly.code import references
from superopt_cc.assembly.unit import Unit

# What stands behind a symbol where an instruction reads or writes it in memory.
_IN_MEMORY = re.compile(r"(?:[+-]\d+)*\((?:%\w+)?(?:, ?%\w+(?:, ?[1248])?)?\)")


def private(unit: Unit, names: Iterable[str]) -> frozenset[str]:
    """Those of the names that only direct accesses name."""
    local = {n for n in names if n in unit.symbols and unit.symbols[n].linkage == "local"}
    local -= unit.asm_names
    local -= {symbol.target for symbol in unit.symbols.values()}
    local -= {name for line in _data(unit) for name in references(line)}
    for function in unit.functions:
        if not local.isdisjoint(function.mentions):
            for statement in function.code.statements:
                local -= {n for n in local.intersection(references(statement))
                          if not _accesses(statement, n)}  # fmt: skip
    return frozenset(local)


def _data(unit: Unit) -> Iterator[str]:
    """Every line that may hold an address as data."""
    for symbol in unit.symbols.values():
        yield from symbol.lines
    for function in unit.functions:
        for table in function.code.tables:
            yield from table.lines


def _accesses(statement: str, name: str) -> bool:
    """Does the statement use the variable as memory only, wherever it names it?"""
    if statement.split(maxsplit=1)[0].startswith("lea"):
        return False
    for found in re.finditer(rf"(?<![\w.]){re.escape(name)}(?![\w.$])", statement):
        before = statement[: found.start()][-1:]
        if before not in ("\t", " ", ",", "*") or not _IN_MEMORY.match(statement, found.end()):
            return False
    return True
