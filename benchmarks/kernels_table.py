"""The tables of kernels.py, from its lines alone."""

from __future__ import annotations

import collections
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

SLOWER = 0.98
FIRST = ("frozen", "common")
COMPILERS = ("gcc", "clang")
Line = Mapping[str, Any]
Titles = tuple[str, str]


def geometric(values: Iterable[float]) -> float:
    """The geometric mean; 1 of nothing."""
    found = list(values)
    return statistics.geometric_mean(found) if found else 1.0


class Results:
    """The last line of each kernel and configuration."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self.lines: dict[tuple[Titles, str], Line] = {}
        for line in lines:
            self.lines[(line["suite"], line["kernel"]), line["config"]] = line
        self.kernels = list(dict.fromkeys(kernel for kernel, _ in self.lines))
        self.configs = list(dict.fromkeys(config for _, config in self.lines))

    def speedup(self, kernel: Titles, config: str) -> float | None:
        """Over gcc -O3 in the same minute; exactly 1 where the code is gcc's."""
        line = self.lines.get((kernel, config))
        return None if line is None else line["gcc_ns"] / line["ns"]

    def single(self, kernel: Titles, isa: str) -> float:
        """Of the better one of gcc and clang for the ISA."""
        names = [who if isa == "match" else f"{who}@{isa}" for who in COMPILERS]
        known = [self.speedup(kernel, name) for name in names]
        return max((s for s in known if s is not None), default=1.0)

    def speedups(self, config: str, suite: str = "") -> list[float]:
        """Those of one suite, or of all that are no second writing of others."""
        suites = (suite,) if suite else FIRST
        chosen = [k for k in self.kernels if k[0] in suites]
        known = [self.speedup(kernel, config) for kernel in chosen]
        return [s for s in known if s is not None]

    def pairs(self, config: str) -> tuple[list[Line], list[Line]]:
        """Common kernels and the same ones restyled, where both are known."""
        found: tuple[list[Line], list[Line]] = ([], [])
        for suite, name in self.kernels:
            first = self.lines.get(((suite, name), config))
            again = self.lines.get((("restyled", name), config))
            if suite == "common" and first and again:
                found[0].append(first)
                found[1].append(again)
        return found


def is_native(config: str) -> bool:
    return config.endswith("@native")


def report(lines: Iterable[Line]) -> str:
    """Everything as Markdown."""
    results = Results(lines)
    if not results.kernels:
        return "no results\n"
    parts = []
    for isa in ("match", "native"):
        mine = [c for c in results.configs if is_native(c) == (isa == "native")]
        if mine:
            parts += [f"## isa = {isa}", "", *each(results, mine, isa), ""]
            parts += [*means(results, mine, isa), ""]
    parts += [*slower(results), *otherwise(results), *kept(results), *conditions(results)]
    return "\n".join(parts) + "\n"


def each(results: Results, configs: Sequence[str], isa: str) -> list[str]:
    """One row a kernel; what superopt-cc needed for its last configuration, and what it did."""
    head = ["kernel", "gcc us", *configs, "best single", "seconds", "what was done"]
    rows = [row(head), row(["---"] * len(head))]
    for kernel in results.kernels:
        mine = [results.lines[kernel, c] for c in configs if (kernel, c) in results.lines]
        if not mine:
            continue
        last = mine[-1]
        cells = [
            "/".join(kernel),
            f"{last['gcc_ns'] / 1000:.1f}",
            *(shown(results.speedup(kernel, config)) for config in configs),
            shown(results.single(kernel, isa)),
            f"{last['seconds']:.0f}" if last["tool"] else "",
            done(last),
        ]
        rows.append(row(cells))
    return rows


def done(line: Line) -> str:
    if line.get("outcome") == "replaced":
        how, who = str(line["how"]), f"{line['proposer']}: "
        return (who + how.removeprefix(who)).replace("|", "\\|")
    return ", ".join(filter(None, (line.get(k, "") for k in ("outcome", "reason", "detail"))))


def shown(speedup: float | None) -> str:
    return "" if speedup is None else f"{speedup:.2f}"


def row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def means(results: Results, configs: Sequence[str], isa: str) -> list[str]:
    """Geometric means over gcc -O3 and over the better compiler, and what a second style keeps."""
    head = ["geometric mean", "all", "frozen", "common", "restyled", "restyled keeps",
            "its time", "over best single", "seconds: median, most"]  # fmt: skip
    rows = [row(head), row(["---"] * len(head))]
    for config in configs:
        pairs = results.pairs(config)
        before, after = (
            geometric(line["gcc_ns"] / line["ns"] for line in half) - 1 for half in pairs
        )
        times = [again["ns"] / first["ns"] for first, again in zip(*pairs, strict=True)]
        over = [
            speedup / results.single(kernel, isa)
            for kernel in results.kernels
            if kernel[0] in FIRST and (speedup := results.speedup(kernel, config)) is not None
        ]
        seconds = sorted(
            line["seconds"]
            for (_, c), line in results.lines.items()
            if c == config and line["tool"]
        )
        cells = [
            config,
            shown(geometric(results.speedups(config))),
            *(shown(geometric(results.speedups(config, suite))) for suite in ("frozen", "common")),
            shown(geometric(results.speedups(config, "restyled"))),
            f"{after / before:.0%}" if before > 0.005 else "",
            shown(geometric(times)) if times else "",
            shown(geometric(over)),
            f"{statistics.median(seconds):.1f}, {seconds[-1]:.1f}" if seconds else "",
        ]
        rows.append(row(cells))
    return [
        *rows,
        "",
        "`all` is frozen and common. Restyled kernels compute what common ones do: what of their"
        " gain is kept, and the time that they then take, relative.",
    ]


def slower(results: Results) -> list[str]:
    """What must not be: kernels that superopt-cc made slower."""
    found = [
        f"{'/'.join(kernel)} {config} {line['gcc_ns'] / line['ns']:.2f}x ({done(line)})"
        for (kernel, config), line in results.lines.items()
        if line["tool"] and line["gcc_ns"] / line["ns"] < SLOWER
    ]
    return [f"Slower than {SLOWER}x: " + ("; ".join(found) or "none") + ".", ""]


def otherwise(results: Results) -> list[str]:
    """Renamed copies that came out differently: names must decide nothing."""
    found, copies = [], 0
    for (suite, name), config in results.lines:
        copy = results.lines.get((("renamed", f"{suite}_{name}"), config))
        first = results.lines[(suite, name), config]
        if copy is None or not first["tool"]:
            continue
        copies += 1
        if done(copy) != done(first):
            found.append(f"{suite}/{name} {config} ({done(first)}; renamed: {done(copy)})")
    told = "; ".join(found) or "none"
    return [f"Of {copies} renamed copies treated otherwise: {told}.", ""] if copies else []


def kept(results: Results) -> list[str]:
    """Why kernels were not replaced, by reason."""
    reasons: dict[str, set[str]] = collections.defaultdict(set)
    for (kernel, _), line in results.lines.items():
        if line.get("outcome") in ("ineligible", "unknown") or line.get("reason") == "inadequate":
            reasons[f"{line['reason']} ({line.get('detail', '')})"].add("/".join(kernel))
    told = [f"- {', '.join(sorted(names))}: {reason}" for reason, names in reasons.items()]
    return ["Not taken on:", "", *told, ""] if told else []


def conditions(results: Results) -> list[str]:
    lines = results.lines.values()
    machines = sorted({line["machine"] for line in lines})
    versions = sorted({text for line in lines for text in line["compilers"].values()})
    budgets = sorted({f"{line['budget']:g}" for line in lines if line["tool"]})
    tools = sorted({line["tool"] for line in lines if line["tool"]})
    return [
        f"{'; '.join(machines)}. {'; '.join(versions)}."
        f" Budget {', '.join(budgets) or '-'} s. superopt-cc {', '.join(tools) or '-'}."
    ]
