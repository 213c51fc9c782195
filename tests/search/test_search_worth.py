"""Proposers compete for a search's seconds, by what they have been worth here."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from test_search_loop import POWER, Offers, fast_power, wrong

from superopt_cc.propose.base import Context
from superopt_cc.search.loop import optimize
from superopt_cc.search.worth import FILE, Offering, Worths, keys
from superopt_cc.settings import Settings
from superopt_cc.types import Rewrite
from superopt_cc.verify.job import Job

MakeJob = Callable[[str, str], Job]


def offering(key: str, spent: float = 0.0) -> Offering:
    rewrites = (rewrite for rewrite in ())
    return Offering(Offers(()), key, rewrites, float("inf"), [], spent)


def asked(folder: Path, **spent: float) -> str:
    return Worths(folder).next([offering(key, s) for key, s in spent.items()]).key


def test_who_has_had_many_seconds_falls_behind_the_next(tmp_path: Path) -> None:
    assert asked(tmp_path, recall=0.0, compilers=0.0, mutate=0.0) == "recall"
    assert asked(tmp_path, recall=9.0, compilers=0.0, mutate=0.0) == "compilers"
    assert asked(tmp_path, recall=99.0, compilers=99.0, mutate=0.0) == "mutate"


def test_what_was_worth_its_time_here_comes_first(tmp_path: Path) -> None:
    for _ in range(20):
        Worths(tmp_path).add("mutate", 1.0, 0.7)
        Worths(tmp_path).add("recall", 3.0, 0.0)
    assert asked(tmp_path, recall=0.0, mutate=0.0) == "mutate"


@pytest.mark.parametrize(
    "text",
    ["", "nonsense\n", '{"proposer": "mutate"}\n', "[1]\n", "\xff\n",
     '{"proposer": "mutate", "searches": 1, "seconds": 0, "gain": Infinity}\n',
     '{"proposer": "mutate", "searches": 0, "seconds": 1, "gain": 99}\n'],
)  # fmt: skip
def test_a_file_that_says_nothing_leaves_the_order(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text, encoding="latin-1")
    assert asked(tmp_path, recall=0.0, mutate=0.0) == "recall"


def test_a_large_file_is_summed_up(tmp_path: Path) -> None:
    line = '{"proposer": "mutate", "searches": 1, "seconds": 1.0, "gain": 0.5}\n'
    (tmp_path / FILE).write_text(line * 20_000)
    Worths(tmp_path).add("mutate", 2.0, 0.25)
    assert (tmp_path / FILE).stat().st_size < 1000
    known = Worths(tmp_path).of("mutate")
    assert known.searches > 20_000
    assert known.gain > 10_000


def test_the_second_of_a_name_has_a_key_of_its_own() -> None:
    assert list(keys([Offers(()), Offers(()), Offers((), "other")])) == [
        "offers", "offers 2", "other"
    ]  # fmt: skip


def test_a_proposer_without_end_does_not_keep_the_next_from_its_turn(
    make_job: MakeJob, tmp_path: Path
) -> None:
    endless = Offers([wrong("power")] * 1000, wait=0.3)
    settings = Settings(cache_dir=tmp_path, budget=20.0)
    outcome = optimize(make_job(POWER, "power"), settings, proposers=(endless, fast_power()))
    assert outcome.outcome == "replaced", outcome
    assert endless.closed
    learned = (tmp_path / FILE).read_text().splitlines()
    assert [line.split('"')[3] for line in learned] == ["offers", "offers 2"]


@dataclasses.dataclass
class Counts:
    """A proposer that tells when it is asked."""

    log: list[str]
    name: str = "counts"
    uses_model: bool = False

    def propose(self, context: Context) -> Iterator[Rewrite]:
        for number in range(3):
            self.log.append(f"{self.name} {number}")
            yield wrong("power")


def test_untimed_searches_ask_in_a_fixed_order(make_job: MakeJob, tmp_path: Path) -> None:
    Worths(tmp_path).add("second", 0.001, 100.0)
    log: list[str] = []
    proposers = (Counts(log, "first"), Counts(log, "second"))
    settings = Settings(cache_dir=tmp_path, budget=20.0, accept="verified")
    optimize(make_job(POWER, "power"), settings, proposers=proposers)
    assert log == [f"{name} {n}" for name in ("first", "second") for n in range(3)]
    log.clear()
    settings = dataclasses.replace(settings, accept="faster")
    optimize(make_job(POWER, "power"), settings, proposers=proposers)
    assert log[0] == "second 0"
