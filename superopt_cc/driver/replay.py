"""Counterexample files: a rejection as one self-contained JSON file, and running it again."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from superopt_cc.driver.commands import Checked
from superopt_cc.errors import UsageError
from superopt_cc.store.codec import verdict_from_json
from superopt_cc.store.manifest import decode, encode
from superopt_cc.toolchain.command import CompileCommand
from superopt_cc.types import Origin, Rewrite, Verdict, to_json
from superopt_cc.verify.job import Contract, Job
from superopt_cc.verify.telling.replaying import replay

_FORMAT = "superopt-counterexample 1"


@dataclasses.dataclass(frozen=True, slots=True)
class Replayed:
    """The recorded verdict, and the one that running the same input again gave."""

    recorded: Verdict
    again: Verdict


def write_counterexample(path: Path, checked: Checked) -> None:
    """Write the counterexample of a rejection.

    Raises UsageError when there is none or the file cannot be written.
    """
    job, verdict = checked.job, checked.verdict
    if job is None or verdict.counterexample is None:
        raise UsageError("there is no counterexample: nothing was found by running")
    value = {
        "format": _FORMAT,
        "verdict": to_json(verdict),
        "rewrite": checked.rewrite.text,
        "job": _job_to_json(job),
    }
    try:
        path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error


def replay_file(path: Path) -> Replayed:
    """Run a counterexample again.  Raises UsageError for a file that is none of ours."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{path}: not a counterexample file: {error}") from error
    try:
        if value["format"] != _FORMAT:
            raise ValueError("another format")
        recorded = verdict_from_json(value["verdict"])
        job = _job_from_json(value["job"])
        rewrite = Rewrite(str(value["rewrite"]), "user", Origin.MIXED)
        if recorded.counterexample is None:
            raise ValueError("no counterexample")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{path}: not a counterexample file: {error}") from error
    return Replayed(recorded, replay(job, rewrite, recorded.counterexample))


def _job_to_json(job: Job) -> dict[str, Any]:
    command = job.command
    return {
        "unit_text": job.unit_text,
        "name": job.name,
        "facts": encode(job.facts),
        "compiler": str(command.compiler),
        "argv": list(command.argv),
        "cwd": str(command.cwd),
        "source": None if command.source is None else str(command.source),
        "language": command.language,
        "as_options": list(job.as_options),
        "timing_ok": job.contract.timing_ok,
        "contract": list(job.contract.clauses),
        "seed": job.seed,
    }


def _job_from_json(value: Mapping[str, Any]) -> Job:
    source = value["source"]
    command = CompileCommand(
        Path(value["compiler"]),
        tuple(value["argv"]),
        Path(value["cwd"]),
        None if source is None else Path(source),
        str(value["language"]),
    )
    return Job(
        unit_text=str(value["unit_text"]),
        name=str(value["name"]),
        facts=decode(value["facts"]),
        command=command,
        as_options=tuple(value["as_options"]),
        contract=Contract(bool(value["timing_ok"]), tuple(map(str, value.get("contract", ())))),
        seed=int(value["seed"]),
    )
