"""What was won for one function is found for others that do the same, and judged like the rest."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from superopt_cc.driver.commands import optimize_file
from superopt_cc.driver.decide import Decider
from superopt_cc.driver.jobs import unit_jobs
from superopt_cc.driver.quick import cpu_model
from superopt_cc.driver.selection import Wish
from superopt_cc.propose.learned.abstract import needed
from superopt_cc.settings import Settings
from superopt_cc.store.learned import LABEL, Learned
from superopt_cc.store.local import Store
from superopt_cc.types import Origin, Outcome

LIMIT = 10**8
ONES = "int ones(unsigned x) { int n = 0; while (x) { n += x & 1; x >>= 1; } return n; }\n"
BITS = (
    "unsigned bits(int v) { unsigned k = 0; for (unsigned u = v; u; u &= u - 1) k++; return k; }\n"
)
# A table of its own, in a place and under a name of the unit's own.
WEIGH = """\
static const unsigned char table[16] = {0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4};
unsigned weigh(unsigned char x) { return table[x & 15] + table[x >> 4]; }
"""
WEIGHT = """\
unsigned weight(unsigned char b) { unsigned n = 0; for (; b; b &= b - 1) n++; return n; }
"""
WRONG = f"{LABEL}:\n\tmovl\t%edi, %eax\n\tret\n"
# Rewrites that nobody verified, and the reason for which each falls.
FORGED = {
    # Right but for one word of 2^32.
    f"{LABEL}:\n\txorl\t%eax, %eax\n\tcmpl\t$0x12345, %edi\n\tje\t.L2\n.L1:\n"
    "\ttestl\t%edi, %edi\n\tje\t.L3\n\tleal\t-1(%rdi), %edx\n\taddl\t$1, %eax\n"
    "\tandl\t%edx, %edi\n\tjmp\t.L1\n.L2:\n\tmovl\t$3, %eax\n.L3:\n\tret\n": "result",
    WRONG: "result",
    f"{LABEL}:\n\tmovl\t$60, %eax\n\tsyscall\n\tret\n": "instruction",
    f"{LABEL}:\n\tcall\tsystem@PLT\n\tret\n": "symbol",
    f'{LABEL}:\n\tret\n\t.incbin\t"/etc/hostname"\n': "symbol",
    "no assembly at all": "assembler",
}


@dataclasses.dataclass(frozen=True)
class Place:
    """A folder for sources and a cache."""

    folder: Path

    def settings(self, *proposers: str, **changes: object) -> Settings:
        return Settings(
            cache_dir=self.folder / "cache", accept="verified", proposers=proposers,
            **changes,  # type: ignore[arg-type]
        )  # fmt: skip

    def optimize(self, file: str, source: str, *proposers: str, **changes: object) -> Outcome:
        """The outcome of the only function of a source."""
        path = self.folder / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
        found = optimize_file(path, (), (), self.settings(*proposers, **changes), lambda line: None)
        assert not found.problems
        return found.outcomes[0]

    def tried(self) -> tuple[int, bool]:
        """How many rewrites a build of `BITS` verifies, and whether it uses one."""
        path = self.folder / "bits.c"
        settings = self.settings("learned")
        told: list[str] = []
        with Store(settings.cache_dir, LIMIT) as store:
            jobs = unit_jobs(path, (), settings, store)
            with Decider(jobs, store, settings, cpu_model(), told.append) as decider:
                decision = decider.settle("bits", Wish())
        counts = [int(line.split()[1]) for line in told if " tried, " in line]
        return max(counts, default=0), decision.chosen is not None

    def known(self) -> list[Learned]:
        with Store(self.folder / "cache", LIMIT) as store:
            return list(store.all_learned())

    def teach(self, entry: Learned) -> None:
        with Store(self.folder / "cache", LIMIT) as store:
            assert store.keep_learned(entry)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(scope="module")
def winner(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, Outcome]:
    """A place in which `ONES` was won."""
    made = Place(tmp_path_factory.mktemp("winner"))
    return made, made.optimize("ones.c", ONES, "recall")


@pytest.fixture
def taught(winner: tuple[Place, Outcome], place: Place) -> Place:
    """A place of the test's own with what was won in that one."""
    shutil.copytree(winner[0].folder / "cache", place.folder / "cache")
    return place


def forged(known: Learned, text: str) -> Learned:
    """Another text in the place of one that was verified, with more to be said for it."""
    return dataclasses.replace(known, text=text, speedup=9.0, name="other", how="a lie")


def test_a_win_is_found_for_another_spelling_elsewhere_under_other_names(
    winner: tuple[Place, Outcome], taught: Place
) -> None:
    won = winner[1]
    found = taught.optimize("other/project.c", BITS, "learned")
    assert found.outcome == "replaced"
    assert found.rewrite is not None
    assert won.rewrite is not None
    assert found.rewrite.proposer == "learned"
    assert found.rewrite.origin is Origin.MIXED
    assert found.rewrite.how == f"learned from ones's rewrite by {won.rewrite.how}"
    assert found.rewrite.provenance["key"] == won.key
    assert "ones" not in found.rewrite.text
    assert found.verdict is not None
    assert found.verdict.accepted
    # Learned once more, it still says who found it first.
    (known,) = taught.known()
    assert (known.name, known.proposer, known.needs) == ("ones", "recall", ())


def test_constants_of_the_unit_come_along(place: Place) -> None:
    place.optimize("weigh.c", WEIGH, "compilers")
    found = place.optimize("weight.c", WEIGHT, "learned")
    assert found.outcome == "replaced"
    assert ".rodata" in place.known()[0].text


def test_a_rewrite_for_wider_lengths_serves_narrower_ones(place: Place) -> None:
    body = "{ unsigned s = 0; for (%s i = 0; i < n; i++) s += p[i] & 1; return s; }\n"
    wide = "unsigned a(const unsigned char *p, unsigned long n) " + body % "unsigned long"
    assert place.optimize("a.c", wide, "compilers").outcome == "replaced"
    narrow = "unsigned b(const unsigned char *p, int n) " + body % "int"
    found = place.optimize("b.c", narrow, "learned")
    assert found.outcome == "replaced"
    assert found.rewrite is not None
    assert found.rewrite.how.endswith("; parameters extended at entry")


def test_code_that_needs_its_unit_is_not_learned(place: Place) -> None:
    source = (
        "extern unsigned words[4];\n"
        "unsigned pick(unsigned i) { return words[i & 3] * 9 + (i & 3 ? 1 : 7); }\n"
    )
    assert place.optimize("pick.c", source, "compilers").outcome == "replaced"
    assert place.known() == []


def test_forged_rewrites_fall(taught: Place) -> None:
    (known,) = taught.known()
    for text in FORGED:
        taught.teach(forged(known, text))
    found = taught.optimize("bits.c", BITS, "learned")
    fallen = [a for a in found.attempts if a.result != "verified"]
    assert sorted(a.result for a in fallen) == sorted(FORGED.values())
    assert {a.how for a in fallen} == {"learned from other's rewrite by recall: a lie"}
    # They were asked first, and the right one is used.
    assert found.rewrite is not None
    assert found.rewrite.provenance["from"] == "ones"


def test_what_needs_more_instructions_than_allowed_is_not_proposed(taught: Place) -> None:
    (known,) = taught.known()
    text = (
        f"\t.type\t{LABEL}, @function\n{LABEL}:\n\tpopcntl\t%edi, %eax\n\tret\n"
        f"\t.size\t{LABEL}, .-{LABEL}\n"
    )
    assert needed(text) == ("__POPCNT__",)
    taught.teach(dataclasses.replace(forged(known, text), needs=("__POPCNT__",)))
    found = taught.optimize("bits.c", BITS, "learned")
    assert (found.outcome, found.candidates) == ("replaced", 1)


def test_where_nothing_was_found_each_news_is_tried_once(
    winner: tuple[Place, Outcome], place: Place
) -> None:
    first = place.optimize("bits.c", BITS, "learned")
    assert (first.outcome, first.reason, first.candidates) == ("kept", "no-rewrite", 0)
    (known,) = winner[0].known()
    place.teach(forged(known, WRONG))
    assert place.tried() == (1, False)
    assert place.tried() == (0, False)
    place.teach(known)
    assert place.tried() == (2, True)
