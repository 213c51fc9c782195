"""What compilers make of one function: each different body once."""

from __future__ import annotations

from collections.abc import Sequence

from superopt_cc.propose.base import Context
from superopt_cc.propose.extract import Extractor
from superopt_cc.propose.others import Maker, calls_statics
from superopt_cc.types import Attempt, Rewrite


class Bodies:
    """Compiles, takes the function out and notes what became of it.

    Another compiler that refuses a text once is not asked again.
    """

    def __init__(self, context: Context, proposer: str) -> None:
        self._context = context
        self._proposer = proposer
        self._extractor = Extractor(context, proposer)
        self._refused: set[str] = set()
        self._late = False
        self.different = 0
        """How many bodies there were beside gcc's own."""
        self.only_copies = True
        """Was everything so far a copy of gcc's own code?"""

    def made(self, maker: Maker, options: Sequence[str]) -> Rewrite | None:
        """The body under some settings, None for one that is not new or not to be had."""
        how = maker.how(options)
        if maker.label in self._refused:
            return None
        compiled = self._context.compilations.by(
            maker.argv(options), self._context.deadline, maker.source()
        )
        if compiled.late:
            self.only_copies = False
            if not self._late:
                self._fell(how, "budget", "not compiled in time")
            self._late = True
            return None
        if compiled.error:
            # LLVM's own options come and go with versions.
            if maker.foreign and "-mllvm" not in options:
                self._refused.add(maker.label)
            self._fell(how, "compile", compiled.error)
            return None
        provenance = {"options": " ".join(maker.shown(options))}
        if maker.foreign:
            provenance["compiler"] = maker.banner
        taken = self._extractor.take(maker.fitted(compiled.text), how, maker.origin, provenance)
        if isinstance(taken, Attempt):
            self.only_copies &= taken.result == "copy"
            self._context.note(taken)
            return None
        self.only_copies = False
        if maker.clang and calls_statics(taken.text, self._context.unit):
            # design 5.7: what it takes for a static's convention need not be gcc's.
            self._fell(how, "symbol", "calls a static function, whose convention is gcc's own")
            return None
        self.different += 1
        return taken

    def _fell(self, how: str, result: str, detail: str) -> None:
        self._context.note(Attempt(self._proposer, how, result, detail))
