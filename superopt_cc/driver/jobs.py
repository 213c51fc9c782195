"""From one translation unit and its compile command to jobs for single functions.

Builds and commands share this: what refuses a function before any work, the facts run paid at
most once a unit and only if no manifest knows the answer, and the store's key.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from superopt_cc.assembly.canonical import closure_identity
from superopt_cc.assembly.reasons import text_reasons
from superopt_cc.assembly.unit import Function, parse_unit
from superopt_cc.driver.selection import Wish
from superopt_cc.errors import Ineligible, StoreError, UsageError
from superopt_cc.settings import Settings
from superopt_cc.store.keys import function_key
from superopt_cc.store.local import Store
from superopt_cc.store.manifest import Manifests, command_digest, sources_of
from superopt_cc.store.units import file_digest
from superopt_cc.toolchain.command import (
    CompileCommand,
    compile_text,
    isa_macros,
    parse_command,
    preprocess,
)
from superopt_cc.toolchain.options import expand_response_files, split_arguments
from superopt_cc.toolchain.tools import find_compiler, run
from superopt_cc.verify.job import Contract, Facts, Job
from superopt_cc.verify.making.promises import with_positions
from superopt_cc.verify.signature.facts import UnitFacts, facts_for_unit

_CXX_SUFFIXES = frozenset({".cc", ".cp", ".cxx", ".cpp", ".CPP", ".c++", ".C", ".ii"})
# design 2: nothing is selected below -O2.
_LEVELS_REFUSED = frozenset({"-O0", "-O", "-O1", "-Og", "-Os", "-Oz"})


class UnitJobs:
    """The functions of one unit as jobs.

    `text` is what gcc handed to the assembler, `as_options` its other words; `store` may be None
    (nothing is remembered then).  Raises AssemblyError for a text that cannot be split.
    """

    def __init__(
        self,
        command: CompileCommand,
        text: str,
        as_options: Sequence[str],
        settings: Settings,
        store: Store | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.command = command
        self.unit = parse_unit(text)
        self._as_options = tuple(as_options)
        self._settings = settings
        self._facts: UnitFacts | Ineligible | None = None
        self._preprocessed: bytes | None = None
        self._manifests = None
        if store is not None and command.source is not None:
            digest = command_digest(command.compiler, command.argv, command.cwd, environ)
            self._manifests = Manifests(store, digest)
        self._sources: tuple[tuple[str, str], ...] = ()
        self._asked = False  # whether facts were needed

    @property
    def sources(self) -> tuple[tuple[str, str], ...]:
        """(path, sha256) of every file that the jobs so far were decided from; () if unknown.

        What was refused by text and options alone depends on no header.
        """
        if self._sources or self._asked or self.command.source is None:
            return self._sources
        path = str(self.command.source_path)
        return ((path, file_digest(path)),)

    def preprocessed(self) -> bytes:
        """The unit's preprocessed text.  Raises ToolchainError or UsageError."""
        if self._preprocessed is None:
            self._preprocessed = preprocess(self.command)
        return self._preprocessed

    def remember_source(self, preprocessed: bytes) -> None:
        """Take the preprocessed text from who has it already."""
        self._preprocessed = preprocessed

    def job(self, name: str, wish: Wish) -> Job:
        """The job of one function, without its preprocessed text (see `with_source`).

        Raises Ineligible with the counted reason, AssemblyError for an unknown name.
        """
        function = self.unit.function(name)
        self._check(function, wish)
        facts = self._find_facts(function)
        isa = wish.isa or self._settings.isa
        if isa != "match":
            more = isa_macros(self.command, (f"-march={isa}",))
            facts = dataclasses.replace(facts, isa=facts.isa | more)
        return Job(
            unit_text=self.unit.text,
            name=name,
            facts=facts,
            command=self.command,
            as_options=self._as_options,
            contract=Contract(
                wish.timing_ok,
                with_positions(wish.contracts, [p.name for p in facts.parameters]),
            ),
        )

    def with_source(self, job: Job) -> Job:
        """The job as a search needs it.  Raises ToolchainError or UsageError."""
        return dataclasses.replace(job, preprocessed=self.preprocessed())

    def key(self, job: Job) -> str:
        """The store's key of a job (design 4.4)."""
        function = self.unit.function(job.name)
        closure = closure_identity(self.unit, function)
        # design 5.4: a function that other code of this text refers to is bound by more.
        rules = ("called locally",) if self.unit.used_by_others(function) else ()
        return function_key(closure, job.facts, _effective(job.facts.options), job.contract, rules)

    def isa(self) -> frozenset[str]:
        """Names of the macros that tell the ISA of the user's flags.  Raises ToolchainError."""
        return isa_macros(self.command)

    def compiler_version(self) -> str:
        """The compiler's own first line about itself; its path where it says nothing."""
        said = run([self.command.compiler, "--version"]).stdout.decode(errors="replace")
        return said.partition("\n")[0].strip() or str(self.command.compiler)

    def _check(self, function: Function, wish: Wish) -> None:
        level = self.command.option("-O") or "-O0"
        if level in _LEVELS_REFUSED:
            raise Ineligible("opt-level", f"compiled at {level}; nothing is replaced below -O2")
        for reason, word in self.command.refusals():
            raise Ineligible(reason, word)
        for refusal in text_reasons(self.unit, function):
            raise Ineligible(refusal.reason, refusal.detail)

    def _find_facts(self, function: Function) -> Facts:
        self._asked = True
        text = f"{function.name}\n{closure_identity(self.unit, function)}"
        if self._manifests is not None:
            try:
                known = self._manifests.facts(text)
                if known is not None:
                    self._sources = self._manifests.sources(text)
                    return known
            except StoreError:
                self._manifests = None
        run = self._facts_run()
        facts = run.function(function.name)
        if self._manifests is not None:
            # A full disk is no harm: the facts are right all the same.
            with contextlib.suppress(StoreError):
                self._manifests.keep(text, facts, self._sources)
        return facts

    def _facts_run(self) -> UnitFacts:
        if self._facts is None:
            try:
                self._facts = facts_for_unit(self.command, self.unit.text, self._as_options)
                self._preprocessed = self._facts.preprocessed
                self._sources = sources_of(self._facts.preprocessed, self.command.cwd)
            except Ineligible as error:
                self._facts = error
        if isinstance(self._facts, Ineligible):
            raise self._facts
        return self._facts


def unit_jobs(
    path: Path, gcc_args: Sequence[str], settings: Settings, store: Store | None = None
) -> UnitJobs:
    """The unit that gcc makes of one source file under `gcc_args`, with -O3 before them.

    Raises UsageError for what is no C or C++ file, ToolchainError when it does not compile.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such file")
    language = "c++" if path.suffix in _CXX_SUFFIXES else "c"
    compiler = find_compiler(settings.cc, language)
    words = ("-O3", *gcc_args, "-c", os.fspath(path))
    command = parse_command(words, Path.cwd(), compiler)
    source = preprocess(command)
    jobs = UnitJobs(
        command, compile_text(command, source), assembler_options(command), settings, store
    )
    jobs.remember_source(source)
    return jobs


def assembler_options(command: CompileCommand) -> tuple[str, ...]:
    """What gcc hands to the assembler besides the files, as far as it bears on the code."""
    words = ["--64"]
    for argument in split_arguments(command.argv):
        if argument.option is None or argument.value is None:
            continue
        if argument.option.spelling == "-Wa,":
            words += argument.value.split(",")
        elif argument.option.spelling == "-Xassembler":
            words.append(argument.value)
    return tuple(words)


def built_command(argv: Sequence[str], cwd: Path, compiler: Path, text: str) -> CompileCommand:
    """The compile command behind one assembly text of a build.

    Of several sources the one that the text's `.file` directive names; raises UsageError where
    that is not certain (gcc writes the last part of the path only).
    """
    words = expand_response_files(argv, cwd)
    match = re.search(r'^\t\.file\t"((?:[^"\\]|\\.)*)"', text, re.MULTILINE)
    named = _unquoted(match.group(1)) if match else ""
    inputs = {a.value for a in split_arguments(words) if a.option is None and a.value}
    sources = [name for name in inputs if os.path.basename(name) == named]
    if len(sources) > 1:
        raise UsageError(f"several sources are called {named}; it is not clear which one this is")
    return parse_command(words, cwd, compiler, sources[0] if sources else None)


def _unquoted(text: str) -> str:
    """A name as gcc quotes it: backslashes before quotes, octal numbers for odd bytes."""

    def byte(match: re.Match[bytes]) -> bytes:
        code = match.group(1)
        return bytes([int(code, 8) & 255]) if len(code) == 3 else code

    quoted = text.encode("utf-8", "surrogateescape")
    return re.sub(rb"\\([0-7]{3}|.)", byte, quoted).decode("utf-8", "surrogateescape")


def _effective(options: Sequence[str]) -> tuple[str, ...]:
    """Options without those -O levels that a later one overrides."""
    levels = [i for i, word in enumerate(options) if word.startswith("-O")]
    return tuple(word for i, word in enumerate(options) if i not in levels[:-1])
