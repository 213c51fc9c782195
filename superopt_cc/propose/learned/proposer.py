"""Learned as a proposer: what was won for a function that does the same."""

from __future__ import annotations

from collections.abc import Iterator

from superopt_cc.assembly.fragment import FragmentError
from superopt_cc.assembly.offered import parse_fragment
from superopt_cc.errors import StoreError
from superopt_cc.propose.base import Context
from superopt_cc.propose.extract import standalone
from superopt_cc.propose.learned.widening import widened
from superopt_cc.store.learned import LABEL, Learned
from superopt_cc.store.local import Store
from superopt_cc.types import Attempt, Origin, Rewrite

NAME = "learned"


class LearnedRewrites:
    """Rewrites that this machine, or one that it imported from, verified for other functions."""

    name = NAME
    uses_model = False

    def propose(self, context: Context) -> Iterator[Rewrite]:
        """Yield what is known for the target's behaviour, the most promising first."""
        if not context.behaviour:
            return
        settings = context.settings
        try:
            with Store(settings.cache_dir, settings.cache_size) as store:
                known = store.learned(context.behaviour)
        except StoreError as error:
            context.note(Attempt(self.name, "store", "failed", str(error)))
            return
        called = {use.callee for use in context.job.facts.calls}
        for entry in known:
            if set(entry.needs) <= context.job.facts.isa and set(entry.calls) <= called:
                yield from self._rewrites(context, entry)

    def _rewrites(self, context: Context, entry: Learned) -> Iterator[Rewrite]:
        how = told(entry)
        try:
            fragment = parse_fragment(entry.text, LABEL, context.unit, context.job.name)
        except FragmentError as error:
            context.note(Attempt(self.name, how, error.reason.value, error.detail))
            return
        # design 5.7: no compiler made it from this function's own text.
        provenance = {"learned": entry.digest, "from": entry.name, "proposer": entry.proposer,
                      "how": entry.how, "key": entry.key}  # fmt: skip
        for one in widened(fragment, entry.widths, context.job.facts):
            wider = "" if one is fragment else "; parameters extended at entry"
            text = standalone(one, context.unit)
            yield Rewrite(text, self.name, Origin.MIXED, how + wider, provenance)


def told(entry: Learned) -> str:
    """Where a rewrite came from, for people."""
    named = entry.how.startswith(entry.proposer)
    by = entry.how if named else f"{entry.proposer}: {entry.how}".rstrip(": ")
    return f"learned from {entry.name}'s rewrite by {by}"
