"""Which registers a body changes, with all that it calls (design 5.4)."""

from __future__ import annotations

from collections.abc import Iterable

from superopt_cc.assembly.effects import Effects
from superopt_cc.assembly.registers import CALLEE_SAVED, CALLER_SAVED, FULL, clobber_names, union

ALL_CALLER_SAVED = frozenset(clobber_names({name: FULL[name] for name in CALLER_SAVED}))


def clobber_set(effects: Iterable[Effects], *, calls_out: bool) -> frozenset[str]:
    """Caller-saved registers written by bodies given by their instructions' effects.

    Upper vector halves are names of their own ("ymm3-high", "zmm3-high").  With `calls_out`, a
    function of unknown code is called or jumped to: every caller-saved register.
    """
    if calls_out:
        return ALL_CALLER_SAVED
    written = union(*(e.writes for e in effects))
    return frozenset(clobber_names(
        {name: mask for name, mask in written.items()
         if name not in CALLEE_SAVED and name != "mxcsr"}
    ))  # fmt: skip
