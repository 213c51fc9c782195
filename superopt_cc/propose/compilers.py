"""The user's own text through the user's own compiler under other optimisation settings, and
through the other compilers of this machine.

A list of settings first, then a search from the best of them (`propose.tuning`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from superopt_cc.errors import ToolchainError
from superopt_cc.propose.base import Context
from superopt_cc.propose.bodies import Bodies
from superopt_cc.propose.options import CLANG_VARIANTS, OTHER_VARIANTS, held_options, variants
from superopt_cc.propose.others import Maker, other_makers, own_maker
from superopt_cc.propose.tuning import Tuning
from superopt_cc.types import Attempt, Rewrite

Try = tuple[Maker, tuple[str, ...]]

# Where the first so many settings all make gcc's own code, others make it too.
_HOPELESS = 12
# After so many of gcc's own settings comes one of clang's.
_BETWEEN = 2


class Compilers:
    """One compilation a setting; a unit's functions share them through the context."""

    name = "compilers"
    uses_model = False

    def propose(self, context: Context) -> Iterator[Rewrite]:
        """Yield each different body once: those of the list, then those of the search."""
        job = context.job
        try:
            held = held_options(job.command)
        except ToolchainError as error:
            context.note(Attempt(self.name, str(job.command.compiler), "compile", str(error)))
            return
        own = own_maker(job, held)
        # Nothing of another compiler's may be used where only the user's own is trusted.
        alone = context.settings.require == "compiled"
        others, reasons = ((), ()) if alone else other_makers(job, held)
        for reason in reasons:
            name, _, why = reason.partition(": ")
            context.note(Attempt(self.name, name, "ruled-out", why))
        bodies = Bodies(context, self.name)
        listed = tuple(tries(own, others, variants(job.command)))
        for number, (maker, options) in enumerate(listed):
            if context.expired() or (number == _HOPELESS and bodies.only_copies):
                return
            rewrite = bodies.made(maker, options)
            if rewrite is not None:
                yield rewrite
        if context.settings.accept != "verified":
            yield from Tuning(context, bodies, listed, self.name).rewrites()


def tries(own: Maker, others: Sequence[Maker], listed: Sequence[tuple[str, ...]]) -> Iterator[Try]:
    """What is tried before anything is known: gcc's own settings, clang's between them.

    clang's plain -O3 is the second, since it wins more often than any other setting.
    """
    foreign = [(m, options) for m in others if m.clang for options in CLANG_VARIANTS]
    foreign += [(m, options) for m in others if not m.clang for options in OTHER_VARIANTS]
    for number, options in enumerate(listed):
        yield own, options
        if number % _BETWEEN == 0 and foreign:
            yield foreign.pop(0)
    yield from foreign
