"""A rewrite as text that means the same in every unit, where it needs no unit's own symbols."""

from __future__ import annotations

import tempfile
from pathlib import Path

from superopt_cc.assembly.code import branch_of, labels_of, references
from superopt_cc.assembly.decode import decode_function
from superopt_cc.assembly.fragment import Fragment
from superopt_cc.assembly.instructions import lookup
from superopt_cc.assembly.offered import parse_fragment
from superopt_cc.assembly.unit import parse_unit
from superopt_cc.errors import AssemblyError, ToolchainError
from superopt_cc.propose.extract import standalone
from superopt_cc.store.learned import LABEL
from superopt_cc.toolchain.tools import assemble
from superopt_cc.verify.running.image import REAL_FUNCTIONS

# A unit with no symbol that a text could mean.
_NOWHERE = (
    f"\t.text\n\t.globl\t{LABEL}\n\t.type\t{LABEL}, @function\n{LABEL}:\n"
    f"\tret\n\t.size\t{LABEL}, .-{LABEL}\n"
)


def abstracted(packed: str, name: str) -> tuple[str, tuple[str, ...]] | None:
    """The text under `LABEL` and the functions that it calls; None where it needs more.

    `packed` defines `name` beside all local data that it refers to (`driver.portable.pack`).
    """
    unit = parse_unit(_NOWHERE)
    try:
        fragment = parse_fragment(packed, name, unit, LABEL)
    except AssemblyError:
        return None
    calls = _calls(fragment)
    return None if calls is None else (standalone(fragment, unit), calls)


def needed(text: str) -> tuple[str, ...] | None:
    """gcc's macros for the instruction sets of a learned text; None for unknown instructions."""
    try:
        with tempfile.TemporaryDirectory(prefix="superopt-learned-") as folder:
            out = Path(folder) / "learned.o"
            assemble(text, out, cwd=Path(folder))
            instructions = decode_function(out, LABEL)
        found: set[str] = set()
        for instruction in instructions:
            found |= lookup(instruction).needs
        return tuple(sorted(found))
    except (AssemblyError, ToolchainError):
        return None


def _calls(fragment: Fragment) -> tuple[str, ...] | None:
    """Functions of C's or the compiler's library; None where anything else is referred to."""
    own = {*labels_of(fragment.body, fragment.constants), LABEL, "."}
    called: set[str] = set()
    for statement in fragment.body:
        branch = branch_of(statement)
        for name in set(references(statement)) - own:
            if branch is None or name not in REAL_FUNCTIONS:
                return None
            called.add(name)
    lines = [line for constant in fragment.constants for line in constant.lines]
    if any(set(references(line)) - own for line in lines):
        return None
    return tuple(sorted(called))
