"""Which of gcc's optimisation settings are tried, and which are held fast.

Two tables: `VARIANTS` in the order in which they paid off on ordinary kernels, and `SEMANTIC`,
the settings that decide what a C program means.  A level such as -O1 changes some of the second
kind too (strict aliasing), so these are spelled out as the user's own command has them.
"""

from __future__ import annotations

from superopt_cc.toolchain.command import CompileCommand, effective_options

_PEEL = "--param=max-completely-peeled-insns=400 --param=max-completely-peel-times=64"

# Held at the user's value (design 5.3, 5.7, 7): gcc's on/off options that change what a program
# means, what it may assume of its surroundings, or how others may look at it.  Options that no
# level and no variant touches (builtins, PIC, contraction, ...) stay as the user's words say.
SEMANTIC: tuple[str, ...] = (
    "fallow-store-data-races",
    "fassociative-math",
    "fcx-fortran-rules",
    "fcx-limited-range",
    "ffinite-loops",
    "ffinite-math-only",
    "ffloat-store",
    "fisolate-erroneous-paths-attribute",
    "fisolate-erroneous-paths-dereference",
    "fjump-tables",
    "fmath-errno",
    "fnon-call-exceptions",
    "fomit-frame-pointer",
    "foptimize-sibling-calls",
    "fplt",
    "freciprocal-math",
    "frounding-math",
    "fsemantic-interposition",
    "fsignaling-nans",
    "fsigned-zeros",
    "fstrict-aliasing",
    "ftrapping-math",
    "ftrapv",
    "funsafe-math-optimizations",
    "fwrapv",
    "fwrapv-pointer",
)

# One line a variant.
VARIANTS: tuple[tuple[str, ...], ...] = tuple(
    tuple(line.split())
    for line in (
        "-O2",
        "-fno-tree-vectorize",
        _PEEL,
        f"-fno-tree-vectorize {_PEEL}",
        "-fno-tree-reassoc",
        "-O1",
        "-funroll-loops",
        "-O2 -funroll-loops",
        "-Os",
        "-fno-tree-slp-vectorize",
        "-fno-if-conversion -fno-if-conversion2",
        "-fno-tree-pre",
        "-mtune=haswell",
        "-fno-tree-loop-vectorize",
        "-O2 -fno-tree-vectorize",
        "-fvect-cost-model=unlimited",
        "-fno-peel-loops",
        "-fno-tree-loop-if-convert",
        "-fschedule-insns -fsched-pressure",
        "-O1 -ftree-vectorize",
        "-mtune=znver2",
        "-fno-ivopts",
        "-fno-tree-loop-distribute-patterns",
        "-fvect-cost-model=cheap",
        "-fno-schedule-insns2",
        "-fno-split-paths",
        "-fno-tree-ter",
        "-fselective-scheduling2",
        f"-O1 -funroll-loops {_PEEL}",
        "-fno-unswitch-loops -fno-peel-loops",
        "-fno-ssa-phiopt",
        "-fno-gcse",
        "-fno-tree-dominator-opts -fno-thread-jumps",
        "-fno-inline-small-functions -fno-inline-functions -fno-ipa-cp",
        "--param=max-inline-insns-auto=120 --param=inline-min-speedup=5",
        "-O2 -fno-if-conversion -fno-if-conversion2",
        "-fno-tree-loop-im",
        "-fno-tree-sink -fno-code-hoisting",
        "--param=max-completely-peeled-insns=2000 --param=max-completely-peel-times=128",
    )
)

# For clang, in the order in which they paid off.  Without its cmov converter it branches on data
# as rarely as gcc (design 5.10), without its idioms it calls no memset where gcc's code has none.
CLANG_VARIANTS: tuple[tuple[str, ...], ...] = tuple(
    tuple(line.split())
    for line in (
        "-O3",
        "-O3 -mllvm -x86-cmov-converter=false",
        "-O3 -mllvm -force-vector-width=16",
        "-O2 -fno-vectorize -fno-slp-vectorize",
        "-O3 -mllvm -unroll-count=4",
        "-O3 -mllvm -disable-loop-idiom-all",
        "-O1",
        "-O3 -fno-unroll-loops",
        "-O3 -mllvm -disable-lsr",
    )
)

# For gcc of another version: what its optimisers make of the user's own level, and its others.
OTHER_VARIANTS: tuple[tuple[str, ...], ...] = (
    (),
    ("-O2",),
    ("-fno-tree-vectorize",),
    ("-funroll-loops",),
)


def held_options(command: CompileCommand) -> tuple[str, ...]:
    """Options that spell out the user's own value of everything in `SEMANTIC`.

    Raises ToolchainError when gcc refuses the user's options.
    """
    states = effective_options(command)
    words = [
        f"-{name[0]}{'' if states[name] else 'no-'}{name[1:]}"
        for name in SEMANTIC
        if name in states
    ]
    return tuple(words)


def variants(command: CompileCommand) -> tuple[tuple[str, ...], ...]:
    """The variants that fit a command.

    Under -Ofast no level is tried: the level itself carries part of the meaning there.
    """
    fast = command.option("-O") == "-Ofast"
    levels = ("-O1", "-O2", "-Os")
    return tuple(v for v in VARIANTS if not (fast and any(o in levels for o in v)))
