"""The path of a rebuild in which everything is known: imports next to nothing (design 12).

Whether a finished unit may be used again is decided by `store.units`; here is what names a unit,
and what is common to this path and the long one in `build`.
"""

from __future__ import annotations

import os
import sys
import time

from superopt_cc.propose.known import found_by
from superopt_cc.store import builds, units
from superopt_cc.verify.version import VERSION

TYPE_CHECKING = False  # `typing` itself costs milliseconds in every compile
if TYPE_CHECKING:
    from collections.abc import Mapping

_MAGIC = "superopt-record 1"
_CPUINFO = "/proc/cpuinfo"
# Variables that change what gcc compiles, or where our settings are.
_VARIABLES = (*units.GCC_VARIABLES, "HOME", "XDG_CONFIG_HOME")


class Call:
    """What names this unit: `key` for the result, `folder` of the cache, the raw record."""

    __slots__ = ("cwd", "file", "folder", "key", "result_fd")

    def __init__(self, folder: str, key: str, cwd: str, file: str, result_fd: int) -> None:
        self.folder = folder
        self.key = key
        self.cwd = cwd
        self.file = file
        self.result_fd = result_fd


def read_call() -> Call:
    """Read the record (see record.py) as far as this path needs it.

    Raises as `record_fields` does.
    """
    fields = record_fields(os.environ)
    environ = [f"{name}={os.environ.get(name, '')}" for name in _VARIABLES]
    environ += sorted(
        f"{n}={v}"
        for n, v in os.environ.items()
        if n.startswith("SUPEROPT_") and n != "SUPEROPT_API_KEY"
    )
    compiler = fields["compiler"][0]
    state = os.stat(compiler)
    parts = [
        VERSION,
        found_by(),
        __file__,
        cpu_model(),
        f"{compiler} {state.st_size} {state.st_mtime_ns}",
        *(f"{name} {len(fields[name])}" for name in ("argv", "options", "as-argv")),
        fields["cwd"][0],
        fields["language"][0],
        fields["select"][0],
        *fields["argv"],
        *fields["options"],
        *_response_files(fields["argv"], fields["cwd"][0]),
        *_without_files(fields["as-argv"]),
        *environ,
    ]
    text = whole(int(fields["text"][0]))
    return Call(
        folder=cache_folder(fields["options"]),
        key=units.digest(text, *(os.fsencode(part) for part in parts)),
        cwd=fields["cwd"][0],
        file=_source_name(text),
        result_fd=int(fields["result"][0]),
    )


def cache_folder(options: list[str]) -> str:
    """Where finished units and the builds log are kept.

    Only options and environment are asked: reading files costs too much here, so a `cache_dir`
    in a settings file moves the store, not these.
    """
    folder = os.environ.get("SUPEROPT_CACHE_DIR", "")
    for option in options:
        name, _, value = option.partition("=")
        if name.replace("_", "-") == "--superopt-cache-dir":
            folder = value
    if folder:
        return os.path.abspath(os.path.expanduser(folder))
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "superopt-cc")


def answer(call: Call) -> bool:
    """Answer from a finished unit; False if there is none that still holds."""
    result = units.load(call.folder, call.key)
    if result is None:
        return False
    if result.text:
        hand_back(call.result_fd, result.text)
    log(call, result.summary)
    return True


def hand_back(fd: int, text: bytes) -> None:
    """Give the shim a new text; it counts only if this process then exits with status 0.

    Raises OSError.
    """
    os.ftruncate(fd, 0)
    at = 0
    while at < len(text):
        at += os.pwrite(fd, text[at:], at)


def log(call: Call, summary: str) -> None:
    """Add this unit to the builds log; a log that cannot be written hurts nobody."""
    try:
        builds.append(
            call.folder,
            time=time.time(),
            build=build_name(),
            cwd=call.cwd,
            file=call.file,
            summary=summary,
        )
    except OSError as error:
        print(f"superopt-cc: the builds log cannot be written: {error}", file=sys.stderr)


def cpu_model() -> str:
    """The processor's name; "unknown" where Linux does not tell it."""
    try:
        with open(_CPUINFO, "rb") as file:
            head = file.read(4096)
    except OSError:
        return "unknown"
    for line in head.decode(errors="replace").split("\n"):
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown"


def record_fields(environ: Mapping[str, str]) -> dict[str, list[str]]:
    """The fields of this process's record (csrc/common/record.h).

    Raises KeyError, ValueError, StopIteration or OSError for what is no record of this version.
    """
    data = whole(int(environ["_SUPEROPT_JOB"]))
    words = iter(data.decode("utf-8", "surrogateescape").split("\0")[:-1])
    if next(words, None) != _MAGIC:
        raise ValueError("not a build record of this version")
    return {name: [next(words) for _ in range(int(next(words)))] for name in words}


def whole(fd: int) -> bytes:
    """Everything in a memory file, wherever its offset is.  Raises OSError."""
    size = os.fstat(fd).st_size
    parts = bytearray()
    while len(parts) < size and (part := os.pread(fd, size - len(parts), len(parts))):
        parts += part
    return bytes(parts)


def _without_files(as_argv: list[str]) -> list[str]:
    """The assembler's words without its output and input, which may be temporary names."""
    kept = []
    words = iter(as_argv)
    for word in words:
        if word == "-o":
            next(words, None)
        elif word.startswith("-"):
            kept.append(word)
    return kept


def _response_files(words: list[str], cwd: str, depth: int = 0) -> list[str]:
    """The contents of `@file` words, which the record leaves as they are."""
    found = []
    for word in words:
        if not word.startswith("@") or depth > 20:
            continue
        try:
            with open(os.path.join(cwd, word[1:]), "rb") as file:
                text = os.fsdecode(file.read())
        except OSError:
            continue  # gcc takes it for a file's name then
        found += [text, *_response_files(text.split(), cwd, depth + 1)]
    return found


def _source_name(text: bytes) -> str:
    head = text[:500].decode("utf-8", "replace")
    return head.partition('\t.file\t"')[2].partition('"')[0]


def build_name() -> str:
    """What the compiler calls of one build have in common: who started gcc, and when.

    Python's parent is the `as` shim, whose parent is gcc.  A shell between gcc and make is only
    there for one rule, so make counts.
    """
    shells, makes = ("sh", "dash", "bash", "libtool", "ccache"), ("make", "gmake", "ninja")
    try:
        process = _parent(_parent(os.getppid()))
        above = _parent(process)
        while _command(process) in shells and _command(above) in (*shells, *makes):
            process, above = above, _parent(above)
        return f"{process} {_stat(process)[20 - 1]}"
    except (OSError, ValueError, IndexError):
        return "unknown"


def _stat(process: int) -> list[str]:
    """The fields of /proc/PID/stat behind the name: state, parent, ..."""
    with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()


def _parent(process: int) -> int:
    return int(_stat(process)[1])


def _command(process: int) -> str:
    with open(f"/proc/{process}/comm", encoding="utf-8", errors="replace") as file:
        return file.read().strip()
