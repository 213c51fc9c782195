"""One build's record: what the front door and the `as` shim tell us (csrc/common/record.h).

The shim starts `python -m superopt_cc.driver.assemble` with the record in an inherited memory
file.  The new text goes back through `BuildRecord.answer`; no answer means gcc's own code.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

from superopt_cc.driver import quick

_UNTOUCHED = "untouched.log"


@dataclasses.dataclass(frozen=True, slots=True)
class BuildRecord:
    """One call of the assembler under our front door.

    `argv` are the user's words without argv[0] and `--superopt-*` (`options`); response files are
    not expanded.  `compiler` is the real gcc, `language` "c" or "c++"; `select` the setting as the
    front door read it.  `as_argv` are the assembler's words as gcc gave them, input and -o
    included; `assembler` is the real one.  The rest are descriptors.
    """

    program: str
    argv: tuple[str, ...]
    cwd: Path
    compiler: Path
    language: str
    options: tuple[str, ...]
    select: str
    as_argv: tuple[str, ...]
    assembler: Path
    text_fd: int
    result_fd: int
    alive_fd: int

    def text(self) -> str:
        """gcc's assembly text; bytes that are not UTF-8 survive as surrogates."""
        return quick.whole(self.text_fd).decode("utf-8", "surrogateescape")

    def answer(self, text: str) -> None:
        """Hand back the new text; it counts only if the process then exits with status 0."""
        quick.hand_back(self.result_fd, text.encode("utf-8", "surrogateescape"))

    def alive(self) -> None:
        """Sign of life: the shim gives up after ten minutes without one."""
        with contextlib.suppress(OSError):
            os.write(self.alive_fd, b".")


@dataclasses.dataclass(frozen=True, slots=True)
class Untouched:
    """A compilation with selected functions in which the front door left all code to gcc."""

    time: int
    reason: str
    files: int
    cwd: str


def read_record(environ: Mapping[str, str] = os.environ) -> BuildRecord:
    """The record of the build that started this process.

    Raises LookupError, ValueError, StopIteration or OSError when there is none, or none that we
    understand.
    """
    fields = quick.record_fields(environ)

    def one(name: str) -> str:
        return fields[name][0]

    return BuildRecord(
        program=one("program"),
        argv=tuple(fields["argv"]),
        cwd=Path(one("cwd")),
        compiler=Path(one("compiler")),
        language=one("language"),
        options=tuple(fields["options"]),
        select=one("select"),
        as_argv=tuple(fields["as-argv"]),
        assembler=Path(one("assembler")),
        text_fd=int(one("text")),
        result_fd=int(one("result")),
        alive_fd=int(one("alive")),
    )


def read_untouched(cache_dir: Path) -> tuple[Untouched, ...]:
    """What the front door left to gcc and counted: `lto`, `opt-level`, `foreign-assembler`,
    `assembler-input`; oldest first, lines that cannot be read left out."""
    found = []
    with contextlib.suppress(OSError):
        text = (cache_dir / _UNTOUCHED).read_text(encoding="utf-8", errors="replace")
        for line in text.splitlines():
            parts = line.split("\t", 3)
            if len(parts) == 4 and parts[0].isdecimal() and parts[2].isdecimal():
                found.append(Untouched(int(parts[0]), parts[1], int(parts[2]), parts[3]))
    return tuple(found)
