"""Random programs by csmith: number N is always the same program, with the same gcc options."""

from __future__ import annotations

import dataclasses
import random
import re
import shutil
import subprocess
from pathlib import Path

GENERATING_SECONDS = 10.0  # some seeds keep csmith busy for ever

# One is drawn for each program.  Many small functions with simple signatures: that is what can be
# replaced.  None of csmith's options that allow undefined behaviour is here.
_SIZES = (
    ("--max-funcs", (4, 6, 8)),
    ("--max-block-depth", (1, 1, 2, 3)),
    ("--max-block-size", (2, 3, 4)),
    ("--max-expr-complexity", (2, 3, 4, 6)),
    ("--max-pointer-depth", (1, 2, 2, 3)),
    ("--max-array-dim", (1, 2)),
    ("--max-array-len-per-dim", (4, 8)),
    ("--max-struct-fields", (3, 6)),
)
# Each feature, how often it is there, and how csmith is told to have or to leave it.
_FEATURES = (
    (0.15, "--volatiles", "--no-volatiles"),
    (0.30, "--bitfields", "--no-bitfields"),
    (0.40, "--packed-struct", "--no-packed-struct"),
    (0.70, "--structs", "--no-structs"),
    (0.40, "--unions", "--no-unions"),
    (0.15, "--arg-structs", "--no-arg-structs"),
    (0.15, "--return-structs", "--no-return-structs"),
    (0.10, "--arg-unions", "--no-arg-unions"),
    (0.10, "--return-unions", "--no-return-unions"),
    (0.20, "--float", "--no-float"),
    (0.50, "--jumps", "--no-jumps"),
    (0.80, "--longlong", "--no-longlong"),
    (0.80, "--arrays", "--no-arrays"),
    (0.85, "--pointers", "--no-pointers"),
    (0.80, "--consts", "--no-consts"),
)
_LEVELS = ("-O2", "-O3")
# gcc's options beside the level, each with its share of the programs.
_FLAGS = (
    (0.25, "-fno-inline"),
    (0.40, "-fno-ipa-cp"),
    (0.40, "-fno-ipa-sra"),
    (0.40, "-fno-partial-inlining"),
    (0.15, "-g"),
    (0.10, "-fPIC"),
    (0.10, "-fwrapv"),
    (0.10, "-fno-strict-aliasing"),
    (0.10, "-fno-omit-frame-pointer"),
    (0.10, "-fno-ipa-ra"),
    (0.08, "-march=x86-64-v3"),
    (0.08, "-fcf-protection=full"),
    (0.08, "-ffunction-sections"),
)
_FEWEST, _SEEDS = 3, 20  # functions of a program, and how many seeds may be tried for them
_EXTERNAL = 0.80  # of the programs have functions that gcc cannot clone or inline away
_STATIC_FUNCTION = re.compile(r"^static (?=[^=;{]*\bfunc_\d+\()", re.MULTILINE)
_PROTOTYPE = re.compile(r"^static [^=;{]*\bfunc_\d+\([^{;]*\);", re.MULTILINE)


class Skipped(Exception):
    """This number gives no program to compare, for a reason that is not ours."""


@dataclasses.dataclass(frozen=True)
class Program:
    """`options` are csmith's, `flags` gcc's; `external`: no function is static."""

    number: int
    source: str
    options: tuple[str, ...]
    flags: tuple[str, ...]
    external: bool


def missing() -> str | None:
    """What has to be installed before programs can be made."""
    if shutil.which("csmith") is None:
        return "csmith is not installed (Debian package csmith)"
    if include_folder() is None:
        return "csmith.h is not installed (Debian package libcsmith-dev)"
    return None


def include_folder() -> Path | None:
    """Where the header of the generated programs lies, below csmith's own prefix."""
    csmith = shutil.which("csmith")
    if csmith is None:
        return None
    headers = sorted((Path(csmith).parent.parent / "include").glob("csmith*/csmith.h"))
    return headers[0].parent if headers else None


def make(number: int, folder: Path) -> Program:
    """Program `number`.  csmith leaves a file in `folder`.  Raises Skipped."""
    draw = random.Random(number)
    options = ["--concise"]
    for name, values in _SIZES:
        options += [name, str(draw.choice(values))]
    options += [with_it if draw.random() < share else without
                for share, with_it, without in _FEATURES]  # fmt: skip
    external = draw.random() < _EXTERNAL
    flags = [_LEVELS[number % len(_LEVELS)]]
    flags += [flag for share, flag in _FLAGS if draw.random() < share]
    if not external and "-fno-inline" not in flags:
        flags.append("-fno-inline")  # or hardly a function is left
    for seed in range(number * _SEEDS, (number + 1) * _SEEDS):
        seeded = ("--seed", str(seed), *options)
        source = _generated(seeded, folder)
        if len(_PROTOTYPE.findall(source)) >= _FEWEST:
            break
    else:
        raise Skipped("csmith makes too few functions")
    if external:
        source = _STATIC_FUNCTION.sub("", source)
    return Program(number, source, seeded, tuple(flags), external)


def _generated(options: tuple[str, ...], folder: Path) -> str:
    try:
        done = subprocess.run(
            ("csmith", *options),
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=GENERATING_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise Skipped("csmith does not end") from None
    return "" if done.returncode else done.stdout
