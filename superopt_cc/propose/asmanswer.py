"""Assembly out of a model's answer: prose, fences, noise and habits of models taken away.

The result is AT&T text that defines the function under its own name, for
`assembly.offered.parse_fragment`, which decides what of it may be used.  What is repaired here is
notation; where an answer may mean several things, one is taken and the verifier decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from superopt_cc.assembly.instructions import table
from superopt_cc.assembly.registers import part
from superopt_cc.assembly.statements import rename, separate, split_statement, symbols_in
from superopt_cc.propose.csource import OfferError, items, plain_answer
from superopt_cc.propose.intel import is_instruction, is_intel, to_att

_FENCE = re.compile(r"(?:```|~~~)[^\n`]*\n(.*?)(?:```|~~~|\Z)", re.DOTALL)
_BLOCK_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_LABEL = re.compile(r"\s*([A-Za-z_.$][\w.$]*|\d+):")
_STATEMENT = re.compile(r"[a-z][\w.]*(?:\s+\*?[^\s,]+(?:\s*,\s*[^\s,]+)*)?")
_POINTER = re.compile(r"\b(?:\w*word|byte)\s+ptr\b|\b(?:offset\s+flat:|offset|short|rel)\b", re.I)
_BRACKETS = re.compile(r"\[[^\]]*\]")
_PREFIXED = re.compile(r"(?:rep\w*|lock|notrack|bnd|data16)[ ;\t]+", re.IGNORECASE)
_UPPER = re.compile(r"(?<![\w.$])[A-Z][A-Z0-9]*")
_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"')
# Says nothing about code, or belongs to other assemblers and systems.
_NOISE = frozenset(
    (
        ".file", ".ident", ".loc", ".def", ".scl", ".endef", ".build_version", ".code64", ".arch",
        ".subsections_via_symbols", ".att_syntax", ".linkonce", ".version", ".att_mnemonic",
    )
)  # fmt: skip
_NOISY = (".cfi_", ".seh_", ".intel_mnemonic")
_FOREIGN = {"section": ".section", "segment": ".section", "global": ".globl", "globl": ".globl"}
_DROPPED = frozenset(("bits", "default", "extern", "public", "end", "endp", "align", "use64"))
_SUFFIXES = ("b", "w", "l", "q")
_OTHERS = frozenset(
    (
        "call", "jmp", "ret", "retq", "callq", "jmpq", "leaveq", "cltq", "cltd", "cqto", "cwtl",
        "cwtd", "cbtw", "nop", "endbr64", "syscall", "movslq", "movsbl", "movzbl", "lock", "rep",
        "repz", "repnz", "repe", "repne", "notrack",
    )
)  # fmt: skip
_EXTENDED = re.compile(r"mov[sz][bwl][wlq]|j[a-z]{1,4}|set[a-z]{1,3}|cmov[a-z]{1,4}")


def is_c(answer: str, name: str) -> bool:
    """Does the answer define the function in C rather than in assembly?"""
    for block in (*_blocks(answer), plain_answer(answer)):
        if re.search(rf"^\s*{re.escape(name)}:", block, re.MULTILINE):
            return False
        if any(item.name == name for item in items(block)):
            return True
    return False


def read_assembly(answer: str, name: str) -> str:
    """The text that an answer offers for function `name`.  Raises OfferError."""
    statements = _chosen(answer, name)
    if not any(is_instruction(s) for s in statements):
        raise OfferError("holds no assembly code")
    if is_intel(statements):
        statements = to_att(statements)
    statements = _named(statements, name)
    statements = _with_local_labels(statements, name)
    statements = _with_single_labels(statements)
    return "\n".join(s if s.endswith(":") else f"\t{s.strip()}" for s in statements) + "\n"


def _blocks(answer: str) -> list[str]:
    return [m.group(1) for m in _FENCE.finditer(plain_answer(answer))]


def _chosen(answer: str, name: str) -> list[str]:
    """The statements of the block that holds the function; the last one where several do.

    A block of constants beside it comes along.
    """
    blocks = [_statements(block, fenced=True) for block in _blocks(answer)]
    blocks = [b for b in blocks if b]
    if not blocks:
        return _statements(plain_answer(answer), fenced=False)
    with_code = [b for b in blocks if any(is_instruction(s) for s in b)] or blocks
    ours = [b for b in with_code if f"{name}:" in b]
    labelled = [b for b in with_code if _functions(b)]
    chosen = (ours or labelled or with_code)[-1]
    missing = _used(chosen) - _labels(chosen)
    for block in blocks:
        if block not in with_code and missing & _labels(block):
            chosen = [*chosen, "\t.section\t.rodata", *block]
    return chosen


def _statements(block: str, *, fenced: bool) -> list[str]:
    """Labels, directives and instructions of a block, each on its own, noise left out."""
    kept: list[str] = []
    for raw in _BLOCK_COMMENT.sub(" ", block).split("\n"):
        line = _without_comment(raw.strip().strip("\u200b"))
        for statement in separate(line):
            found = _plain(statement)
            if found and _is_code(found, fenced=fenced):
                kept.append(found)
    return kept


def _without_comment(line: str) -> str:
    """Without `//` and `#` comments, and without what follows a `;` that starts no statement."""
    masked = _QUOTED.sub(lambda m: "_" * len(m.group()), line)
    for mark in ("//", "#"):
        at = masked.find(mark)
        if at >= 0:
            masked, line = masked[:at], line[:at]
    at = masked.find(";")
    while at >= 0:
        rest = masked[at + 1 :].strip().partition(";")[0].strip()
        before = masked[:at].strip()
        if before not in ("rep", "lock", "repz", "repnz") and rest and not _known(rest):
            return line[:at]
        at = masked.find(";", at + 1)
    return line


def _plain(statement: str) -> str:
    """A statement in GNU's notation; "" for noise."""
    text = statement.strip()
    if text.endswith(":"):
        noise = re.fullmatch(r"\.?L(?:FB|FE|VL|BB|BE|FSB)\d+:|\.Ltext0:", text)
        return text if _LABEL.fullmatch(text) and not noise else ""
    head, rest = split_statement(text)
    lower = head.lower()
    if lower in _NOISE or lower.startswith(_NOISY) or lower in _DROPPED:
        return ""
    if lower in _FOREIGN and rest:
        head = _FOREIGN[lower]
        return "\t.text" if rest.startswith(".text") else f"\t{head}\t{rest}"
    if rest.lower() in ("proc", "endp"):
        return f"{head}:" if rest.lower() == "proc" else ""
    if head == ".section" and "note.GNU-stack" in rest:
        return ""
    if head.isupper():  # MOV EAX, EDI
        head, rest = lower, _UPPER.sub(_lowered, rest)
    return f"\t{head}\t{rest}" if rest else f"\t{head}"


def _lowered(match: re.Match[str]) -> str:
    """A register in small letters; other names are what they are."""
    word = match.group().lower()
    return word if part(word) is not None or word == "rip" else match.group()


def _is_code(statement: str, *, fenced: bool) -> bool:
    """Is it assembly rather than prose?"""
    if statement.endswith(":"):
        word = statement[:-1]
        return fenced or word[:1] in "._" or word.islower() or "_" in word or word.isdigit()
    text = statement.strip()
    if text.startswith("."):
        return re.match(r"\.[a-z]", text) is not None
    if _known(text):
        return True
    # In a fence, a wrong instruction is for the assembler to tell of; sentences are not.
    return fenced and _shape(text) and any(mark in text for mark in "%$[(")


def _known(text: str) -> bool:
    """Does a statement begin with an instruction that is known, and look like one?"""
    text = _PREFIXED.sub("", text.strip(), count=1) or text.strip()
    if text.endswith(":") or text.startswith("."):
        return _LABEL.fullmatch(text) is not None or text.startswith(".")
    word = text.split(None, 1)[0].lower()
    names = table()
    known = (
        word in names
        or word in _OTHERS
        or (word.endswith(_SUFFIXES) and word[:-1] in names)
        or _EXTENDED.fullmatch(word) is not None
    )
    return known and _shape(text.lower())


def _shape(text: str) -> bool:
    """Operands apart by commas, not by blanks."""
    text = _POINTER.sub("", text)
    text = _BRACKETS.sub("[]", re.sub(r"\([^)]*\)", "()", text))
    text = re.sub(r"\b(?:\w*word|byte)\s+(?=\S)", "", text)
    return _STATEMENT.fullmatch(text.strip()) is not None


def _labels(statements: Iterable[str]) -> set[str]:
    return {s[:-1] for s in statements if s.endswith(":")}


def _used(statements: Iterable[str]) -> set[str]:
    """Every name that stands in an operand."""
    bodies = (split_statement(s.strip()) for s in statements if not s.endswith(":"))
    return {n for head, rest in bodies if head not in _BINDING for n in symbols_in(rest)}


_BINDING = frozenset((".globl", ".global", ".type", ".size", ".weak", ".hidden", ".local"))


def _functions(statements: Sequence[str]) -> list[str]:
    """Labels in code that look like functions: global by spelling, no jump goes there, and
    nothing falls into them.
    """
    jumps = {
        rest.strip()
        for head, rest in (split_statement(s.strip()) for s in statements if is_instruction(s))
        if head.startswith("j")
    }
    found: list[str] = []
    code, reached = True, False
    for i, statement in enumerate(statements):
        head, rest = split_statement(statement.strip())
        if head in (".text", ".data", ".section", ".rodata", ".bss"):
            code = head == ".text" or rest.startswith(".text")
        if is_instruction(statement):
            reached = not head.startswith(("ret", "jmp", "ud2", "rep ret", "repz ret"))
        if not statement.endswith(":") or not code:
            continue
        label = statement[:-1]
        follows = any(is_instruction(s) for s in statements[i + 1 :])
        local = label[0] in ".0123456789" or label in jumps or reached
        if follows and not local:
            found.append(label)
    return found


def _named(statements: list[str], name: str) -> list[str]:
    """The function under its own name, defined once."""
    if f"{name}:" not in statements:
        offered = _functions(statements)
        alike = [n for n in offered if name in n] or offered
        if len(set(alike)) > 1:
            raise OfferError(f"defines {', '.join(dict.fromkeys(alike))} but not {name}")
        if not alike:
            return _with_label(statements, name)
        old = alike[0]
        statements = [rename(s, lambda n: name if n == old else n) for s in statements]
    places = [i for i, s in enumerate(statements) if s == f"{name}:"]
    return statements[: places[0]] + statements[places[-1] :]


def _with_label(statements: list[str], name: str) -> list[str]:
    """A body without a label gets one, before local labels that begin it."""
    first = next(i for i, s in enumerate(statements) if is_instruction(s))
    while first and statements[first - 1].endswith(":") and statements[first - 1][0] == ".":
        first -= 1
    return [*statements[:first], f"{name}:", *statements[first:]]


def _with_local_labels(statements: list[str], name: str) -> list[str]:
    """Labels such as `loop:` and `.done:` inside the function become `.L` ones."""
    start = statements.index(f"{name}:")
    bound = {
        rest.split(",")[0].strip()
        for head, rest in (split_statement(s.strip()) for s in statements if s.strip())
        if head in _BINDING
    }
    calls = {
        n
        for s in statements
        if is_instruction(s) and s.strip().startswith("call")
        for n in symbols_in(split_statement(s.strip())[1])
    }
    inside = {
        s[:-1]
        for s in statements[start + 1 :]
        if s.endswith(":")
        and not s.startswith(".L")
        and not s[0].isdigit()
        and s[:-1] not in bound | calls
    }
    inside.discard(name)
    taken = _labels(statements)
    new = {n: f".L{n.lstrip('.')}" for n in inside}
    new = {n: f"{to}.own" if to in taken else to for n, to in new.items()}
    return [rename(s, lambda n: new.get(n, n)) for s in statements]


def _with_single_labels(statements: list[str]) -> list[str]:
    """A label defined several times: each use means the nearest one before it, else after it."""
    places: dict[str, list[int]] = {}
    for i, statement in enumerate(statements):
        if statement.endswith(":") and not statement[0].isdigit():
            places.setdefault(statement[:-1], []).append(i)
    twice = {label: at for label, at in places.items() if len(at) > 1}
    if not twice:
        return statements

    def meant(label: str, here: int) -> str:
        at = twice.get(label)
        if at is None:
            return label
        before = [i for i in at if i <= here]
        place = before[-1] if before else at[0]
        return label if place == at[0] else f"{label}.{place}"

    result: list[str] = []
    for i, statement in enumerate(statements):
        result.append(rename(statement, lambda n, i=i: meant(n, i)))  # type: ignore[misc]
    return result
