"""Conversations with models, for people: prompts, answers, verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text


def show_conversation(search: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> None:
    """One search's conversation from its first prompt on."""
    _print(f"{search.get('name')} ({search.get('file')}), model {search.get('model')}")
    verdicts = {e.get("how"): e for e in events if e["event"] == "verdict"}
    for event in events:
        if event["event"] == "prompt":
            _print(f"\n--- round {event.get('round')}, surface {event.get('surface')}, "
                   f"prompt {str(event.get('id'))[:12]}")  # fmt: skip
            _print(f"{event.get('system')}\n\n{event.get('question')}")
        elif event["event"] == "answer":
            verdict = verdicts.get(event.get("how"))
            model = str(event.get("model"))[:60]
            _print(f"\n--- {event.get('how')}, seed {event.get('seed')}, model {model}")
            _print(str(event.get("text")))
            _print(f"--- {_words(verdict)}")
        elif event["event"] == "error":
            _print(f"\n--- {event.get('kind')}: {event.get('message')}")


def show_replayed(rows: Sequence[tuple[str, str, str, str, str]]) -> None:
    """(function, answer, verdict then, verdict now, detail) a line."""
    if not rows:
        _print("no answers are kept")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("function", "answer", "before", "now", "detail"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console(highlight=False).print(table)


def _words(verdict: Mapping[str, Any] | None) -> str:
    """A verdict in one line."""
    if verdict is None:
        return "no verdict was kept"
    told = verdict.get("counterexample") or verdict.get("detail")
    speedup = verdict.get("speedup")
    parts = [str(verdict.get("result"))]
    parts += [f"{speedup:.3f}x"] if isinstance(speedup, float) else []
    return ", ".join(parts) + (f": {told}" if told else "")


def _print(line: str) -> None:
    Console(highlight=False).print(Text(line), soft_wrap=True)
