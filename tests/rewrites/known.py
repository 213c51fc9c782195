"""Where the verifier is known to fail the corpus, each with why: (target, rewrite) to a reason."""

from __future__ import annotations

Known = dict[tuple[str, str], str]

# Wrong rewrites that are accepted.
GAPS: Known = {
    ("arrays: Adler's checksum", "subtracts once, too late"): "needs a sum of exactly 65521",
    ("integers: a relation of two arguments that no constant names",
     "for one pair in 2^32"): "only a proof can show this",
    ("algorithms: primes",
     "one product of two large primes passes"): "wrong for two numbers that no constant names",
}  # fmt: skip

# Right rewrites that are rejected.
OVERSTRICT: Known = {}

# Right rewrites that stay undecided.
_ONE_WAY = "only a pointer at the end of the address space would take a branch of it"
UNDECIDED: Known = {
    ("algorithms: insertion sort of pairs", "by pointers"): _ONE_WAY,
    ("strings: reversal", "by pointers"): _ONE_WAY,
}
