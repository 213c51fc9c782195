"""What a model finds for the functions of benchmarks/llm: with and without refinement and examples.

    python benchmarks/llm_table.py --model FILE --out FOLDER [--arms ARM,ARM] [--threads N]
                                   [--functions FOLDER]
    python benchmarks/llm_table.py --time --out FOLDER [--seconds 600]
    python benchmarks/llm_table.py --show --out FOLDER
    python benchmarks/llm_table.py --first --model FILE --out FOLDER [--threads N]

The first command asks and verifies; it goes on where it was stopped.  The second times what was
verified, on a machine with nothing else to do; the third prints the tables.  FOLDER keeps
`meta.json` (model, settings, machine), `results.jsonl` (a line for each function and arm, with
prompt hashes and seeds), `times.jsonl`, and the transcripts of all conversations in `cache/`.

An arm is SURFACE/EXAMPLES: `own` shows superopt-cc's built-in example, `store` also up to two
verified rewrites of other functions, as the arms `own` left them, `none` no example.  Each asks
once, and again in a second round that tells what became of the first; `/again` after it: as many
further answers to the first prompt instead, for the functions that had a second round.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import importlib.util
import json
import os
import platform
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from llm_report import show
from llm_trial import Listening, Trial, functions, job_of, model_of, timer_of

from superopt_cc.assembly.canonical import fragment_identity
from superopt_cc.assembly.fragment import Fragment
from superopt_cc.cost.session import CandidateFailed
from superopt_cc.cost.timer import cpu_model
from superopt_cc.driver.jobs import UnitJobs
from superopt_cc.errors import SuperoptError
from superopt_cc.propose.prompt import Templates, listing
from superopt_cc.settings import Settings
from superopt_cc.store.local import Store
from superopt_cc.types import Origin, Rewrite
from superopt_cc.verify.engine import Verifier

FUNCTIONS = Path(__file__).resolve().parent / "llm"
ANSWERS = 4  # in each round
MOST_TOKENS = {"c": 256, "asm": 400}
# Much longer functions cannot be answered in assembly within that.
LONGEST_ASM = 1200  # characters of gcc's code
SECONDS = 1800.0  # a function and arm: what is found shall not depend on the machine's load
ARMS = (
    "c/own", "asm/own", "c/store", "asm/store", "c/own/again", "asm/own/again", "c/none",
)  # fmt: skip
_WORTH_SHOWING = 1.05  # roughly timed
_WORTH_CONFIRMING = 1.01
_CONFIRMING = 4.0  # seconds a rewrite
_RANKING = 1.0


@dataclasses.dataclass(frozen=True)
class Arm:
    """One way of asking."""

    name: str
    surface: str
    examples: str
    again: bool

    @staticmethod
    def of(name: str) -> Arm:
        surface, examples, *more = name.split("/")
        return Arm(name, surface, examples, bool(more))


class Results:
    """The lines of a folder's file, by function and arm."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "results.jsonl"
        self.records: dict[tuple[str, str], dict[str, Any]] = {}
        for line in lines(self._path):
            self.records[line["function"], line["arm"]] = line

    def add(self, record: dict[str, Any]) -> None:
        """Written at once: a later start goes on from here."""
        self.records[record["function"], record["arm"]] = record
        append(self._path, record)


def ask(model: Path, out: Path, folder: Path, arms: Sequence[Arm], threads: int) -> None:
    """Fill the results about the functions of a folder, arm by arm."""
    if importlib.util.find_spec("llama_cpp") is None:
        sys.exit("llama-cpp-python is missing; run: make .venv/made-llm")
    note_conditions(model, out, folder)
    results = Results(out)
    settings = Settings(
        mode="now", model=str(model), samples=ANSWERS, rounds=1, model_budget=SECONDS,
        cache_dir=out / "cache",
    )  # fmt: skip
    known = list(functions(folder, settings))
    for arm in arms:
        for jobs, name in known:
            if (name, arm.name) in results.records or not due(arm, jobs, name, results):
                continue
            target = "\n".join(jobs.unit.function(name).lines) + "\n"
            record: dict[str, Any] = {
                "function": name, "arm": arm.name, "target": target,
                "threads": threads, "load": round(os.getloadavg()[0], 1),
            }  # fmt: skip
            try:
                record |= one(arm, jobs, name, settings, results, threads)
            except SuperoptError as error:
                record |= {"problem": str(error), "asked": [], "answers": []}
            results.add(record)
            ended = " ".join(f"{a['round']}:{a['result']}" for a in record["answers"])
            print(f"{arm.name} {name} {record.get('seconds')} {ended}", flush=True)


def due(arm: Arm, jobs: UnitJobs, name: str, results: Results) -> bool:
    """Assembly is asked of short functions, `again` for those that had a second round."""
    if arm.surface == "asm" and len(listing(jobs.unit, jobs.unit.function(name))) > LONGEST_ASM:
        return False
    if not arm.again:
        return True
    first = results.records.get((name, f"{arm.surface}/{arm.examples}"))
    return first is not None and len(first["asked"]) > 1


def one(
    arm: Arm, jobs: UnitJobs, name: str, settings: Settings, results: Results, threads: int
) -> dict[str, Any]:
    """The record of one function in one arm."""
    folder = settings.cache_dir / arm.name.replace("/", "-") / name
    if arm.examples == "store":
        fill(folder, name, results)
    templates = without_examples(settings.cache_dir) if arm.examples == "none" else None
    settings = dataclasses.replace(
        settings, surface=arm.surface, cache_dir=folder, rounds=0 if arm.again else 1,
        prompts=templates,
    )  # fmt: skip
    assert settings.model is not None
    source = Listening(model_of(Path(settings.model), threads), MOST_TOKENS, arm.surface)
    # Another seed: `again` must not give the first round's answers.
    job = job_of(jobs, name, 2 if arm.again else 1)
    return Trial(jobs, job, settings).run(source)


def fill(folder: Path, name: str, results: Results) -> None:
    """Make a store of the best that the arms `own` found for the other functions."""
    with Store(folder, 10**8) as store:
        for other in sorted({function for function, _ in results.records if function != name}):
            for surface in ("c", "asm"):
                record = results.records.get((other, f"{surface}/own"), {"answers": []})
                found = [a for a in record["answers"] if a.get("rough", 0.0) > _WORTH_SHOWING]
                found = [a for a in found if "rewrite" in a]
                if found:
                    best = max(found, key=lambda answer: answer["rough"])
                    store.keep_story(f"{other} {surface}", {
                        "name": other,
                        "target": record["target"],
                        "outcome": {
                            "outcome": "replaced",
                            "rewrite": best["rewrite"],
                            "measurement": {"speedup": best["rough"]},
                        },
                    })  # fmt: skip


def without_examples(folder: Path) -> Path:
    """Our templates less their examples."""
    place = folder / "templates-without-examples"
    place.mkdir(parents=True, exist_ok=True)
    for surface in MOST_TOKENS:
        text = Templates().read(f"{surface}.question.j2")
        begin, end = text.index("{% for example"), text.index("{% endfor %}")
        rest = text[:begin] + text[end + len("{% endfor %}\n") :]
        (place / f"{surface}.question.j2").write_text(rest, encoding="utf-8")
    return place


def first(model: Path, out: Path, threads: int) -> None:
    """Three times with a process of its own (the model is loaded first), four times without."""
    settings = Settings(mode="now", model=str(model), rounds=0, surface="c", model_budget=SECONDS)
    ((jobs, name),) = functions(FUNCTIONS / "first", settings)
    shared = model_of(model, threads)
    alone = dataclasses.replace(shared, child=("env", *shared.child))
    print("| model | first answer | first verdict | first verified | all |\n" + "| --- " * 5 + "|")
    for number in range(7):
        told = ("loaded first", alone) if number < 3 else ("loaded before", shared)
        folder = out / "first" / str(number)
        trial = Trial(
            jobs, job_of(jobs, name, number), dataclasses.replace(settings, cache_dir=folder)
        )
        record = trial.run(Listening(told[1], {"c": 1024}, "c"))
        if number == 3:  # now it is loaded, and knows how prompts begin
            continue
        answers = record["answers"]
        verified = [a["judged"] for a in answers if "rewrite" in a]
        print(f"| {told[0]} | {min(a['answered'] for a in answers):.1f} "
              f"| {min(a['judged'] for a in answers):.1f} "
              f"| {f'{min(verified):.1f}' if verified else '-'} "
              f"| {record['seconds']:.1f} |", flush=True)  # fmt: skip


def note_conditions(model: Path, out: Path, folder: Path) -> None:
    """Keep what the results depend on; ends the program where earlier ones had other conditions."""
    out.mkdir(parents=True, exist_ok=True)
    with model.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    sources = sorted(folder.glob("*.c"))
    text = b"".join(path.read_bytes() for path in sources)
    conditions = {
        "model": model.name,
        "sha256": sha256,
        "answers": ANSWERS,
        "tokens": MOST_TOKENS,
        "templates": Templates().digest,
        "folder": str(folder),
        "functions": hashlib.sha256(text).hexdigest(),
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.platform(),
    }
    path = out / "meta.json"
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        if {**before, "folder": str(folder)} != conditions:
            sys.exit(f"{path}: was made under other conditions; take another folder")
    path.write_text(json.dumps(conditions, indent=1) + "\n", encoding="utf-8")


def time_all(out: Path, seconds: float) -> None:
    """Time what was verified: all rewrites of a function roughly, confirm what seems faster."""
    deadline = time.monotonic() + seconds
    results, path = Results(out), out / "times.jsonl"
    folder = Path(json.loads((out / "meta.json").read_text(encoding="utf-8"))["folder"])
    done = {(line["function"], line["text"]) for line in lines(path)}
    for jobs, name in functions(folder, Settings(cache_dir=out / "cache")):
        rewrites = {
            answer["text"]: rewrite_of(answer["rewrite"])
            for (function, _), record in results.records.items()
            for answer in record["answers"]
            if function == name and "rewrite" in answer
        }
        rewrites = {text: r for text, r in rewrites.items() if (name, text) not in done}
        if not rewrites:
            continue
        if time.monotonic() > deadline:
            print("the time is over; start again to go on", flush=True)
            return
        try:
            for line in time_function(jobs, name, rewrites):
                append(path, {"function": name, **line})
        except SuperoptError as error:
            print(f"{name}: {error}", flush=True)


def time_function(
    jobs: UnitJobs, name: str, rewrites: Mapping[str, Rewrite]
) -> Iterator[dict[str, Any]]:
    """A line for each rewrite; equal code is timed once."""
    with Verifier(job_of(jobs, name, 1)) as verifier:
        by_code: dict[str, tuple[Fragment, list[str]]] = {}
        for text, rewrite in rewrites.items():
            fragment = verifier.fragment(rewrite)
            assert isinstance(fragment, Fragment)  # it was verified
            code = fragment_identity(jobs.unit, fragment)
            by_code.setdefault(code, (fragment, []))[1].append(text)
        timer = timer_of(jobs, verifier)
    groups = list(by_code.values())
    for ranking in timer.compare([f for f, _ in groups], _RANKING * (1 + len(groups) / 2)):
        fragment, texts = groups[ranking.index]
        line: dict[str, Any] = {"rough": round(ranking.speedup, 4), "faster": False}
        if ranking.speedup > _WORTH_CONFIRMING:
            try:
                measured = timer.confirm(fragment, _CONFIRMING, quick=True)
                line["faster"] = measured.significant
                line["speedup"] = round(measured.speedup, 4)
                line["interval"] = [round(bound, 4) for bound in measured.interval]
            except CandidateFailed as error:
                line["failed"] = error.failure
        print(f"{name}: {line}", flush=True)
        for text in texts:
            yield {"text": text, **line}


def rewrite_of(told: Mapping[str, Any]) -> Rewrite:
    """What `dataclasses.asdict` made of one."""
    return Rewrite(**{**told, "origin": Origin(told["origin"])})


def lines(path: Path) -> list[dict[str, Any]]:
    """All whole lines of a file of JSON lines."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n")[:-1]]


def append(path: Path, record: Mapping[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", type=Path, help="a GGUF file")
    parser.add_argument("--out", type=Path, required=True, help="the results' folder")
    parser.add_argument("--arms", default=",".join(ARMS), help="those to ask, in this order")
    parser.add_argument("--functions", type=Path, default=FUNCTIONS, help="a folder of C files")
    parser.add_argument("--threads", type=int, default=0, help="one is best on a busy machine")
    parser.add_argument("--time", action="store_true", help="time what was verified")
    parser.add_argument("--seconds", type=float, default=600.0, help="about as long")
    parser.add_argument("--show", action="store_true", help="print the tables")
    parser.add_argument("--first", action="store_true", help="time the first verdict")
    options = parser.parse_args()
    out = options.out.absolute()
    if options.model is None and not (options.time or options.show):
        parser.error("--model is needed to ask")
    if options.first:
        first(options.model.absolute(), out, options.threads)
        return 0
    if options.time:
        time_all(out, options.seconds)
    elif not options.show:
        arms = [Arm.of(name) for name in options.arms.split(",")]
        folder = options.functions.resolve()
        ask(options.model.absolute(), out, folder, arms, options.threads)
    show(json.loads((out / "meta.json").read_text(encoding="utf-8")),
         list(Results(out).records.values()), lines(out / "times.jsonl"))  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
