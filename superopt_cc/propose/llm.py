"""A language model asked for faster code, in rounds; each is told what became of the last one.

Design 8.  Who answers is `answers.Source`, what is asked and how answers become rewrites is
`surfaces`; the search verifies every rewrite before it asks for the next one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from superopt_cc.propose.answers import Answer, LocalModel, Request, Source
from superopt_cc.propose.audit import Transcript
from superopt_cc.propose.bandit import Surfaces, Tally
from superopt_cc.propose.base import Context
from superopt_cc.propose.conversation import CHILD, ModelError
from superopt_cc.propose.endpoint import Endpoint
from superopt_cc.propose.examples import BUILT_IN, Example
from superopt_cc.propose.prompt import Prompt, PromptError
from superopt_cc.propose.rounds import Rounds, Try
from superopt_cc.propose.surfaces import NAME, Surface, examples_for, surfaces_of, take
from superopt_cc.settings import Settings
from superopt_cc.types import Attempt, Rewrite

_TEMPLATE_TOKENS = 512
_CHECK_SECONDS = 120.0
# The first verdict shall come soon: most answers in C are no longer than this.
_LEAD = 192  # tokens
_LEAST_SECONDS = 0.5  # of the deadline: less is not worth another round
# models.md's trap: gcc 12 optimises away what llama.cpp needs of AMX.
_INSTALL = (
    'CMAKE_ARGS=\'-DCMAKE_C_FLAGS="-mno-amx-tile -mno-amx-int8 -mno-amx-bf16" '
    '-DCMAKE_CXX_FLAGS="-mno-amx-tile -mno-amx-int8 -mno-amx-bf16"\' '
    "pip install --force-reinstall --no-cache-dir --no-binary llama-cpp-python llama-cpp-python"
)


@dataclasses.dataclass(frozen=True)
class Llm:
    """`settings.samples` answers a round.

    `child` is the program that holds a local model; `source` answers in the place of the
    settings' model, if given.
    """

    child: tuple[str, ...] = CHILD
    source: Source | None = None
    name: str = NAME
    uses_model: bool = True

    def propose(self, context: Context) -> Iterator[Rewrite]:
        """Yield what the answers compile to; everything else is noted with its reason."""
        problem = model_problem(context.settings)
        if problem:
            if context.settings.model is not None:
                context.note(Attempt(NAME, "model", "unavailable", problem))
            return
        if context.settings.require == "compiled":
            detail = "what a model writes is not made by a compiler alone"
            context.note(Attempt(NAME, "model", "level", detail))
            return
        source = self.source or source_of(context.settings, self.child)
        conversation = _Conversation(context, source)
        surface = conversation.surface()
        if surface is not None:
            yield from conversation.hold(surface)


def source_of(settings: Settings, child: Sequence[str] = CHILD) -> Source:
    """Who answers under these settings, which must name a model."""
    assert settings.model is not None
    if "://" in settings.model:
        return Endpoint.of(settings.model, foreign=settings.foreign_model)
    return LocalModel(settings.model, child)


class _Conversation:
    """All rounds of one search."""

    def __init__(self, context: Context, source: Source) -> None:
        self._context = context
        self._source = source
        self._bandit = Surfaces(context.settings.cache_dir)
        self._audit = Transcript(context, source.where)
        self._rounds = Rounds()
        self._hows: set[str] = set()
        self._model = ""
        self._examples: list[Example] | None = None
        self._refused = False  # a prompt, as too long

    def surface(self) -> Surface | None:
        """The one to ask; None, with its reason noted, where there is none."""
        found = surfaces_of(self._context)
        wanted = self._context.settings.surface
        able = {n: s for n, s in found.items() if not isinstance(s, str) and wanted in ("auto", n)}
        if not able:
            reason = next(s for n, s in found.items() if isinstance(s, str))
            self._note("prompt", "unsupported", reason)
            return None
        return able[self._bandit.choose(self._source.stamp, tuple(able))]

    def hold(self, surface: Surface) -> Iterator[Rewrite]:
        """Ask, and ask again as long as that pays."""
        self._context.when_done(lambda attempts: self._over(surface, attempts))
        for number in range(1, self._context.settings.rounds + 2):
            if self._context.deadline - time.monotonic() < _LEAST_SECONDS:
                return
            tries: list[tuple[str, str]] = []
            try:
                yield from self._round(surface, number, tries)
            except PromptError as error:
                self._note("prompt", "prompt", str(error))
                return
            except ModelError as error:
                self._audit.error(error.kind, str(error))
                self._note("model", error.kind, explain(error))
                return
            self._context.rank()
            known = {a.how: a for a in self._context.history() if a.proposer == NAME}
            self._rounds.finish([Try(code, known[how]) for how, code in tries if how in known])
            if not self._rounds.pays:
                return

    def _round(
        self, surface: Surface, number: int, tries: list[tuple[str, str]]
    ) -> Iterator[Rewrite]:
        asked = self._request(surface, number)
        if asked is None:
            return
        try:
            yield from self._answers(surface, number, tries, *asked)
        except ModelError as error:
            if error.kind != "context" or tries:
                raise
            self._refused = True
            shorter = self._request(surface, number, least=True)
            if shorter is None or shorter[0].digest == asked[0].digest:
                raise
            self._audit.error(error.kind, str(error))
            yield from self._answers(surface, number, tries, *shorter)

    def _answers(
        self, surface: Surface, number: int, tries: list[tuple[str, str]], prompt: Prompt,
        request: Request,
    ) -> Iterator[Rewrite]:  # fmt: skip
        self._audit.prompt(prompt, surface.name, number)
        with contextlib.closing(self._source.ask(request, self._context.deadline)) as answers:
            for answer in answers:
                self._model = answer.model
                how = f"{surface.name}, round {number}, sample {answer.index + 1}"
                self._hows.add(how)
                self._audit.answer(prompt, answer, how)
                taken = take(surface, answer, how, self._provenance(prompt, answer, number))
                tries.append((how, taken.code))
                if isinstance(taken.result, Rewrite):
                    yield taken.result
                else:
                    self._context.note(taken.result)

    def _request(
        self, surface: Surface, number: int, *, least: bool = False
    ) -> tuple[Prompt, Request] | None:
        """The prompt with as much as there is room for; None, noted, where not even the least.

        What a token is only the model knows: once it has refused a prompt, less is shown.
        """
        context, most = self._context, self._source.room
        feedback = self._rounds.feedback()
        if self._examples is None:
            self._examples = examples_for(context, surface.name)
        nothing: Mapping[str, object] = {"best": None, "failures": [], "copies": 0}
        ways: Sequence[tuple[list[Example], Mapping[str, object], bool]] = (
            (self._examples, feedback, False),
            ([BUILT_IN[surface.name]], feedback, False),
            ([], feedback, True),
            ([], nothing, True),
        )
        for shown, told, short in ways[3 if least else 2 if self._refused else 0 :]:
            prompt = surface.prompt(told, shown, short=short)
            # No tokeniser makes more tokens than bytes; code comes to a third of that or less.
            size = len(f"{prompt.system}{prompt.question}".encode("utf-8", "surrogateescape"))
            room = size // 2 + surface.tokens + _TEMPLATE_TOKENS
            if room <= most:
                break
        else:
            detail = f"{room} tokens for prompt and answer; at most {most} are used"
            self._note("prompt", "context", detail)
            return None
        enough = size + surface.tokens + _TEMPLATE_TOKENS
        samples = context.settings.samples
        first = context.job.seed * 1000 + (number - 1) * samples
        return prompt, Request(
            system=prompt.system,
            question=prompt.question,
            seeds=tuple(range(first, first + samples)),
            max_tokens=surface.tokens,
            context=min(most, -(-enough // 256) * 256),
            opening=surface.opening,
            target=surface.copied,
            grammar=surface.grammar,
            lead=_LEAD if number == 1 else 0,
        )

    def _provenance(self, prompt: Prompt, answer: Answer, number: int) -> Mapping[str, str]:
        return {
            "model": answer.model,
            "model_name": self._source.where,
            "prompt": prompt.digest,
            "templates": prompt.templates,
            "round": str(number),
            "seed": str(answer.seed),
            "answer": answer.text,
        }

    def _note(self, how: str, result: str, detail: str) -> None:
        self._context.note(Attempt(NAME, how, result, detail))

    def _over(self, surface: Surface, attempts: Sequence[Attempt]) -> None:
        """The search is over: keep the verdicts, and what this surface was worth."""
        self._audit.verdicts(attempts)
        ours = [a for a in attempts if a.proposer == NAME and a.how in self._hows]
        if not ours:
            return
        verified = sum(a.result in ("verified", "faster", "slower", "not-faster") for a in ours)
        faster = sum(a.result == "faster" for a in ours)
        tally = Tally(len(ours), verified, faster)
        self._bandit.add(self._model, self._source.stamp, surface.name, tally)


def model_problem(settings: Settings) -> str:
    """ "" when the settings name a model that may be there, else one line on what to do."""
    if settings.model is None:
        return "no model is set: set model to the path of a GGUF file; the other proposers go on"
    if "://" in settings.model:
        if importlib.util.find_spec("openai") is None:
            return "models behind a URL need the package openai; pip install 'superopt-cc[llm]'"
        return ""
    if not Path(settings.model).is_file():
        return f"{settings.model}: no such model file"
    return ""


def absence(settings: Settings, seconds: float) -> ModelError | None:
    """Why the model of the settings cannot answer, as far as that shows without asking it."""
    problem = model_problem(settings)
    if problem:
        return ModelError("unavailable", problem)
    source = source_of(settings)
    if isinstance(source, Endpoint):
        return source.absence(seconds)
    if importlib.util.find_spec("llama_cpp") is None:
        return ModelError("import", "llama_cpp is not installed")
    return None


def explain(error: ModelError) -> str:
    """One line on a model's failure that says what to do."""
    if error.kind == "import":
        return f"a library cannot be imported ({error}); pip install 'superopt-cc[llm]'"
    if error.kind == "crash":
        return f"{error}; on processors with AMX reinstall it with: {_INSTALL}"
    return str(error)


def check(settings: Settings, child: tuple[str, ...] = CHILD) -> str:
    """ "" when the model of the settings loads and answers, else one line on what to do."""
    problem = model_problem(settings)
    if problem:
        return problem
    source = source_of(settings, child)
    deadline = time.monotonic() + _CHECK_SECONDS
    try:
        if isinstance(source, Endpoint):
            return source.check(min(deadline, time.monotonic() + 10.0))
        answers = list(source.ask(Request("", "int", (1,), 1, 512, 0.0), deadline))
    except ModelError as error:
        return f"{settings.model}: {explain(error)}"
    return "" if answers else f"{settings.model}: the model gave no answer"
