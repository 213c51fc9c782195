"""What share of the functions of real C libraries the verifier takes on, and why not the rest.

Every function of every source file goes the way that `superopt optimize` goes, up to where a search
would begin: text, facts, types, and whether tests cover all of gcc's code.  Sources are those of
PyPI source packages, as pip downloads them.

    python benchmarks/eligibility.py [--library NAME]... [--seconds 8] [--jobs 1]
                                     [--sources FOLDER] [--out FOLDER]

Writes eligibility.json (one entry a function) and eligibility.md (the tables) into the folder.
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import dataclasses
import json
import re
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from superopt_cc.assembly.unit import Function
from superopt_cc.driver.jobs import UnitJobs, unit_jobs
from superopt_cc.driver.selection import Wish
from superopt_cc.errors import Ineligible, SuperoptError
from superopt_cc.settings import Settings
from superopt_cc.verify.engine import Verifier
from superopt_cc.verify.gathering.gather import Limits

# Past the limit on inputs a function gets this many seconds for everything else.
GRACE = 30
TESTED, INADEQUATE, INELIGIBLE, FAILED = "tested", "inadequate", "ineligible", "failed"
STATES = (TESTED, INADEQUATE, INELIGIBLE, FAILED)
_CALL = re.compile(r"^\s*(?:notrack\s+)?(?:call|jmp)q?\s+([^.\s#][^\s#]*)", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Library:
    """A source package on PyPI and which of its files are plain C."""

    name: str
    version: str
    sources: tuple[str, ...]
    flags: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return f"{self.name} {self.version}"


LIBRARIES = (
    Library("xxhash", "3.4.1", ("deps/xxhash/xxhash.c",), ("-Ideps/xxhash",)),
    Library("lz4", "4.3.3", ("lz4libs/*.c",), ("-Ilz4libs", "-DXXH_NAMESPACE=LZ4_")),
    Library("argon2-cffi-bindings", "21.2.0",
            tuple(f"extras/libargon2/src/{name}.c"
                  for name in ("argon2", "core", "encoding", "ref", "thread", "blake2/blake2b")),
            ("-Iextras/libargon2/include", "-Iextras/libargon2/src")),
    Library("pycryptodome", "3.20.0", ("src/*.c",),
            ("-Isrc", "-Isrc/libtom", "-DSTDC_HEADERS", "-DHAVE_STDINT_H", "-DHAVE_UINT128",
             "-DHAVE_POSIX_MEMALIGN",
             "-DPYCRYPTO_LITTLE_ENDIAN", "-DSYS_BITS=64", "-DLTC_NO_ASM")),
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Answer:
    """What became of one function; `leaf` tells that it calls nothing but itself."""

    library: str
    file: str
    function: str
    leaf: bool
    state: str
    reason: str
    detail: str
    seconds: float


class TooLong(Exception):
    """A function's time is over."""


def download(library: Library, folder: Path) -> Path:
    """The unpacked source package; downloaded unless the folder has it."""
    folder.mkdir(parents=True, exist_ok=True)
    where = folder / f"{library.name}-{library.version}"
    archive = folder / f"{where.name}.tar.gz"
    if not archive.exists():
        words = [sys.executable, "-m", "pip", "download", "-q", "--no-binary", ":all:", "--no-deps"]
        named = f"{library.name}=={library.version}"
        subprocess.run([*words, "-d", str(folder), named], check=True)
    if not where.is_dir():
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
    return where


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raises TooLong inside when the block takes longer."""

    def stop(number: int, frame: object) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def is_leaf(function: Function) -> bool:
    goals = set(_CALL.findall("\n".join(function.lines)))
    return goals <= set(function.names)


def judged(jobs: UnitJobs, name: str, seconds: float) -> tuple[str, str, str]:
    """State, reason and detail of one function."""
    try:
        with at_most(seconds + GRACE):
            job = jobs.with_source(jobs.job(name, Wish()))
            with Verifier(job, Limits(seconds=seconds), jobs.unit) as verifier:
                gap = verifier.gap
    except Ineligible as error:
        return INELIGIBLE, error.reason, error.detail
    except TooLong:
        return INADEQUATE, "time", f"no answer within {seconds + GRACE:.0f} s"
    except Exception as error:  # a bug of ours is one function's, and counted
        return FAILED, type(error).__name__, str(error)
    return (INADEQUATE, kind_of(gap), gap) if gap else (TESTED, "", "")


def kind_of(gap: str) -> str:
    """The words of a gap without its numbers."""
    return re.sub(r"^\d+ ", "", gap)


def examined(library: Library, root: Path, source: Path, seconds: float) -> list[Answer]:
    """Every function of one file."""
    flags = [f"-I{root / f[2:]}" if f.startswith("-I") else f for f in library.flags]
    place = str(source.relative_to(root))
    try:
        jobs = unit_jobs(source, flags, Settings())
    except SuperoptError as error:
        print(f"{library.title}: {place} left out: {error}", file=sys.stderr)
        return []
    answers = []
    for function in jobs.unit.functions:
        start = time.monotonic()
        state, reason, detail = judged(jobs, function.name, seconds)
        spent = round(time.monotonic() - start, 2)
        leaf = is_leaf(function)
        answers.append(
            Answer(library.title, place, function.name, leaf, state, reason, detail, spent)
        )
    return answers


def shares(answers: Sequence[Answer]) -> list[str]:
    """One row a library and one for all: how many functions, and the share of each state."""
    rows = ["| library | functions | eligible | " + " | ".join(STATES) + " |",
            "| --- | --- " + "| --- " * (len(STATES) + 1) + "|"]  # fmt: skip
    titles = list(dict.fromkeys(a.library for a in answers))
    for title in [*titles, "all"] if len(titles) > 1 else titles:
        mine = [a for a in answers if title in (a.library, "all")]
        count = collections.Counter(a.state for a in mine)
        eligible = count[TESTED] + count[INADEQUATE]
        cells = [f"{n} ({n / len(mine):.0%})" for n in (eligible, *(count[s] for s in STATES))]
        rows.append(f"| {title} | {len(mine)} | " + " | ".join(cells) + " |")
    return rows


def reasons(answers: Sequence[Answer], most: int = 5) -> list[str]:
    """The most frequent reasons of functions that are not tested, each with an example."""
    rest = [a for a in answers if a.state != TESTED]
    rows = ["| state | reason | functions | for example |", "| --- | --- | --- | --- |"]
    for (state, reason), n in collections.Counter((a.state, a.reason) for a in rest).most_common(
        most
    ):
        first = next(a for a in rest if (a.state, a.reason) == (state, reason))
        example = f"`{first.function}`: {first.detail}".replace("|", "\\|").replace("\n", " ")
        rows.append(f"| {state} | {reason} | {n} | {example} |")
    return rows


def report(answers: Sequence[Answer]) -> str:
    """The tables as Markdown."""
    lines = []
    leaves = [a for a in answers if a.leaf]
    for title, chosen in (("All functions", answers), ("Functions that call nothing", leaves)):
        if chosen:
            lines += [f"## {title}", "", *shares(chosen), "", *reasons(chosen), ""]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", action="append", choices=[one.name for one in LIBRARIES])
    parser.add_argument("--seconds", type=float, default=8.0, help="for inputs, a function")
    parser.add_argument("--jobs", type=int, default=1, help="files at a time")
    parser.add_argument("--sources", type=Path, help="where packages are kept")
    parser.add_argument("--out", type=Path, default=Path.cwd(), help="where results go")
    words = parser.parse_args()
    chosen = [one for one in LIBRARIES if words.library is None or one.name in words.library]
    answers: list[Answer] = []
    with tempfile.TemporaryDirectory(prefix="superopt-eligibility-") as scratch:
        folder = words.sources or Path(scratch)
        roots = {library: download(library, folder) for library in chosen}
        with concurrent.futures.ProcessPoolExecutor(words.jobs) as pool:
            waiting = [
                pool.submit(examined, library, root, source, words.seconds)
                for library, root in roots.items()
                for pattern in library.sources
                for source in sorted(root.glob(pattern))
            ]
            for done in waiting:
                answers += done.result()
    words.out.mkdir(parents=True, exist_ok=True)
    entries = [dataclasses.asdict(answer) for answer in answers]
    (words.out / "eligibility.json").write_text(json.dumps(entries, indent=1) + "\n")
    text = report(answers)
    (words.out / "eligibility.md").write_text(text)
    print(text)
    return 0 if answers else 1


if __name__ == "__main__":
    sys.exit(main())
