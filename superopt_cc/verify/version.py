"""The version of the verifier: part of all evidence, never of a key (design 4.4, 9).

It must grow with every change that could make a verdict differ.  A module of its own, because
the path of a rebuild needs it and nothing else of this folder.
"""

VERSION = "7"
