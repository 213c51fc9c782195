"""A local language model asked for faster C; gcc compiles the answers with the user's flags.

Design 8, the C surface: an answer's function takes the place of the definition in the unit's own
preprocessed text, the unit is compiled as always, one function's code is the rewrite.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from superopt_cc.propose.base import Context, compile_unit
from superopt_cc.propose.conversation import CHILD, ModelError, converse
from superopt_cc.propose.csource import (
    Item,
    OfferError,
    find_definition,
    is_static,
    read_offer,
    replace,
)
from superopt_cc.propose.extract import Extractor
from superopt_cc.propose.prompt import Prompt, build_prompt
from superopt_cc.settings import Settings
from superopt_cc.types import Attempt, Origin, Rewrite

_TEMPERATURE = 0.7
_LARGEST_CONTEXT = 8192
_MOST_TOKENS = 1024
_CHECK_SECONDS = 120.0
# models.md's trap: gcc 12 optimises away what llama.cpp needs of AMX.
_INSTALL = (
    'CMAKE_ARGS=\'-DCMAKE_C_FLAGS="-mno-amx-tile -mno-amx-int8 -mno-amx-bf16" '
    '-DCMAKE_CXX_FLAGS="-mno-amx-tile -mno-amx-int8 -mno-amx-bf16"\' '
    "pip install --force-reinstall --no-cache-dir --no-binary llama-cpp-python llama-cpp-python"
)


@dataclasses.dataclass(frozen=True)
class Llm:
    """One prompt, `settings.samples` answers.  `child` is the program that holds the model."""

    child: tuple[str, ...] = CHILD
    name: str = "llm"
    uses_model: bool = True

    def propose(self, context: Context) -> Iterator[Rewrite]:
        """Yield what the answers compile to; everything else is noted with its reason."""
        problem = model_problem(context.settings)
        if problem:
            if context.settings.model is not None:
                context.note(Attempt(self.name, "model", "unavailable", problem))
            return
        question = _Question.about(context)
        if isinstance(question, str):
            context.note(Attempt(self.name, "prompt", "unsupported", question))
            return
        yield from self._ask(context, question)

    def _ask(self, context: Context, question: _Question) -> Iterator[Rewrite]:
        extractor = Extractor(context, self.name)
        digest = ""
        try:
            with contextlib.closing(
                converse(self.child, _request(context, question.prompt), context.deadline)
            ) as events:
                for event in events:
                    if event["event"] == "ready":
                        digest = str(event["sha256"])
                        continue
                    answer = _Answer.of(event, digest)
                    _keep(context.settings, question.prompt, answer)
                    taken = question.compile(context, answer, extractor)
                    if isinstance(taken, Rewrite):
                        yield taken
                    else:
                        context.note(taken)
        except ModelError as error:
            context.note(Attempt(self.name, "model", error.kind, explain(error)))


@dataclasses.dataclass(frozen=True, slots=True)
class _Answer:
    """One sample; `finish` "length" means that it was cut off."""

    index: int
    seed: int
    text: str
    finish: str
    model: str

    @staticmethod
    def of(event: Mapping[str, Any], model: str) -> _Answer:
        try:
            return _Answer(
                int(event["index"]), int(event["seed"]), str(event["text"]),
                str(event["finish"]), model,
            )  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError("model", "the model's process wrote nonsense") from error


@dataclasses.dataclass(frozen=True, slots=True)
class _Question:
    """A prompt about one definition in a unit's preprocessed text."""

    source: str
    definition: Item
    prompt: Prompt

    @staticmethod
    def about(context: Context) -> _Question | str:
        """The question, or one line on why there is none."""
        job = context.job
        if job.command.language != "c":
            return "only C is rewritten in this version"
        source = job.preprocessed.decode("utf-8", "surrogateescape")
        definition = find_definition(source, job.name)
        if definition is None:
            return "its definition is not found in the preprocessed text"
        return _Question(source, definition, build_prompt(context, source, definition))

    def compile(self, context: Context, answer: _Answer, extractor: Extractor) -> Rewrite | Attempt:
        """The rewrite that an answer's C compiles to, or why there is none."""
        how = f"sample {answer.index + 1}"
        if answer.finish == "length":
            return Attempt("llm", how, "truncated", "the answer was cut off")
        try:
            offer = read_offer(answer.text, context.job.name, static=is_static(self.definition))
        except OfferError as error:
            return Attempt("llm", how, "refused", f"the answer {error}")
        text = replace(self.source, self.definition, offer).encode("utf-8", "surrogateescape")
        made = compile_unit(context.job.command, text, (), context.deadline)
        if made.error:
            return Attempt("llm", how, "compile", made.error)
        provenance = {
            "model": answer.model,
            "model_file": Path(context.settings.model or "").name,
            "prompt": self.prompt.digest,
            "seed": str(answer.seed),
            "answer": answer.text,
        }
        return extractor.take(made.text, how, Origin.MIXED, provenance)


def _request(context: Context, prompt: Prompt) -> Mapping[str, Any]:
    settings, job = context.settings, context.job
    size = len(prompt.system) + len(prompt.question)
    tokens = min(_MOST_TOKENS, 256 + size // 4)
    # No tokeniser makes more tokens than bytes; 512 leave room for a chat template.
    room = min(_LARGEST_CONTEXT, -(-(size + tokens + 512) // 256) * 256)
    return {
        "model": settings.model,
        "system": prompt.system,
        "prompt": prompt.question,
        "seeds": [job.seed * 1000 + i for i in range(settings.samples)],
        "max_tokens": tokens,
        "context": room,
        "temperature": _TEMPERATURE,
        "threads": max(1, min(4, len(os.sched_getaffinity(0)))),
    }


def _keep(settings: Settings, prompt: Prompt, answer: _Answer) -> None:
    """Append to the transcript `CACHE/transcripts/PROMPT-HASH.jsonl`, kept for audit (design 8)."""
    path = settings.cache_dir / "transcripts" / f"{prompt.digest}.jsonl"
    record = {"system": prompt.system, "prompt": prompt.question, **dataclasses.asdict(answer)}
    # A cache that cannot be written must not cost the search its answers.
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


def model_problem(settings: Settings) -> str:
    """ "" when the settings name a model file that is there, else one line on what to do."""
    if settings.model is None:
        return "no model is set: set model to the path of a GGUF file; the other proposers go on"
    if "://" in settings.model:
        return f"{settings.model}: models behind a URL cannot be used by this version"
    if not Path(settings.model).is_file():
        return f"{settings.model}: no such model file"
    return ""


def explain(error: ModelError) -> str:
    """One line on a model's failure that says what to do."""
    if error.kind == "import":
        return f"llama-cpp-python cannot be imported ({error}); pip install 'superopt-cc[llm]'"
    if error.kind == "crash":
        return f"{error}; on processors with AMX reinstall it with: {_INSTALL}"
    return str(error)


def check(settings: Settings, child: tuple[str, ...] = CHILD) -> str:
    """ "" when the model of the settings loads and answers, else one line on what to do."""
    problem = model_problem(settings)
    if problem:
        return problem
    request = {
        "model": settings.model, "system": "", "prompt": "int", "seeds": [1], "max_tokens": 1,
        "context": 512, "temperature": 0.0, "threads": 1,
    }  # fmt: skip
    try:
        deadline = time.monotonic() + _CHECK_SECONDS
        answers = [e for e in converse(child, request, deadline) if e["event"] == "answer"]
    except ModelError as error:
        return f"{settings.model}: {explain(error)}"
    return "" if answers else f"{settings.model}: the model gave no answer"
