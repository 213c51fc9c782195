"""Preprocessed C as text: finding one definition, reading an offered one, putting it in place.

A lexer and brackets are all that is needed; gcc is the parser.  Offered C is untrusted text: only
what is listed here passes (design 5.2).
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterator, Sequence

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\f\v\n]+)
    |(?P<comment>//[^\n]*|/\*.*?\*/)
    |(?P<text>(?:u8|[uUL])?(?:"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
    |(?P<word>[A-Za-z_$][\w$]*)
    |(?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)
    |(?P<mark>.)""",
    re.VERBOSE | re.DOTALL,
)
_LINE = re.compile(r"[ \t]*#[^\n]*")
_INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*[<\"][^>\"\n]*[>\"][ \t]*$", re.MULTILINE)
_FENCE = re.compile(r"(?:```|~~~)[^\n`]*\n(.*?)(?:```|~~~|\Z)", re.DOTALL)

_FENCE_MARK = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
_THOUGHTS = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL)

# Words that could change how the code is made rather than what it says, or reach outside of it.
_FORBIDDEN = frozenset(
    (
        "asm", "__asm", "__asm__", "__attribute", "__attribute__", "__declspec",
        "_Pragma", "__pragma", "__thread", "_Thread_local", "_Atomic",
    )
)  # fmt: skip
_STORAGE = frozenset(("static", "extern", "inline", "__inline", "__inline__"))
_NOT_NAMES = frozenset(("__attribute__", "__attribute", "__extension__"))
_TAGGED = frozenset(("struct", "union", "enum"))
_KNOWN_TYPE = re.compile(r"u?int(?:8|16|32|64|max|ptr)_t|s?size_t|ptrdiff_t")


class OfferError(ValueError):
    """Offered C that is not taken; the message is one line for people and for the model."""


@dataclasses.dataclass(frozen=True, slots=True)
class Token:
    """One token and where it stands."""

    kind: str
    text: str
    at: int


@dataclasses.dataclass(frozen=True, slots=True)
class Item:
    """One declaration or definition at file scope: `source[start:end]`.

    `name` is the function's name if it is a function's definition ("" otherwise), `body` the
    position of its `{`.
    """

    start: int
    end: int
    name: str
    body: int
    tokens: tuple[Token, ...]


def tokens(source: str) -> Iterator[Token]:
    """All tokens; a line that starts with `#` is one token of kind "line"."""
    at, fresh = 0, True
    while at < len(source):
        line = _LINE.match(source, at) if fresh else None
        if line is not None:
            yield Token("line", line.group(), at)
            at = line.end()
            continue
        match = _TOKEN.match(source, at)
        assert match is not None  # the last alternative takes any character
        kind = str(match.lastgroup)
        if kind in ("space", "comment"):
            fresh = fresh or "\n" in match.group()
        else:
            fresh = False
            yield Token(kind, match.group(), at)
        at = match.end()


def items(source: str) -> Iterator[Item]:
    """The declarations and definitions at file scope, in order; an unfinished one is left out."""
    found: list[Token] = []
    depth, body, name = 0, -1, ""
    for token in tokens(source):
        if token.kind == "line":
            continue
        found.append(token)
        if token.kind != "mark":
            continue
        if token.text == "{" and depth == 0 and body < 0:
            body, name = token.at, _function_name(found)
        depth += (token.text in "([{") - (token.text in ")]}")
        ends = token.text == ";" or (token.text == "}" and name != "")
        if depth == 0 and ends:
            yield Item(found[0].at, token.at + 1, name, body, tuple(found))
            found, body, name = [], -1, ""


def _function_name(found: Sequence[Token]) -> str:
    """The name before the parameter list of a definition whose `{` has just come; else ""."""
    depth, name = 0, ""
    for before, token in itertools.pairwise(found):
        if token.kind == "mark" and token.text == "=" and depth == 0:
            return ""
        opens = token.text == "(" and depth == 0 and not name
        if opens and before.kind == "word" and before.text not in _NOT_NAMES:
            name = before.text
        if token.kind == "mark":
            depth += (token.text in "([") - (token.text in ")]")
    return name


def find_definition(source: str, name: str) -> Item | None:
    """The definition of function `name` in preprocessed text, None where it is not plain."""
    if f"{name}" not in source:
        return None
    return next((item for item in items(source) if item.name == name), None)


def plain(source: str, item: Item) -> str:
    """An item's text without line markers."""
    lines = source[item.start : item.end].split("\n")
    return "\n".join(line for line in lines if not line.lstrip().startswith("#"))


def types_for(source: str, definition: Item, most: int = 40) -> str:
    """The typedefs, structures and enumerations that a definition names, at most `most` lines.

    What every model knows from the standard headers is left out.
    """
    named: dict[str, Item] = {}
    for item in items(source[: definition.start]):
        words = [t.text for t in item.tokens if t.kind == "word"]
        if item.name or not words:
            continue
        if words[0] == "typedef":
            named[_declared(item)] = item
        if (tag := _tag(item)) is not None:
            named.setdefault(tag, item)
    wanted: dict[int, Item] = {}
    todo = [definition]
    while todo:
        for token in todo.pop().tokens:
            found = named.get(token.text) if token.kind == "word" else None
            if _KNOWN_TYPE.fullmatch(token.text):
                continue
            if found is not None and found.start not in wanted:
                wanted[found.start] = found
                todo.append(found)
    lines = [plain(source, wanted[start]) for start in sorted(wanted)]
    text = "\n".join(lines)
    return text if text.count("\n") < most else ""


def _tag(item: Item) -> str | None:
    """The tag of the structure, union or enumeration that an item defines."""
    if not any(token.text == "{" for token in item.tokens):
        return None
    for token, after in itertools.pairwise(item.tokens):
        if token.text in _TAGGED:
            return after.text if after.kind == "word" else None
    return None


def _declared(item: Item) -> str:
    """The name that a typedef declares: its last word outside of brackets."""
    depth, name = 0, ""
    for token in item.tokens:
        if token.kind == "mark":
            depth += (token.text in "([{") - (token.text in ")]}")
        elif token.kind == "word" and depth == 0:
            name = token.text
    return name


@dataclasses.dataclass(frozen=True, slots=True)
class Offer:
    """An answer's C, ready to stand in the unit: constants, helpers, the function."""

    tables: tuple[str, ...]
    helpers: tuple[str, ...]
    function: str

    @property
    def text(self) -> str:
        return "\n".join((*self.tables, *self.helpers, self.function)) + "\n"


def read_offer(answer: str, name: str, *, static: bool) -> Offer:
    """The function `name` and what it needs from a model's answer.

    `static` is whether the unit's own definition is.  Raises OfferError.
    """
    code = _INCLUDE.sub("", code_of(answer, name))
    _refuse_forbidden(code)
    code = _renamed(code, name)
    tables: list[str] = []
    helpers: list[str] = []
    function = ""
    end = 0
    for item in items(code):
        end = item.end
        text = code[item.start : item.end]
        if item.name == name:
            if function:
                raise OfferError(f"two definitions of {name}")
            function = _with_storage(code, item, _OWN_STATIC if static else "")
        elif item.name:
            # Design 8: static helpers are flattened into the function.
            helpers.append(
                _with_storage(code, item, "static inline __attribute__((always_inline)) ")
            )
        elif {"static", "const"} <= {t.text for t in item.tokens}:
            tables.append(text)
        elif not _is_prototype(item):
            raise OfferError(f"holds `{text.split(chr(10))[0][:40]}` besides functions and tables")
    if not function:
        raise OfferError(f"no complete definition of {name}")
    if code[end:].strip() and any(t.kind != "line" for t in tokens(code[end:])):
        raise OfferError("is cut off")
    return Offer(tuple(tables), tuple(helpers), function)


# gcc must neither inline nor clone what is to be taken out under its own name.
_OWN_STATIC = "static __attribute__((used, noinline, noclone)) "


def plain_answer(answer: str) -> str:
    """An answer with Unix line ends, without what a model thought before it answered."""
    text = answer.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")
    return _THOUGHTS.sub("", text)


def is_whole(answer: str) -> bool:
    """Is all code of an answer that was cut off in fences that are closed?"""
    marks = len(_FENCE_MARK.findall(plain_answer(answer)))
    return marks > 0 and marks % 2 == 0


def code_of(answer: str, name: str) -> str:
    """The code in an answer: the last fenced block that holds the name, else the last, else all."""
    answer = plain_answer(answer)
    blocks = [m.group(1) for m in _FENCE.finditer(answer)]
    ours = [block for block in blocks if re.search(rf"\b{re.escape(name)}\b", block)]
    return (ours or blocks or [answer])[-1]


def _renamed(code: str, name: str) -> str:
    """The code with the function under its own name, where an answer calls it something else.

    That is the one definition whose name has the wanted one in it, or the only definition.
    """
    names = [item.name for item in items(code) if item.name]
    alike = [n for n in names if name in n] or names
    if name in names or len(set(alike)) != 1:
        return code
    parts, at = [], 0
    for token in tokens(code):
        if token.kind == "word" and token.text == alike[0]:
            parts += [code[at : token.at], name]
            at = token.at + len(token.text)
    return "".join(parts) + code[at:]


def _refuse_forbidden(code: str) -> None:
    if "??" in code or re.search(r"\\[ \t]*\r?\n", code):
        raise OfferError("holds trigraphs or continued lines")
    previous = ""
    for token in tokens(code):
        if token.kind == "line" or (token.kind == "mark" and token.text in "#\\@`"):
            raise OfferError(f"holds a preprocessor line or stray `{token.text.strip()[:20]}`")
        if token.kind == "word" and token.text in _FORBIDDEN:
            raise OfferError(f"holds `{token.text}`")
        if previous + token.text in ("%:", "[["):
            raise OfferError(f"holds `{previous}{token.text}`")
        previous = token.text if token.kind == "mark" else ""


def _with_storage(code: str, item: Item, storage: str) -> str:
    """A definition with `storage` in place of its own storage words."""
    parts, at = [storage], item.start
    for token in item.tokens:
        if token.at >= item.body:
            break
        if token.kind == "word" and token.text in _STORAGE:
            parts.append(code[at : token.at])
            at = token.at + len(token.text)
    return "".join(parts) + code[at : item.end].lstrip()


def _is_prototype(item: Item) -> bool:
    words = {t.text for t in item.tokens}
    return item.body < 0 and "(" in words and "=" not in words and "typedef" not in words


def replace(source: str, definition: Item, offer: Offer) -> str:
    """The unit's text with an offer in place of the definition."""
    return f"{source[: definition.start]}\n{offer.text}{source[definition.end :]}"


def is_static(definition: Item) -> bool:
    """Is it declared static in the definition itself?"""
    head = (t.text for t in definition.tokens if t.at < definition.body)
    return "static" in head
