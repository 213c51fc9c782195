"""Build hook: compiles csrc/ and puts the programs where the front door looks for them.

`superopt-cc` and `superopt-c++` become scripts, everything else lies under libexec/superopt-cc of
the same prefix.  Run as a program it only builds, into build/.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, NamedTuple

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_WARNINGS = ("-Wall", "-Wextra", "-Werror")
_SMALL = ("-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections", "-s")
_COMMON = ("csrc/common/text.c",)


class Native(NamedTuple):
    """One native program: where it goes below the helper folder, and what it is made of.

    `guests`: it runs code under test, so it lies at another address each time (design 5.8).
    Not a dataclass: hatchling loads this file without naming it in sys.modules.
    """

    name: str
    sources: tuple[str, ...]
    shared: bool = False
    script: bool = False
    guests: bool = False


def natives(root: Path) -> tuple[Native, ...]:
    """Everything that is built from csrc/."""

    def every(stem: str) -> tuple[str, ...]:
        found = [*root.glob(f"csrc/{stem}*.c"), *root.glob(f"csrc/{stem}*.S")]
        return tuple(sorted(str(path.relative_to(root)) for path in found))

    front = (
        *(f"csrc/front/{name}.c" for name in ("front", "command", "launch", "options", "settings")),
        *(f"csrc/common/{name}.c" for name in ("pragma", "record")),
        *_COMMON,
        "build/option_table.c",
    )
    assembler = ("csrc/shim/as.c", "csrc/shim/child.c", "csrc/common/record.c")
    cc1 = ("csrc/shim/cc1.c", "csrc/shim/programs.c", *_COMMON)
    return (
        Native("superopt-cc", front, script=True),
        Native("superopt-c++", front, script=True),
        Native("shim/as", (*assembler, "csrc/shim/programs.c", *_COMMON)),
        Native("pragma/cc1", cc1),
        Native("pragma/cc1plus", cc1),
        Native(
            "pragma/superopt-pragma.so",
            ("csrc/shim/preload.c", "csrc/common/pragma.c"),
            shared=True,
        ),
        Native("superopt-runner", every("runner"), guests=True),
        Native("superopt-timer", every("timer"), guests=True),
        Native("superopt-mutate", every("mutate"), guests=True),
    )


def option_table(rows: str) -> str:
    """C source of the front door's option table, from the text of options.tsv."""
    arguments = {
        "none": "TAKES_NONE",
        "joined": "TAKES_JOINED",
        "separate": "TAKES_SEPARATE",
        "joined-or-separate": "TAKES_EITHER",
    }
    classes = {
        "info": "CLASS_INFO",
        "mode": "CLASS_MODE",
        "opt-level": "CLASS_OPT_LEVEL",
        "lto": "CLASS_LTO",
        "language": "CLASS_LANGUAGE",
        "prefix": "CLASS_PREFIX",
        "wrapper": "CLASS_WRAPPER",
    }
    lines = []
    for row in rows.splitlines():
        if row and not row.startswith("#"):
            spelling, argument, kind, _ = row.split("\t")
            kind = classes.get(kind, "CLASS_OTHER")
            lines.append(f'    {{"{spelling}", {arguments[argument]}, {kind}}},')
    return "\n".join(
        (
            "/* Made by hatch_build.py from superopt_cc/toolchain/options.tsv. */",
            '#include "../csrc/front/options.h"',
            "",
            "const struct option option_table[] = {",
            *sorted(lines, key=lambda line: line.split('"')[1].encode()),
            "};",
            "const size_t option_count = sizeof option_table / sizeof *option_table;",
            "",
        )
    )


def build(root: Path) -> dict[Native, Path]:
    """Compile everything into root/build; raises RuntimeError with what gcc said."""
    folder = root / "build"
    folder.mkdir(exist_ok=True)
    rows = (root / "superopt_cc/toolchain/options.tsv").read_text(encoding="ascii")
    table = folder / "option_table.c"
    if not table.exists() or table.read_text(encoding="ascii") != option_table(rows):
        table.write_text(option_table(rows), encoding="ascii")
    built: dict[Native, Path] = {}
    twins: dict[tuple[str, ...], Path] = {}
    for native in natives(root):
        if not native.sources:
            continue
        out = folder / native.name
        out.parent.mkdir(exist_ok=True)
        if _is_current(root, native, out):
            built[native] = out
            continue
        fresh = out.with_name(f".{out.name}.{os.getpid()}")
        if native.sources in twins:
            shutil.copy2(twins[native.sources], fresh)
        else:
            _compile(root, native, fresh)
        fresh.replace(out)  # others may be running the old one
        twins[native.sources] = built[native] = out
    return built


def _is_current(root: Path, native: Native, out: Path) -> bool:
    """Whether `out` is younger than everything that it could be made of (pip builds twice)."""
    sources = [root / source for source in native.sources]
    parts = [*sources, *root.glob("csrc/**/*.h"), Path(__file__)]
    return out.exists() and all(out.stat().st_mtime > part.stat().st_mtime for part in parts)


def _compile(root: Path, native: Native, out: Path) -> None:
    gcc = shutil.which("gcc")
    if gcc is None:
        raise RuntimeError("gcc is missing; install it: apt-get install gcc")
    words = [gcc, "-std=gnu11", "-O2", *_WARNINGS, *_SMALL, "-o", str(out), *native.sources]
    # A static program starts in half the time; some systems have no static libc.
    kinds = [["-shared", "-fPIC"]] if native.shared else [["-static"], []]
    if native.guests:
        kinds = [["-static-pie", "-fPIE"], ["-pie", "-fPIE"]]
    for kind in kinds:
        done = subprocess.run(
            [*words, *kind], cwd=root, capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            return
    raise RuntimeError(f"{native.name} does not compile:\n{done.stderr}")


class NativeBuildHook(BuildHookInterface[Any]):
    """Adds the native programs to standard and editable wheels."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        for native, path in build(Path(self.root)).items():
            if native.script:
                build_data["shared_scripts"][str(path)] = native.name
            else:
                build_data["shared_data"][str(path)] = f"libexec/superopt-cc/{native.name}"
        build_data["pure_python"] = False
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{platform}"


if __name__ == "__main__":
    try:
        build(Path(__file__).resolve().parent)
    except RuntimeError as error:
        sys.exit(str(error))
