"""What a search leaves behind for functions that behave alike, and what they find later."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from superopt_cc.settings import Settings
from superopt_cc.store import units
from superopt_cc.store.local import Entry, Store
from superopt_cc.types import Outcome
from superopt_cc.verify.job import Facts

_PROPOSER = "learned"


class Learning:
    """Records wins under the behaviour of their targets; knows when there is news for a function.

    Nothing is imported for it where everything is known.
    """

    def __init__(self, store: Store, settings: Settings, cpu: str) -> None:
        self._store = store
        self._settings = settings
        self._cpu = cpu

    def record(self, facts: Facts, outcome: Outcome, packed: str, behaviour: Sequence[str]) -> None:
        """Learn a replacement of the function of `facts`, where its text stands for itself.

        `packed` is `outcome`'s rewrite with all that it refers to.  Raises StoreError.
        """
        from superopt_cc.propose.learned.abstract import abstracted, needed
        from superopt_cc.propose.learned.widening import widths
        from superopt_cc.store.learned import Learned, one_line

        rewrite, verdict = outcome.rewrite, outcome.verdict
        if rewrite is None or verdict is None or not verdict.accepted or not behaviour:
            return
        found = abstracted(packed, outcome.name)
        needs = None if found is None else needed(found[0])
        if found is None or needs is None:
            return
        measured = outcome.measurement
        # What was learned before is still what somebody found once.
        first = rewrite.provenance if rewrite.proposer == _PROPOSER else {}
        self._store.keep_learned(
            Learned(
                text=found[0],
                behaviour=tuple(behaviour),
                widths=widths(facts),
                needs=needs,
                calls=found[1],
                name=one_line(first.get("from", outcome.name)),
                proposer=one_line(first.get("proposer", rewrite.proposer)),
                how=one_line(first.get("how", rewrite.how)),
                key=first.get("key", outcome.key),
                level=str(verdict.level or ""),
                speedup=None if measured is None else measured.speedup,
                cpu=self._cpu,
            )
        )

    def state(self, behaviour: Sequence[str]) -> str:
        """Changes with what is known for a behaviour; "" as long as nothing is."""
        known = sorted(entry.digest for entry in self._store.learned(behaviour))
        return hashlib.sha256(" ".join(known).encode()).hexdigest() if known else ""

    def news(self, entry: Entry) -> bool:
        """Was something learned since nothing was found, for the behaviour of this function?"""
        if entry.outcome.outcome != "kept" or not entry.behaviour or not self._asked:
            return False
        return self.state(entry.behaviour) != entry.learned

    def watched(self, entry: Entry) -> tuple[tuple[str, str], ...]:
        """(fingerprint, stamp) of what a function for which nothing was found waits for."""
        if entry.outcome.outcome != "kept" or not self._asked:
            return ()
        folder = str(self._settings.cache_dir)
        return tuple((way, units.stamp(folder, way)) for way in entry.behaviour)

    @property
    def _asked(self) -> bool:
        settings = self._settings
        named = settings.proposers is None or _PROPOSER in settings.proposers
        # design 5.7: what was learned is never a compiler's own.
        return settings.mode == "now" and named and settings.require != "compiled"
