"""Comparing a rewrite with its target, and whether the tests were good enough (design 5.5, 5.7)."""
