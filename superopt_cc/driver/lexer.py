"""A small lexer of C and C++ that finds our directives and the functions that are defined.

It knows comments, strings, preprocessor lines and brackets, nothing of types: enough to say which
function definition follows a line.  Macros are not expanded; where one hides a name, the caller
can always name the function in the directive.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

# The macros of wrappers/superopt.h, which vanish for every compiler, and the words they stand for;
# None where their arguments are the words.
_MACRO_WORDS = {
    "SUPEROPT": "",
    "SUPEROPT_OFF": "off",
    "SUPEROPT_ON": "on",
    "SUPEROPT_FUNCTIONS": None,
    "SUPEROPT_WITH": None,
}

# Words that stand before a parenthesis without being the name of what is defined.
_NOT_NAMES = frozenset(
    [
        "if",
        "for",
        "while",
        "switch",
        "return",
        "sizeof",
        "typeof",
        "__typeof__",
        "__typeof",
        "decltype",
        "alignas",
        "_Alignas",
        "__attribute__",
        "__attribute",
        "__declspec",
        "asm",
        "__asm__",
        "__asm",
        "noexcept",
        "throw",
        "requires",
        "explicit",
        "_Static_assert",
        "static_assert",
        "__extension__",
        "catch",
        "defined",
    ]
)

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\f\v]+|\\\r?\n)
    |(?P<newline>\n)
    |(?P<comment>//(?:\\\r?\n|[^\n])*|/\*.*?(?:\*/|\Z))
    |(?P<raw>(?:u8|[uUL])?R"(?P<tag>[^()\\\s]{0,16})\(.*?\)(?P=tag)")
    |(?P<string>(?:u8|[uUL])?"(?:\\.|[^"\\\n])*"?|(?:[uUL]|u8)?'(?:\\.|[^'\\\n])*'?)
    |(?P<word>[A-Za-z_$][\w$]*)
    |(?P<number>\.?\d(?:[eEpP][+-]|'\w|[\w.])*)
    |(?P<scope>::)
    |(?P<mark>.)""",
    re.VERBOSE | re.DOTALL,
)
_DIRECTIVE = re.compile(r"#\s*pragma\s+superopt\b(?P<text>.*)", re.DOTALL)


@dataclasses.dataclass(frozen=True, slots=True)
class Directive:
    """The words after `#pragma superopt` at character `at`, source line `line` (from 1)."""

    at: int
    line: int
    text: str


@dataclasses.dataclass(frozen=True, slots=True)
class Definition:
    """A function definition: its last source name, and the character where the name stands."""

    at: int
    name: str


@dataclasses.dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def scan(source: str, known: frozenset[str]) -> tuple[list[Directive], list[Definition]]:
    """All directives and function definitions of `source`, in order.

    `known` are the names that the unit really defines; where several words could be a
    definition's name (macros with arguments before or after it), a known one is taken.
    """
    directives: list[Directive] = []
    tokens: list[_Token] = []
    for token in _tokens(source):
        if token.kind == "line":
            match = _DIRECTIVE.match(token.text)
            if match:
                line = source.count("\n", 0, token.at) + 1
                directives.append(Directive(token.at, line, _plain(match["text"])))
        else:
            tokens.append(token)
    definitions = _definitions(tokens, known)
    directives += _macros(source, tokens)
    return sorted(directives, key=lambda d: d.at), definitions


def _plain(text: str) -> str:
    """A directive's words without comments and line continuations."""
    text = re.sub(r"\\\r?\n", " ", text)
    return re.sub(r"//.*|/\*.*?(\*/|$)", " ", text).strip()


def _tokens(source: str) -> Iterator[_Token]:
    """Tokens without spaces and comments; a preprocessor line is one token of kind "line"."""
    at, fresh = 0, True
    while at < len(source):
        match = _TOKEN.match(source, at)
        assert match is not None  # the last alternative takes any character
        kind = match.lastgroup if match.lastgroup != "tag" else "raw"
        text = match.group()
        if fresh and text == "#":
            end = _line_end(source, at)
            yield _Token("line", source[at:end], at)
            at = end
            continue
        if kind == "newline":
            fresh = True
        elif kind not in ("space", "comment"):
            fresh = False
            yield _Token(str(kind), text, at)
        at = match.end()


def _line_end(source: str, at: int) -> int:
    """The end of the logical line (continuations, block comments) that starts at `at`."""
    while at < len(source) and source[at] != "\n":
        match = _TOKEN.match(source, at)
        assert match is not None
        at = match.end()
    return at


def _macros(source: str, tokens: list[_Token]) -> list[Directive]:
    """Uses of the macros of superopt.h, with their arguments as the directive's words."""
    found = []
    for index, token in enumerate(tokens):
        if token.kind != "word" or token.text not in _MACRO_WORDS:
            continue
        text = _MACRO_WORDS[token.text]
        if text is None:
            if index + 1 == len(tokens) or tokens[index + 1].text != "(":
                continue
            end = _skip(tokens, index + 1)
            text = source[tokens[index + 1].at + 1 : tokens[end - 1].at]
        line = source.count("\n", 0, token.at) + 1
        found.append(Directive(token.at, line, _plain(text)))
    return found


def _skip(tokens: list[_Token], index: int) -> int:
    """The index behind the bracket group that opens at `index`."""
    depth = 0
    while index < len(tokens):
        text = tokens[index].text if tokens[index].kind == "mark" else ""
        depth += (text in ("(", "[", "{")) - (text in (")", "]", "}"))
        index += 1
        if depth == 0:
            break
    return index


def _definitions(tokens: list[_Token], known: frozenset[str]) -> list[Definition]:
    found: list[Definition] = []
    candidates: list[_Token] = []
    value = False  # behind `=`: braces hold an initialiser
    previous = ""
    index = 0
    while index < len(tokens):
        token = tokens[index]
        step = index + 1
        if token.text == "(" and token.kind == "mark":
            step = _skip(tokens, index)
            name = tokens[index - 1] if index else token
            if name.kind == "word" and name.text not in (_NOT_NAMES | _MACRO_WORDS.keys()):
                candidates.append(name)
        elif token.text == "{":
            name_token = _chosen(candidates, known)
            if name_token is not None and not value:
                found.append(Definition(name_token.at, name_token.text))
            if name_token is not None or value:
                step = _skip(tokens, index)
            candidates, value = [], False
        elif token.text == ":" and candidates and previous == ")":
            index = _constructor_body(tokens, index)
            continue
        elif token.text == ";":
            # Old-style parameter declarations stand between the list and the body.
            if value or not (candidates and _old_style(tokens, index)):
                candidates = []
            value = False
        elif token.text == "}":
            candidates, value = [], False
        elif token.text == "=" and previous != "operator":
            value = True
        previous = tokens[step - 1].text
        index = step
    return found


def _chosen(candidates: list[_Token], known: frozenset[str]) -> _Token | None:
    for token in reversed(candidates):
        if token.text in known:
            return token
    return candidates[-1] if candidates else None


def _old_style(tokens: list[_Token], index: int) -> bool:
    """Is the `;` at `index` followed by `{`, or by another declaration and then `{`?"""
    for token in tokens[index + 1 : index + 200]:
        if token.text == "{":
            return True
        if token.text in ("(", "}", "=") or token.text in ("struct", "union", "enum", "class"):
            return False
    return False


def _constructor_body(tokens: list[_Token], index: int) -> int:
    """From the `:` of a constructor's initialisers to the index of its body's `{`."""
    index += 1
    while index < len(tokens) and tokens[index].text != ";":
        text = tokens[index].text
        if text == "{" and tokens[index - 1].text in (")", "}"):
            return index
        index = _skip(tokens, index) if text in ("(", "{", "[") else index + 1
    return index
