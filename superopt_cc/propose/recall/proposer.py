"""Recall as a proposer: recognise what the target computes, offer the known ways to do it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from superopt_cc.errors import SuperoptError, ToolchainError
from superopt_cc.propose.base import NO_IPA, Context
from superopt_cc.propose.extract import Extractor
from superopt_cc.propose.recall.entries import Entry, EntryError, Implementation, all_entries
from superopt_cc.propose.recall.matching import Match, Matcher, fitting
from superopt_cc.propose.recall.probing import Probes
from superopt_cc.propose.recall.references import Reference, references
from superopt_cc.propose.recall.signature import Signature, signature_of
from superopt_cc.propose.recall.wrapping import wrapped
from superopt_cc.toolchain.command import compile_own
from superopt_cc.types import Attempt, Origin, Rewrite
from superopt_cc.verify.screening.screen_target import Target

# Recognising may take so many seconds in all.
_LONGEST = 4.0
# Loops must not become calls, and our text relies on neither rule of C.
_ALWAYS = ("-fno-tree-loop-distribute-patterns", "-fwrapv", "-fno-strict-aliasing",
           "-fno-tree-vectorize", "-fno-stack-protector", *NO_IPA)  # fmt: skip
_CALLER_SAVED = ("rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11",
                 *(f"xmm{n}" for n in range(16)))  # fmt: skip


class Recall:
    """The knowledge base in cache/knowledge, asked by what functions do."""

    name = "recall"
    uses_model = False

    def propose(self, context: Context) -> Iterator[Rewrite]:
        """Yield each implementation of each entry that behaves as the target did."""
        told = signature_of(context.job.facts)
        if told is None:
            return
        try:
            known = all_entries()
        except EntryError as error:
            context.note(Attempt(self.name, "cache/knowledge", "failed", str(error)))
            return
        ways = {entry.name: fitting(entry, told) for entry in known}
        if not any(ways.values()):
            return
        matcher = Matcher(
            told, Probes(told, context.run_target, context.constants), context.constants
        )
        extractor = Extractor(context, self.name)
        try:
            made = references(known, context.job.command, context.settings.cache_dir / "recall")
        except (SuperoptError, OSError) as error:
            context.note(Attempt(self.name, "references", "failed", str(error)))
            return
        deadline = min(context.deadline, time.monotonic() + _LONGEST)
        # What has fewer numbers to find says more.
        for entry in sorted(known, key=lambda entry: len(entry.numbers)):
            if not ways[entry.name] or time.monotonic() > deadline:
                continue
            reference = made[entry.name]
            try:
                found = _different(matcher.matches(entry, ways[entry.name], reference, deadline))
            except SuperoptError as error:
                context.note(Attempt(self.name, entry.name, "failed", str(error)))
                continue
            for match in found:
                yield from self._rewrites(context, match, reference, told, extractor)

    def _rewrites(
        self, context: Context, match: Match, made: Reference, told: Signature,
        extractor: Extractor,
    ) -> Iterator[Rewrite]:  # fmt: skip
        spared = _spared(context)
        negative = match.binding.may_be_negative(match.entry, told)
        for implementation in match.entry.implementations:
            flags = _flags(implementation, context)
            if flags is None:
                continue
            options = ("-O2", *_ALWAYS, *flags, *implementation.options, *spared)
            for ordered in (True, False) if negative else (True,):
                text = wrapped(
                    match, implementation, made, told, context.job.name, ordered=ordered
                )  # fmt: skip
                taken = self._compiled(context, text, options, match, implementation, extractor)
                if isinstance(taken, Rewrite):
                    yield taken
                else:
                    context.note(taken)

    def _compiled(
        self, context: Context, text: str, options: Sequence[str], match: Match,
        implementation: Implementation, extractor: Extractor,
    ) -> Rewrite | Attempt:  # fmt: skip
        how = _told(match, implementation)
        left = context.deadline - time.monotonic()
        if left <= 0:
            return Attempt(self.name, how, "budget", "not compiled in time")
        try:
            compiled = compile_own(context.job.command, text, options, left)
        except ToolchainError as error:
            late = context.expired()
            return Attempt(self.name, how, "budget" if late else "compile", str(error))
        provenance = {"entry": match.entry.name, "options": " ".join(options)}
        return extractor.take(compiled, how, Origin.MIXED, provenance)


def _different(matches: Iterator[Match]) -> list[Match]:
    """The first match, and the first with other types: tests tell these apart, probes may not."""
    found: list[Match] = []
    for match in matches:
        if not found or match.variant != found[0].variant:
            found.append(match)
        if len(found) == 2:
            break
    return found


def _flags(implementation: Implementation, context: Context) -> tuple[str, ...] | None:
    """What switches on the instruction sets that are needed; None where they may not be used."""
    macros = {f"__{need.replace('.', '_')}__" for need in implementation.needs}
    if not macros <= context.job.facts.isa:
        return None
    return tuple(f"-m{need.lower()}" for need in implementation.needs)


def _spared(context: Context) -> tuple[str, ...]:
    """Options that keep what callers in the unit rely on (design 5.4)."""
    target = Target(context.job, context.unit)
    if not target.called_locally:
        return ()
    names = target.clobbers
    return tuple(f"-fcall-saved-{name}" for name in _CALLER_SAVED if name not in names)


def _told(match: Match, implementation: Implementation) -> str:
    entry: Entry = match.entry
    numbers = ", ".join(f"{name} {value:#x}" for name, value in match.numbers.items())
    with_numbers = f" with {numbers}" if numbers else ""
    where = f"cache/knowledge/{entry.name}/{implementation.name}"
    return f"recall: {entry.what}{with_numbers} ({where})"
