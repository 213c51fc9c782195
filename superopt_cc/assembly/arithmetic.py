"""Functions of the compiler's own library that gcc calls where it has no instruction."""

# Nothing but arithmetic on their arguments: no memory, no flags, no traps but of division.
ARITHMETIC = tuple(
    f"__{name}"
    for name in ("popcountsi2", "popcountdi2", "paritysi2", "paritydi2",
                 "udivti3", "umodti3", "divti3", "modti3")
)  # fmt: skip
