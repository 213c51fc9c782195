"""How fast a rewrite is against its target, honestly (design 6): placements, timing, statistics.

Must not know who proposed a rewrite, whether it is correct, or what is done with the answer.
"""
