"""Knowledge by behaviour: what a function computes is recognised by running it, whatever its text.

A folder of `cache/knowledge` says what one computation is (a reference in C) and how to do it
fast.  Recognising wrongly costs time only: every rewrite goes through the verifier.
"""
