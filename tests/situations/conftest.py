"""Each situation has folders and a home of its own; what is looked up again is kept once."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from situations import OURS, WRAPPERS, Place


@pytest.fixture(scope="session")
def masquerade(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (OURS / "superopt-cc").exists():
        pytest.skip("superopt-cc is not installed")
    folder = tmp_path_factory.mktemp("masquerade") / "bin"
    environ = {**os.environ, "PATH": f"{OURS}:{os.environ['PATH']}"}
    subprocess.run([WRAPPERS / "masquerade.sh", folder], env=environ, check=True)
    return folder


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store without rewrites: only facts and finished units come into it."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture
def place(tmp_path: Path, masquerade: Path) -> Place:
    return Place.make(tmp_path, masquerade)
