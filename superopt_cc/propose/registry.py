"""The proposers that are asked by default, in the order of expected gain per second."""

from __future__ import annotations

from superopt_cc.propose.base import Proposer
from superopt_cc.propose.compilers import Compilers
from superopt_cc.propose.llm import Llm
from superopt_cc.settings import Settings

DEFAULT: tuple[Proposer, ...] = (Compilers(), Llm())


def chosen(settings: Settings) -> tuple[Proposer, ...]:
    """The default proposers that `settings.proposers` names; all of them when it names none."""
    if settings.proposers is None:
        return DEFAULT
    return tuple(p for p in DEFAULT if p.name in settings.proposers)
