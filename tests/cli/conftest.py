"""The `superopt` command, with a cache of its own for each test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cli_tool import ROOT, Tool


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    folder = tmp_path / "work"
    folder.mkdir()
    environ = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "SUPEROPT_CACHE_DIR": str(tmp_path / "cache"),
        "SUPEROPT_ACCEPT": "verified",
        "SUPEROPT_BUDGET": "60",
    }
    made = Tool(folder, environ)
    made.write(
        "f.c",
        "int times9(int x) { return x * 9; }\n"
        "int popcount(unsigned x) { int n = 0; while (x) { n += x & 1; x >>= 1; } return n; }\n"
        "double wide(__float128 x) { return (double)x; }\n",
    )
    return made
