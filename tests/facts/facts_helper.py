"""One helper: facts about C or C++ text, by the real compiler."""

from __future__ import annotations

from pathlib import Path

from superopt_cc.errors import Ineligible
from superopt_cc.toolchain import tools
from superopt_cc.toolchain.command import CompileCommand, parse_command
from superopt_cc.verify.signature.facts import UnitFacts, facts_for_unit


def build(
    folder: Path, source: str, *options: str, suffix: str = ".c"
) -> tuple[CompileCommand, str]:
    """Write `source`; its compile command and the assembler text that gcc makes of it."""
    (folder / f"unit{suffix}").write_text(source)
    compiler = tools.find_compiler(None, "c++" if suffix == ".cc" else "c")
    argv = ("-O3", *options, "-c", f"unit{suffix}")
    done = tools.run(
        [compiler, "-O3", *options, "-w", "-S", f"unit{suffix}", "-o", "-"], cwd=folder
    )
    assert done.status == 0, done.stderr
    return parse_command(argv, folder, compiler), done.stdout.decode()


def facts_of(folder: Path, source: str, *options: str, suffix: str = ".c") -> UnitFacts:
    command, text = build(folder, source, *options, suffix=suffix)
    return facts_for_unit(command, text)


def reason(unit: UnitFacts, name: str) -> str:
    """The counted name under which the function is ineligible; "" if it is not."""
    try:
        unit.function(name)
    except Ineligible as refusal:
        return refusal.reason
    return ""
