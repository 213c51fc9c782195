"""Models for people: the list, one file's header, its speed, what became of its answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from rich.console import Console
from rich.table import Table
from rich.text import Text

_DIGITS = 12  # of a sha256
_LONG = ("where", "ended as")  # columns that may be broken


class Header(Protocol):
    """What is shown of a file's header."""

    @property
    def architecture(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def context(self) -> int: ...
    @property
    def template(self) -> bool: ...
    @property
    def quantisation(self) -> str: ...
    @property
    def parameters(self) -> int: ...
    @property
    def size(self) -> int: ...


class Speed(Protocol):
    """What is shown of a speed."""

    @property
    def sequences(self) -> int: ...
    @property
    def tokens(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def load(self) -> float: ...
    @property
    def rate(self) -> float: ...


class Tried(Protocol):
    """What is shown of the answers about one function."""

    @property
    def name(self) -> str: ...
    @property
    def answers(self) -> int: ...
    @property
    def compiled(self) -> int: ...
    @property
    def copies(self) -> int: ...
    @property
    def verified(self) -> int: ...
    @property
    def faster(self) -> int | None: ...
    @property
    def seconds(self) -> float: ...
    @property
    def results(self) -> Mapping[str, int]: ...
    @property
    def problem(self) -> str: ...


def show_models(rows: Sequence[Mapping[str, Any]]) -> None:
    """One line a model."""
    if not rows:
        _print("no model is registered; superopt model add NAME PATH")
        return
    table = _table("", "name", "state", "size", "sha256", "context", "kind", "where")
    for row in rows:
        _add(
            table,
            "*" if row["used"] else "",
            row["name"],
            row["state"],
            f"{row['size'] / 1e6:,.1f} MB" if row["path"] else "",
            row["sha256"][:_DIGITS],
            str(row["context"] or ""),
            row["quantisation"],
            row["path"] or row["source"],
        )
    _console().print(table)


def show_header(path: str, header: Header) -> None:
    """What the file says about itself."""
    _print(path)
    name = f" ({header.name})" if header.name else ""
    _print(f"  architecture  {header.architecture}{name}")
    _print(f"  parameters    {header.parameters:,}, {header.quantisation}, {header.size:,} bytes")
    _print(f"  context       {header.context or 'not told'}")
    _print(f"  template      {'its own' if header.template else 'none: it is asked plainly'}")


def show_speeds(speeds: Sequence[Speed]) -> None:
    """Tokens a second by the number of sequences."""
    for speed in speeds[:1]:
        _print(f"  ready after   {speed.load:.2f} s")
    for speed in speeds:
        rate = f"{speed.rate:,.1f} tokens/s, {speed.tokens} in {speed.seconds:.2f} s"
        _print(f"  {f'{speed.sequences} at a time':<13} {rate}")


def show_trial(tried: Sequence[Tried]) -> None:
    """One line a function, and the sums."""
    table = _table(
        "function", "answers", "compiled", "copies", "verified", "faster", "seconds", "ended as"
    )
    for one in tried:
        ended = ", ".join(f"{name} {count}" for name, count in sorted(one.results.items()))
        _add(table, one.name, *_counts((one,)), "; ".join(w for w in (ended, one.problem) if w))
    _add(table, "all", *_counts(tried), "")
    _console().print(table)


def _counts(tried: Sequence[Tried]) -> list[str]:
    timed = [one.faster for one in tried if one.faster is not None]
    return [
        str(sum(one.answers for one in tried)),
        str(sum(one.compiled for one in tried)),
        str(sum(one.copies for one in tried)),
        str(sum(one.verified for one in tried)),
        str(sum(timed)) if timed else "-",
        f"{sum(one.seconds for one in tried):.1f}",
    ]


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading not in _LONG)
    return table


def _add(table: Table, *cells: str) -> None:
    table.add_row(*(Text(cell) for cell in cells))


def _console() -> Console:
    return Console(highlight=False)


def _print(line: str) -> None:
    _console().print(Text(line), soft_wrap=True)
