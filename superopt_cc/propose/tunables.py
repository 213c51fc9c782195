"""Settings that only say how a compiler goes about it, never what a program means.

The tables are lists of what is allowed: nothing that is not here is ever varied.  `SWITCHES` are
gcc's on/off options (without the dash), `PARAMETERS` its numbers with values worth a try, `CHOICES`
options of which one at a time is in effect; the `CLANG_` tables are the same for clang.  What a
gcc at hand does not know is left out (`known_parameters`).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path

from superopt_cc.errors import ToolchainError
from superopt_cc.toolchain.tools import run


def words(text: str) -> tuple[str, ...]:
    """A table's rows run together."""
    return tuple(text.split())


SWITCHES = frozenset(
    words("""
    fbit-tests fbranch-count-reg fcaller-saves fcode-hoisting fcombine-stack-adjustments
    fcompare-elim fcprop-registers fcrossjumping fcse-follow-jumps fdce fdefer-pop
    fdevirtualize fdevirtualize-speculatively fdse fearly-inlining fexpensive-optimizations
    fforward-propagate fgcse fgcse-after-reload fgcse-las fgcse-lm fgcse-sm
    fguess-branch-probability fhoist-adjacent-loads fif-conversion fif-conversion2
    findirect-inlining finline-functions finline-functions-called-once finline-small-functions
    fipa-bit-cp fipa-cp fipa-cp-clone fipa-modref fipa-pta fipa-pure-const fipa-reference
    fipa-vrp fira-hoist-pressure fira-loop-pressure fira-share-save-slots
    fira-share-spill-slots fivopts flive-range-shrinkage floop-interchange floop-unroll-and-jam
    flra-remat fmodulo-sched fmodulo-sched-allow-regmoves fmove-loop-invariants
    fmove-loop-stores foptimize-strlen fpartial-inlining fpeel-loops fpeephole2
    fpredictive-commoning free frename-registers freorder-blocks frerun-cse-after-loop
    freschedule-modulo-scheduled-loops fsched-critical-path-heuristic
    fsched-dep-count-heuristic fsched-group-heuristic fsched-interblock
    fsched-last-insn-heuristic fsched-pressure fsched-rank-heuristic fsched-spec
    fsched-spec-insn-heuristic fschedule-fusion fschedule-insns fschedule-insns2
    fsel-sched-pipelining fsel-sched-pipelining-outer-loops fselective-scheduling
    fselective-scheduling2 fshrink-wrap fshrink-wrap-separate fsplit-ivs-in-unroller
    fsplit-loops fsplit-paths fsplit-wide-types fsplit-wide-types-early fssa-backprop
    fssa-phiopt fstore-merging fthread-jumps ftracer ftree-bit-ccp ftree-ccp ftree-ch
    ftree-coalesce-vars ftree-copy-prop ftree-cselim ftree-dce ftree-dominator-opts ftree-dse
    ftree-forwprop ftree-fre ftree-loop-distribute-patterns ftree-loop-distribution
    ftree-loop-if-convert ftree-loop-im ftree-loop-ivcanon ftree-loop-vectorize
    ftree-partial-pre ftree-phiprop ftree-pre ftree-pta ftree-reassoc ftree-scev-cprop
    ftree-sink ftree-slp-vectorize ftree-slsr ftree-sra ftree-switch-conversion
    ftree-tail-merge ftree-ter ftree-vectorize ftree-vrp funroll-all-loops
    funroll-completely-grow-size funroll-loops funswitch-loops fvariable-expansion-in-unroller
    fversion-loops-for-strides fvpt fweb
""")
)

# What paid off most often is drawn more often.
LIKELY = words("""
    funroll-loops ftree-vectorize ftree-loop-vectorize ftree-slp-vectorize fif-conversion
    fif-conversion2 ftree-reassoc fivopts fpeel-loops ftree-pre fsplit-paths
    ftree-loop-if-convert fschedule-insns fschedule-insns2 ftree-ter fssa-phiopt fgcse
    ftree-sink fcode-hoisting fthread-jumps frename-registers fweb ftree-loop-im
    funswitch-loops ftree-ch freorder-blocks fselective-scheduling2 fmodulo-sched
    ftree-loop-distribute-patterns flive-range-shrinkage fpredictive-commoning
    fvariable-expansion-in-unroller fguess-branch-probability
""")

PARAMETERS: Mapping[str, tuple[int, ...]] = {
    "avg-loop-niter": (4, 30, 100),
    "early-inlining-insns": (40, 100),
    "inline-min-speedup": (2, 5),
    "iv-consider-all-candidates-bound": (10, 100),
    "iv-max-considered-uses": (20, 1000),
    "logical-op-non-short-circuit": (0, 1),
    "loop-invariant-max-bbs-in-loop": (10,),
    "max-average-unrolled-insns": (20, 200),
    "max-completely-peel-loop-nest-depth": (2, 16),
    "max-completely-peel-times": (4, 32, 64, 128),
    "max-completely-peeled-insns": (40, 400, 1000, 2000),
    "max-grow-copy-bb-insns": (2, 24),
    "max-inline-insns-auto": (10, 60, 120),
    "max-inline-insns-single": (400,),
    "max-jump-thread-duplication-stmts": (4, 40),
    "max-loop-header-insns": (5, 60),
    "max-peel-times": (2, 32),
    "max-peeled-insns": (20, 400),
    "max-rtl-if-conversion-insns": (2, 20, 40),
    "max-rtl-if-conversion-predictable-cost": (5, 60, 120),
    "max-rtl-if-conversion-unpredictable-cost": (5, 100, 200),
    "max-tree-if-conversion-phi-args": (8, 16),
    "max-unroll-times": (2, 4, 16),
    "max-unrolled-insns": (50, 400, 1000),
    "max-variable-expansions-in-unroller": (2, 4, 8),
    "min-vect-loop-bound": (4, 16),
    "predictable-branch-outcome": (0, 10, 30, 50),
    "sched-pressure-algorithm": (1, 2),
    "scev-max-expr-size": (30, 300),
    "switch-conversion-max-branch-ratio": (2, 32),
    "tracer-max-code-growth": (400,),
    "tracer-min-branch-probability": (20, 80),
    "tree-reassoc-width": (1, 2, 4),
    "uninlined-function-insns": (0, 20),
    "unroll-jam-max-unroll": (2, 8),
    "vect-epilogues-nomask": (0,),
    "vect-inner-loop-cost-factor": (5, 500),
    "vect-max-peeling-for-alignment": (0, 16),
    "vect-max-version-for-alias-checks": (0, 40),
}

CHOICES: tuple[tuple[str, ...], ...] = (
    ("-O1", "-O2", "-Os"),
    ("-mtune=haswell", "-mtune=znver2", "-mtune=silvermont", "-mtune=skylake-avx512"),
    ("-fvect-cost-model=unlimited", "-fvect-cost-model=cheap", "-fvect-cost-model=dynamic"),
    ("-mbranch-cost=0", "-mbranch-cost=1", "-mbranch-cost=5"),
    ("-freorder-blocks-algorithm=simple", "-freorder-blocks-algorithm=stc"),
    ("-mprefer-vector-width=128", "-mprefer-vector-width=256", "-mprefer-vector-width=512"),
    ("-mno-stv",),
    ("-m8bit-idiv",),
)
"""Of each row at most one is in effect; a level comes first."""

CLANG_CHOICES: tuple[tuple[str, ...], ...] = (
    ("-O2", "-Os", "-O1"),
    ("-fno-vectorize",),
    ("-fno-slp-vectorize",),
    ("-fno-unroll-loops",),
    tuple(f"-mllvm -force-vector-interleave={n}" for n in (1, 2, 4)),
    tuple(f"-mllvm -force-vector-width={n}" for n in (2, 4, 8, 16, 32)),
    tuple(f"-mllvm -unroll-count={n}" for n in (2, 4, 8)),
    tuple(f"-mllvm -unroll-threshold={n}" for n in (50, 600, 2000)),
    ("-mllvm -two-entry-phi-node-folding-threshold=1",
     "-mllvm -two-entry-phi-node-folding-threshold=12"),
    ("-mllvm -phi-node-folding-threshold=1", "-mllvm -phi-node-folding-threshold=6"),
    ("-mllvm -x86-cmov-converter=false",),
    ("-mllvm -disable-lsr",),
    ("-mllvm -disable-loop-idiom-all",),
    ("-mllvm -align-all-nofallthru-blocks=5",),
    ("-mllvm -vectorizer-min-trip-count=4", "-mllvm -vectorizer-min-trip-count=64"),
    ("-mllvm -disable-licm-promotion",),
    ("-mtune=haswell", "-mtune=znver2", "-mtune=skylake"),
    ("-mprefer-vector-width=128", "-mprefer-vector-width=256"),
)  # fmt: skip
"""Words for one step of clang's, or for LLVM itself."""


@functools.lru_cache(maxsize=8)
def known_parameters(compiler: Path) -> frozenset[str]:
    """The names of the numbers that a gcc knows; none where it does not tell."""
    try:
        told = run([compiler, "-Q", "--help=params"], timeout=10.0).stdout.decode(errors="replace")
    except ToolchainError:
        return frozenset()
    return frozenset(re.findall(r"^\s*--param=([\w-]+)=", told, re.MULTILINE))
