"""A real compile of a small source, and the context that a proposer gets about it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from superopt_cc.assembly.unit import parse_unit
from superopt_cc.propose.base import Compilations, Context
from superopt_cc.settings import Settings
from superopt_cc.toolchain.command import compile_text, parse_command, preprocess
from superopt_cc.toolchain.tools import find_compiler
from superopt_cc.types import Attempt
from superopt_cc.verify.job import Job
from superopt_cc.verify.signature.facts import facts_for_unit

MakeContext = Callable[..., Context]


def context_maker(folder: Path) -> MakeContext:
    """`make(source, name, *flags, seconds=..., **settings)`; attempts are in `history()`."""

    def make(
        source: str, name: str, *flags: str, seconds: float = 60.0, **settings: object
    ) -> Context:
        path = folder / "unit.c"
        path.write_text(source)
        words = [*(flags or ("-O3",)), "-c", str(path), "-o", str(folder / "unit.o")]
        command = parse_command(words, folder, find_compiler(None, "c"))
        preprocessed = preprocess(command)
        text = compile_text(command, preprocessed)
        job = Job(
            text, name, facts_for_unit(command, text).function(name), command, (), preprocessed
        )
        notes: list[Attempt] = []
        made = Settings(cache_dir=folder / "cache", **settings)  # type: ignore[arg-type]
        return Context(
            job, parse_unit(text), made, time.monotonic() + seconds,
            Compilations(command, preprocessed), notes.append, lambda: tuple(notes),
        )  # fmt: skip

    return make
