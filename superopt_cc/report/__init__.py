"""Tables for terminals, made from the shared data types.

It must not know where the values come from: it reads `types` only.
"""
