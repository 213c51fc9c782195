"""Is everything there that superopt-cc needs?  (design 11.5)"""

from __future__ import annotations

import dataclasses
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from superopt_cc.driver import quick
from superopt_cc.errors import SuperoptError
from superopt_cc.propose.registry import unknown
from superopt_cc.settings import Settings
from superopt_cc.store.local import Store
from superopt_cc.toolchain import installed
from superopt_cc.toolchain.tools import assemble, find_compiler, find_tool, native, run

_HELPERS = ("superopt-cc", "superopt-c++", "shim", "pragma", "superopt-runner", "superopt-timer")
_FEATURES = ("popcnt", "bmi2", "avx2", "avx512f", "amx_tile")
_ACTIONS = Path("/proc/sys/kernel/seccomp/actions_avail")
_PROBE = "\t.text\n\tret\n"


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One line of the diagnosis; a finding that is not `needed` is only told."""

    name: str
    ok: bool
    detail: str
    needed: bool = True


def examine(settings: Settings, problems: tuple[str, ...], folder: Path) -> tuple[Finding, ...]:
    """Look at everything.  `problems` are those of the settings.  Never raises SuperoptError."""
    findings = [
        _try("gcc", lambda: _version(find_compiler(settings.cc, "c"))),
        _try("g++", lambda: _version(find_compiler(None, "c++")), needed=False),
        _try("as", _assembles),
        _try("ld", lambda: _version(find_tool("ld"))),
        _clang(),
    ]
    findings += [_helper(name) for name in _HELPERS]
    problems = (*problems, *unknown(settings))
    findings += [Finding("settings", False, problem) for problem in problems]
    if not problems:
        findings.append(Finding("settings", True, f"read around {folder}"))
    if settings.mode == "queue":
        findings.append(Finding("mode", True, "queue works like use in this version", False))
    findings += [
        _try("cache", lambda: _cache(settings)),
        _try("temporary files", _temporary),
        _seccomp(),
        Finding("processor", True, _processor(), False),
        _model(settings),
    ]
    return tuple(findings)


def _clang() -> Finding:
    """Nothing needs it, but its code is often the best that a compiler makes."""
    found = installed.clang()
    if found is None:
        return Finding("clang", False, "not on PATH; with it more functions become faster", False)
    return Finding("clang", True, f"{found.path}: {found.banner}", False)


def _try(name: str, look: Callable[[], str], *, needed: bool = True) -> Finding:
    try:
        return Finding(name, True, look(), needed)
    except (SuperoptError, OSError) as error:
        return Finding(name, False, str(error).partition("\n")[0], needed)


def _version(program: Path) -> str:
    said = run([program, "--version"]).stdout.decode(errors="replace").partition("\n")[0]
    return f"{program}: {said}"


def _assembles() -> str:
    with tempfile.TemporaryDirectory(prefix="superopt-doctor-") as folder:
        assemble(_PROBE, Path(folder) / "probe.o")
    return _version(find_tool("as"))


def _helper(name: str) -> Finding:
    """Our own programs; the front doors are installed beside Python, the others in libexec."""
    installed = Path(sys.prefix) / "bin" / name
    return _try(name, lambda: str(installed if installed.exists() else native(name)))


def _cache(settings: Settings) -> str:
    with Store(settings.cache_dir, settings.cache_size) as store:
        store.keep_manifest("doctor", {})
        stats = store.stats()
    return (
        f"{settings.cache_dir}: {stats.entries} functions, {stats.size:,} of {stats.limit:,} bytes"
    )


def _temporary() -> str:
    with tempfile.TemporaryDirectory(prefix="superopt-doctor-") as folder:
        return os.path.dirname(folder)


def _seccomp() -> Finding:
    try:
        actions = _ACTIONS.read_text().split()
    except OSError as error:
        return Finding("seccomp", False, f"{_ACTIONS}: {error.strerror}; tests cannot be confined")
    if "kill_process" not in actions:
        return Finding("seccomp", False, "this kernel cannot kill a process by filter")
    return Finding("seccomp", True, " ".join(actions))


def _processor() -> str:
    flags: Mapping[str, bool] = dict.fromkeys(_cpu_flags(), True)
    have = [name for name in _FEATURES if flags.get(name)]
    return f"{quick.cpu_model()}: {' '.join(have) or 'plain x86-64'}"


def _cpu_flags() -> list[str]:
    try:
        text = Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        return []
    for line in text.splitlines():
        if line.startswith("flags"):
            return line.partition(":")[2].split()
    return []


def _model(settings: Settings) -> Finding:
    from superopt_cc.propose.llm import check

    problem = check(settings)
    chosen = settings.model is not None
    return Finding("model", not problem, problem or str(settings.model), needed=chosen)
