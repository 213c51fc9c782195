"""Calls through pointers: where gcc's code makes them, and what stands for the functions called.

A pointer to a function is the address of one of a few stubs of its type, so that calling the wrong
one shows (design 5.6).  What counts of the registers at a call is what gcc's RTL says of it.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence, Set

from superopt_cc.assembly.closure import STUB
from superopt_cc.assembly.code import Code, branch_of, is_dispatch, labels_of, references
from superopt_cc.assembly.statements import split_statement
from superopt_cc.errors import Ineligible
from superopt_cc.verify.job import CallUse, Facts
from superopt_cc.verify.signature.abi import assign
from superopt_cc.verify.signature.ctype import (
    Array,
    Float,
    Function,
    Int,
    Pointer,
    Struct,
    TypeTable,
    size_of,
)

Registers = tuple[tuple[str, int], ...]

POINTER = "superopt.pointer."
# So many stubs of each type; fewer where types are many.
_EACH, _FEW, _MANY_TYPES = 3, 2, 8


@dataclasses.dataclass(frozen=True, slots=True)
class PointerStub:
    """One function that pointers of some types may point to.

    `registers` are those that calls of it use (None: nothing here calls it), `type` is the index
    of its Function type (None: it stands for types that nothing here calls).
    """

    symbol: str
    registers: Registers | None
    type: int | None


def sites(code: Code) -> Mapping[int, str | None]:
    """The calls and the jumps out of a function, in order of its text: the number of the
    instruction, and the name that it goes to (None: a pointer)."""
    own = frozenset(labels_of(code.statements, code.tables))
    tables = frozenset(
        t.name for t in code.tables if any(own & set(references(line)) for line in t.lines)
    )
    found: dict[int, str | None] = {}
    number = 0
    for i, statement in enumerate(code.statements):
        branch = branch_of(statement)
        if branch is not None and branch.name not in own:
            found[number] = branch.name
        elif branch is None and _goes_to_pointer(code.statements, i, tables):
            found[number] = None
        number += not statement.endswith(":") and not statement.startswith("\t.")
    return found


def _goes_to_pointer(body: Sequence[str], i: int, tables: frozenset[str]) -> bool:
    mnemonic, rest = split_statement(body[i].strip())
    word = mnemonic.rsplit(" ", 1)[-1]
    if not rest.startswith("*") or word not in ("call", "callq", "jmp", "jmpq"):
        return False
    return word.startswith("call") or not is_dispatch(body, i, tables)


def check_sites(name: str, code: Code, uses: Sequence[CallUse]) -> None:
    """See in gcc's own list of calls that every indirect jump is understood.

    Raises Ineligible("indirect-jump") where the text of function `name` and the list disagree.
    """
    found = tuple(sites(code).values())
    if None not in found and all(use.callee is not None for use in uses):
        return
    same = len(found) == len(uses) and all(
        site == use.callee or (site is None and use.callee is not None)
        for site, use in zip(found, uses, strict=True)
    )
    if not same:
        raise Ineligible("indirect-jump", f"{name}: its text and gcc's list of calls disagree")


def calls_pointers(facts: Facts) -> bool:
    """Does the function, or one of the unit that it reaches, call through a pointer?"""
    return any(use.callee is None for use in (*facts.calls, *facts.local_calls))


def shapes(facts: Facts) -> tuple[Registers, ...]:
    """The different sets of registers that calls through pointers use.

    Raises Ineligible for calls that no stub can record.
    """
    uses = [use for use in (*facts.calls, *facts.local_calls) if use.callee is None]
    if any(use.stack_words for use in uses):
        raise Ineligible("call-arguments", "a call through a pointer passes arguments on the stack")
    if any(use.noreturn for use in uses):
        raise Ineligible("indirect-call", "a pointer to a function that never returns")
    return tuple(dict.fromkeys(tuple(sorted(use.registers)) for use in uses))


def stubs(facts: Facts) -> tuple[PointerStub, ...]:
    """Stubs for every type of function that a pointer reached may point to; none where nothing is
    called through pointers.  Raises Ineligible as `shapes` does."""
    known = shapes(facts)
    if not known:
        return ()
    groups: dict[tuple[Registers, Function], int] = {}
    for index in function_types(facts):
        registers = registers_of(facts.types, index, known)
        kind = facts.types[index]
        if registers is not None and isinstance(kind, Function):
            groups.setdefault((registers, kind), index)
    each = _EACH if len(groups) <= _MANY_TYPES else _FEW
    made = [
        PointerStub(f"{POINTER}{number}.{i}", registers, index)
        for number, ((registers, _), index) in enumerate(groups.items())
        for i in range(each)
    ]
    # The only way in which anything is called counts for pointers that were cast, too.
    other = known[0] if len(known) == 1 else None
    return (*made, *(PointerStub(f"{POINTER}other.{i}", other, None) for i in range(_FEW)))


def pointed(facts: Facts, symbols: Set[str]) -> Mapping[int, tuple[str, ...]]:
    """Index of every function type that is reached -> which of the symbols, those of stubs and of
    functions whose address is taken, its pointers point to."""
    types = facts.types
    of = {stub.symbol: stub.type for stub in stubs(facts)}
    others = sorted(symbols - of.keys())
    of |= {symbol: facts.callees.get(symbol.removeprefix(STUB)) for symbol in others}
    found: dict[int, tuple[str, ...]] = {}
    for index in function_types(facts):
        alike = [s for s, kind in of.items() if kind is not None and types[kind] == types[index]]
        found[index] = tuple(alike or (s for s, kind in of.items() if kind is None))
    return found


def called_types(facts: Facts) -> tuple[Function, ...]:
    """The types of the functions that may be called through pointers."""
    indices = {stub.type for stub in stubs(facts) if stub.type is not None}
    kinds = (facts.types[index] for index in sorted(indices))
    return tuple(kind for kind in kinds if isinstance(kind, Function))


def function_types(facts: Facts) -> tuple[int, ...]:
    """Indices of the types of functions to which a pointer may point that the function reaches."""
    types = facts.types
    roots = [p.type for p in facts.parameters] + list(facts.globals.values())
    kinds = (types[index] for index in facts.callees.values())
    roots += [k.returns for k in kinds if isinstance(k, Function) and k.returns is not None]
    found: dict[int, None] = {}
    seen: set[int] = set()
    while roots:
        index = roots.pop()
        if index in seen:
            continue
        seen.add(index)
        if isinstance(types[index], Function):
            found[index] = None
        roots += _inside(types, index)
    return tuple(sorted(found))


def _inside(types: TypeTable, index: int) -> Iterator[int]:
    kind = types[index]
    if isinstance(kind, Struct):
        yield from (field.type for field in kind.fields)
    elif isinstance(kind, Array):
        yield kind.element
    elif isinstance(kind, Pointer) and kind.to is not None:
        yield kind.to
    elif isinstance(kind, Function) and kind.returns is not None:
        yield kind.returns


def registers_of(types: TypeTable, index: int, known: Sequence[Registers]) -> Registers | None:
    """Which of the known sets of registers a call of this type uses; None if that is not clear."""
    kind = types[index]
    if not isinstance(kind, Function):
        return None
    fitting = [registers for registers in known if _fits(types, kind, dict(registers))]
    return fitting[0] if len(fitting) == 1 else None


def _fits(types: TypeTable, kind: Function, used: dict[str, int]) -> bool:
    try:
        locations = assign(types, kind.parameters)
    except Ineligible:
        return False
    wanted: dict[str, int] = {}
    for location, parameter in zip(locations, kind.parameters, strict=True):
        for word in location.words:
            if word.register is None:
                return False
            whole = location.kind == "parts"
            wanted[word.register] = 0 if whole else _passed(types, parameter)
    loose = kind.variadic or not kind.prototyped
    if (wanted.keys() != used.keys()) if not loose else ("rax" not in used):
        return False
    return all(
        used.get(name) == size or (not size and name in used) for name, size in wanted.items()
    )


def _passed(types: TypeTable, index: int) -> int:
    """Bytes in which gcc passes a scalar: integers are extended to four."""
    size = size_of(types, index)
    return size if isinstance(types[index], Float) else max(size, 4)


def ordered(types: TypeTable, kind: Function) -> tuple[int, int] | None:
    """The integer registers, by number, of what a comparison function compares, if it may be one:
    it returns an integer and takes two arguments of one type in a row."""
    if kind.returns is None or not isinstance(types[kind.returns], Int):
        return None
    try:
        locations = assign(types, kind.parameters)
    except Ineligible:
        return None
    for i, (one, other) in enumerate(itertools.pairwise(locations)):
        same = kind.parameters[i] == kind.parameters[i + 1]
        if same and one.kind == other.kind == "int":
            return one.number, other.number
    return None
