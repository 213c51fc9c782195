"""Where the verifier is known to fail the corpus, each with why: (target, rewrite) to a reason."""

from __future__ import annotations

Known = dict[tuple[str, str], str]

# Wrong rewrites that are accepted; what only a proof could find stands in `proof.limits`.
GAPS: Known = {}

# Right rewrites that are rejected.
OVERSTRICT: Known = {}

# Right rewrites that stay undecided.
_ONE_WAY = "only a pointer at the end of the address space would take a branch of it"
UNDECIDED: Known = {
    ("algorithms: insertion sort of pairs", "by pointers"): _ONE_WAY,
    ("strings: reversal", "by pointers"): _ONE_WAY,
}
