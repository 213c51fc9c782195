"""What a function's text alone says against touching it (design 4.2)."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from types import MappingProxyType

from superopt_cc.assembly.code import Code, branch_of, references
from superopt_cc.assembly.statements import ALIGN_DIRECTIVES, split_operands, split_statement
from superopt_cc.assembly.unit import Function, Unit

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "inline-asm": "an asm block stands inside the function",
        "asm-reference": "an asm block of the file names the function",
        "computed-goto": "addresses of its labels are taken",
        "cold-part": "part of its code lies in another section",
        "landing-pad": "it has an exception table or a personality routine",
        "setjmp": "it calls a function that may return twice",
        "tls": "it uses thread-local data",
        "profiling": "profiling, tracing or patchable entry code is in it",
        "stack-protector": "it checks a stack canary",
        "retpoline": "it jumps or returns through a thunk",
        "split-stack": "it checks for split-stack space",
        "intel-syntax": "the text is in Intel syntax",
        "fence": "it holds a fence or an atomic instruction",
        "clone": "it is a clone that gcc made, perhaps with another signature",
        "ifunc": "it is an ifunc or the resolver of one",
        "weird-directive": "a directive that we do not know stands among its instructions",
        "lto": "its real code is made at link time",
        "sanitizer": "a sanitizer's checks are in it",
        "odd-section": "it lies in a section that is not an ordinary code section",
        "callee": "a local function that it reaches cannot be carried into a test image",
    }
)

_CALLS = (
    (
        "setjmp",
        re.compile(r"(__)?_?(sig)?setjmp|vfork|getcontext|savectx|__builtin_setjmp_setup"),
    ),
    (
        "profiling",
        re.compile(
            r"_?mcount|__fentry__|__cyg_profile_func_(enter|exit)|__gcov.*|__sanitizer_cov.*"
        ),
    ),
    ("stack-protector", re.compile(r"__stack_chk_(fail|guard).*")),
    ("retpoline", re.compile(r"__x86_(indirect|return)_.*")),
    ("split-stack", re.compile(r"__morestack.*")),
    ("sanitizer", re.compile(r"__(asan|ubsan|tsan|msan|hwasan)_.*")),
)
_THREAD = re.compile(r"%[fg]s:|@(tls|gottpoff|tpoff|dtpoff|indntpoff|TLS|GOTTPOFF|TPOFF|DTPOFF)")
_CANARY = re.compile(r"%fs:40\b")
_ODD_CFI = ("\t.cfi_signal_frame", "\t.cfi_return_column", "\t.cfi_undefined", "\t.cfi_personality")


@dataclasses.dataclass(frozen=True, slots=True)
class Refusal:
    """One reason name out of a table like `REASONS`, and what exactly was found."""

    reason: str
    detail: str


def text_reasons(unit: Unit, function: Function) -> tuple[Refusal, ...]:
    """Every reason in the text why `function` keeps gcc's code; empty when there is none."""
    code = function.code
    found = [*_unit_reasons(unit, function), *_shape_reasons(unit, function, code)]
    for statement in code.statements:
        if not statement.endswith(":"):
            found += _statement_reasons(statement)
    seen: dict[str, Refusal] = {}
    for refusal in found:
        seen.setdefault(refusal.reason, refusal)
    return tuple(seen.values())


def _unit_reasons(unit: Unit, function: Function) -> list[Refusal]:
    found = []
    if unit.intel:
        found.append(Refusal("intel-syntax", ".intel_syntax"))
    if any(s.startswith((".gnu.lto_", ".gnu.debuglto_")) for s in unit.sections):
        found.append(Refusal("lto", "the text holds link-time intermediate code"))
    if unit.sections & {"__patchable_function_entries", "__mcount_loc"}:
        found.append(Refusal("profiling", "patchable entries or recorded mcount calls"))
    named = [n for n in function.names if n in unit.asm_names]
    if named:
        found.append(Refusal("asm-reference", f"`{named[0]}` is named in an asm block"))
    if "." in function.name:
        found.append(Refusal("clone", f"`{function.name}` is no name of the source"))
    kinds = {unit.symbols[n].kind for n in function.names if n in unit.symbols}
    if "ifunc" in kinds:
        found.append(Refusal("ifunc", "it is, or resolves, an ifunc"))
    name = function.section.name
    if name != ".text" and not name.startswith(".text."):
        found.append(Refusal("odd-section", name))
    return found


def _shape_reasons(unit: Unit, function: Function, code: Code) -> list[Refusal]:
    found = []
    if any(line.startswith("#APP") for line in function.lines):
        found.append(Refusal("inline-asm", "#APP"))
    if code.cold or any(f"{function.name}.cold" in line for line in function.lines):
        found.append(Refusal("cold-part", f"{function.name}.cold"))
    if code.exceptions:
        found.append(Refusal("landing-pad", "an exception table"))
    for line in function.lines:
        if line.startswith(_ODD_CFI):
            reason = "landing-pad" if "personality" in line else "weird-directive"
            found.append(Refusal(reason, line.strip()))
    found += [Refusal("weird-directive", text[:60]) for text in code.other]
    if _takes_label_addresses(unit, code):
        found.append(Refusal("computed-goto", "a label's address is used as a value"))
    return found


def _takes_label_addresses(unit: Unit, code: Code) -> bool:
    labels = {s[:-1] for s in code.statements if s.endswith(":")}
    for statement in code.statements:
        if branch_of(statement) is not None:
            continue
        for name in references(statement):
            symbol = unit.symbols.get(name)
            if name in labels:
                return True
            if symbol and any(n in labels for line in symbol.lines for n in references(line)):
                return True
    return False


def _statement_reasons(statement: str) -> list[Refusal]:
    text = statement.strip()
    mnemonic, rest = split_statement(text)
    if mnemonic.startswith("."):
        return [] if mnemonic in ALIGN_DIRECTIVES else [Refusal("weird-directive", text[:60])]
    found = []
    if ";" in text:
        found.append(Refusal("weird-directive", text[:60]))
    for name in references(statement):
        if name == ".":
            found.append(Refusal("weird-directive", text[:60]))
        found += [Refusal(reason, name) for reason, names in _CALLS if names.fullmatch(name)]
    if _CANARY.search(rest):
        found.append(Refusal("stack-protector", text))
    elif _THREAD.search(rest):
        found.append(Refusal("tls", text))
    if _is_fence(mnemonic, rest):
        found.append(Refusal("fence", text))
    return found


def _is_fence(mnemonic: str, rest: str) -> bool:
    words = mnemonic.split()
    if words[-1] in ("mfence", "lfence", "sfence") or "lock" in words[:-1] or mnemonic == "lock":
        return True
    return words[-1].startswith("xchg") and any("(" in o for o in split_operands(rest))
