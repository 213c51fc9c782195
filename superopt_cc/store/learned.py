"""A verified rewrite that has left its unit: its text, what it needs, and where it came from."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import re
from collections.abc import Mapping
from typing import Any

# What the function is called in a learned text.
LABEL = "superopt.learned"

_DIGEST = re.compile(r"[0-9a-f]{64}")
_WORD = re.compile(r"[\w.$]{1,200}", re.ASCII)
_LONGEST_TEXT, _LONGEST_LINE = 256 << 10, 2000
_MOST_WAYS, _MOST_WORDS = 16, 64


@dataclasses.dataclass(frozen=True, slots=True)
class Learned:
    """A rewrite of one function, offered to others that behave alike.

    `text` defines `LABEL` and refers to nothing but its own constants and the functions `calls`;
    `behaviour` are the fingerprints of the function that it was verified for, `widths` the bytes
    of its parameters in general registers; `needs` gcc's macros for the instruction sets that it
    uses.  `name`, `proposer`, `how` and `key` say where it came from, `level` on what evidence,
    `speedup` what it gained on the processor `cpu` (None: not measured; "": another machine's).
    None of it is believed: whoever uses the text verifies and times it.
    """

    text: str
    behaviour: tuple[str, ...]
    widths: tuple[int, ...]
    needs: tuple[str, ...]
    calls: tuple[str, ...]
    name: str
    proposer: str
    how: str
    key: str
    level: str
    speedup: float | None
    cpu: str

    @property
    def digest(self) -> str:
        """Names the rewrite by its code."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogateescape")).hexdigest()

    @property
    def rank(self) -> tuple[bool, float, str]:
        """For an order, the best first: what was seen on this machine before what was told."""
        return self.cpu == "", -(self.speedup or 1.0), self.digest


def better(known: Learned, new: Learned) -> Learned:
    """Of two tellings of one rewrite the one that says more, for the behaviour of both."""
    first, second = (new, known) if _says_more(new, known) else (known, new)
    ways = tuple(dict.fromkeys((*first.behaviour, *second.behaviour)))[:_MOST_WAYS]
    return dataclasses.replace(first, behaviour=ways)


def _says_more(one: Learned, other: Learned) -> bool:
    first, second = (
        (entry.cpu != "", entry.speedup is not None, entry.speedup or 1.0) for entry in (one, other)
    )
    return first > second


def learned_from_json(value: Any) -> Learned:
    """Decode and check an entry.  Raises ValueError on anything that is none."""
    if not isinstance(value, Mapping) or set(value) != {
        f.name for f in dataclasses.fields(Learned)
    }:
        raise ValueError("not a learned rewrite")
    speedup = value["speedup"]
    if not (speedup is None or (type(speedup) is float and math.isfinite(speedup))):
        raise ValueError("a speed-up that is no number")
    behaviour = _each(value["behaviour"], is_digest, _MOST_WAYS)
    if not behaviour:
        raise ValueError("no behaviour")
    widths = value["widths"]
    if not isinstance(widths, list | tuple) or not all(
        type(n) is int and 0 <= n <= 16 for n in widths
    ):
        raise ValueError("widths that are none")
    return Learned(
        text=_checked(value["text"], is_text),
        behaviour=behaviour,
        widths=tuple(widths[:_MOST_WORDS]),
        needs=_each(value["needs"], is_word, _MOST_WORDS),
        calls=_each(value["calls"], is_word, _MOST_WORDS),
        name=_checked(value["name"], is_line),
        proposer=_checked(value["proposer"], is_line),
        how=_checked(value["how"], is_line),
        key=_checked(value["key"], is_digest),
        level=_checked(value["level"], is_word),
        speedup=speedup,
        cpu=_checked(value["cpu"], is_line),
    )


def one_line(text: str) -> str:
    """The text as `is_line` wants it."""
    return "".join(c if c.isprintable() else " " for c in text[:_LONGEST_LINE])


def is_digest(text: str) -> bool:
    """64 hexadecimal digits?  Such names become names of files."""
    return _DIGEST.fullmatch(text) is not None


def is_word(text: str) -> bool:
    """A name as assembler text has it?"""
    return _WORD.fullmatch(text) is not None


def is_line(text: str) -> bool:
    """One line that may go to a terminal?"""
    return text.isprintable() and len(text) <= _LONGEST_LINE


def is_text(text: str) -> bool:
    """Assembler text of a bearable size, without what a terminal would obey?"""
    if not 0 < len(text) <= _LONGEST_TEXT:
        return False
    return all(c.isprintable() or c in "\n\t" or "\udc80" <= c <= "\udcff" for c in text)


def _checked(value: Any, check: Any) -> str:
    if not isinstance(value, str) or not check(value):
        raise ValueError(f"not as it should be: {value!r:.60}")
    return value


def _each(value: Any, check: Any, most: int) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or len(value) > most:
        raise ValueError("not a list of bearable length")
    return tuple(_checked(one, check) for one in value)
