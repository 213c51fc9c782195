"""Deciding whether a rewrite may replace gcc's code: facts, static screening, inputs, comparison.

The oracle is the target's own code, run beside the rewrite; what is in doubt keeps gcc's code.
It must not know who proposed a rewrite, how fast it is, or where results are kept.
"""
