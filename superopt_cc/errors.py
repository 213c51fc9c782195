"""The exception tree.

SuperoptError                what happened, to which file or function, what to do next: one line
 ├─ UsageError               bad input from the user (exit status 2)
 ├─ ToolchainError           gcc, as or ld is missing, or refused what it should accept
 ├─ AssemblyError            text that is not the assembly we understand
 ├─ Ineligible               gcc's code must stay; `.reason` is the counted name (design 4.2)
 ├─ Late                     the time for something was over before it was done
 ├─ RunnerError              a native helper died or answered nonsense
 └─ StoreError               the store cannot be read or written
"""

from __future__ import annotations

import os


class SuperoptError(Exception):
    """Base of everything we raise on purpose; `str()` is one line for people."""


class UsageError(SuperoptError):
    """Bad input from the user: says what is wrong and what to do."""


class ToolchainError(SuperoptError):
    """A tool is missing or failed; `stderr` holds what it said."""

    def __init__(self, message: str, stderr: str = "") -> None:
        super().__init__(message)
        self.stderr = stderr


class AssemblyError(SuperoptError):
    """Assembly text that we do not understand."""


class Ineligible(SuperoptError):
    """This function keeps gcc's code; `reason` is the name it is counted under."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class Late(SuperoptError):
    """The time for this was over before it was done."""


class RunnerError(SuperoptError):
    """A native helper died or answered nonsense."""


class StoreError(SuperoptError):
    """The store cannot be read or written."""


def describe(error: Exception) -> str:
    """One line: our own errors and the system's by their text, a bug of ours by its place."""
    if isinstance(error, (SuperoptError, OSError)):
        return str(error)
    import traceback  # slow to import, rarely needed

    frames = list(traceback.extract_tb(error.__traceback__))
    frames = [frame for frame in frames if "superopt_cc" in frame.filename] or frames
    where = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
    line = str(error).partition("\n")[0]
    return f"internal error: {type(error).__name__}: {line}{where}"
