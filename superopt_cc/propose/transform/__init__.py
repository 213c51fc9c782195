"""Search by rewriting C: small named transformations of one function's syntax tree.

Knows C text and its tree only.  gcc makes the code, the verifier judges it: a transformation that
does not fit fails to compile, or falls.
"""
