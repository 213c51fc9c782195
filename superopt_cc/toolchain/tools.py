"""Finding and running the outside tools: gcc, as, ld and our own native helpers.

Children never see what our front door put into the environment (design 2): a compiler that we
start must not come back to us through the shim, and must not write dependency files.
"""

from __future__ import annotations

import contextlib
import dataclasses
import filecmp
import functools
import os
import shutil
import signal
import site
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from superopt_cc.errors import ToolchainError

_FRONT_DOORS = ("superopt-cc", "superopt-c++")
# Compiler caches and distributors: under the name `gcc` they would hide the real one.
_WRAPPERS = frozenset({"ccache", "sccache", "distcc", "icecc", "colorgcc", *_FRONT_DOORS})
_COMPILERS = {"c": ("gcc", "cc"), "c++": ("g++", "c++")}
# gcc writes dependency files when these are set, even under -E.
_SIDE_EFFECTS = ("DEPENDENCIES_OUTPUT", "SUNPRO_DEPENDENCIES")


@dataclasses.dataclass(frozen=True, slots=True)
class Done:
    """How a child process ended; `status` is negative for a signal, as in subprocess."""

    status: int
    stdout: bytes
    stderr: str


def helper_folders() -> tuple[Path, ...]:
    """Where native helpers may lie: the installation's libexec, then the checkout's build/."""
    prefixes = [Path(sys.prefix)]
    if site.ENABLE_USER_SITE and site.USER_BASE:
        prefixes.append(Path(site.USER_BASE))
    checkout = Path(__file__).resolve().parents[2]
    return (*(p / "libexec" / "superopt-cc" for p in prefixes), checkout / "build")


def native(name: str) -> Path:
    """Path of our own native helper `name` ("superopt-runner", "shim", ...).

    Raises ToolchainError when it has not been built or installed.
    """
    for folder in helper_folders():
        path = folder / name
        if path.exists():
            return path
    raise ToolchainError(f"native helper {name} is not built; run `make` or reinstall superopt-cc")


def find_compiler(setting: str | None, language: str) -> Path:
    """Absolute path of the real compiler for `language` ("c" or "c++"), never ourselves.

    `setting` is the user's `cc`: a path or a name.  Without it, gcc or g++ by name, passing over
    masquerade links and compiler caches on PATH.  Raises ToolchainError when there is none.
    """
    if language not in _COMPILERS:
        raise ToolchainError(f"no compiler is known for language {language!r}")
    if setting is not None and os.sep in setting:
        path = Path(os.path.abspath(setting))
        if not os.access(path, os.X_OK) or path.is_dir():
            raise ToolchainError(f"{setting}: not an executable compiler; check the setting cc")
        if _is_ours(path):
            raise ToolchainError(f"{setting}: is superopt-cc itself; set cc to the real compiler")
        return path
    names = _COMPILERS[language] if setting is None else (setting,)
    for name in names:
        found = _find_program(name, passing_over_wrappers=setting is None)
        if found is not None:
            return found
    raise ToolchainError(f"{names[0]}: not found on PATH; install it or set cc to its path")


@functools.cache
def compiler_library() -> Path:
    """gcc's own library of arithmetic that it calls.  Raises ToolchainError."""
    told = run([find_compiler(None, "c"), "-print-libgcc-file-name"]).stdout
    return Path(os.fsdecode(told).strip())


def find_tool(name: str) -> Path:
    """Absolute path of a program on PATH that is not ours ("as", "ld").  Raises ToolchainError."""
    found = _known_tool(name, os.environ.get("PATH", ""))
    if found is None:
        raise ToolchainError(f"{name}: not found on PATH; install binutils")
    return found


@functools.lru_cache(maxsize=16)
def _known_tool(name: str, path: str) -> Path | None:
    """A search assembles hundreds of times over the same PATH."""
    return _find_program(name, passing_over_wrappers=True)


def _find_program(name: str, *, passing_over_wrappers: bool) -> Path | None:
    for folder in os.get_exec_path():
        found = shutil.which(name, path=folder or os.curdir)
        if found is None:
            continue
        path = Path(os.path.abspath(found))
        wrapper = passing_over_wrappers and path.resolve().name in _WRAPPERS
        if not wrapper and not _is_ours(path):
            return path
    return None


def _is_ours(path: Path) -> bool:
    """Is this our front door or shim, whatever name, link or copy it goes by?"""
    real = path.resolve()
    if real.name in _FRONT_DOORS or _in_our_folders(path):
        return True
    installed = [folder / door for folder in helper_folders() for door in _FRONT_DOORS]
    installed += [Path(sys.prefix) / "bin" / door for door in _FRONT_DOORS]
    for door in installed:
        with contextlib.suppress(OSError):
            if door.exists() and filecmp.cmp(real, door, shallow=False):
                return True
    return False


def _in_our_folders(path: Path) -> bool:
    places = (path.absolute(), path.resolve())
    return any(
        place.is_relative_to(home)
        for folder in helper_folders()
        for home in (folder, folder.resolve())
        for place in places
    )


def _list_without_ours(value: str, separators: str) -> str:
    for separator in separators[1:]:
        value = value.replace(separator, separators[0])
    entries = value.split(separators[0])
    return separators[0].join(e for e in entries if e and not _is_our_entry(e))


def _is_our_entry(entry: str) -> bool:
    return Path(entry).name.startswith("superopt-") or _in_our_folders(Path(entry))


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a child: the user's, without what our front door added to it."""
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("_SUPEROPT_") and name not in _SIDE_EFFECTS
    }
    for name, separators in (("COMPILER_PATH", ":"), ("LD_PRELOAD", ": ")):
        if name not in env:
            continue
        kept = _list_without_ours(env.pop(name), separators)
        if kept:
            env[name] = kept
    env.update(extra or {})
    return env


def run(
    argv: Sequence[str | Path],
    *,
    stdin: bytes = b"",
    cwd: Path | None = None,
    timeout: float = 60.0,
    env: Mapping[str, str] | None = None,
) -> Done:
    """Run `argv` to its end in a process group of its own; `env` is added to the clean one.

    A failing status is an answer, not an error.  Raises ToolchainError when the program cannot
    be started or runs longer than `timeout` seconds; the whole group is then ended.
    """
    words = [os.fspath(word) for word in argv]
    try:
        child = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=clean_environment(env),
            process_group=0,
        )
    except (OSError, ValueError) as error:
        raise ToolchainError(f"{words[0]}: cannot be started: {error}") from error
    try:
        out, err = child.communicate(stdin, timeout=timeout)
    except subprocess.TimeoutExpired as error:
        end_group(child)
        raise ToolchainError(f"{words[0]}: no result after {timeout:g} seconds") from error
    except BaseException:
        end_group(child)
        raise
    return Done(child.returncode, out, err.decode(errors="replace"))


def end_group(child: subprocess.Popen[bytes]) -> None:
    """End the child's process group: politely first, so that gcc removes its temporary files."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, number)
        try:
            child.communicate(timeout=1.0)
            return
        except subprocess.TimeoutExpired:
            continue
        except ValueError:
            child.wait(timeout=1.0)
            return


def code_as_options(as_options: Sequence[str]) -> tuple[str, ...]:
    """`as` options without input files, output, listings and dependency files."""
    kept: list[str] = []
    words = iter(as_options)
    for word in words:
        if word in ("-o", "--MD", "--defsym", "-I", "--debug-prefix-map"):
            value = next(words, "")
            if word not in ("-o", "--MD"):
                kept += [word, value]
        elif word.startswith(("-o", "--MD=", "-a", "--listing-", "--statistics")):
            continue
        elif word.startswith("-") and word not in ("-", "--", "-v", "--verbose", "-K"):
            kept.append(word)
    return tuple(kept)


def assemble(
    text: str,
    out: Path,
    as_options: Sequence[str] = (),
    *,
    assembler: Path | None = None,
    cwd: Path | None = None,
) -> None:
    """Assemble `text` into the object `out`; nothing else is written, nothing left on failure.

    `cwd` is what relative `.incbin` and `-I` paths refer to.  Raises ToolchainError with what
    the assembler said.
    """
    tool = assembler or find_tool("as")
    # --MD, listings and a second -o would write into the user's tree.
    argv: list[str | Path] = [tool, *code_as_options(as_options), "-o", out.absolute(), "-"]
    done = run(argv, stdin=text.encode("utf-8", "surrogateescape"), cwd=cwd)
    if done.status != 0:
        out.unlink(missing_ok=True)
        raise ToolchainError(f"as refuses the text: {_first_line(done.stderr)}", done.stderr)


def link_image(
    objects: Sequence[Path], out: Path, base: int, sections: Mapping[str, int] | None = None
) -> None:
    """Link objects into a static image without libc at address `base` (page aligned).

    `sections` pins single output sections to addresses of their own, so that they stay put from
    one image to the next.

    Loadable segments begin on their own pages: code r-x, constants r--, data rw-.  The symbol
    table stays, debug sections go.  Raises ToolchainError, with `.stderr`, for example on an
    undefined symbol.
    """
    pinned = [f"--section-start={name}={at:#x}" for name, at in (sections or {}).items()]
    link(
        [*pinned, "-static", "-no-pie", "-nostdlib", "-S", "-e", "0", f"-Ttext-segment={base:#x}",
         "-z", "separate-code", "-z", "max-page-size=4096", "-z", "common-page-size=4096",
         "-z", "norelro", "-z", "noexecstack", "--build-id=none", *objects],
        out,
    )  # fmt: skip


def link_check(objects: Sequence[Path], out: Path, kind: str) -> None:
    """Link as the user's program would be: `kind` "pic" (shared object), "pie" or "" (neither).

    Undefined symbols are fine; relocations that the kind cannot hold are not (design 4.3).
    Raises ToolchainError with `.stderr`.
    """
    modes = {"pic": ["-shared"], "pie": ["-pie"], "": ["-no-pie"]}
    link(
        [*modes[kind], "-nostdlib", "-z", "text", "-e", "0", "--unresolved-symbols=ignore-all",
         "-z", "noexecstack", "--build-id=none", *objects],
        out,
    )  # fmt: skip


def link(words: Sequence[str | Path], out: Path) -> None:
    """Run ld with `words`, writing `out`.  Raises ToolchainError, with `.stderr`, on refusal."""
    done = run([find_tool("ld"), "-m", "elf_x86_64", *words, "-o", out])
    if done.status != 0:
        out.unlink(missing_ok=True)
        raise ToolchainError(f"ld refuses to link: {_first_line(done.stderr)}", done.stderr)


def _first_line(stderr: str) -> str:
    """The first line that names an error, else the first line at all."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if "rror" in line and not line.endswith("messages:")]
    return (errors or lines or ["no message"])[0]
