"""What a model is asked to write, C or assembly, and how answers become rewrites (design 8)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from superopt_cc.assembly.fragment import own_fragment
from superopt_cc.errors import describe
from superopt_cc.propose.answers import Answer
from superopt_cc.propose.asmanswer import is_c, read_assembly
from superopt_cc.propose.base import Context, compile_unit
from superopt_cc.propose.csource import (
    Item,
    OfferError,
    code_of,
    find_definition,
    is_static,
    is_whole,
    plain,
    read_offer,
    replace,
    types_for,
)
from superopt_cc.propose.examples import BUILT_IN, Example, similar
from superopt_cc.propose.extract import OWN_CODE, Extractor
from superopt_cc.propose.facts import facts_for
from superopt_cc.propose.grammar import assembly_grammar
from superopt_cc.propose.prompt import Prompt, Templates, hot_part, listing
from superopt_cc.types import Attempt, Origin, Rewrite

NAME = "llm"

_LONGEST_ANSWER = 200_000  # characters


@dataclasses.dataclass(frozen=True, slots=True)
class Taken:
    """What one answer offers: its code for the next round, and a rewrite or why there is none."""

    code: str
    result: Rewrite | Attempt


class Surface(Protocol):
    """One way of asking.

    `opening` is what an answer begins with, `tokens` how long it may be, `copied` what it must not
    repeat, `grammar` what confines it, if anything.
    """

    @property
    def name(self) -> str: ...

    @property
    def opening(self) -> str: ...

    @property
    def tokens(self) -> int: ...

    @property
    def copied(self) -> str: ...

    @property
    def grammar(self) -> str: ...

    def prompt(
        self, feedback: Mapping[str, Any], examples: Sequence[Example], *, short: bool
    ) -> Prompt:
        """The question; `short` leaves out what can be missed.  Raises PromptError."""

    def take(self, answer: Answer, how: str, provenance: Mapping[str, str]) -> Taken:
        """What an answer offers."""


@dataclasses.dataclass(frozen=True)
class _Base:
    """What both surfaces tell."""

    context: Context
    extractor: Extractor
    templates: Templates

    def fields(self, *, assembly: bool, short: bool) -> dict[str, Any]:
        job, unit = self.context.job, self.context.unit
        words = [w for w in job.command.code_options() if w.startswith(("-O", "-f", "-m", "-std"))]
        function = unit.function(job.name)
        whole = "" if assembly else listing(unit, function)
        return {
            "name": job.name,
            "flags": " ".join(words),
            "facts": facts_for(self.context, assembly=assembly),
            "hot": "" if short else hot_part(function, whole),
        }

    def fallen(self, how: str, result: str, detail: str) -> Attempt:
        return Attempt(NAME, how, result, detail)


@dataclasses.dataclass(frozen=True)
class CSurface(_Base):
    """C in, C out: the answer takes the definition's place in the unit's own preprocessed text.

    The unit is compiled as always, one function's code is the rewrite.
    """

    source: str
    definition: Item
    name: str = "c"
    opening: str = "```c\n"
    grammar: str = ""

    @staticmethod
    def about(context: Context, extractor: Extractor, templates: Templates) -> CSurface | str:
        """The surface, or one line on why there is none."""
        job = context.job
        if job.command.language != "c":
            return "only C is rewritten as C in this version"
        source = job.preprocessed.decode("utf-8", "surrogateescape")
        definition = find_definition(source, job.name)
        if definition is None:
            return "its definition is not found in the preprocessed text"
        return CSurface(context, extractor, templates, source, definition)

    @property
    def function(self) -> str:
        """The original's text."""
        return plain(self.source, self.definition)

    @property
    def copied(self) -> str:
        return self.function

    @property
    def tokens(self) -> int:
        return min(1024, 256 + len(self.function))

    def prompt(
        self, feedback: Mapping[str, Any], examples: Sequence[Example], *, short: bool
    ) -> Prompt:
        """See `Surface`."""
        return self.templates.render("c", {
            **self.fields(assembly=False, short=short), **feedback,
            "function": self.function,
            "types": types_for(self.source, self.definition),
            "examples": examples,
            "language": "c",
        })  # fmt: skip

    def take(self, answer: Answer, how: str, provenance: Mapping[str, str]) -> Taken:
        """See `Surface`."""
        job = self.context.job
        code = code_of(answer.text, job.name).strip()
        if answer.finish == "length" and not is_whole(answer.text):
            return Taken(code, self.fallen(how, "truncated", "the answer was cut off"))
        try:
            offer = read_offer(answer.text, job.name, static=is_static(self.definition))
        except OfferError as error:
            return Taken(code, self.fallen(how, "refused", f"the answer {error}"))
        text = replace(self.source, self.definition, offer).encode("utf-8", "surrogateescape")
        isa = self.context.settings.isa
        options = () if isa == "match" else (f"-march={isa}",)
        made = compile_unit(job.command, text, options, self.context.deadline)
        if made.error:
            result = "budget" if made.late else "compile"
            return Taken(code, self.fallen(how, result, made.error))
        given = {**provenance, "surface": "c", "function": self.function, "code": code}
        return Taken(code, self.extractor.take(made.text, how, Origin.MIXED, given))


@dataclasses.dataclass(frozen=True)
class AsmSurface(_Base):
    """gcc's assembly in, assembly out; C that comes all the same is taken as C."""

    c: CSurface | str
    name: str = "asm"
    opening: str = "```asm\n"

    @property
    def grammar(self) -> str:
        if self.context.settings.grammar == "off":
            return ""
        return assembly_grammar(frozenset(self.context.job.facts.isa))

    @property
    def target(self) -> str:
        """gcc's code as it is shown."""
        unit = self.context.unit
        return listing(unit, unit.function(self.context.job.name))

    @property
    def copied(self) -> str:
        unit = self.context.unit
        return listing(unit, unit.function(self.context.job.name), data=False)

    @property
    def tokens(self) -> int:
        return min(3072, 256 + len(self.target))

    def prompt(
        self, feedback: Mapping[str, Any], examples: Sequence[Example], *, short: bool
    ) -> Prompt:
        """See `Surface`."""
        c = None if isinstance(self.c, str) or short else self.c
        return self.templates.render("asm", {
            **self.fields(assembly=True, short=short), **feedback,
            "function": "" if c is None else c.function,
            "types": "" if c is None else types_for(c.source, c.definition),
            "target": self.target,
            "examples": examples,
            "language": "asm",
        })  # fmt: skip

    def take(self, answer: Answer, how: str, provenance: Mapping[str, str]) -> Taken:
        """See `Surface`."""
        name = self.context.job.name
        if is_c(answer.text, name):
            if isinstance(self.c, str):
                reason = "the answer is C, not assembly"
                return Taken(answer.text, self.fallen(how, "refused", reason))
            return self.c.take(answer, how, provenance)
        if answer.finish == "length" and not is_whole(answer.text):
            return Taken(answer.text, self.fallen(how, "truncated", "the answer was cut off"))
        try:
            text = read_assembly(answer.text, name)
        except OfferError as error:
            return Taken(answer.text, self.fallen(how, "refused", f"the answer {error}"))
        given = {**provenance, "surface": "asm", "code": text}
        return Taken(text, self.extractor.take(f"\n{text}", how, Origin.MIXED, given))


def surfaces_of(context: Context) -> Mapping[str, Surface | str]:
    """Each surface by its name, or one line on why it cannot be asked about this function."""
    extractor = Extractor(context, NAME)
    templates = Templates(context.settings.prompts)
    c = CSurface.about(context, extractor, templates)
    return {"c": c, "asm": AsmSurface(context, extractor, templates, c)}


def examples_for(context: Context, surface: str) -> list[Example]:
    """Worked examples, the ones nearest to the function last: models heed those most."""
    body = own_fragment(context.unit.function(context.job.name)).body
    known = similar(context.settings, surface, body)
    return [BUILT_IN[surface], *reversed(known)]


def take(surface: Surface, answer: Answer, how: str, provenance: Mapping[str, str]) -> Taken:
    """What an answer offers; whatever it is, the next one can be read."""
    if len(answer.text) > _LONGEST_ANSWER:
        detail = f"the answer has {len(answer.text)} characters"
        return Taken("", Attempt(NAME, how, "refused", detail))
    if answer.finish == "copy":
        detail = f"it was repeating {OWN_CODE}, and was ended"
        return Taken("", Attempt(NAME, how, "copy", detail))
    try:
        return surface.take(answer, how, provenance)
    except Exception as error:  # answers are anything: a bug of ours may wait for one
        return Taken(answer.text, Attempt(NAME, how, "internal", describe(error)))
