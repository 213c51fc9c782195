"""The proposers that are asked by default, in the order of expected gain per second."""

from __future__ import annotations

from superopt_cc.propose.base import Proposer
from superopt_cc.propose.compilers import Compilers
from superopt_cc.propose.learned.proposer import LearnedRewrites
from superopt_cc.propose.llm import Llm, model_problem
from superopt_cc.propose.mutate.proposer import Mutate
from superopt_cc.propose.recall.proposer import Recall
from superopt_cc.propose.transform.catalogue import BLOCKS, SMALL
from superopt_cc.propose.transform.proposer import Transform
from superopt_cc.settings import Settings

DEFAULT: tuple[Proposer, ...] = (
    Recall(),
    LearnedRewrites(),
    Transform(BLOCKS),
    Compilers(),
    Transform(SMALL),
    Mutate(),
    Llm(),
)


def chosen(settings: Settings) -> tuple[Proposer, ...]:
    """The default proposers that `settings.proposers` names; all of them when it names none."""
    if settings.proposers is None:
        return DEFAULT
    return tuple(p for p in DEFAULT if p.name in settings.proposers)


def unknown(settings: Settings) -> list[str]:
    """One line for each name in `settings.proposers` that no proposer has."""
    known = list(dict.fromkeys(proposer.name for proposer in DEFAULT))
    names = [name for name in settings.proposers or () if name not in known]
    return [f"proposers: there is no {name}; known are {', '.join(known)}" for name in names]


def problems(settings: Settings) -> list[str]:
    """One line for each proposer that the user asked for and that cannot propose."""
    found = unknown(settings)
    asked = settings.model is not None or "llm" in (settings.proposers or ())
    if asked and (problem := model_problem(settings)):
        found.append(f"model: {problem}")
    return found
