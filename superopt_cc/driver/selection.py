"""Which functions of a source file the user asked for (design 10).

Decided on the raw text of the named source file, before any preprocessing: pragmas in headers
do not select, and conditional compilation is not evaluated (a pragma under a false `#if` selects
a name that then does not occur).
"""

from __future__ import annotations

import dataclasses
import fnmatch
import re
from collections.abc import Iterable, Sequence

from superopt_cc.driver import cxxnames
from superopt_cc.driver.lexer import Definition, Directive, scan
from superopt_cc.settings import ISAS

CONTRACTS = ("assume", "extent", "disjoint")

# A name, in C++ with its scopes and template arguments, and a parenthesis behind it.
_ARGUMENTS = r"(?:<[^<>();]*(?:<[^<>();]*>[^<>();]*)*>)?"
_CALL = re.compile(rf"\s*([A-Za-z_$][\w$]*{_ARGUMENTS}(?:::~?[A-Za-z_]\w*{_ARGUMENTS})*|)\s*(\()?")


@dataclasses.dataclass(frozen=True, slots=True)
class Wish:
    """What the user says about one function.

    `isa` and `budget` (seconds) override the settings; `timing_ok` lifts design 5.10;
    `contracts` are input contracts as written, such as "extent(a, n)".
    """

    isa: str | None = None
    budget: float | None = None
    timing_ok: bool = False
    contracts: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Selection:
    """Selected functions by assembler name, and one line for each thing that was not understood."""

    wishes: dict[str, Wish]
    problems: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class _Pragma:
    """One parsed directive: `names` () means the next definition."""

    names: tuple[str, ...]
    wish: Wish


def select(source: str, functions: Sequence[str], patterns: Sequence[str]) -> Selection:
    """Choose among `functions` (assembler names of one unit) whose source text is `source`.

    `patterns` is the setting `select`.  Pragmas select only under ("pragma",), but what they say
    about a function (options, `off`) holds however it was selected.
    """
    directives, definitions = scan(source, frozenset(simple_name(name) for name in functions))
    problems: list[str] = []
    asked, silenced = _read_directives(directives, definitions, problems)
    told = any(cxxnames.qualified(text) for text in (*asked, *patterns))
    written = cxxnames.spellings(functions) if told else {}
    wishes: dict[str, Wish] = {}
    for name in functions:
        simple = simple_name(name)
        names = (name, simple, *sorted(written.get(name, ())))
        by_pragma = [asked[each] for each in names if each in asked]
        if simple in silenced and not by_pragma:
            continue
        if by_pragma if tuple(patterns) == ("pragma",) else _matches(names, patterns):
            wishes[name] = by_pragma[0] if by_pragma else Wish()
    return Selection(wishes, tuple(problems))


def simple_name(name: str) -> str:
    """The source name of an assembler name: the last name in an Itanium mangling, else itself."""
    if not name.startswith("_Z"):
        return name
    at, nested = 2, False
    if name[at : at + 1] == "N":
        at, nested = at + 1, True
    last = ""
    while at < len(name):
        length = re.match(r"\d+", name[at:])
        if length:
            start = at + length.end()
            at = start + int(length.group())
            last = name[start:at]
            if not nested:
                break
        elif nested and name[at] == "I" and last:
            at = _skip_template(name, at)
        elif nested and name[at] == "E":
            break
        elif nested and name[at] == "S" and name[at + 1 : at + 2] not in ("t", ""):
            end = name.find("_", at)
            at = end + 1 if end >= 0 and name[at + 1] not in "abios" else at + 2
        else:
            at += 1
    return last or name


def _skip_template(name: str, at: int) -> int:
    """The position behind the template arguments that start at `at`."""
    depth = 0
    while at < len(name):
        length = re.match(r"\d+", name[at:])
        if length:
            at += length.end() + int(length.group())
            continue
        if name[at] == "L" and name[at + 1 : at + 3] != "_Z":
            at = name.find("E", at) + 1 or len(name)  # a literal: type, digits, E
            continue
        if name[at] in "INXLJF":
            depth += 1
        elif name[at] == "E":
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return at


def _matches(names: Iterable[str], patterns: Iterable[str]) -> bool:
    if tuple(patterns) == ("all",):
        return True
    wanted = [cxxnames.plain(pattern) for pattern in patterns]
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in wanted for name in names)


def _read_directives(
    directives: Sequence[Directive], definitions: Sequence[Definition], problems: list[str]
) -> tuple[dict[str, Wish], set[str]]:
    """What each named function was wished, and the names inside `off` ... `on`."""
    asked: dict[str, Wish] = {}
    silenced: set[str] = set()
    off_from: int | None = None
    for directive in directives:
        word = directive.text.strip()
        if word in ("off", "on"):
            if off_from is not None:
                silenced |= _between(definitions, off_from, directive.at)
            off_from = directive.at if word == "off" else None
            continue
        pragma = _parse(directive, problems)
        if pragma is None or (off_from is not None and not pragma.names):
            continue
        names = pragma.names or _next_definition(definitions, directive, problems)
        for name in names:
            asked[name] = pragma.wish
    if off_from is not None:
        silenced |= _between(definitions, off_from, None)
    return asked, silenced


def _between(definitions: Sequence[Definition], low: int, high: int | None) -> set[str]:
    return {d.name for d in definitions if d.at >= low and (high is None or d.at < high)}


def _next_definition(
    definitions: Sequence[Definition], directive: Directive, problems: list[str]
) -> tuple[str, ...]:
    for definition in definitions:
        if definition.at >= directive.at:
            return (definition.name,)
    problems.append(f"line {directive.line}: no function definition follows #pragma superopt")
    return ()


def _parse(directive: Directive, problems: list[str]) -> _Pragma | None:
    """Parse `[NAME | contract(...) | (options)]...`; None, and a problem, if it cannot be."""
    text, at = directive.text, 0
    names: list[str] = []
    contracts: list[str] = []
    options: list[str] = []
    while text[at:].strip(" \t,"):
        at += len(text[at:]) - len(text[at:].lstrip(" \t,"))
        match = _CALL.match(text, at)
        end = _closing(text, match.end() - 1) if match and match.group(2) else None
        if match is None or match.end() == at or (match.group(2) and end is None):
            problems.append(f"line {directive.line}: #pragma superopt not understood: {text!r}")
            return None
        word = match.group(1)
        if end is None:
            (options if word == "timing_ok" else names).append(word)
            at = match.end()
        elif word == "" or word in CONTRACTS:
            inner = text[match.end() : end]
            if word:
                contracts.append(f"{word}({inner.strip()})")
            else:
                options.extend(inner.split(","))
            at = end + 1
        else:
            names.append(word)
            at = match.end() - 1
    wish = _wish(options, contracts, directive, problems)
    return _Pragma(tuple(cxxnames.plain(name) for name in names), wish)


def _closing(text: str, opening: int) -> int | None:
    depth = 0
    for at in range(opening, len(text)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0:
            return at
    return None


def _wish(
    options: Sequence[str], contracts: Sequence[str], directive: Directive, problems: list[str]
) -> Wish:
    wish = Wish(contracts=tuple(contracts))
    for option in options:
        name, _, value = (part.strip() for part in option.partition("="))
        if name == "isa" and value in ISAS:
            wish = dataclasses.replace(wish, isa=value)
        elif name == "budget" and re.fullmatch(r"\d{1,5}(\.\d+)?", value):
            wish = dataclasses.replace(wish, budget=float(value))
        elif name == "timing_ok" and not value:
            wish = dataclasses.replace(wish, timing_ok=True)
        elif name or value:
            problems.append(f"line {directive.line}: unknown pragma option {option.strip()!r}")
    return wish
