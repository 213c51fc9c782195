"""Variables that gcc keeps in a function's own frame, and the calls in the scope of each.

A callee that gets a pointer into the frame may read and change the whole variable, so its extent
must be known for certain: gcc lays several variables over one place when they are not in use at
the same time, and not all have a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from elftools.dwarf.die import DIE

from superopt_cc.assembly.code import Code
from superopt_cc.errors import Ineligible
from superopt_cc.verify.job import FrameObject
from superopt_cc.verify.signature import pointers
from superopt_cc.verify.signature.ctype import align_of, size_of
from superopt_cc.verify.signature.dwarf import attribute, text_of, type_die
from superopt_cc.verify.signature.typereader import TypeReader

Results = Sequence[tuple[int, int | None, int]]

_CALL_FRAME_CFA, _FBREG = 0x9C, 0x91
_SCOPES = ("DW_TAG_lexical_block", "DW_TAG_inlined_subroutine")
_VARIABLES = ("DW_TAG_variable", "DW_TAG_formal_parameter")
_MOST = 32
# A variable that gcc made up, in the list that opens a function's optimised tree.
_MADE_UP = re.compile(r"^  \S.*?(\w+\.\d+)(?:\[[^\]]*\])*;$", re.MULTILINE)


def frame_objects(
    die: DIE, tree: str, code: Code, reader: TypeReader, results: Results
) -> tuple[FrameObject, ...]:
    """The variables in the frame of the function that `die` defines; none where some may be
    unknown.  `tree` is its optimised tree, `code` its assembly, `results` are those that calls
    leave in memory: number of the call, offset if it is in the frame, type."""
    base = die.attributes.get("DW_AT_frame_base")
    if base is None or list(base.value) != [_CALL_FRAME_CFA]:
        return ()
    if _has_unknown_variables(tree, certain=all(place is not None for _, place, _ in results)):
        return ()
    scope = _Scope(die)
    returns = sorted(scope.calls)
    if len(set(returns)) != len(pointers.sites(code)):
        return ()
    numbers = {address: number for number, address in enumerate(returns)}
    found = tuple(_read(scope, numbers, reader))
    found += tuple(_unnamed(found, results, reader))
    return found if len(found) <= _MOST else ()


def _has_unknown_variables(tree: str, *, certain: bool) -> bool:
    """May callees get pointers to variables that the debug information does not name?  Those with a
    number behind an underscore are in no memory.  Where it is `certain` which results calls leave
    where, only to those whose address is taken."""
    mark = "&" if certain else r"\b"
    start = tree.find("\n{")
    body = tree.find("\n  <bb ", start)
    names = {match[1] for match in _MADE_UP.finditer(tree, start, body)}
    return any(re.search(rf"{mark}{re.escape(name)}(?!\w)", tree[body:]) for name in names)


class _Scope:
    """A function, block or inlined call: what it declares, and where its calls return to, those of
    the scopes inside it included."""

    def __init__(self, die: DIE) -> None:
        inner = [child for child in die.iter_children() if child.tag in (*_SCOPES, *_VARIABLES)]
        self.variables = [child for child in inner if child.tag in _VARIABLES]
        self.inside = [_Scope(child) for child in inner if child.tag in _SCOPES]
        self.calls: set[int] = {
            int(child.attributes["DW_AT_call_return_pc"].value)
            for child in die.iter_children()
            if child.tag == "DW_TAG_call_site" and "DW_AT_call_return_pc" in child.attributes
        }.union(*(scope.calls for scope in self.inside))


def _read(scope: _Scope, numbers: dict[int, int], reader: TypeReader) -> Iterator[FrameObject]:
    sites = tuple(sorted(numbers[address] for address in scope.calls))
    for die in scope.variables:
        offset = _frame_offset(die)
        kind = type_die(die)
        if offset is None or kind is None or not sites:
            continue
        try:
            index = reader.read(kind)
        except Ineligible:  # a pointer to it stays one to something unknown
            continue
        if index is not None and size_of(reader.table, index):
            name = text_of(attribute(die, "DW_AT_name"))
            declared = attribute(die, "DW_AT_alignment")
            align = max(align_of(reader.table, index), declared if isinstance(declared, int) else 1)
            yield FrameObject(name, offset, index, align, _is_const(kind), sites)
    for inner in scope.inside:
        yield from _read(inner, numbers, reader)


def _unnamed(
    known: Sequence[FrameObject], results: Results, reader: TypeReader
) -> Iterator[FrameObject]:
    """Results that lie in no variable, in the scope of their own call alone."""
    for number, offset, index in results:
        named = any(each.offset == offset and number in each.sites for each in known)
        if offset is not None and not named and size_of(reader.table, index):
            align = align_of(reader.table, index)
            yield FrameObject("result", offset, index, align, False, (number,))


def _frame_offset(die: DIE) -> int | None:
    """Bytes from the end of the frame, for a variable that lies there while it is in scope."""
    where = die.attributes.get("DW_AT_location")
    if where is None or where.form != "DW_FORM_exprloc" or where.value[0] != _FBREG:
        return None
    value = 0
    for shift, byte in enumerate(where.value[1:]):
        value |= (byte & 0x7F) << 7 * shift
        if not byte & 0x80:
            whole = shift + 2 == len(where.value)
            return value - ((byte & 0x40) << 7 * shift + 1) if whole else None
    return None


def _is_const(die: DIE | None) -> bool:
    """May nothing change a variable of this type?"""
    while die is not None:
        if die.tag == "DW_TAG_const_type":
            return True
        if die.tag not in ("DW_TAG_array_type", "DW_TAG_typedef", "DW_TAG_volatile_type"):
            return False
        die = type_die(die)
    return False
