"""The transformations, by expected gain, and texts that come from them one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from superopt_cc.propose.transform.apart import apart
from superopt_cc.propose.transform.branches import branchless, branchy, guesses
from superopt_cc.propose.transform.rounds import accumulators, unrolling
from superopt_cc.propose.transform.scalars import Type, Types
from superopt_cc.propose.transform.skipping import skipping
from superopt_cc.propose.transform.storing import storing
from superopt_cc.propose.transform.summing import summing
from superopt_cc.propose.transform.syntax import Source, Variant

Transformation = Callable[[Source, Types], Iterator[Variant]]

# Few, and worth several times their code where they fit.
BLOCKS: tuple[Transformation, ...] = (apart, skipping, summing, storing)
# Many, and each as likely to lose as to win.
SMALL: tuple[Transformation, ...] = (branchless, accumulators, unrolling, branchy, guesses)
ALL = (*BLOCKS, *SMALL)


def variants(
    text: str, typedefs: Mapping[str, Type], among: Sequence[Transformation] = ALL
) -> Iterator[tuple[int, Variant]]:
    """What each transformation makes of a function's text, and the number of each in `ALL`.

    Nothing comes of a text that cannot be read.
    """
    try:
        source = Source(text)
        types = Types(source, typedefs)
    except (SyntaxError, RecursionError):
        return
    for transformation in among:
        try:
            for variant in transformation(source, types):
                yield ALL.index(transformation), variant
        except (SyntaxError, RecursionError):
            continue
