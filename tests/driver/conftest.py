"""Builds through the installed front door, each test with a cache of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from driver_project import MAIN, POPCOUNT, Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "project"
    folder.mkdir()
    environ = {
        **os.environ,
        "SUPEROPT_CACHE_DIR": str(tmp_path / "cache"),
        "SUPEROPT_ACCEPT": "verified",
        "SUPEROPT_BUDGET": "60",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    made = Project(folder, tmp_path / "cache", environ)
    made.write("popcount.c", f"#pragma superopt\n{POPCOUNT}")
    made.write("main.c", MAIN)
    return made
