"""The user's own text through the user's own compiler under other optimisation settings."""

from __future__ import annotations

from collections.abc import Iterator

from superopt_cc.errors import ToolchainError
from superopt_cc.propose.base import NO_IPA, Context
from superopt_cc.propose.extract import Extractor
from superopt_cc.propose.options import held_options, variants
from superopt_cc.types import Attempt, Origin, Rewrite
from superopt_cc.verify.job import Job

_CONTRACTING = frozenset({"__FMA__", "__FMA4__"})


class Compilers:
    """One compilation a variant; a unit's functions share them through the context."""

    name = "compilers"
    uses_model = False

    def propose(self, context: Context) -> Iterator[Rewrite]:
        """Yield each different body once, in the order of `propose.options.VARIANTS`."""
        command = context.job.command
        try:
            held = held_options(command)
        except ToolchainError as error:
            context.note(Attempt(self.name, str(command.compiler), "compile", str(error)))
            return
        extractor = Extractor(context, self.name)
        origin = origin_of(context.job)
        late = False
        for options in variants(command):
            if context.expired():
                return
            how = " ".join((command.compiler.name, *options))
            made = context.compilations.under((*options, *held), context.deadline)
            if made.late:
                if not late:
                    context.note(Attempt(self.name, how, "budget", "not compiled in time"))
                late = True
                continue
            if made.error:
                context.note(Attempt(self.name, how, "compile", made.error))
                continue
            provenance = {"options": " ".join((*options, *held, *NO_IPA))}
            taken = extractor.take(made.text, how, origin, provenance)
            if isinstance(taken, Rewrite):
                yield taken
            else:
                context.note(taken)


def origin_of(job: Job) -> Origin:
    """What may be said of code that the job's compiler makes of the user's text (design 5.7).

    The text and the meaning of the options are the user's own (`options.held_options`), symbols
    were matched by content when the function was taken out.  Left to decide: a clone with a
    signature of its own, and floating-point contraction.
    """
    contracts = bool(_CONTRACTING & job.facts.isa)
    if contracts and job.command.option("-ffp-contract=") != "-ffp-contract=off":
        return Origin.MIXED
    clone = "." in job.name and not job.facts.external
    return Origin.MIXED if clone else Origin.COMPILED
