"""Putting chosen bodies into a unit's text (design 4.3).

Label, `.LFB`/`.LFE`, `.type`, `.size`, aliases and `endbr64` stay.  Labels that debug sections
refer to move to the end of the function, where all their ranges are empty: a debugger then says
"optimized out" instead of something wrong.  One line entry stays at the start.

Layout: a rewrite starts at a multiple of 64.  Every function behind it in the same section gets
padding, computed by the assembler, that brings it to the offset modulo 64 that it had in gcc's own
object.  Those offsets are an input (`offsets`, the symbol values in that object), because text
does not tell how long instructions are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from superopt_cc.assembly.cfi import derive
from superopt_cc.assembly.fragment import READ_ONLY, Fragment
from superopt_cc.assembly.marks import Mark, mark_text
from superopt_cc.assembly.sections import Section
from superopt_cc.assembly.statements import label_of
from superopt_cc.assembly.unit import Function, Unit
from superopt_cc.errors import AssemblyError

_LOCAL = re.compile(r"\.L[\w.$]+")
_BEFORE = re.compile(r"(\.LVL\d+)-1\b")
_VIEW = re.compile(r"\bview (\.LVU\d+)")
_STATEMENT = re.compile(r"\bis_stmt ([01])")
_KEPT = ("\t.file", "\t.cfi_sections")


def splice(
    unit: Unit,
    chosen: Mapping[str, Fragment],
    marks: Mapping[str, Mark],
    offsets: Mapping[str, int],
) -> str:
    """The unit's text with `chosen` bodies in place of gcc's.

    `offsets` maps function names to their offsets within their section in the object that gcc's
    own text assembles to.  FragmentError where unwind directives cannot be derived with
    certainty, AssemblyError where the text cannot be changed safely.
    """
    functions = [f for f in unit.functions if f.name in chosen]
    missing = sorted(set(chosen) - {f.name for f in functions})
    if missing:
        raise AssemblyError(f"no function `{missing[0]}` in this assembly text")
    lines = list(unit.lines)
    moved = _outside_references(unit, functions)
    edits: list[tuple[int, int, list[str]]] = []
    anchors: dict[tuple[str, str | None], Function] = {}
    for function in unit.functions:
        place = (function.section.name, function.section.group)
        padding = _padding(anchors.get(place), function, offsets)
        if function.name in chosen:
            body = _function(function, chosen[function.name], moved, place in anchors)
            edits.append((function.first, function.last + 1, [*padding, *body]))
            anchors.setdefault(place, function)
        elif padding:
            edits.append((function.first, function.first, padding))
    debug = {label for label in moved if label.startswith(".LVL")}
    for i, line in enumerate(lines):
        if "-1" in line and ".LVL" in line:
            lines[i] = _BEFORE.sub(lambda m: m[1] if m[1] in debug else m[0], line)
    for first, end, text in reversed(edits):
        lines[first:end] = text
    tail = [mark_text(f.name, marks[f.name], f.section.group) for f in functions]
    return "\n".join(lines).rstrip("\n") + "\n" + "".join(tail)


def _prefix(function: Function) -> str:
    return f".Lsuperopt.{function.name}."


def _padding(anchor: Function | None, function: Function, offsets: Mapping[str, int]) -> list[str]:
    """Bytes that put a function where it was, modulo 64, relative to the first rewrite."""
    if anchor is None:
        return []
    try:
        distance = offsets[function.name] - offsets[anchor.name]
    except KeyError as error:
        raise AssemblyError(f"no offset is known for function {error}") from None
    here, base = f"{_prefix(function)}at", f"{_prefix(anchor)}old"
    return [f"{here}:", f"\t.skip\t({distance} - ({here} - {base})) & 63, 0x90"]


def _outside_references(unit: Unit, functions: Iterable[Function]) -> frozenset[str]:
    """Local labels of replaced functions that other text refers to.

    Raises AssemblyError when that text is loaded: only debug information may lose its place.
    """
    own: dict[str, str] = {}
    inside: set[int] = set()
    for function in functions:
        inside.update(range(function.first, function.last + 1))
        for line in function.lines:
            label = label_of(line) if line[:1] == "." else None
            if label is not None:
                own[label] = function.name
            elif ".LVU" in line:
                own.update(dict.fromkeys(_VIEW.findall(line), function.name))
    found: set[str] = set()
    debug = False
    for i, line in enumerate(unit.lines):
        if line.startswith(("\t.section", "\t.text", "\t.data", "\t.bss")):
            debug = line.startswith(("\t.section\t.debug_", "\t.section\t.gnu.debuglto_"))
        if i in inside or ".L" not in line:
            continue
        names = [n for n in _LOCAL.findall(line) if n in own]
        if names and not debug:
            raise AssemblyError(f"`{own[names[0]]}`: its label {names[0]} is used elsewhere")
        found.update(names)
    return frozenset(found)


def _function(
    function: Function, fragment: Fragment, moved: frozenset[str], anchored: bool
) -> list[str]:
    """The new text of one function, from its alignment to its `.size` line."""
    prefix = _prefix(function)
    start, end = _frame_labels(function)
    has_cfi = any(line.startswith("\t.cfi_startproc") for line in function.lines)
    framed = fragment
    if has_cfi:
        framed = Fragment(fragment.name, derive(fragment).lines, fragment.constants)
    rendered = framed.render(
        function.name, prefix, data_section=_data_section(function)
    ).rstrip("\n").split("\n")  # fmt: skip
    kept = [line for line in function.lines if line.startswith(_KEPT)]
    first_loc, later_loc = _line_entries(function)
    body = _insert_after_first(rendered[1:], later_loc)
    lines = [] if anchored else [f"{prefix}old:"]
    lines += ["\t.p2align\t6", function.lines[0], *start, *kept, *first_loc]
    lines += ["\t.cfi_startproc"] if has_cfi else []
    lines += [*body, *_moved_labels(function, moved)]
    lines += ["\t.cfi_endproc"] if has_cfi else []
    return [*lines, *end, function.lines[-1], *_moved_views(function, moved, first_loc)]


def _frame_labels(function: Function) -> tuple[list[str], list[str]]:
    start = [line for line in function.lines if line.startswith(".LFB")]
    return start, [line for line in function.lines if line.startswith(".LFE")]


def _moved_labels(function: Function, moved: frozenset[str]) -> list[str]:
    """Debug labels, all at the end of the function."""
    labels = [label_of(line) for line in function.lines if line[:1] == "."]
    return [f"{n}:" for n in labels if n in moved and not n.startswith((".LFB", ".LFE"))]


def _moved_views(function: Function, moved: frozenset[str], first_loc: Iterable[str]) -> list[str]:
    """Line-table views that lost their line entry become constants."""
    kept = {v for line in first_loc for v in _VIEW.findall(line)}
    views = [v for line in function.lines if ".LVU" in line for v in _VIEW.findall(line)]
    return [f"\t.set\t{view}, 0" for view in views if view in moved and view not in kept]


def _line_entries(function: Function) -> tuple[list[str], list[str]]:
    """The line entry at the start, and one that leaves `is_stmt` as gcc's text would.

    `is_stmt` holds for all following `.loc`, so functions behind a rewrite depend on it.
    """
    locs = [line for line in function.lines if line.startswith("\t.loc")]
    if not locs:
        return [], []
    states = [m.group(1) for line in locs[1:] for m in _STATEMENT.finditer(line)]
    if not states:
        return locs[:1], []
    place = locs[0].split()[1:4]
    return locs[:1], [f"\t.loc {' '.join(place)} is_stmt {states[-1]}"]


def _insert_after_first(lines: list[str], extra: list[str]) -> list[str]:
    """`extra` behind the first instruction."""
    for i, line in enumerate(lines):
        if extra and line.startswith("\t") and not line.startswith("\t."):
            return [*lines[: i + 1], *extra, *lines[i + 1 :]]
    return lines


def _data_section(function: Function) -> str:
    """Where a rewrite's constants go: into the function's COMDAT group if it has one."""
    section: Section = function.section
    if section.group is None:
        return READ_ONLY
    name = f".rodata.{function.name}"
    return f'\t.section\t{name},"aG",@progbits,{section.group},comdat'
