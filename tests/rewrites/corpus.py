"""The corpus: rewrites that must fall and rewrites that must pass, read from `*.cases` files.

A file is a list of targets, each with its rewrites:

    === name of the target | gcc's flags ("-O3" when left out) | function ("f" when left out)
    C text of the target
    --- wrong result,access | -O2 : what is wrong
    C text of a rewrite, compiled with those flags
    --- right | asm : what it does
    the body's instructions; or a whole assembler text when the function's label is in it

`wrong` names the reason codes that it may fall for, `wrong any` allows all of them.  `#target`
stands for the target's own text.  A rewrite may also start with `clang -O2`.
"""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path

from superopt_cc.toolchain import tools
from superopt_cc.toolchain.command import compile_text, parse_command, preprocess
from superopt_cc.types import Origin, Reason, Rewrite, Verdict
from superopt_cc.verify.engine import Verifier
from superopt_cc.verify.gathering.gather import Limits
from superopt_cc.verify.job import Job
from superopt_cc.verify.signature.facts import facts_for_unit

_HERE = Path(__file__).parent
_LIMITS = Limits(seconds=30.0)
# Variants are compiled as the proposers do (design 5.4).
_NO_IPA = ("-fno-ipa-ra", "-fno-ipa-stack-alignment", "-w")
_SAME = "#target"


@dataclasses.dataclass(frozen=True, slots=True)
class Offer:
    """One rewrite.  `reasons` are those it may fall for; None means that it is right."""

    title: str
    reasons: frozenset[Reason] | None
    how: str
    text: str


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """gcc's function and the rewrites of it."""

    topic: str
    title: str
    flags: tuple[str, ...]
    function: str
    source: str
    offers: tuple[Offer, ...]

    @property
    def name(self) -> str:
        return f"{self.topic}: {self.title}"


def load() -> list[Target]:
    """All targets of all files.  Raises ValueError for a file that is not in the form above."""
    return [t for path in sorted(_HERE.glob("*.cases")) for t in parse(path.stem, path.read_text())]


def beyond() -> list[Target]:
    """Wrong rewrites of which only a proof could tell, in files of the same form."""
    return [
        t for path in sorted(_HERE.glob("*.limits")) for t in parse(path.stem, path.read_text())
    ]


def parse(topic: str, text: str) -> list[Target]:
    """The targets of one file."""
    targets = []
    for block in ("\n" + text).split("\n=== ")[1:]:
        head, _, rest = block.partition("\n")
        title, flags, function = [*(w.strip() for w in head.split("|")), "", ""][:3]
        source, *offered = ("\n" + rest).split("\n--- ")
        offers = tuple(_offer(o, source) for o in offered)
        names = tuple(flags.split()) or ("-O3",)
        targets.append(Target(topic, title, names, function or "f", source, offers))
    return targets


def _offer(block: str, source: str) -> Offer:
    head, _, text = block.partition("\n")
    what, colon, title = head.partition(":")
    verdict, _, how = what.partition("|")
    kind, *codes = verdict.split(maxsplit=1)
    if not colon or kind not in ("wrong", "right") or (kind == "wrong") != bool(codes):
        raise ValueError(f"not the head of a rewrite: {head!r}")
    reasons = None
    if codes:
        words = codes[0].strip()
        reasons = frozenset(Reason if words == "any" else map(Reason, words.split(",")))
    return Offer(title.strip(), reasons, how.strip(), text.replace(_SAME, source.strip()))


def job_of(folder: Path, target: Target) -> Job:
    """The verification job of a target, by gcc's own facts."""
    path = folder / "unit.c"
    path.write_text(target.source)
    gcc = tools.find_compiler(None, "c")
    command = parse_command([*target.flags, "-c", str(path)], folder, gcc)
    preprocessed = preprocess(command)
    text = compile_text(command, preprocessed)
    facts = facts_for_unit(command, text, ("--64",)).function(target.function)
    return Job(text, target.function, facts, command, ("--64",), preprocessed)


def rewrite_of(folder: Path, target: Target, offer: Offer) -> Rewrite:
    """The rewrite as assembler text: written so, or compiled."""
    if offer.how.split()[:1] == ["asm"]:
        return Rewrite(_assembly(target.function, offer.text), "corpus", Origin.MIXED, offer.title)
    path = folder / "offer.c"
    path.write_text(offer.text)
    words = offer.how.split() or ["-O2"]
    compiler, *flags = words if words[0] == "clang" else ["gcc", *words, *_NO_IPA]
    # What changes the code's meaning or form is the target's, as with the proposers.
    kept = [f for f in target.flags if not f.startswith("-O")]
    text = subprocess.run(
        [compiler, *kept, *flags, "-S", "-w", "-o", "-", str(path)],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return Rewrite(text, "corpus", Origin.MIXED, offer.title)


def _assembly(name: str, text: str) -> str:
    if f"\n{name}:" in f"\n{text}":
        return text
    return f"{name}:\n{text.strip()}\n\t.size {name}, .-{name}\n"


def judge(folder: Path, target: Target) -> list[Verdict]:
    """What the verifier says of a target's rewrites, in order."""
    rewrites = [rewrite_of(folder, target, offer) for offer in target.offers]
    with Verifier(job_of(folder, target), _LIMITS) as verifier:
        return verifier.check_many(rewrites)
