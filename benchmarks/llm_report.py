"""The tables of `llm_table.py` in Markdown."""

from __future__ import annotations

import collections
import dataclasses
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]

# Answers that never became code.
_NO_CODE = frozenset({"truncated", "refused", "compile", "absent", "assembler", "link", "budget"})
_BUSY = 3.0  # no seconds are told of what was asked under a higher load
_EXAMPLES = {"own": "built-in", "store": "built-in and store", "none": "none"}


@dataclasses.dataclass
class Row:
    """Answers of one arm and round."""

    functions: int = 0
    answers: int = 0
    compiled: int = 0
    copies: int = 0
    verified: int = 0
    faster: int = 0
    untimed: int = 0
    with_verified: int = 0
    with_faster: int = 0
    seconds: list[float] = dataclasses.field(default_factory=list)
    ends: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)


def row_of(
    parts: Iterable[tuple[Record, Sequence[Record], set[str]]], faster: Mapping[str, bool]
) -> Row:
    """`parts`: functions, those of their answers that count, and the code offered before."""
    row = Row()
    for record, answers, before in parts:
        if not answers:
            continue
        new = [a for a in answers if a.get("text") not in before]
        verified = [a for a in new if "rewrite" in a]
        quick = [a for a in verified if faster.get(a["text"])]
        row.functions += 1
        row.answers += len(answers)
        row.compiled += sum(a["result"] not in _NO_CODE for a in answers)
        row.copies += sum(a["result"] == "copy" for a in answers) + len(answers) - len(new)
        row.verified += len(verified)
        row.faster += len(quick)
        row.untimed += sum(a["text"] not in faster for a in verified)
        row.with_verified += bool(verified)
        row.with_faster += bool(quick)
        if record["load"] < _BUSY:
            row.seconds.append(max(a["judged"] for a in answers))
        row.ends.update(a["result"] for a in answers)
    return row


def rows(records: Sequence[Record], faster: Mapping[str, bool]) -> list[tuple[str, Row]]:
    """The table's rows in the order of the arms, each with its first three cells."""
    by_arm: dict[str, dict[str, Record]] = {}
    for record in records:
        by_arm.setdefault(record["arm"], {})[record["function"]] = record
    table: list[tuple[str, Row]] = []
    for arm, found in by_arm.items():
        surface, examples, *again = arm.split("/")
        head = f"{surface} | {_EXAMPLES[examples]}"
        if again:
            first = by_arm[f"{surface}/{examples}"]
            parts = [
                (record, record["answers"], _offered(first[name], 1))
                for name, record in found.items()
            ]
            table.append((f"{head} | first prompt again", row_of(parts, faster)))
            continue
        for number, title in ((1, "1"), (2, "2, told what became of 1")):
            parts = [(record, _of_round(record, number), set()) for record in found.values()]
            table.append((f"{head} | {title}", row_of(parts, faster)))
    return table


def _of_round(record: Record, number: int) -> list[Record]:
    return [answer for answer in record["answers"] if answer["round"] == number]


def _offered(record: Record, number: int) -> set[str]:
    return {answer["text"] for answer in _of_round(record, number) if "text" in answer}


def show(meta: Record, records: Sequence[Record], times: Sequence[Record]) -> None:
    """Print everything."""
    faster = {line["text"]: bool(line["faster"]) for line in times}
    print(f"\nModel {meta['model']} (sha256 {meta['sha256'][:16]}), {meta['answers']} answers a")
    print(f"round, at most {meta['tokens']} tokens; {meta['cpu']}, {meta['cores']} cores\n")
    print("| surface | examples | round | functions | answers | compiled | copies | verified "
          "| faster | functions with a verified / faster one | seconds (median) |")  # fmt: skip
    print("| --- " * 11 + "|")
    table = rows(records, faster)
    for head, row in table:
        if row.functions:
            quick = f"{row.faster}" + (f" (+{row.untimed} not timed)" if row.untimed else "")
            print(f"| {head} | {row.functions} | {row.answers} | {row.compiled} | {row.copies} "
                  f"| {row.verified} | {quick} | {row.with_verified} / {row.with_faster} "
                  f"| {_median(row.seconds)} |")  # fmt: skip
    print("\nAnswers by how they ended:\n")
    for head, row in table:
        if row.functions:
            ends = ", ".join(f"{end} {count}" for end, count in row.ends.most_common())
            print(f"- {head}: {ends}")
    _firsts(records)
    _best(records, times)


def _firsts(records: Sequence[Record]) -> None:
    """How long the first verdict took, where the machine had little else to do."""
    print("\n| surface | examples | first answer | first verdict | first verified | "
          "prompt characters |")  # fmt: skip
    print("| --- " * 6 + "|")
    records = [record for record in records if record["answers"] and record["load"] < _BUSY]
    for arm in dict.fromkeys(record["arm"] for record in records):
        if arm.count("/") > 1:
            continue
        firsts = [_of_round(record, 1) for record in records if record["arm"] == arm]
        sizes = [r["asked"][0]["characters"] for r in records if r["arm"] == arm and r["asked"]]
        verified = [[a["judged"] for a in answers if "rewrite" in a] for answers in firsts]
        cells = (
            _median(min(a["answered"] for a in answers) for answers in firsts),
            _median(min(a["judged"] for a in answers) for answers in firsts),
            _median(min(found) for found in verified if found),
            _median(sizes),
        )
        surface, examples = arm.split("/")
        print(f"| {surface} | {_EXAMPLES[examples]} | {' | '.join(cells)} |")


def _median(values: Iterable[float]) -> str:
    known = list(values)
    return f"{statistics.median(known):.1f}" if known else "-"


def _best(records: Sequence[Record], times: Sequence[Record]) -> None:
    """The fastest rewrite of each function that has one beyond noise."""
    where = {
        answer["text"]: (record["arm"], answer["round"])
        for record in reversed(records)
        for answer in record["answers"]
        if "rewrite" in answer
    }
    best: dict[str, Record] = {}
    for line in times:
        known = best.get(line["function"])
        if line["faster"] and (known is None or line["speedup"] > known["speedup"]):
            best[line["function"]] = line
    if best:
        print("\n| function | speedup | first found by |\n| --- | --- | --- |")
    for name, line in sorted(best.items(), key=lambda item: -item[1]["speedup"]):
        low, high = line["interval"]
        arm, number = where.get(line["text"], ("?", 0))
        print(f"| {name} | {line['speedup']:.2f} ({low:.2f}-{high:.2f}) | {arm}, round {number} |")
