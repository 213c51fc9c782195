"""Where the verifier is known to fail the corpus, each with why: (target, rewrite) to a reason."""

from __future__ import annotations

Known = dict[tuple[str, str], str]

_ALIAS = "no input lets a pointer name a structure inside another object"
_NAN = "the only NaN among the inputs is the quiet negative one"
_LONG = "no input is long enough"
_RARE = "bytes touched are compared on a few inputs only, not on those aimed at the rewrite"
_SECRET = "inputs of one group differ in memory only, never in scalars"
_ROUND = "rounding twice differs for one in some 10^8 inputs"

# Wrong rewrites that are accepted.
GAPS: Known = {
    ("aliasing: a structure inside a structure", "trusts its own store"): _ALIAS,
    ("aliasing: an array behind a pointer may hold its own length",
     "reads length and place once"): _ALIAS,
    ("calls: sum of answers", "one more for every eight"): "a callee gives at most four answers",
    ("arrays: bit of a set", "sets of 2^14 bits only"): _LONG,
    ("floats: not a number without traps", "the processor's own NaN only"): _NAN,
    ("floats: not a number by its bits", "the processor's own NaN only"): _NAN,
    ("floats: sign bit", "every NaN is negative"): _NAN,
    ("floats: copy of floats, no arithmetic flags", "quiets signalling NaNs"): _NAN,
    ("floats: from unsigned 64 bits to float", "rounded twice"): _ROUND,
    ("floats: from 64 bits to float", "rounded twice"): _ROUND,
    ("arrays: bytes plus one", "length modulo 2^32"): _LONG,
    ("arrays: Adler's checksum", "subtracts once, too late"): "needs a sum of exactly 65521",
    ("arrays: checksum of the internet", "carries added at the end, good to 65536 words"): _LONG,
    ("tables: table of 16", "reads behind the table for one value"): _RARE,
    ("secrets: exchange by a mask", "branches on the mask"): _SECRET,
    ("secrets: selection by an index", "reads the one"): _SECRET,
    ("integers: a relation of two arguments that no constant names",
     "for one pair in 2^32"): "only a proof can show this",
    ("algorithms: primes",
     "one product of two large primes passes"): "wrong for two numbers that no constant names",
}  # fmt: skip

_SCAN = "a bit scan behind a test for zero counts as depending on an undefined result"

# Right rewrites that are rejected.
OVERSTRICT: Known = {
    ("bits: logarithm", "guarded"): _SCAN,
    ("bits: logarithm", "guarded by a branch"): _SCAN,
    ("bits: next power of two", "count of leading zeros"): _SCAN,
    ("bits: trailing zeros", "scan"): _SCAN,
    ("bits: lowest byte that is zero", "word at a time"): _SCAN,
}

# Right rewrites that stay undecided.
_ONE_WAY = "no input takes a redundant branch of it both ways"
UNDECIDED: Known = {
    ("algorithms: insertion sort of pairs", "by pointers"): _ONE_WAY,
    ("strings: reversal", "by pointers"): _ONE_WAY,
}
