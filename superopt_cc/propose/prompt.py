"""The question that a model is asked about one function, made from templates in files.

A surface SURFACE has two templates, `SURFACE.system.j2` and `SURFACE.question.j2`; a user's folder
may hold either, and anything that they include.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

from superopt_cc.assembly.fragment import own_fragment
from superopt_cc.assembly.unit import Function, Unit

_MOST_HOT_LINES = 24
_MOST_DATA_LINES = 32
_LARGEST_TEMPLATE = 1 << 20
_JUMP = re.compile(r"\tj(\w+)\t(\.\w+)$")


class PromptError(ValueError):
    """A template that cannot be used; one line."""


@dataclasses.dataclass(frozen=True, slots=True)
class Prompt:
    """Instructions and question; `templates` is the digest of what they were made from."""

    system: str
    question: str
    templates: str = ""

    @property
    def digest(self) -> str:
        """sha256 of both texts."""
        return hashlib.sha256(f"{self.system}\0{self.question}".encode()).hexdigest()


@dataclasses.dataclass(frozen=True)
class Templates:
    """The templates in force: those of `folder` before our own."""

    folder: Path | None = None

    def read(self, name: str) -> str:
        """A template's text.  Raises PromptError."""
        for place in self._places:
            path = place.joinpath(name)
            try:
                if path.is_file():
                    data: bytes = path.read_bytes()
                    return data[:_LARGEST_TEMPLATE].decode()
            except (OSError, UnicodeDecodeError) as error:
                raise PromptError(f"{path}: cannot be read: {error}") from error
        raise PromptError(f"there is no template {name}")

    @cached_property
    def _places(self) -> tuple[Any, ...]:
        own = resources.files(__package__).joinpath("prompts")
        return (own,) if self.folder is None else (self.folder, own)

    @cached_property
    def digest(self) -> str:
        """sha256 of all templates that there are, by name and content."""
        text = "".join(f"{name}\0{self.read(name)}\0" for name in self._names)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def files(self) -> tuple[Path, ...]:
        """What the user's folder holds or might hold.  Raises PromptError."""
        return () if self.folder is None else tuple(self.folder / name for name in self._names)

    @cached_property
    def _names(self) -> tuple[str, ...]:
        names: set[str] = set()
        for place in self._places:
            try:
                names |= {path.name for path in place.iterdir() if path.name.endswith(".j2")}
            except OSError as error:
                raise PromptError(f"{place}: cannot be read: {error.strerror}") from error
        return tuple(sorted(names))

    def render(self, surface: str, fields: Mapping[str, Any]) -> Prompt:
        """The prompt of a surface.  Raises PromptError."""
        import jinja2
        from jinja2.sandbox import SandboxedEnvironment

        def load(name: str) -> str | None:
            return self.read(name)

        # A folder of templates may come with somebody else's source tree.
        environment = SandboxedEnvironment(
            loader=jinja2.FunctionLoader(load), undefined=jinja2.StrictUndefined,
            trim_blocks=True, lstrip_blocks=True, autoescape=False,
        )  # fmt: skip
        try:
            texts = [
                environment.get_template(f"{surface}.{part}.j2").render(fields)
                for part in ("system", "question")
            ]
        except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError) as error:
            line = " ".join(str(error).split())[:200]
            raise PromptError(f"the template of {surface} fails: {line}") from error
        system, question = (re.sub(r"\n{3,}", "\n\n", text).strip() for text in texts)
        return Prompt(system, question, self.digest)


def hot_part(function: Function, otherwise: str = "") -> str:
    """The longest innermost loop of gcc's code; `otherwise` where there is none.

    "" where that is long (vectorised, unrolled): half a loop says little, and a processor needs
    seconds to evaluate a whole one.

    Innermost means: a backward jump whose span holds no other one.  Unconditional jumps back count
    where there are no others: gcc also reaches code so that it put out of the way.
    """
    body = [s for s in own_fragment(function).body if _tells(s)]
    places = {s[:-1]: i for i, s in enumerate(body) if s.endswith(":")}
    found: list[tuple[bool, int, int]] = []
    for end, statement in enumerate(body):
        jump = _JUMP.match(statement)
        if jump and places.get(jump.group(2), end) < end:
            found.append((jump.group(1) == "mp", places[jump.group(2)], end))
    plain = all(always for always, _, _ in found)
    spans = [(start, end) for always, start, end in found if plain or not always]
    inner = [a for a in spans if not any(a[0] <= b[0] and b[1] <= a[1] and a != b for b in spans)]
    if not inner:
        return otherwise if otherwise.count("\n") < _MOST_HOT_LINES else ""
    start, end = max(inner, key=lambda span: span[1] - span[0])
    return "\n".join(body[start : end + 1]) if end - start < _MOST_HOT_LINES else ""


def listing(unit: Unit, function: Function, *, data: bool = True) -> str:
    """gcc's code of a function, with its constants if wanted, without empty directives."""
    fragment = own_fragment(function)
    lines = [line for line in fragment.render(function.name, ".").splitlines() if _tells(line)]
    used = {name for name in function.mentions if data and name in unit.symbols}
    for name in sorted(used):
        symbol = unit.symbols[name]
        if symbol.kind in ("object", "label") and 0 < len(symbol.lines) <= _MOST_DATA_LINES:
            lines += [f"{name}:", *_joined(symbol.lines)]
    return "\n".join(lines)


def _joined(lines: Sequence[str]) -> list[str]:
    """Data directives, neighbours of one kind on one line."""
    parts = [tuple(line.strip().split(None, 1)) for line in lines]
    groups = itertools.groupby(parts, key=lambda part: part[0])
    return [f"\t{head}\t{', '.join(p[1] for p in group)}" for head, group in groups]


def _tells(line: str) -> bool:
    words = line.split()
    silent = (".p2align", ".align", ".balign", ".size", ".type", ".popsection", ".pushsection")
    return bool(words) and words[0] not in silent
