"""Running csrc/timer.c: a job in, records out; and the processor that it is told to stay on."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from superopt_cc.cost.wire import Run, decode_run
from superopt_cc.errors import RunnerError
from superopt_cc.toolchain import tools

TIMER_VERSION = "2"
_SPARE_SECONDS = 20.0
_LOOK_SECONDS = 0.03


def run_timer(image: Path, job: bytes, seconds: float) -> Run:
    """Time in a process of its own; `seconds` is how long the job itself may take.

    Raises RunnerError when the helper cannot start the job or answers nonsense, ToolchainError
    when it is not built.  A crash or endless loop of the code under test is part of the answer.
    """
    helper = tools.native("superopt-timer")
    descriptor = os.memfd_create("superopt-timing-job", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(descriptor), "wb") as stream:
            stream.write(job)
        with image.open("rb") as program:
            opened = (program.fileno(), descriptor)
            return _run([os.fspath(helper), *map(str, opened)], opened, seconds)
    except OSError as error:
        raise RunnerError(f"superopt-timer cannot be run: {error}") from error
    finally:
        os.close(descriptor)


def _run(argv: list[str], pass_fds: tuple[int, ...], seconds: float) -> Run:
    child = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=pass_fds,
        env=tools.clean_environment(),
    )
    try:
        out, err = child.communicate(timeout=seconds + _SPARE_SECONDS)
    except BaseException as error:
        # The code under test dies with superopt-timer: it asked for that signal.
        child.kill()
        child.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise RunnerError("superopt-timer does not end") from error
        raise
    if child.returncode != 0:
        detail = err.decode(errors="replace").strip() or f"status {child.returncode}"
        raise RunnerError(f"timing cannot be done: {detail}")
    return decode_run(out)


def _busy_ticks() -> dict[int, int]:
    ticks: dict[int, int] = {}
    for line in Path("/proc/stat").read_text(encoding="ascii").splitlines():
        name, *values = line.split()
        if name.startswith("cpu") and name != "cpu":
            counts = [int(v) for v in values]
            ticks[int(name[3:])] = sum(counts[:3]) + sum(counts[5:8])
    return ticks


def calmest_core() -> int:
    """The processor that we may use and that was least busy for a moment."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) == 1:
        return allowed[0]
    try:
        before = _busy_ticks()
        time.sleep(_LOOK_SECONDS)
        after = _busy_ticks()
    except (OSError, ValueError):
        return allowed[-1]
    # The first processor serves most interrupts, so among equals the last one wins.
    return min(reversed(allowed), key=lambda c: after.get(c, 0) - before.get(c, 0))


def cpu_model() -> str:
    """The processor's name as Linux tells it; "unknown" when it does not."""
    try:
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return "unknown"
