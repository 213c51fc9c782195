"""The user's command as clang understands it, or why clang has to stay out of a file (design 7).

What decides the meaning of a program is handed on: states that gcc itself tells, and the words of
`_SAME`.  What only says how hard gcc is to try is dropped.  Any other word rules clang out.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping

from superopt_cc.propose.tunables import SWITCHES, words
from superopt_cc.toolchain.command import (
    CompileCommand,
    effective_options,
    isa_macros,
    predefined_macros,
)
from superopt_cc.toolchain.options import Argument, split_arguments

# On or off under the same name and with the same meaning in both; handed on as gcc has them.
_STATES = (
    "fassociative-math", "fcommon", "fdelete-null-pointer-checks", "ffinite-loops",
    "ffinite-math-only", "fjump-tables", "fmath-errno", "fomit-frame-pointer",
    "foptimize-sibling-calls", "freciprocal-math", "frounding-math", "fsigned-zeros",
    "fstrict-aliasing", "fwrapv",
)  # fmt: skip
# States that clang has no word for, or does not keep.
_FORBIDDEN = ("ffloat-store", "fnon-call-exceptions", "fsignaling-nans", "ftrapv",
              "fsingle-precision-constant")  # fmt: skip
# Words (the positive form stands for both) that are handed on as they are.
_SAME = frozenset(
    words("""
    -fbuiltin -fbuiltin- -fchar8_t -fexceptions -fexec-charset= -ffreestanding -fgnu89-inline
    -fhosted -flax-vector-conversions -fms-extensions -fplt -frtti -fshort-enums -fshort-wchar
    -fsigned-char -fsized-deallocation -fstrict-enums -fthreadsafe-statics -funsigned-char
    -fvisibility= -fvisibility-inlines-hidden -mcmodel=small -mprefer-vector-width= -mred-zone
    -mno-red-zone
""")
)
# Words that the states above, the macros that gcc predefines or nothing at all stand for.
_TOLD = frozenset(
    words("""
    -O --optimize -std= --std= -ansi -fassociative-math -fcf-protection -fcf-protection=
    -fcommon -fcx-fortran-rules -fcx-limited-range -fdelete-null-pointer-checks -ffast-math
    -ffinite-loops -ffinite-math-only -ffp-contract= -fjump-tables -fmath-errno
    -fomit-frame-pointer -foptimize-sibling-calls -fpic -fPIC -fpie -fPIE -freciprocal-math
    -frounding-math -fsemantic-interposition -fsigned-zeros -fstrict-aliasing -fstrict-overflow
    -ftrapping-math -funsafe-math-optimizations -fwrapv -fwrapv-pointer -m64 -march= -mcpu=
    -mtune= -mfpmath=sse -masm=att -mabi=sysv -mlong-double-80 -mhard-float -m80387
    -mpreferred-stack-boundary=4 -momit-leaf-frame-pointer -mtls-direct-seg-refs
""")
)
# They concern other things than what an eligible function computes.
_HARMLESS = frozenset(
    words("""
    -fasynchronous-unwind-tables -funwind-tables -fident -ffunction-sections -fdata-sections
    -fasm -fzero-initialized-in-bss -ftrampolines -fstack-protector -fstack-protector-strong
    -fstack-protector-all -fstack-protector-explicit -fstack-clash-protection
    -fsigned-bitfields -fpeephole -ftree-loop-optimize -funit-at-a-time -fkeep-static-consts
    -fipa-ra -fipa-sra -fipa-icf -fipa-cp -fmerge-constants -freorder-blocks-and-partition
    -freorder-functions -falign-functions -falign-jumps -falign-labels -falign-loops
    -falign-functions= -falign-jumps= -falign-labels= -falign-loops= -frandom-seed=
    -fvect-cost-model= -fvect-cost-model -finline-limit= --param --param= -param
    -fcanonical-system-headers -ftls-model= -mtls-dialect=
""")
)
# clang's option for what gcc predefines; None where the macro says nothing of the kind.
_ISA_WORDS: Mapping[str, str | None] = {
    "SSE4_1": "sse4.1", "SSE4_2": "sse4.2", "LAHF_SAHF": "sahf", "ABM": None, "LZCNT": "lzcnt",
    "RDRND": "rdrnd", "PRFCHW": "prfchw", "GCC_HAVE_SYNC_COMPARE_AND_SWAP_16": "cx16",
    "KL": None, "WIDEKL": None, "SHSTK": None, "MMX": None, "SSE": None, "SSE2": None,
    "FXSR": None, "PREFETCHWT1": None, "3dNOW": None, "3dNOW_A": None, "HLE": None,
    "AVX5124FMAPS": None, "AVX5124VNNIW": None,
}  # fmt: skip
_STRICT = re.compile(r"(?:-ansi|-?-std=(?:c|iso)\w*.*)")


@dataclasses.dataclass(frozen=True, slots=True)
class RuledOut:
    """Why clang may not be asked about a file."""

    reason: str


def clang_options(command: CompileCommand) -> tuple[str, ...] | RuledOut:
    """What the user's command says of the code's meaning, in clang's words; no level among them.

    Raises ToolchainError when gcc refuses the user's options.
    """
    states = effective_options(command)
    forbidden = [name for name in _FORBIDDEN if states.get(name)]
    if forbidden:
        return RuledOut(f"clang does not keep -{forbidden[0]}")
    if states.get("fwrapv-pointer") and not states.get("fwrapv"):
        return RuledOut("clang has no word for -fwrapv-pointer alone")
    said: list[str] = []
    for argument in split_arguments(command.code_options()):
        told = _told(argument)
        if isinstance(told, RuledOut):
            return told
        said += told
    macros = dict(macro.partition(" ")[::2] for macro in predefined_macros(command))
    if "__SSE2__" not in macros:
        return RuledOut("no SSE2")
    return (
        *_language(command, macros), *_code_model(states, macros), *_isa(command),
        *_floating(command, states, macros), *_switches(states), *said,
        "-fno-crash-diagnostics",  # which would leave files behind
    )  # fmt: skip


def _told(argument: Argument) -> tuple[str, ...] | RuledOut:
    """One option of the user's in clang's words."""
    option = argument.option
    word = argument.words[0]
    if option is None:
        return ()
    plain = re.sub(r"^-([fm])no-", r"-\1", option.spelling)
    if {option.spelling, plain, word} & _SAME:
        return argument.words
    if {option.spelling, plain, word} & (_TOLD | _HARMLESS) or plain[1:] in SWITCHES:
        return ()
    if word.startswith("-m") and option.kind == "code-ok" and _is_isa(word):
        return ()
    return RuledOut(f"it is not known what clang makes of {word}")


def _is_isa(word: str) -> bool:
    """Does an option only add or take away instructions?  The macros tell which."""
    name = word[2:].removeprefix("no-")
    return name in _ISA_NAMES


# gcc's options on single instruction sets; a set without a word in clang simply goes unused.
_ISA_NAMES = frozenset(
    words("""
    mmx sse sse2 sse3 ssse3 sse4 sse4.1 sse4.2 sse4a avx avx2 fma fma4 xop tbm lwp bmi bmi2
    lzcnt abm popcnt aes pclmul vaes vpclmulqdq gfni sha adx f16c movbe crc32 rdrnd rdseed
    prfchw fxsr xsave xsavec xsaveopt xsaves cx16 sahf fsgsbase clflushopt clwb pku rdpid
    avx512f avx512bw avx512cd avx512dq avx512vl avx512vbmi avx512vbmi2 avx512ifma avx512vnni
    avx512bitalg avx512vpopcntdq avx512bf16 avxvnni
""")
)


def _language(command: CompileCommand, macros: Mapping[str, str]) -> Iterator[str]:
    """The standard that gcc took, said or not."""
    said = command.option("-std=", "--std=", "-ansi", "--ansi")
    if said is not None:
        yield said.replace("--", "-")
    elif command.language == "c++":
        yield {"201703L": "-std=gnu++17", "201402L": "-std=gnu++14"}.get(
            macros.get("__cplusplus", ""), "-std=gnu++20"
        )
    else:
        yield {"201710L": "-std=gnu17", "201112L": "-std=gnu11", "199901L": "-std=gnu99"}.get(
            macros.get("__STDC_VERSION__", ""), "-std=gnu2x"
        )


def _code_model(states: Mapping[str, bool], macros: Mapping[str, str]) -> Iterator[str]:
    """Position independence and indirect branch tracking as gcc has them, its defaults included."""
    if "__PIE__" in macros:
        yield "-fpie" if macros["__PIE__"] == "1" else "-fPIE"
    elif "__PIC__" in macros:
        yield "-fpic" if macros["__PIC__"] == "1" else "-fPIC"
        named = "" if states.get("fsemantic-interposition", True) else "no-"
        yield f"-f{named}semantic-interposition"
    else:
        yield "-fno-pic"
    if "__PIC__" not in macros or "__PIE__" in macros:
        direct = "" if states.get("mdirect-extern-access", True) else "no-"
        yield f"-f{direct}direct-access-external-data"
    tracked = int(macros.get("__CET__", "0")) & 1
    yield "-fcf-protection=branch" if tracked else "-fcf-protection=none"


def _isa(command: CompileCommand) -> Iterator[str]:
    """The command's instruction sets one by one: names of processors differ by version."""
    yield "-march=x86-64"
    for macro in sorted(isa_macros(command)):
        name = macro.strip("_")
        word = _ISA_WORDS.get(name, name.lower().replace("_", "-"))
        if word in _ISA_NAMES:
            yield f"-m{word}"


def _floating(
    command: CompileCommand, states: Mapping[str, bool], macros: Mapping[str, str]
) -> Iterator[str]:
    """Contraction as gcc does it, and traps where the user's own words ask for them.

    gcc's default keeps the exceptions of what it computes and still vectorises; clang's
    -ftrapping-math gives up on both.  So by default clang decides freely, and the comparison of
    exception flags (design 5.3) decides on what it made.
    """
    said = command.option("-ffp-contract=")
    strict = _STRICT.fullmatch(command.option("-std=", "--std=", "-ansi", "--ansi") or "")
    yield said or f"-ffp-contract={'off' if strict or '__FMA__' not in macros else 'fast'}"
    if not states.get("ftrapping-math", True):
        yield "-fno-trapping-math"
    elif command.option("-ftrapping-math") == "-ftrapping-math" or states.get("frounding-math"):
        yield "-ftrapping-math"


def _switches(states: Mapping[str, bool]) -> Iterator[str]:
    for name in _STATES:
        if name in states:
            yield f"-f{'' if states[name] else 'no-'}{name[1:]}"
