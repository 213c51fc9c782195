"""An outside tool that may outlive the wait for it: it runs on and is asked again later."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from superopt_cc.errors import ToolchainError
from superopt_cc.toolchain.tools import Done, clean_environment, end_group


class Background:
    """`argv` running in a process group of its own, its input and output in unnamed files.

    Raises ToolchainError when it cannot be started.
    """

    def __init__(
        self, argv: Sequence[str | Path], stdin: bytes, cwd: Path | None, longest: float
    ) -> None:
        words = [os.fspath(word) for word in argv]
        self._name = words[0]
        self._end = time.monotonic() + longest
        with contextlib.ExitStack() as files:
            try:
                source, self._out, self._err = (
                    files.enter_context(tempfile.TemporaryFile()) for _ in range(3)
                )
                source.write(stdin)
                source.seek(0)
                self._child = subprocess.Popen(
                    words, stdin=source, stdout=self._out, stderr=self._err, cwd=cwd,
                    env=clean_environment(), process_group=0,
                )  # fmt: skip
            except (OSError, ValueError) as error:
                raise ToolchainError(f"{words[0]}: cannot be started: {error}") from error
            source.close()
            files.pop_all()

    def result(self, deadline: float) -> Done | None:
        """How it ended; None if it is still at it at `deadline` (on `time.monotonic()`).

        Raises ToolchainError when it ran for longer than it may, or its output cannot be read.
        """
        try:
            status = self._child.wait(max(0.0, min(deadline, self._end) - time.monotonic()))
        except subprocess.TimeoutExpired:
            if time.monotonic() < self._end:
                return None
            self.close()
            raise ToolchainError(f"{self._name}: no result in time") from None
        try:
            self._out.seek(0)
            self._err.seek(0)
            return Done(status, self._out.read(), self._err.read().decode(errors="replace"))
        except OSError as error:
            raise ToolchainError(f"{self._name}: its output cannot be read: {error}") from error

    def pause(self) -> None:
        """Stop it where it is, so that it disturbs no timing.

        Should we die now, the kernel wakes it again: its group has no parent left.
        """
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """End it if it still runs and give its files back; safe to call twice."""
        if self._child.poll() is None:
            self.resume()
            end_group(self._child)
        self._out.close()
        self._err.close()

    def _signal(self, number: int) -> None:
        if self._child.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, number)
