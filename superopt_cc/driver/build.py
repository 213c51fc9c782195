"""One unit of a build, the long way: select, decide, splice, count (design 2, 11.3)."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import json
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from superopt_cc.driver import quick
from superopt_cc.driver.decide import Decider, Decision, Progress
from superopt_cc.driver.jobs import UnitJobs, built_command
from superopt_cc.driver.record import BuildRecord, read_record
from superopt_cc.driver.selection import Selection, select
from superopt_cc.driver.story import story_of
from superopt_cc.errors import AssemblyError, StoreError, UsageError, describe
from superopt_cc.settings import Settings, find_file, load_settings, models_file, user_file
from superopt_cc.store import units
from superopt_cc.store.local import Store
from superopt_cc.toolchain.command import CompileCommand
from superopt_cc.toolchain.tools import code_as_options
from superopt_cc.types import Attempt

_HEARTBEAT = 60.0  # seconds between signs of life
_GRACE = 300.0  # seconds that a function may take beyond its budgets
# Of the model: it is slow, or the function is large or C++.
_NO_FAULT = ("timeout", "context", "unsupported")
_MOST_WARNED = 4096  # characters


@dataclasses.dataclass(slots=True)
class Report:
    """What the builds log says about one unit."""

    seen: int = 0
    selected: int = 0
    eligible: int = 0
    replaced: int = 0
    reasons: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)

    def count(self, decisions: Mapping[str, Decision]) -> None:
        self.selected = len(decisions)
        for decision in decisions.values():
            outcome = decision.outcome
            self.eligible += outcome.outcome != "ineligible"
            self.replaced += outcome.outcome == "replaced"
            if outcome.reason:
                self.reasons[outcome.reason] += 1
            for failure in _model_failures(outcome.attempts):
                kind = "unusable" if failure.result == "model" else failure.result
                self.reasons[f"model-{kind}"] += 1

    def summary(self) -> str:
        functions = {
            "seen": self.seen,
            "selected": self.selected,
            "eligible": self.eligible,
            "replaced": self.replaced,
            "kept": self.eligible - self.replaced,
        }
        return json.dumps({"functions": functions, "reasons": dict(self.reasons)})


def build(call: quick.Call) -> int:
    """Answer for the unit of this process's record; 0 also where gcc's code stays.

    Raises only what happens before there are settings: the caller keeps gcc's code then.
    """
    record = read_record()
    text = record.text()
    command = _command(record, text)
    settings, problems = load_settings(_folder(record, command), record.options, os.environ)
    call.folder, cached = str(settings.cache_dir), call.folder == str(settings.cache_dir)
    voice = Voice(settings)
    for problem in problems:
        voice.warn(problem)
    if settings.mode == "off":
        return 0
    if settings.mode == "now" and (settings.proposers or settings.model):
        from superopt_cc.propose.registry import problems as proposer_problems

        for problem in proposer_problems(settings):
            voice.warn(problem)
    report = Report()
    try:
        with Store(settings.cache_dir, settings.cache_size) as store:
            work = _Unit(record, command, text, settings, store, voice, report)
            result = work.run()
    except StoreError as error:
        voice.say(f"nothing is replaced: {error}")
        report.reasons["store"] += 1
        quick.log(call, report.summary())
        return 0
    except Exception as error:  # design 1: a bug of ours is counted, and gcc's code is used
        voice.say(f"gcc's code is used: {describe(error)}")
        report.reasons["internal"] += 1
        quick.log(call, report.summary())
        return 1
    quick.log(call, report.summary())
    if cached and result.sources:
        with contextlib.suppress(OSError):
            units.keep(call.folder, call.key, result, settings.cache_size // 4)
    if result.text:
        record.answer(result.text.decode("utf-8", "surrogateescape"))
    return 0


def _model_failures(attempts: Iterable[Attempt]) -> Iterator[Attempt]:
    """What kept a configured model from answering (design 8)."""
    for attempt in attempts:
        ours = attempt.proposer == "llm" and attempt.how in ("model", "prompt")
        if ours and attempt.result != "level":
            yield attempt


class _Unit:
    """One unit between its text and its result."""

    def __init__(
        self,
        record: BuildRecord,
        command: CompileCommand | None,
        text: str,
        settings: Settings,
        store: Store,
        voice: Voice,
        report: Report,
    ) -> None:
        self._record = record
        self._command = command
        self._text = text
        self._settings = settings
        self._store = store
        self._voice = voice
        self._report = report

    def run(self) -> units.UnitResult:
        """Decide and join; an empty text leaves gcc's own code."""
        command = self._command
        # A pipe was read by gcc and cannot be read again; opening it could take forever.
        if command is None or command.source is None or not command.source_path.is_file():
            self._report.reasons["no-source"] += 1
            return self._result("", {}, ())
        # What `as` would tell of its input: a new text comes to it without that name.
        if "--MD" in self._record.as_argv:
            self._report.reasons["option"] += 1
            return self._result("", {}, ())
        options = code_as_options(self._record.as_argv)
        try:
            jobs = UnitJobs(command, self._text, options, self._settings, self._store)
        except AssemblyError as error:
            self._voice.log(str(error))
            self._report.reasons["unknown-text"] += 1
            return self._result("", {}, ())
        self._report.seen = len(jobs.unit.functions)
        selection = self._selection(command, jobs)
        decisions = self._decide(jobs, selection)
        text = self._join(jobs, decisions)
        self._report.count(decisions)
        self._tell(jobs, decisions)
        return self._result(text, decisions, jobs.sources)

    def _selection(self, command: CompileCommand, jobs: UnitJobs) -> Selection:
        source = command.source_path.read_bytes().decode("utf-8", "surrogateescape")
        names = [function.name for function in jobs.unit.functions]
        selection = select(source, names, self._settings.select)
        for problem in selection.problems:
            self._voice.log(f"{command.source}: {problem}")
        return selection

    def _decide(self, jobs: UnitJobs, selection: Selection) -> dict[str, Decision]:
        decisions: dict[str, Decision] = {}
        with self._voice.searching() as progress:
            cpu = quick.cpu_model()
            build = quick.build_name()
            with Decider(jobs, self._store, self._settings, cpu, progress, build) as decider:
                for name, wish in selection.wishes.items():
                    budget = self._settings.budget if wish.budget is None else wish.budget
                    with self._alive(budget + self._settings.model_budget + _GRACE):
                        decisions[name] = decider.settle(name, wish)
        for problem in decider.problems[:1]:
            self._voice.say(f"results are not stored: {problem}")
        for failure in _model_failures(a for d in decisions.values() for a in d.outcome.attempts):
            if failure.result not in _NO_FAULT:
                self._voice.warn(f"model: {failure.detail}")
        return decisions

    def _join(self, jobs: UnitJobs, decisions: dict[str, Decision]) -> str:
        chosen = {n: d.chosen for n, d in decisions.items() if d.chosen is not None}
        if not chosen:
            return ""
        from superopt_cc.driver.together import join

        with self._alive(_GRACE):
            joined = join(jobs.unit, chosen)
        for name, (reason, detail) in joined.dropped.items():
            old = decisions[name]
            outcome = dataclasses.replace(old.outcome, outcome="kept", reason=reason, detail=detail)
            decisions[name] = dataclasses.replace(old, outcome=outcome, chosen=None)
        return joined.text

    def _tell(self, jobs: UnitJobs, decisions: Mapping[str, Decision]) -> None:
        """Keep each function's story for `superopt explain`."""
        for name, decision in decisions.items():
            outcome = decision.outcome
            said = f"{outcome.reason}: {outcome.detail}" if outcome.detail else outcome.reason
            self._voice.log(f"{self._record.cwd}: {name}: {outcome.outcome} {said}")
            with contextlib.suppress(StoreError):
                self._store.keep_story(name, story_of(jobs, outcome))

    def _result(
        self,
        text: str,
        decisions: Mapping[str, Decision],
        sources: tuple[tuple[str, str], ...],
    ) -> units.UnitResult:
        """What a rebuild needs; no sources where failed tools or an absent model get a new try."""
        stamps = [(d.key, d.stamp) for d in decisions.values() if d.key]
        stamps += [each for d in decisions.values() for each in d.watched]
        failed = any(d.outcome.reason == "failed" or d.open for d in decisions.values())
        told = _settings_files(self._folder(), self._settings)
        files = [] if failed or not sources else [*sources, *told]
        data = text.encode("utf-8", "surrogateescape")
        model = self._settings.model or ""
        # A model that was missing or is another one now may have something to say.
        asked = self._settings.mode == "now" and model and "://" not in model
        large = [(model, units.state(model))] if asked and decisions else []
        return units.UnitResult(files, stamps, self._report.summary(), data, large)

    def _folder(self) -> Path:
        return _folder(self._record, self._command)

    @contextlib.contextmanager
    def _alive(self, seconds: float) -> Iterator[None]:
        """Signs of life for the shim while a step takes no longer than it may."""
        done = threading.Event()
        deadline = time.monotonic() + seconds

        def beat() -> None:
            while time.monotonic() < deadline:
                self._record.alive()
                if done.wait(_HEARTBEAT):
                    return

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()


class Voice:
    """What we say in a build: to the log, and to the terminal if there is one (design 1)."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        terminal = sys.stderr is not None and sys.stderr.isatty()
        self._terminal = terminal and settings.progress != "off"

    def log(self, line: str) -> None:
        """One line to the log file; a log that cannot be written hurts nobody."""
        if self._settings.log is None:
            return
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        with contextlib.suppress(OSError), self._settings.log.open("a") as file:
            file.write(f"{stamp} {line}\n")

    def say(self, line: str) -> None:
        """One line to the log and the terminal."""
        self.log(line)
        if self._terminal:
            print(f"superopt-cc: {line}", file=sys.stderr)

    def warn(self, line: str) -> None:
        """One line to the log; on a terminal once in a build, which may have many units."""
        self.log(line)
        if not self._terminal:
            return
        seen = self._settings.cache_dir / "warned"
        mark = f"{quick.build_name()} {line}\n"
        with contextlib.suppress(OSError):
            known = seen.read_text(errors="replace") if seen.exists() else ""
            if mark in known:
                return
            if len(known) > _MOST_WARNED:
                seen.unlink(missing_ok=True)
            seen.parent.mkdir(parents=True, exist_ok=True)
            with seen.open("a") as file:
                file.write(mark)
        print(f"superopt-cc: warning: {line}", file=sys.stderr)

    @contextlib.contextmanager
    def searching(self) -> Iterator[Progress]:
        """Show what a search is doing; nothing is left on the screen."""
        if not self._terminal:
            yield self.log
            return
        from rich.console import Console

        with Console(stderr=True).status("superopt-cc") as status:
            yield lambda line: status.update(f"superopt-cc: {line}")


def _command(record: BuildRecord, text: str) -> CompileCommand | None:
    try:
        return built_command(record.argv, record.cwd, record.compiler, text)
    except UsageError:
        return None


def _folder(record: BuildRecord, command: CompileCommand | None) -> Path:
    if command is None or command.source is None:
        return record.cwd
    return Path(os.path.abspath(command.source_path.parent))


def _settings_files(folder: Path, settings: Settings) -> list[tuple[str, str]]:
    """Files whose settings were read, and those nearer ones that did not exist."""
    found = find_file(folder)
    places = [folder, *folder.parents]
    last = found.parent if found is not None else None
    paths = [user_file(os.environ), models_file(settings.cache_dir)]
    for place in places:
        paths.append(place / "superopt.toml")
        if place == last or (place / ".git").exists():
            break
    if settings.model is not None and settings.prompts is not None:
        from superopt_cc.propose.prompt import PromptError, Templates

        with contextlib.suppress(PromptError):
            paths += Templates(settings.prompts).files
    return [(str(path), units.file_digest(str(path))) for path in paths]
