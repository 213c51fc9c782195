"""Makers: the compilers that are asked for a job, each under the user's own flags.

The first is the job's own.  Beside it clang and other versions of gcc, where they are installed;
what those make is `mixed`, however close it looks (design 5.7).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

from superopt_cc.assembly.code import branch_of
from superopt_cc.assembly.unit import Unit
from superopt_cc.errors import ToolchainError
from superopt_cc.propose.base import NO_IPA
from superopt_cc.propose.clangflags import RuledOut, clang_options
from superopt_cc.propose.clangtext import for_clang
from superopt_cc.propose.extending import Narrow, aligned_constants, extended, narrow_arguments
from superopt_cc.toolchain.command import compile_words, effective_options, foreign_words
from superopt_cc.toolchain.installed import Installed, others_than
from superopt_cc.types import Origin
from superopt_cc.verify.job import Job

_CONTRACTING = frozenset({"__FMA__", "__FMA4__"})
_SWITCH = re.compile(r"-([fm])(?:no-)?([\w-]+)")


@dataclasses.dataclass(frozen=True)
class Maker:
    """One compiler: `words` stand with the settings to be tried, `label` before them in print.

    `banner` is what one that is not the job's own says of its version.  `narrow` are the arguments
    that its bodies must extend themselves.
    """

    job: Job
    label: str
    compiler: Path
    origin: Origin
    words: tuple[str, ...]
    banner: str = ""
    clang: bool = False
    narrow: tuple[Narrow, ...] = ()

    @property
    def foreign(self) -> bool:
        return bool(self.banner)

    def argv(self, options: Sequence[str]) -> tuple[str, ...]:
        """The command that makes assembly text under `options`."""
        command = self.job.command
        if self.clang:
            return foreign_words(command, self.compiler, self.shown(options))
        return compile_words(
            dataclasses.replace(command, compiler=self.compiler), self.shown(options)
        )

    def source(self) -> bytes:
        """The unit's preprocessed text as this compiler can read it."""
        job = self.job
        return for_clang(job.preprocessed, job.command.language) if self.clang else job.preprocessed

    def shown(self, options: Sequence[str]) -> tuple[str, ...]:
        """`options`, and behind them what decides the meaning."""
        return (*options, *self.words)

    def how(self, options: Sequence[str]) -> str:
        """For people."""
        return " ".join((self.label, *options))

    def fitted(self, text: str) -> str:
        """Its output as gcc's callers need it."""
        if not self.clang:
            return text
        return extended(aligned_constants(text), self.job.name, self.narrow)


def own_maker(job: Job, held: Sequence[str]) -> Maker:
    """The job's own compiler."""
    compiler = job.command.compiler
    return Maker(job, compiler.name, compiler, origin_of(job), (*held, *NO_IPA))


def other_makers(job: Job, held: Sequence[str]) -> tuple[tuple[Maker, ...], tuple[str, ...]]:
    """Those beside the job's own, and a line for each that is there and may not be asked."""
    makers: list[Maker] = []
    reasons: list[str] = []
    for found in others_than(job.command.compiler):
        made = _clang(job, found) if found.is_clang else _gcc(job, found, held)
        if isinstance(made, Maker):
            makers.append(made)
        else:
            reasons.append(f"{_label(found)}: {made.reason}")
    return tuple(makers), tuple(reasons)


def _label(found: Installed) -> str:
    return f"{found.family}-{found.version[0]}"


def _clang(job: Job, found: Installed) -> Maker | RuledOut:
    if not job.facts.external:
        # design 5.7: seen to change the ABI of statics under the same name.
        return RuledOut("a static function's convention is not clang's to keep")
    try:
        words = clang_options(job.command)
    except ToolchainError as error:
        return RuledOut(str(error))
    if isinstance(words, RuledOut):
        return words
    narrow = narrow_arguments(job.facts)
    return Maker(job, _label(found), found.path, Origin.MIXED, words, found.banner, True, narrow)


def _gcc(job: Job, found: Installed, held: Sequence[str]) -> Maker | RuledOut:
    """Another version is asked only under what it knows."""
    other = dataclasses.replace(job.command, compiler=found.path)
    try:
        known = effective_options(other)
    except ToolchainError as error:
        return RuledOut(str(error))
    words = tuple(word for word in (*held, *NO_IPA) if _known(word, known))
    return Maker(job, _label(found), found.path, Origin.MIXED, words, found.banner)


def _known(word: str, known: dict[str, bool]) -> bool:
    match = _SWITCH.fullmatch(word)
    return match is not None and match.group(1) + match.group(2) in known


def calls_statics(text: str, unit: Unit) -> bool:
    """Does code call a function of the unit that only the unit sees?"""
    branches = (branch_of(line) for line in text.splitlines())
    symbols = (unit.symbols.get(b.name) for b in branches if b is not None)
    return any(s is not None and s.kind == "function" and s.linkage == "local" for s in symbols)


def origin_of(job: Job) -> Origin:
    """What may be said of code that the job's compiler makes of the user's text (design 5.7).

    The text and the meaning of the options are the user's own (`options.held_options`), symbols
    were matched by content when the function was taken out.  Left to decide: a clone with a
    signature of its own, and floating-point contraction.
    """
    contracts = bool(_CONTRACTING & job.facts.isa)
    if contracts and job.command.option("-ffp-contract=") != "-ffp-contract=off":
        return Origin.MIXED
    clone = "." in job.name and not job.facts.external
    return Origin.MIXED if clone else Origin.COMPILED
