"""How much faster ordinary kernels become, against gcc -O3 and clang -O3.

Every kernel of benchmarks/kernels is built by gcc, by clang and by superopt-cc: with each proposer
alone and with all together, for the processor that plain -O3 means (`match`) and for this one
(`native`).  All programs must print the same checksum.  They are timed side by side in fresh
processes, forth and back; what counts is the median of the kernel loop's own time.

    python benchmarks/kernels.py [--suite frozen|common|restyled]... [--only NAME]... [--budget 30]
                                 [--proposers all,compilers,...] [--isa match,native]
                                 [--runs 10] [--out FOLDER] [--table] [--renamed]
    python benchmarks/kernels.py --quick        twelve kernels, everything together, `match` only

Results lie in FOLDER (build/kernels): one JSON line a kernel and configuration in results.jsonl,
and the table in results.md.  What has a line for the same kernel, compilers, budget, machine and
state of superopt-cc is not done again.  Each kernel and configuration has a store of its own.

With --renamed each kernel also has a copy in which the function and its variables have other names;
the table then says whose copies were treated otherwise.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kernels_table import report

from superopt_cc.cost.lock import timing_lock
from superopt_cc.driver.quick import cpu_model
from superopt_cc.propose.registry import DEFAULT

ROOT = Path(__file__).resolve().parent.parent
KERNELS = ROOT / "benchmarks" / "kernels"
SUITES = ("frozen", "common", "restyled")
ISAS = ("match", "native")
ALL = "all"
QUICK = ("frozen/thermal_colours", "frozen/visible_bounds", "frozen/delta_decode",
         "frozen/escaped_length", "common/count_ones", "common/count_byte", "common/crc32",
         "common/hex_encode", "common/block_difference", "common/sort_eight",
         "restyled/adler32", "restyled/reverse_bits")  # fmt: skip
SLOWER = 0.98
PATIENCE = 600.0
_INCLUDED = re.compile(r'^#include "(.*)"$', re.MULTILINE)
_SELECTED = re.compile(r"^#pragma superopt\n[^\n(]*?(\w+)\(", re.MULTILINE)


_DECLARED = re.compile(
    r"\b(?:int|unsigned|char|long|short|float|bool|size_t|u?int\d+_t|struct \w+)[\s*]+(\w+)"
    r"(?=\s*[=,;)\[(])"
)
# What must keep its name: tags, types of two words, and what macros of the file mention.
_KEPT = re.compile(r"\bstruct (\w+)|\b(char|int|long)\b|^#define (.*(?:\\\n.*)*)", re.MULTILINE)


class KernelError(Exception):
    """A kernel that does not build, fail to run, or prints another checksum than gcc's."""


@dataclasses.dataclass(frozen=True)
class Kernel:
    """One file; `function` is what is optimised."""

    suite: str
    path: Path

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def title(self) -> str:
        return f"{self.suite}/{self.name}"

    @property
    def function(self) -> str:
        (name,) = _SELECTED.findall(self.path.read_text())
        return str(name)

    def files(self) -> list[Path]:
        """What the program is made of."""
        shared = _INCLUDED.findall(self.path.read_text())
        return [self.path, *(KERNELS / name for name in shared)]


@dataclasses.dataclass(frozen=True)
class Config:
    """One way to build: a compiler (`who` is gcc or clang) or superopt-cc with some proposers."""

    who: str
    isa: str
    proposers: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.who if self.isa == "match" else f"{self.who}@{self.isa}"

    def command(self) -> list[str]:
        if self.proposers:
            return [str(Path(sys.executable).parent / "superopt-cc"), "-O3"]
        # Contraction would change results: no rewrite may do that either.
        native = ["-march=native", "-ffp-contract=off"] if self.isa == "native" else []
        return [self.who, "-O3", *native]


GCC = Config("gcc", "match")


def kernels(suites: Iterable[str], only: Sequence[str] = ()) -> list[Kernel]:
    """Those of the suites, or those with one of the names: NAME or SUITE/NAME."""
    found = [Kernel(s, p) for s in suites for p in sorted((KERNELS / s).glob("*.c"))]
    return [k for k in found if not only or {k.name, k.title} & set(only)]


def renamed(kernel: Kernel, folder: Path) -> Kernel:
    """A copy whose function, parameters and first variables have other names."""
    text = kernel.path.read_text()
    start, end = text.index("#pragma superopt"), text.index("KERNEL(")
    body = text[start:end]
    fixed = {w for found in _KEPT.findall(text[:end]) for w in re.findall(r"\w+", " ".join(found))}
    names = set(_DECLARED.findall(body)) - fixed - {kernel.function}
    for number, name in enumerate(sorted(names)):
        body = re.sub(rf"(?<![.>\w]){name}\b", f"other{number}", body)
    copy = folder / f"{kernel.suite}_{kernel.name}.c"
    folder.mkdir(parents=True, exist_ok=True)
    whole = text[:start] + body + text[end:]
    copy.write_text(re.sub(rf"\b{kernel.function}\b", "another", whole))
    return Kernel("renamed", copy)


def model_free() -> tuple[str, ...]:
    """The proposers that need no model."""
    return tuple(dict.fromkeys(p.name for p in DEFAULT if not p.uses_model))


def configs(proposers: Sequence[str], isas: Sequence[str]) -> list[Config]:
    """The compilers that are installed, each proposer alone, all together."""
    found = []
    for isa in isas:
        found += [Config(who, isa) for who in ("gcc", "clang") if shutil.which(who)]
        for name in proposers:
            found.append(Config(name, isa, model_free() if name == ALL else (name,)))
    return found


def digest(paths: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for path in paths:
        total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()[:16]


def tool() -> str:
    """The state of superopt-cc: what it is made of."""
    places = (ROOT / "superopt_cc", ROOT / "csrc", ROOT / "cache")
    files = [p for place in places for p in sorted(place.rglob("*")) if p.is_file()]
    return digest(p for p in files if p.suffix != ".pyc")


def version_of(compiler: str) -> str:
    done = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[0]


@dataclasses.dataclass
class Bench:
    """One run of this script: what it knows of the machine, and where its results lie."""

    out: Path
    budget: float
    runs: int
    tool: str = dataclasses.field(default_factory=tool)
    lines: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        self.file = self.out / "results.jsonl"
        if self.file.exists():
            self.lines = [json.loads(line) for line in self.file.read_text().splitlines()]
        self.machine = f"{cpu_model()}, {os.cpu_count()} cores, {platform.system()}"
        self.compilers = {w: version_of(w) for w in ("gcc", "clang") if shutil.which(w)}

    def key(self, kernel: Kernel, config: Config) -> str:
        """What a result depends on; compilers' results not on superopt-cc."""
        parts: list[Any] = [digest(kernel.files()), config.name, self.machine]
        parts += [self.tool, config.proposers, self.budget] if config.proposers else []
        parts.append(self.compilers if config.proposers else self.compilers[config.who])
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]

    def missing(self, kernel: Kernel, wanted: Sequence[Config]) -> list[Config]:
        done = {line["key"] for line in self.lines if not broken(line)}
        return [config for config in wanted if self.key(kernel, config) not in done]

    def add(self, line: dict[str, Any]) -> None:
        self.lines.append(line)
        with self.file.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def run(self, kernel: Kernel, wanted: Sequence[Config]) -> None:
        """Build and time what is missing for one kernel, always beside gcc's program."""
        missing = self.missing(kernel, wanted)
        if not missing:
            return
        built = {c: self.build(kernel, c) for c in dict.fromkeys((GCC, *missing))}
        programs = {c: line["program"] for c, line in built.items()}
        times, checksum = timed(programs, self.runs)
        if any(ratio(times, programs, c) < SLOWER for c in missing if c.proposers):
            more, _ = timed(programs, 2 * self.runs)  # was it the machine?
            times = {p: times[p] + more[p] for p in times}
        for config in missing:
            line = built[config]
            ns = statistics.median(times[programs[config]])
            gcc = statistics.median(times[programs[GCC]])
            del line["program"]
            self.add(line | {"ns": ns, "gcc_ns": gcc, "checksum": checksum})
            tell(kernel, line, gcc / ns)

    def build(self, kernel: Kernel, config: Config) -> dict[str, Any]:
        """The line of a kernel and configuration without its times; `program` is what was built."""
        folder = self.out / "work" / kernel.suite / kernel.name / config.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        program = folder / "program"
        words = [*config.command(), "-Wno-unknown-pragmas", f"-I{KERNELS}", str(kernel.path)]
        environ = self.environ(config, folder)
        began = time.monotonic()
        done = subprocess.run([*words, "-o", program], env=environ, capture_output=True, text=True)
        if done.returncode != 0:
            raise KernelError(f"{kernel.title}: {config.name} failed: {done.stderr.strip()[-400:]}")
        line = {
            "key": self.key(kernel, config),
            "suite": kernel.suite,
            "kernel": kernel.name,
            "config": config.name,
            "seconds": round(time.monotonic() - began, 2),
            "budget": self.budget,
            "tool": self.tool if config.proposers else "",
            "machine": self.machine,
            "compilers": self.compilers,
            "program": program,
        }
        return line | (story(kernel.function, environ) if config.proposers else {})

    def environ(self, config: Config, folder: Path) -> dict[str, str]:
        """Nobody's own settings, and a store that nothing else uses."""
        own = {name: text for name, text in os.environ.items() if "SUPEROPT_" not in name}
        return own | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{own['PATH']}",
            "XDG_CACHE_HOME": str(folder / "cache"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "SUPEROPT_ISA": config.isa,
            "SUPEROPT_BUDGET": str(self.budget),
            "SUPEROPT_PROPOSERS": ",".join(config.proposers) or "all",
        }


def broken(line: Mapping[str, Any]) -> bool:
    """Did superopt-cc itself fail?  Such a line is shown, and tried again by the next run."""
    return line.get("outcome") == "unknown" or line.get("reason") == "failed"


def tell(kernel: Kernel, line: Mapping[str, Any], speedup: float) -> None:
    words = (line.get("outcome", ""), line.get("reason", ""), line.get("how", ""))
    print(f"{kernel.title:<28} {line['config']:<18} {speedup:5.2f}x", *filter(None, words))
    sys.stdout.flush()


def story(function: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """What superopt-cc says that became of the function."""
    done = subprocess.run(
        ["superopt", "explain", function, "--json"], env=environ, capture_output=True, text=True
    )
    if done.returncode != 0:
        return {"outcome": "unknown", "reason": done.stderr.strip()[-200:]}
    told = json.loads(done.stdout)["outcome"]
    rewrite = told.get("rewrite") or {}
    measurement = told.get("measurement") or {}
    return {
        "outcome": told["outcome"],
        "reason": told["reason"],
        "detail": told["detail"][:300],
        "proposer": rewrite.get("proposer", ""),
        "how": rewrite.get("how", ""),
        "candidates": told["candidates"],
        "search": round(told["seconds"], 2),
        "claimed": measurement.get("speedup"),
    }


def ratio(times: Mapping[Path, list[float]], programs: Mapping[Config, Path], c: Config) -> float:
    return statistics.median(times[programs[GCC]]) / statistics.median(times[programs[c]])


def timed(programs: Mapping[Config, Path], runs: int) -> tuple[dict[Path, list[float]], str]:
    """Nanoseconds of every program in each of its processes, and the checksum of all.

    Programs of the same bytes are one: gcc's, where nothing was replaced.
    """
    same: dict[bytes, Path] = {}
    chosen = {p: same.setdefault(p.read_bytes(), p) for p in programs.values()}
    times: dict[Path, list[float]] = {path: [] for path in same.values()}
    expected = ""
    with timing_lock(PATIENCE):
        for turn in range(runs):
            order = list(times) if turn % 2 == 0 else list(reversed(times))
            for path in order:
                nanoseconds, checksum = printed(path)
                times[path].append(nanoseconds)
                expected = expected or checksum
                if checksum != expected:
                    raise KernelError(f"{path}: checksum {checksum}, gcc's has {expected}")
    return {path: times[one] for path, one in chosen.items()}, expected


def printed(program: Path) -> tuple[float, str]:
    done = subprocess.run([program], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise KernelError(f"{program}: ended with {done.returncode}")
    nanoseconds, checksum = done.stdout.split()
    return float(nanoseconds), checksum


def wanted_lines(
    bench: Bench, chosen: Sequence[Kernel], wanted: Sequence[Config]
) -> Iterator[dict[str, Any]]:
    """The lines of the chosen kernels and configurations."""
    keys = {bench.key(kernel, config) for kernel in chosen for config in wanted}
    return (line for line in bench.lines if line["key"] in keys)


def words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--suite", action="append", choices=SUITES)
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    parser.add_argument("--budget", type=float, default=30.0, help="seconds a function")
    parser.add_argument("--proposers", help=f"comma-separated; {ALL}: all together")
    parser.add_argument("--isa", default=",".join(ISAS), help="match, native or both")
    parser.add_argument("--runs", type=int, default=10, help="processes a program")
    parser.add_argument("--out", type=Path, help="where results are kept")
    parser.add_argument("--renamed", action="store_true", help="renamed copies, too")
    parser.add_argument("--table", action="store_true", help="run nothing, print what is known")
    parser.add_argument("--quick", action="store_true", help="the twelve kernels of make bench")
    given = parser.parse_args()
    given.isas = given.isa.split(",")
    given.names = given.proposers.split(",") if given.proposers else [*model_free(), ALL]
    known = {*model_free(), ALL}
    if not set(given.names) <= known or not set(given.isas) <= set(ISAS):
        parser.error(f"known are the proposers {', '.join(sorted(known))}; isa {', '.join(ISAS)}")
    if given.quick:
        given.only, given.suite, given.isas, given.names = list(QUICK), None, ["match"], [ALL]
    return given


def measure(given: argparse.Namespace, out: Path) -> int:
    """Run what is missing and print the table; 1 when anything failed or became slower."""
    bench = Bench(out, given.budget, given.runs)
    chosen = kernels(given.suite or SUITES, given.only)
    if given.renamed:
        chosen += [renamed(kernel, out / "renamed") for kernel in chosen]
    wanted = configs(given.names, given.isas)
    failed = []
    for kernel in [] if given.table else chosen:
        try:
            bench.run(kernel, wanted)
        except KernelError as error:
            failed.append(str(error))
            print(error, file=sys.stderr)
    lines = list(wanted_lines(bench, chosen, wanted))
    text = report(lines)
    (out / "results.md").write_text(text)
    print(text)
    last = {line["key"]: line for line in lines}.values()
    bad = any(line["tool"] and line["gcc_ns"] / line["ns"] < SLOWER for line in last)
    return int(not lines or bool(failed) or bad or any(map(broken, last)))


def main() -> int:
    given = words()
    if given.out is None and given.quick:
        with tempfile.TemporaryDirectory(prefix="superopt-kernels-") as name:
            return measure(given, Path(name))
    return measure(given, given.out or ROOT / "build" / "kernels")


if __name__ == "__main__":
    sys.exit(main())
