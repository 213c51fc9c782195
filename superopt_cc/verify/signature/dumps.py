"""Reading gcc's dumps: the optimised tree and the final RTL of each function.

What the assembly does not show is plain here: a release store, two volatile reads and an acquire
fence look like ordinary code or like nothing at all in the text (design 4.1).  Functions are
named by their assembler names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from superopt_cc.errors import Ineligible
from superopt_cc.verify.job import CallUse
from superopt_cc.verify.signature.abi import INTEGER_REGISTERS, SSE_REGISTERS

_HEADER = re.compile(r"^;; Function .* \((\S+), funcdef_no=\d+, decl_uid=\d+.*$", re.MULTILINE)
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_DEBUG_OR_END_OF_LIFE = re.compile(r"^\s*# DEBUG .*$|^.*\{CLOBBER.*$", re.MULTILINE)

# Builtins that read or change what the verifier does not model.
_STATEFUL = (
    r"__builtin_(?:apply|apply_args|return|return_address|frame_address|extract_return_addr"
    r"|frob_return_addr|dwarf_\w+|eh_\w+|unwind_\w+|nonlocal_goto|setjmp\w*|longjmp|update_setjmp\w*"
    r"|va_\w+|next_arg|saveregs|args_info|thread_pointer|set_thread_pointer|__clear_cache"
    r"|speculation_safe_value|cilk\w*|GOMP\w*|GOACC\w*|coro_\w+"
    r"|ia32_(?:rd|wr|ldmxcsr|stmxcsr|pause|monitor|mwait|umwait|umonitor|tpause|xbegin|xend|xabort"
    r"|xtest|xsave|xrstor|xgetbv|xsetbv|fx|clflush|clwb|cldemote|clzero|emms|femms|vzero|lwp|slwp"
    r"|llwp|incssp|saves|rstors|setssbsy|clrssbsy|wbinvd|wbnoinvd|ptwrite|enqcmd|movdir|direct"
    r"|serialize|senduipi|clui|stui|testui|hreset|loadiwkey|encls|enclu|enclv|pconfig|xsusldtrk"
    r"|xresldtrk|fnstenv|fldenv|fnstsw|fnclex|tile|ld?tilecfg|sttilecfg|read|write)\w*)"
)
# Reason, and what in the statements of the optimised tree gives it away; first match counts.
_TREE_SIGNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (reason, re.compile(pattern))
    for reason, pattern in (
        ("inline-asm", r"\b__asm__\b"),
        (
            "fence",
            r"\b__atomic_(?:thread|signal)_fence\b|\b__sync_synchronize\b"
            r"|\b__builtin_ia32_[lms]fence\b",
        ),
        ("atomic", r"\b__atomic_\w+ \(|\b__sync_\w+ \(|\.ATOMIC_\w+"),
        ("volatile", r"=?\{v\}"),
        (
            "setjmp",
            r"\.ABNORMAL_DISPATCHER|\b_*(?:sig)?(?:setjmp|longjmp)(?:_chk)?\b|\bvfork \("
            r"|\b__builtin_(?:setjmp|longjmp|nonlocal_goto)\w*",
        ),
        ("static-chain", r"\bCHAIN\.\d|\[static-chain:|\b__builtin_(?:init|adjust)_trampoline\b"),
        ("alloca", r"\b__builtin_(?:alloca\w*|stack_(?:save|restore)) \("),
        ("builtin", rf"\b{_STATEFUL} \(|\.(?:UBSAN|ASAN|HWASAN|TSAN|GOACC|GOMP|CO|DEFERRED)_\w+"),
        ("computed-goto", r"(?m:^)\s*goto (?!<bb )"),
        ("address-space", r"<address-space-\d+>"),
    )
)
_RTL_SIGNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (reason, re.compile(pattern))
    for reason, pattern in (
        ("inline-asm", r"\(asm_(?:operands|input)\b"),
        ("tls", r"\bUNSPEC_(?:TP|TLS\w*|\w*TPOFF)\b"),
        ("stack-protector", r"\bUNSPEC_SP_\w+"),
        ("non-temporal", r"\bUNSPEC_(?:MOVNT\w*|MASKMOV\w*NT|MASKMOV)\b"),
        ("setjmp", r"\bREG_SETJMP\b|\bREG_NON_LOCAL_GOTO\b"),
        ("static-chain", r"\(use \(reg[/\w]*:DI \d+ r10\b"),
        ("address-space", r" AS[1-9]\d*\]"),
        ("volatile", r"\(mem[a-z/]*/v"),
        ("builtin", r"\bUNSPECV_(?!BLOCKAGE\b|NOP_ENDBR\b|VZEROUPPER\b|UD2\b|PROLOGUE_USE\b)\w+"),
    )
)

_CALL = re.compile(r"^\(call_insn.*?(?=^\(|\Z)", re.MULTILINE | re.DOTALL)
_USAGE = re.compile(r"^    \(expr_list.*\Z", re.MULTILINE | re.DOTALL)
_USE = re.compile(r"\(use \((\w+)[/\w]*:(\w+)(?: \d+ (\w+))?")
_DECLARED = re.compile(r'REG_CALL_DECL \(symbol_ref[/\w]*:DI \("\*?([^"]+)"\)')
_TARGET = re.compile(r"\(call \(mem[/\w]*:QI \((\w+)")
_SYMBOL = re.compile(r'\(symbol_ref[/\w]*:DI \("\*?([^"]+)"\)')
_STACK_BYTES = re.compile(r"\s*\(const_int (\d+) \[")
# Where a first argument points, in bytes from the end of the caller's frame.
_FIRST = re.compile(
    r"\(concat:DI \(reg:DI 5 di\)\s+\(plus:DI \(reg/f:DI 16 argp\)\s+\(const_int (-\d+) "
)
_SIZES = {"Q": 1, "H": 2, "S": 4, "D": 8, "T": 16, "O": 32, "X": 64}
_VECTOR = re.compile(r"V(\d+)([QHSDT])[IF]")
_INTEGER = {"di": "rdi", "si": "rsi", "dx": "rdx", "cx": "rcx", "r8": "r8", "r9": "r9"}


def split_dump(text: str) -> Mapping[str, str]:
    """Assembler name -> the function's part of a dump, without the header line."""
    parts: dict[str, str] = {}
    headers = list(_HEADER.finditer(text))
    for header, following in zip(headers, [*headers[1:], None], strict=True):
        end = following.start() if following else len(text)
        parts[header.group(1).removeprefix("*")] = text[header.end() : end]
    return parts


def attributes(tree: str) -> tuple[str, ...]:
    """The attributes of a function as its tree dump prints them, with their arguments."""
    found: list[str] = []
    for line in tree.splitlines():
        if line.startswith("{"):
            break
        if line.startswith("__attribute__((") and line.endswith("))"):
            found += _split_commas(line[len("__attribute__((") : -2])
    return tuple(found)


def _split_commas(text: str) -> list[str]:
    """Split at commas outside parentheses and strings."""
    parts, depth, word = [], 0, ""
    for piece in re.findall(r'"(?:[^"\\]|\\.)*"|[(),]|[^"(),]+|"', text):
        depth += {"(": 1, ")": -1}.get(piece, 0)
        if piece == "," and depth == 0:
            parts.append(word.strip())
            word = ""
        else:
            word += piece
    return [*parts, word.strip()]


def tree_reason(tree: str) -> tuple[str, str] | None:
    """(reason, the statement) if the optimised tree shows something not allowed (design 4.2)."""
    body = tree[tree.find("\n{") :]
    # Strings may spell anything; debug statements and ends of lifetimes touch no memory.
    body = _DEBUG_OR_END_OF_LIFE.sub("", _STRING.sub('""', body))
    for reason, sign in _TREE_SIGNS:
        match = sign.search(body)
        if match:
            return reason, _line_around(body, match.start())
    return None


def rtl_reason(rtl: str) -> tuple[str, str] | None:
    """(reason, what gave it away) if the final RTL shows something not allowed."""
    plain = _STRING.sub('""', rtl)
    for reason, sign in _RTL_SIGNS:
        match = sign.search(plain)
        if match:
            return reason, f"gcc's RTL has {match.group().strip(' (]')}"
    return None


def _line_around(text: str, position: int) -> str:
    while text[position : position + 1].isspace():
        position += 1
    start = text.rfind("\n", 0, position) + 1
    return text[start:].split("\n", 1)[0].strip()


def calls(rtl: str) -> tuple[CallUse, ...]:
    """Every call in a function's final RTL, in order of the text.

    Raises Ineligible("odd-call") for a call whose arguments travel in other registers than the
    System V ABI has.
    """
    return tuple(
        _call(match.group())
        for match in _CALL.finditer(rtl)
        if "UNSPEC_CALLEE_ABI" not in match.group()  # gcc writes vzeroupper as a call
    )


def _call(insn: str) -> CallUse:
    usage = _USAGE.search(insn)
    pattern = insn[: usage.start()] if usage else insn
    target = _TARGET.search(pattern)
    if target is None:
        raise Ineligible("odd-call", insn.splitlines()[0])
    declared = _DECLARED.search(pattern)
    direct = _SYMBOL.search(pattern, target.start())
    callee = declared.group(1) if declared else None
    if callee is None and direct and target.group(1) == "symbol_ref":
        callee = direct.group(1)
    registers, memory = _uses(usage.group() if usage else "")
    stack = _STACK_BYTES.match(pattern, _end_of(pattern, target.start() + len("(call ")))
    size = int(stack.group(1)) if stack else 0
    first = _FIRST.search(pattern)
    return CallUse(
        callee,
        registers,
        stack_words=memory or size > 0,
        noreturn="REG_NORETURN" in pattern,
        stack_bytes=size,
        first=int(first.group(1)) if first else None,
    )


def _end_of(text: str, start: int) -> int:
    """The position behind the parenthesised expression that begins at `start`."""
    depth = 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[()]', text[start:]):
        depth += {"(": 1, ")": -1}.get(token.group(), 0)
        if depth == 0:
            return start + token.end()
    raise Ineligible("odd-call", text.splitlines()[0])


def _uses(usage: str) -> tuple[tuple[tuple[str, int], ...], bool]:
    """((register, bytes)...) that a call reads, and whether it reads memory of its caller."""
    found: list[tuple[str, int]] = []
    memory = False
    for what, mode, name in _USE.findall(usage):
        if what == "mem":
            memory = True
            continue
        register = _INTEGER.get(name, name)
        if name == "ax" and mode == "QI":
            register = "rax"  # a variadic call's number of vector registers
        elif register not in INTEGER_REGISTERS and register not in SSE_REGISTERS:
            raise Ineligible("odd-call", f"an argument in {name}")
        found.append((register, _mode_size(mode)))
    return tuple(found), memory


def _mode_size(mode: str) -> int:
    """Bytes of an RTL machine mode ("SI", "DF", "V4SF")."""
    vector = _VECTOR.fullmatch(mode)
    if vector:
        return int(vector.group(1)) * _SIZES[vector.group(2)]
    if len(mode) == 2 and mode[0] in _SIZES and mode[1] in "IF":
        return _SIZES[mode[0]]
    raise Ineligible("odd-call", f"an argument of mode {mode}")
