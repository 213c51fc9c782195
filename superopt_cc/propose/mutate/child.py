"""Running csrc/mutate.c: a job in, records out."""

from __future__ import annotations

import os
import subprocess

from superopt_cc.errors import RunnerError
from superopt_cc.propose.mutate.wire import Inputs, Kind, Record, decode, run_job
from superopt_cc.toolchain import tools

_TICK = 0.01
_RUN_TICKS = 20
_SPARE_SECONDS = 20.0


def ask(job: bytes, seconds: float) -> tuple[Record, ...]:
    """What superopt-mutate answers; the last record is the end's, unless it died before, or had
    not come to its end after so many seconds of wall time.

    Raises RunnerError when it cannot start or answers nonsense, ToolchainError when it is not
    built.
    """
    helper = tools.native("superopt-mutate")
    descriptor = os.memfd_create("superopt-mutate-job", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(descriptor), "wb") as stream:
            stream.write(job)
        return _ask([os.fspath(helper), str(descriptor)], descriptor, seconds)
    except OSError as error:
        raise RunnerError(f"superopt-mutate cannot be run: {error}") from error
    finally:
        os.close(descriptor)


def _ask(argv: list[str], descriptor: int, seconds: float) -> tuple[Record, ...]:
    child = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=(descriptor,),
        env=tools.clean_environment(),
    )
    try:
        out, err = _answer(child, seconds)
    except BaseException:
        child.kill()
        child.communicate()
        raise
    if child.returncode == 2:
        detail = err.decode(errors="replace").strip()
        raise RunnerError(f"nothing can be searched: {detail}")
    return tuple(decode(out))


def _answer(child: subprocess.Popen[bytes], seconds: float) -> tuple[bytes, bytes]:
    """What it wrote until its end, which comes with the time at the latest."""
    try:
        return child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.communicate()


def run(tests: Inputs, programs: list[bytes]) -> list[list[tuple[int, ...] | None]]:
    """For each program and test the 16 registers after it; None where it did not return.

    Shorter lists where the process died over what it ran.
    """
    seconds = _RUN_TICKS * _TICK * len(programs) + _SPARE_SECONDS
    answer = ask(run_job(tests, programs, _RUN_TICKS), seconds)
    ran = [r.words for r in answer if r.kind is Kind.RAN]
    count = len(tests.states)
    ends = [None if words[0] else words[1:] for words in ran]
    return [ends[i : i + count] for i in range(0, len(programs) * count, count)]
