"""What a model was asked, what it answered and what became of that: a transcript a search.

`CACHE/transcripts/NAME.ID.jsonl`, JSON lines by `event`:

    search   name, time, file, cwd, argv, compiler, as_options, isa, clauses, target, model
    prompt   id, surface, round, system, question, templates
    answer   how, prompt, index, seed, text, finish, model
    error    kind, message
    verdict  how, result, detail, counterexample, speedup

Answers are written as they come; verdicts when the search is over.  A folder that cannot be
written costs the transcript and nothing else.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from superopt_cc.assembly.canonical import closure_identity
from superopt_cc.propose.answers import Answer
from superopt_cc.propose.base import Context
from superopt_cc.propose.prompt import Prompt
from superopt_cc.types import Attempt

_FOLDER = "transcripts"
_SHARE = 8  # of the cache's size
_WRITTEN = re.compile(r"[^\w.-]")


class Transcript:
    """Of one search.  Nothing is written before the first prompt."""

    def __init__(self, context: Context, model: str) -> None:
        self._context = context
        self._model = model
        self._folder = context.settings.cache_dir / _FOLDER
        stem = _stem(context.job.name)
        self._path = self._folder / f"{stem}.{time.time_ns():016x}{secrets.token_hex(2)}.jsonl"
        self._hows: set[str] = set()

    def prompt(self, prompt: Prompt, surface: str, number: int) -> None:
        """A prompt that is about to be asked."""
        if not self._path.exists():
            _prune(self._folder, self._context.settings.cache_size // _SHARE)
            self._write("search", **self._header())
        self._write(
            "prompt", id=prompt.digest, surface=surface, round=number, system=prompt.system,
            question=prompt.question, templates=prompt.templates,
        )  # fmt: skip

    def answer(self, prompt: Prompt, answer: Answer, how: str) -> None:
        """One sample, before anything is made of it."""
        self._hows.add(how)
        self._write("answer", how=how, prompt=prompt.digest, **dataclasses.asdict(answer))

    def error(self, kind: str, message: str) -> None:
        """Why there were no (more) answers."""
        self._write("error", kind=kind, message=message)

    def verdicts(self, attempts: Sequence[Attempt]) -> None:
        """What became of the answers."""
        for attempt in attempts:
            if attempt.proposer == "llm" and attempt.how in self._hows:
                self._write(
                    "verdict", how=attempt.how, result=attempt.result, detail=attempt.detail,
                    counterexample=attempt.counterexample, speedup=attempt.speedup,
                )  # fmt: skip

    def _header(self) -> Mapping[str, Any]:
        job = self._context.job
        return {
            "name": job.name,
            "time": time.time(),
            "file": str(job.command.source or "-"),
            "cwd": str(job.command.cwd),
            "argv": list(job.command.argv),
            "compiler": str(job.command.compiler),
            "as_options": list(job.as_options),
            "isa": self._context.settings.isa,
            "target": target_digest(self._context),
            "model": self._model,
        }

    def _write(self, event: str, **fields: Any) -> None:
        # A cache that cannot be written must not cost the search its answers.
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8", errors="surrogateescape") as file:
                file.write(json.dumps({"event": event, **fields}) + "\n")


def target_digest(context: Context) -> str:
    """Says whether a function's code is still the same."""
    text = closure_identity(context.unit, context.unit.function(context.job.name))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """A transcript that was read: its header and its other events, in order."""

    path: str
    search: Mapping[str, Any]
    events: tuple[Mapping[str, Any], ...]

    def of(self, event: str) -> list[Mapping[str, Any]]:
        """The events of one kind."""
        return [e for e in self.events if e["event"] == event]

    def verdict(self, how: str) -> Mapping[str, Any] | None:
        """What became of one answer; None where that was never written."""
        return next((v for v in reversed(self.of("verdict")) if v.get("how") == how), None)


def transcripts(folder: Path, name: str | None = None) -> Iterator[Told]:
    """The transcripts in a cache folder, oldest first; those of function `name` only, if given."""
    pattern = "*.jsonl" if name is None else f"{_stem(name)}.*.jsonl"
    for path in sorted((folder / _FOLDER).glob(pattern), key=lambda p: p.name.split(".")[-2]):
        told = _read(path)
        if told is not None and name in (None, told.search.get("name")):
            yield told


def _read(path: Path) -> Told | None:
    events: list[Mapping[str, Any]] = []
    try:
        lines = path.read_bytes().decode(errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        with contextlib.suppress(ValueError):  # the last line of a process that was killed
            event = json.loads(line)
            if isinstance(event, dict) and isinstance(event.get("event"), str):
                events.append(event)
    if not events or events[0]["event"] != "search":
        return None
    return Told(str(path), events[0], tuple(events[1:]))


def _stem(name: str) -> str:
    """A function's name as the start of a file's; long ones (C++) by their digest."""
    if len(name) > 80:
        return hashlib.sha256(name.encode()).hexdigest()
    return _WRITTEN.sub("_", name)


def _prune(folder: Path, room: int) -> None:
    """Take away the oldest transcripts beyond `room` bytes."""
    with contextlib.suppress(OSError):
        found = []
        for entry in os.scandir(folder):
            status = entry.stat()
            found.append((status.st_mtime_ns, status.st_size, entry.path))
        for _, size, path in sorted(found, reverse=True):
            room -= size
            if room < 0:
                os.unlink(path)
