"""A verification job as a value: what is known about one function of one translation unit.

Self-contained (design 13): it can be pickled, sent to another machine of the same kind and
answered there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from superopt_cc.toolchain.command import CompileCommand
from superopt_cc.verify.signature.ctype import TypeTable


@dataclasses.dataclass(frozen=True, slots=True)
class Parameter:
    """A formal parameter: source name ("" if none) and type index."""

    name: str
    type: int


@dataclasses.dataclass(frozen=True, slots=True)
class CallUse:
    """How the unit's code calls one symbol, from gcc's final RTL.

    `callee` is the assembler name (None: through a pointer); `registers` the argument registers
    really used with their widths in bytes, e.g. (("rdi", 8), ("rsi", 4), ("xmm0", 8));
    `stack_words` is True when arguments also travel on the stack, `stack_bytes` how many bytes of
    them; `noreturn` from the RTL note.  ("rax", 1) is the %al of a variadic call.  `first` is
    where a first argument points that leads into the caller's frame, in bytes from its end.
    """

    callee: str | None
    registers: tuple[tuple[str, int], ...]
    stack_words: bool = False
    noreturn: bool = False
    stack_bytes: int = 0
    first: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class FrameObject:
    """A local variable that gcc keeps in memory, `offset` bytes from the end of the frame (where
    the caller's begins).

    `align` is the alignment that it was declared with, `sites` are the calls in its scope, by
    their number in the text; `fixed` whether it is const.
    """

    name: str
    offset: int
    type: int
    align: int
    fixed: bool
    sites: tuple[int, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Facts:
    """What gcc itself says about one function (design 4.1), never guessed from its assembly.

    `globals` maps assembler names of variables that the unit declares or defines to their type;
    `callees` assembler names of functions to their Function type; `calls` lists the calls in the
    function's own final RTL.  `isa` are predefined macros such as `__AVX2__`.  `trapping_math`,
    `wrapv`, `pic` ("", "pic", "pie") etc. come from the effective options.  `line` is the line of
    the definition, `source` the file it is in (as gcc names it).  `local_calls` are the calls in
    the final RTL of functions of the unit that this one reaches (its own are in `calls`).
    `float_modes` are the relaxations in effect, as gcc spells them without `-f` ("rounding-math",
    "no-signed-zeros", "finite-math-only", ...); `cet` whether indirect branch tracking is on;
    `frame_pointer` whether gcc keeps %rbp as frame pointer; `source_name` the name in the source.
    `frame` are the variables in the function's own frame, none where gcc's word is not complete.
    `aligned` are the alignments that variables were declared with, where it says any.
    """

    name: str
    types: TypeTable
    parameters: tuple[Parameter, ...]
    returns: int | None
    globals: Mapping[str, int]
    callees: Mapping[str, int]
    calls: tuple[CallUse, ...]
    isa: frozenset[str]
    attributes: tuple[str, ...] = ()
    external: bool = True
    source: str = ""
    line: int = 0
    trapping_math: bool = True
    red_zone: bool = True
    options: tuple[str, ...] = ()
    local_calls: tuple[CallUse, ...] = ()
    pic: str = ""
    wrapv: bool = False
    float_modes: tuple[str, ...] = ()
    cet: bool = False
    frame_pointer: bool = False
    jump_tables: bool = True
    source_name: str = ""
    frame: tuple[FrameObject, ...] = ()
    aligned: Mapping[str, int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Contract:
    """What the user promises about inputs, and allows, in pragmas (design 10).

    `clauses` name parameters by position: "extent($0, $1)" (`promises.with_positions`).
    """

    timing_ok: bool = False
    clauses: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """Everything needed to verify rewrites of function `name`.

    `unit_text` is the exact text that gcc handed to the assembler, `as_options` what it passed
    besides the files, `preprocessed` the unit's preprocessed C text, `seed` fixes all random
    choices.
    """

    unit_text: str
    name: str
    facts: Facts
    command: CompileCommand
    as_options: tuple[str, ...]
    preprocessed: bytes = b""
    contract: Contract = Contract()
    seed: int = 1
