"""Where candidates come from: each proposer yields rewrites of one function, best first.

Proposers know the function's C text, flags and past failures, and how to compile; they must not
know how rewrites are judged, timed or kept.
"""
