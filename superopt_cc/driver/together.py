"""All chosen rewrites of a unit in one new text, checked once more in place (design 4.3, 5)."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from superopt_cc.assembly.canonical import closure_identity
from superopt_cc.assembly.fragment import FragmentError
from superopt_cc.assembly.marks import Mark
from superopt_cc.assembly.splice import splice
from superopt_cc.assembly.unit import Unit, parse_unit
from superopt_cc.driver.decide import Chosen
from superopt_cc.errors import AssemblyError, Ineligible, RunnerError, ToolchainError
from superopt_cc.toolchain.tools import assemble
from superopt_cc.verify.screening.screen import Screener


@dataclasses.dataclass(frozen=True, slots=True)
class Together:
    """The new text ("" when nothing is replaced), and (reason, detail) for each that fell."""

    text: str
    dropped: Mapping[str, tuple[str, str]]


def join(unit: Unit, chosen: Mapping[str, Chosen]) -> Together:
    """Splice `chosen` into the unit and check each in the presence of the others.

    What cannot be spliced or does not stand the check is dropped, and the rest joined again.
    Raises ToolchainError when gcc's own text does not assemble.
    """
    if not chosen:
        return Together("", {})
    left = dict(chosen)
    dropped: dict[str, tuple[str, str]] = {}
    some = next(iter(chosen.values())).job
    with tempfile.TemporaryDirectory(prefix="superopt-join-") as folder:
        out = Path(folder) / "unit.o"
        assemble(unit.text, out, some.as_options, cwd=some.command.cwd)
        joiner = _Joiner(unit, function_offsets(out), out)
        for name, one in chosen.items():
            problem = joiner.alone(name, one)
            if problem:
                dropped[name] = problem
                del left[name]
        while left:
            fallen = joiner.check(left)
            if not fallen:
                return Together(joiner.splice(left), dropped)
            for name, problem in fallen.items():
                dropped[name] = problem
                del left[name]
    return Together("", dropped)


class _Joiner:
    def __init__(self, unit: Unit, offsets: Mapping[str, int], out: Path) -> None:
        self._unit = unit
        self._offsets = offsets
        self._out = out
        self._identities: dict[str, str] = {}

    def splice(self, chosen: Mapping[str, Chosen]) -> str:
        marks = {
            name: Mark(one.key, one.rewrite.origin.value, str(one.verdict.level))
            for name, one in chosen.items()
        }
        fragments = {name: one.fragment for name, one in chosen.items()}
        return splice(self._unit, fragments, marks, self._offsets)

    def alone(self, name: str, one: Chosen) -> tuple[str, str] | None:
        """Why a rewrite cannot be spliced at all, or None."""
        try:
            text = self.splice({name: one})
            assemble(text, self._out, one.job.as_options, cwd=one.job.command.cwd)
        except FragmentError as error:
            return error.reason.value, error.detail
        except (AssemblyError, ToolchainError) as error:
            return "splice", str(error)
        return None

    def check(self, chosen: Mapping[str, Chosen]) -> dict[str, tuple[str, str]]:
        """Those that do not stand in the presence of the others.

        Of two that disturb each other one is enough, so the first to fall is the only one.
        """
        for name, one in chosen.items():
            others = {other: c for other, c in chosen.items() if other != name}
            problem = self._beside(name, one, others) if others else None
            if problem:
                return {name: problem}
        return {}

    def _beside(
        self, name: str, one: Chosen, others: Mapping[str, Chosen]
    ) -> tuple[str, str] | None:
        try:
            unit = parse_unit(self.splice(others))
            job = dataclasses.replace(one.job, unit_text=unit.text)
            same = closure_identity(unit, unit.function(name)) == self._identity(name)
            if same:  # the others are nowhere in what this function reaches
                rejection = Screener(job, unit).check(one.fragment)
                return ("together", rejection.detail) if rejection else None
            from superopt_cc.verify.engine import Verifier  # rarely needed, slow to import

            with Verifier(job) as verifier:
                verdict = verifier.check(one.rewrite)
        except (AssemblyError, Ineligible, RunnerError, ToolchainError) as error:
            return "together", str(error)
        return None if verdict.accepted else ("together", f"{verdict.reason}: {verdict.detail}")

    def _identity(self, name: str) -> str:
        if name not in self._identities:
            function = self._unit.function(name)
            self._identities[name] = closure_identity(self._unit, function)
        return self._identities[name]


def function_offsets(path: Path) -> dict[str, int]:
    """Offsets of all functions of an object file within their sections."""
    with path.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        if not isinstance(table, SymbolTableSection):
            return {}
        return {
            symbol.name: int(symbol["st_value"])
            for symbol in table.iter_symbols()
            if symbol["st_info"]["type"] == "STT_FUNC"
        }
