"""Single assembler statements: comments, symbol names, operands, sizes of data directives.

Everything here looks at one line of AT&T text at a time and keeps no state.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from superopt_cc.errors import AssemblyError

# A symbol as it stands in an operand: not a register, a relocation suffix or the tail of a number.
SYMBOL = re.compile(r"(?<![\w.%@$])(\$?)([A-Za-z_.][\w.$]*)")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_SPACE = re.compile(r"\s+")
_LABEL = re.compile(r"\s*([A-Za-z_.$][\w.$]*|\d+|\"[^\"]*\"):")
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|x[0-9A-Fa-f]+|.)", re.DOTALL)

_PREFIXES = frozenset(
    (
        *("lock", "rep", "repe", "repz", "repne", "repnz", "notrack", "bnd", "data16", "addr32"),
        *("rex64", "rex.W", "cs", "ds", "es", "ss", "fs", "gs", "xacquire", "xrelease"),
    )
)
_UNIT_SIZES = {
    ".byte": 1,
    ".value": 2,
    ".short": 2,
    ".hword": 2,
    ".2byte": 2,
    ".long": 4,
    ".int": 4,
    ".4byte": 4,
    ".quad": 8,
    ".8byte": 8,
    ".octa": 16,
    ".float": 4,
    ".single": 4,
    ".double": 8,
}
_SPACE_DIRECTIVES = frozenset((".zero", ".skip", ".space"))
_TEXT_DIRECTIVES = {".string": 1, ".asciz": 1, ".ascii": 0}
DATA_DIRECTIVES = frozenset((*_UNIT_SIZES, *_SPACE_DIRECTIVES, *_TEXT_DIRECTIVES))
ALIGN_DIRECTIVES = frozenset((".align", ".balign", ".p2align"))


def strip_comment(line: str) -> str:
    """The line without its `#` comment and without white space at either end."""
    if "#" not in line:
        return line.strip()
    if '"' not in line:
        return line.split("#", 1)[0].strip()
    masked = _QUOTED.sub(lambda m: "_" * len(m.group()), line)
    cut = masked.find("#")
    return (line if cut < 0 else line[:cut]).strip()


def tidy(line: str) -> str:
    """One spelling for equal statements: no comment, `mnemonic<TAB>operands`, ", " in between."""
    text = strip_comment(line)
    if not text or text.endswith(":"):
        return text
    if '"' in text:
        head, _, rest = text.partition(" ") if "\t" not in text else text.partition("\t")
        return f"\t{head}\t{rest.strip()}"
    head, rest = split_statement(text)
    rest = _SPACE.sub(" ", rest).replace(" ,", ",").replace(", ", ",").replace(",", ", ")
    return f"\t{head}\t{rest}" if rest else f"\t{head}"


def split_statement(text: str) -> tuple[str, str]:
    """(mnemonic with its prefixes, or directive; operands) of a stripped statement."""
    parts = text.split(None, 1)
    head, rest = parts[0], parts[1] if len(parts) > 1 else ""
    while head.rsplit(" ", 1)[-1] in _PREFIXES and rest:
        more = rest.split(None, 1)
        head, rest = f"{head} {more[0]}", more[1] if len(more) > 1 else ""
    return head, rest


def label_of(line: str) -> str | None:
    """The label that a line defines, or None."""
    match = _LABEL.match(line)
    return match.group(1) if match else None


def separate(text: str) -> Iterator[str]:
    """Single statements of free-form text: labels alone on a line, `;` separators split."""
    for raw in text.split("\n"):
        line = strip_comment(raw) if not raw.startswith("#") else ""
        if raw.startswith(("#APP", "#NO_APP")):
            yield raw.strip()
        while line and (match := _LABEL.match(line)):
            yield f"{match.group(1)}:"
            line = line[match.end() :].strip()
        if not line:
            continue
        if ";" not in line:
            yield tidy(line)
            continue
        masked = _QUOTED.sub(lambda m: "_" * len(m.group()), line)
        start = 0
        for cut in [i for i, c in enumerate(masked) if c == ";"] + [len(line)]:
            part = line[start:cut].strip()
            start = cut + 1
            if part:
                yield f"{part}" if part.endswith(":") else tidy(part)


def operands(line: str) -> str:
    """The operand text of a statement."""
    return split_statement(line.strip())[1]


def symbols_in(operand_text: str) -> list[str]:
    """Symbol names in operand or data text, in order, `.` (here) included."""
    if '"' in operand_text:
        operand_text = _QUOTED.sub('""', operand_text)
    return [m.group(2) for m in SYMBOL.finditer(operand_text)]


def rename(line: str, new_name: Callable[[str], str]) -> str:
    """The statement with every symbol in its operands (or its own label) passed through."""
    stripped = line.strip()
    if stripped.endswith(":"):
        return f"{new_name(stripped[:-1])}:"
    head, rest = split_statement(stripped)
    if not rest or '"' in rest:
        return line
    return f"\t{head}\t{SYMBOL.sub(lambda m: m.group(1) + new_name(m.group(2)), rest)}"


def split_operands(text: str) -> list[str]:
    """Operands separated at top-level commas."""
    result, depth, start = [], 0, 0
    for i, c in enumerate(text):
        if c == "(":
            depth += 1
        elif c == ")":
            depth -= 1
        elif c == "," and depth == 0:
            result.append(text[start:i].strip())
            start = i + 1
    tail = text[start:].strip()
    return [*result, tail] if tail else result


def align_bytes(directive: str, argument: str) -> int:
    """Bytes that an alignment directive aligns to (on ELF x86 `.align` counts bytes)."""
    try:
        value = int(argument.split(",", 1)[0].strip() or "0", 0)
    except ValueError as error:
        raise AssemblyError(f"cannot read the alignment in `{directive} {argument}`") from error
    return 1 << value if directive == ".p2align" else max(value, 1)


def string_bytes(literal: str) -> bytes:
    """The bytes of a quoted gas string, quotes included in the argument."""
    body = literal.strip()
    if len(body) < 2 or body[0] != '"' or body[-1] != '"':
        raise AssemblyError(f"not a string: {literal[:40]}")
    simple = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"b": b"\b", b"f": b"\f"}

    def one(match: re.Match[bytes]) -> bytes:
        escape = match.group(1)
        if escape[:1] in b"01234567":
            return bytes((int(escape, 8) & 255,))
        if escape[:1] == b"x" and len(escape) > 1:
            return bytes((int(escape[1:], 16) & 255,))
        return simple.get(escape, escape)

    return _ESCAPE.sub(one, body[1:-1].encode("utf-8", "surrogateescape"))


def data_size(lines: tuple[str, ...] | list[str]) -> int | None:
    """Bytes that data directives emit; None where only the assembler can tell."""
    total = 0
    for line in lines:
        directive, rest = split_statement(line.strip())
        if directive in _UNIT_SIZES:
            total += _UNIT_SIZES[directive] * (rest.count(",") + 1)
        elif directive in _SPACE_DIRECTIVES:
            try:
                total += int(rest.split(",", 1)[0], 0)
            except ValueError:
                return None
        elif directive in _TEXT_DIRECTIVES:
            ending = _TEXT_DIRECTIVES[directive]
            total += sum(len(string_bytes(s)) + ending for s in _QUOTED.findall(rest))
        else:
            return None
    return total
