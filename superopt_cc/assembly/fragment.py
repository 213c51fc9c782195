"""A function body on its own: a target's code or a rewrite, ready to be put under any label."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from superopt_cc.assembly.code import (
    Branch,
    Constant,
    labels_of,
    retarget,
    without_unused_labels,
)
from superopt_cc.assembly.sections import no_better_aligned
from superopt_cc.assembly.unit import Function
from superopt_cc.errors import AssemblyError
from superopt_cc.types import Reason

READ_ONLY = '\t.section\t.rodata,"a",@progbits'


class FragmentError(AssemblyError):
    """A rewrite's text that cannot be used; `reason` is its code (design 11.2)."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclasses.dataclass(frozen=True, slots=True)
class Fragment:
    """The code of function `name` without its label.

    `body` holds tidied statements; every other symbol in it is one of the unit's or undefined.
    `constants` are its own read-only data, jump tables included.
    """

    name: str
    body: tuple[str, ...]
    constants: tuple[Constant, ...] = ()

    @property
    def instructions(self) -> tuple[str, ...]:
        """The statements that are neither labels nor directives."""
        return tuple(s for s in self.body if s[0] == "\t" and s[1] != ".")

    def render(
        self,
        label: str,
        prefix: str,
        *,
        names: Mapping[str, str] | None = None,
        branch: Callable[[Branch], str | None] | None = None,
        data_section: str = READ_ONLY,
        marks: str = "",
    ) -> str:
        """Text under `label`; local labels become `prefix` + name without its leading dot.

        Direct branches to the function itself go to `label`.  `names` renames other symbols,
        `branch` may give new operands for named branches.  Constants stand in `data_section`.
        With `marks`, for tests, each is a sized symbol of that name and a number, and aligned to
        no more than it asks for.
        """
        table = dict(names or {})
        for own in labels_of(self.body, self.constants):
            table[own] = prefix + own.lstrip(".")

        def to_self(found: Branch) -> str | None:
            operand = branch(found) if branch else None
            if operand is None and found.name == self.name and not found.suffix:
                return label
            return operand

        lines = [f"{label}:"]
        lines += [retarget(s, table, to_self) for s in self.body]
        lines += _data_text(self.constants, table, data_section, marks)
        return "\n".join(lines) + "\n"


def _data_text(
    constants: tuple[Constant, ...], table: Mapping[str, str], data_section: str, marks: str
) -> list[str]:
    if not constants:
        return []
    lines = [data_section.replace(".section", ".pushsection", 1)]
    for number, constant in enumerate(constants):
        place = [f"\t.balign\t{constant.align}"]
        lines += no_better_aligned(constant.align) if marks else place
        lines.append(f"{table[constant.name]}:")
        lines += [f"{marks}{number}:"] if marks else []
        lines += [retarget(s, table, lambda _: None) for s in constant.lines]
        lines += [f"\t.size\t{marks}{number}, .-{marks}{number}"] if marks else []
    return [*lines, "\t.popsection"]


def own_fragment(function: Function) -> Fragment:
    """The target's own code as a fragment; a cold part follows the main part."""
    code = function.code
    body = without_unused_labels(code.statements, code.tables)
    return Fragment(function.name, body, code.tables)
