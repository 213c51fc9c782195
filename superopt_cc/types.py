"""The frozen data that every folder shares: what is decided, by whom, and with what evidence.

Nothing here runs anything.  Values are immutable, compare by content and turn into JSON with
`to_json`; folders turn one kind of value into the next (design 3).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from enum import Enum, StrEnum
from typing import Any


class Level(StrEnum):
    """How strong the evidence for a rewrite is, weakest first (design 5.7)."""

    TESTED = "tested"
    SHADOWED = "shadowed"
    BOUNDED = "bounded"
    PROVED = "proved"


class Origin(StrEnum):
    """Who made the code: a compiler from the user's own text, or anything else (design 5.7)."""

    COMPILED = "compiled"
    MIXED = "mixed"


class Reason(StrEnum):
    """Why a rewrite fell (design 11.2).  Static reasons come first, in the order of checking."""

    ASSEMBLER = "assembler"
    LINK = "link"
    COPY = "copy"
    ISA = "isa"
    INSTRUCTION = "instruction"
    SYMBOL = "symbol"
    CLOBBER = "clobber"
    ABI = "abi"
    FRAME = "frame"
    RESULT = "result"
    MEMORY = "memory"
    ACCESS = "access"
    CALLS = "calls"
    TRAP = "trap"
    TIMING = "timing"
    TIMEOUT = "timeout"
    CRASH = "crash"
    REFUTED = "refuted"
    INADEQUATE = "inadequate"
    INELIGIBLE = "ineligible"


@dataclasses.dataclass(frozen=True, slots=True)
class Rejection:
    """One reason code with one line of detail for people."""

    reason: Reason
    detail: str


@dataclasses.dataclass(frozen=True, slots=True)
class Rewrite:
    """A candidate replacement of one function.

    `text` is GNU assembler text (AT&T) that defines the function under its own name; a whole
    `gcc -S` output will do.  `how` is one line for people ("gcc -O2 -fno-tree-vectorize"),
    `provenance` what an audit needs (model hash, prompt hash, seed, ...), strings only.
    """

    text: str
    proposer: str
    origin: Origin
    how: str = ""
    provenance: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Covered:
    """`covered` of `total`."""

    covered: int
    total: int


@dataclasses.dataclass(frozen=True, slots=True)
class Killed:
    """`killed` of `total` mutants."""

    killed: int
    total: int


@dataclasses.dataclass(frozen=True, slots=True)
class Evidence:
    """What a verdict rests on.  `largest_length` is the largest object tested, in bytes.

    `infeasible` branches, proved never to be taken, are not among the `edges`.
    `survivors` are the mutants that no input told apart; `assumed` is what the author promises of
    callers, in the words of the pragma: tests keep to it.
    """

    inputs: int
    edges: Covered
    mutants: Killed
    discarded: int
    largest_length: int = 0
    verifier: str = ""
    survivors: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    infeasible: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Counterexample:
    """One input on which a rewrite and gcc's code differ.

    `text` reads like C; `case` is the encoded input (JSON-able, see `verify.examples`) from
    which `superopt replay` runs both again; `expected` and `got` are short renderings.
    """

    text: str
    expected: str
    got: str
    case: Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of `verify`: "accepted", "rejected" or "undecided" (design 11.2)."""

    verdict: str
    level: Level | None
    reason: Reason | None
    detail: str
    counterexample: Counterexample | None = None
    evidence: Evidence | None = None

    @property
    def accepted(self) -> bool:
        return self.verdict == "accepted"


@dataclasses.dataclass(frozen=True, slots=True)
class Measurement:
    """An honest comparison of one rewrite with its target (design 6), unclamped.

    `speedup` is target time / rewrite time from the reporting half of the placements;
    `interval` its 95 % bootstrap interval; `noise` the gain that a copy of the target seemed to
    have in the same placements (0.02 means 2 %): the upper end of its interval above 1, or half
    the interval's width if that is more; `significant` that `interval` lies above 1 by more than
    `noise` and 2 %, over enough placements, and that it is slower nowhere.  `latency` and
    `throughput` are the speed-ups of the two shapes; `strata` maps a size class to (speedup, low,
    high); `slower_in` names the size classes, shapes and orders that forbid it; `conditions` holds
    CPU model, placements, rounds, discarded rounds, load, ...
    """

    speedup: float
    interval: tuple[float, float]
    noise: float
    significant: bool
    latency: float
    throughput: float
    strata: Mapping[str, tuple[float, float, float]]
    slower_in: tuple[str, ...]
    conditions: Mapping[str, str]


@dataclasses.dataclass(frozen=True, slots=True)
class Attempt:
    """One candidate's story, for `explain`: who proposed it and how it ended.

    `counterexample` is the input that refuted it, in the words of C, with both sides.
    """

    proposer: str
    how: str
    result: str
    detail: str
    speedup: float | None = None
    counterexample: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one function (design 11.1).

    `outcome` is "replaced", "kept" or "ineligible"; `reason` a kept or ineligible function's
    reason name ("" when replaced).
    """

    name: str
    outcome: str
    reason: str
    detail: str = ""
    rewrite: Rewrite | None = None
    verdict: Verdict | None = None
    measurement: Measurement | None = None
    attempts: tuple[Attempt, ...] = ()
    candidates: int = 0
    seconds: float = 0.0
    key: str = ""


def to_json(value: Any) -> Any:
    """Turn dataclasses, enums, mappings and tuples into plain JSON values.

    Raises TypeError for anything else that json cannot hold.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(k): to_json(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_json(v) for v in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"cannot turn {type(value).__name__} into JSON")
