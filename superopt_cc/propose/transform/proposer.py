"""Transformations of the C text as a proposer: C in, gcc out."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterator, Mapping, Sequence

from superopt_cc.propose.base import Context, compile_unit
from superopt_cc.propose.csource import Item, find_definition, is_static, plain
from superopt_cc.propose.extract import Extractor
from superopt_cc.propose.transform.catalogue import ALL, Transformation, variants
from superopt_cc.propose.transform.plainly import plainly
from superopt_cc.propose.transform.scalars import Type, typedefs
from superopt_cc.types import Attempt, Origin, Rewrite

_DEEPEST = 2
_MOST = 64  # compilations
_LONGEST = 40_000  # characters of a function
# gcc must neither inline nor clone what is to be taken out under its own name.
_OWN = "__attribute__((used, noinline, noclone)) "


@dataclasses.dataclass(frozen=True, slots=True)
class _Made:
    """A text of the function, and the transformations that led to it, the last by its number."""

    text: str
    steps: tuple[str, ...]
    last: int = 0

    @property
    def how(self) -> str:
        return f"transform: {' + '.join(self.steps)}"


class Transform:
    """Transformations of the function's syntax tree, alone and two after one another.

    `among` are those that it tries; what others made and the checks accepted is a beginning, too.
    """

    name = "transform"
    uses_model = False

    def __init__(self, among: Sequence[Transformation]) -> None:
        self._among = among

    def propose(self, context: Context) -> Iterator[Rewrite]:
        """Yield each different body that gcc makes of a transformed text."""
        job = context.job
        if job.command.language != "c":
            return
        unit = job.preprocessed.decode("utf-8", "surrogateescape")
        definition = find_definition(unit, job.name)
        if definition is None or definition.end - definition.start > _LONGEST:
            return
        extractor = Extractor(context, self.name)
        known = typedefs(unit, definition.start)
        text = plainly(plain(unit, definition))
        seen: set[str] = set()
        todo = deque([_Made(text, ()), *self._accepted(context, text, known)])
        while todo:
            base = todo.popleft()
            if base.steps and _fate(context, base) not in ("", "verified"):
                continue
            for made in self._next(base, known):
                if len(seen) >= _MOST or context.expired():
                    return
                if made.text in seen:
                    continue
                seen.add(made.text)
                taken = self._compiled(context, unit, definition, made, extractor)
                if not isinstance(taken, Rewrite):
                    context.note(taken)
                    continue
                if len(made.steps) < _DEEPEST:
                    todo.append(made)
                yield taken

    def _next(self, base: _Made, known: Mapping[str, Type]) -> Iterator[_Made]:
        """One more transformation, none that comes before the last in the catalogue."""
        for number, variant in variants(base.text, known, self._among):
            if number >= base.last:
                yield _Made(variant.text, (*base.steps, variant.how), number)

    def _accepted(self, context: Context, text: str, known: Mapping[str, Type]) -> Iterator[_Made]:
        """What the transformations before ours made of the text, where it was accepted."""
        before = ALL[: ALL.index(self._among[0])]
        for number, variant in variants(text, known, before):
            made = _Made(variant.text, (variant.how,), number)
            if _fate(context, made) == "verified":
                yield made

    def _compiled(
        self, context: Context, unit: str, definition: Item, made: _Made, extractor: Extractor
    ) -> Rewrite | Attempt:
        """The rewrite that gcc makes of a text in the definition's place."""
        own = _OWN if is_static(definition) else ""
        text = f"{unit[: definition.start]}\n{own}{made.text}\n{unit[definition.end :]}"
        isa = context.settings.isa
        options = () if isa == "match" else (f"-march={isa}",)
        code = text.encode("utf-8", "surrogateescape")
        compiled = compile_unit(context.job.command, code, options, context.deadline)
        if compiled.error:
            result = "budget" if compiled.late else "compile"
            return Attempt(self.name, made.how, result, compiled.error)
        return extractor.take(compiled.text, made.how, Origin.MIXED, {"function": made.text})


def _fate(context: Context, made: _Made) -> str:
    """What became of it in the checks; "" where that is not known yet."""
    fates = [attempt.result for attempt in context.history() if attempt.how == made.how]
    return fates[-1] if fates else ""
