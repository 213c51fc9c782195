from collections.abc import Callable
from pathlib import Path

import pytest

from superopt_cc.toolchain.command import compile_text, parse_command, preprocess
from superopt_cc.toolchain.tools import find_compiler
from superopt_cc.verify.job import Job
from superopt_cc.verify.signature.facts import facts_for_unit


@pytest.fixture
def make_job(tmp_path: Path) -> Callable[[str, str], Job]:
    """A search job for function `name` of a C source compiled with -O3."""

    def make(source: str, name: str) -> Job:
        path = tmp_path / "unit.c"
        path.write_text(source)
        command = parse_command(["-O3", "-c", str(path)], tmp_path, find_compiler(None, "c"))
        preprocessed = preprocess(command)
        text = compile_text(command, preprocessed)
        facts = facts_for_unit(command, text).function(name)
        return Job(text, name, facts, command, (), preprocessed)

    return make
