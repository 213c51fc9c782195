"""The C text of one function's definition, out of the preprocessed text.

Line markers tell which lines of the preprocessed text come from the definition's line; strings,
characters and comments are skipped as a lexer would, and no more of C is understood.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from superopt_cc.verify.job import Facts

_MARKER = re.compile(r'^#(?:line)? (\d+) "((?:[^"\\\n]|\\.)*)"[^\n]*\n?', re.MULTILINE)
_TOKEN = re.compile(
    r'R"(?P<raw>[^(\s]*)\(.*?\)(?P=raw)"|"(?:[^"\\\n]|\\.)*"|(?<![0-9a-fA-F])\'(?:[^\'\\\n]|\\.)*\''
    r"|/\*.*?\*/|//[^\n]*|^#[^\n]*$|[{}();]",
    re.DOTALL | re.MULTILINE,
)
_BLANK = re.compile(r"(?:\s+|/\*.*?\*/|//[^\n]*|^#[^\n]*$)*", re.DOTALL | re.MULTILINE)


def c_text(preprocessed: bytes, facts: Facts) -> str:
    """The definition as gcc read it, from its first word to its closing brace.

    Macros are expanded; line markers are dropped.  "" when it cannot be found.
    """
    text = preprocessed.decode("utf-8", "surrogateescape")
    name = (facts.source_name or facts.name).split("<")[0]  # a template's name without arguments
    for start, end in _lines_of(text, facts.source, facts.line):
        for match in re.finditer(rf"(?<![\w$]){re.escape(name)}(?![\w$])", text[start:end]):
            last = _end_of_definition(text, start + match.end())
            if last is not None:
                first = _start_of_definition(text, start + match.start())
                return _without_markers(text[first:last])
    return ""


def _lines_of(text: str, source: str, line: int) -> Iterator[tuple[int, int]]:
    """(start, end) of every physical line that the markers say is `line` of `source`."""
    wanted = os.path.normpath(source)
    markers = list(_MARKER.finditer(text))
    for marker, following in zip(markers, [*markers[1:], None], strict=True):
        named = marker.group(2).replace('\\"', '"').replace("\\\\", "\\")
        ahead = line - int(marker.group(1))
        if ahead < 0 or os.path.normpath(named) != wanted:
            continue
        start, last = marker.end(), following.start() if following else len(text)
        for _ in range(ahead):
            start = text.find("\n", start, last) + 1
            if start == 0:
                break
        else:
            end = text.find("\n", start, last)
            yield start, last if end < 0 else end


def _end_of_definition(text: str, position: int) -> int | None:
    """Behind the closing brace of the body that follows a declarator's name, None if none does."""
    parentheses = braces = 0
    parameters = False
    for token in _TOKEN.finditer(text, position):
        word = token.group()
        if word == "(":
            parentheses += 1
        elif word == ")":
            parentheses -= 1
            parameters |= braces == 0 and parentheses == 0
            if parentheses < 0 and braces == 0:
                parentheses = 0  # the name stands in parentheses: (*f(int))(int)
        elif parentheses == 0 and word in "{}":
            braces += 1 if word == "{" else -1
            if not parameters or braces < 0:
                return None
            if braces == 0:
                return token.end()
        elif word == ";" and parentheses == 0 and braces == 0 and not _old_style(text, token.end()):
            return None
    return None


def _old_style(text: str, position: int) -> bool:
    """Do only parameter declarations stand between here and the body?"""
    brace = text.find("{", position)
    return (
        brace >= 0
        and re.fullmatch(r"[\w\s*,;\[\]]*", text[position:brace]) is not None
        and (text[position:brace].rstrip()[-1:] in ("", ";"))
    )


def _start_of_definition(text: str, position: int) -> int:
    """The first word of the declaration around `position`."""
    first = 0
    for token in _TOKEN.finditer(text, 0, position):
        if token.group() in (";", "{", "}"):
            first = token.end()
    blank = _BLANK.match(text, first)
    return blank.end() if blank else first


def _without_markers(text: str) -> str:
    lines = [line for line in text.splitlines() if not _MARKER.match(line)]
    return "\n".join(line for line in lines if line.strip()) + "\n"
