import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from build_place import Place, make_place
from propose_context import MakeContext, context_maker


@pytest.fixture
def make_context(tmp_path: Path) -> MakeContext:
    return context_maker(tmp_path)


@pytest.fixture(autouse=True)
def _short_lived_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model's process soon ends after its test."""
    monkeypatch.setenv("_SUPEROPT_MODEL_IDLE", "2")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield make_place(tmp_path, Path(folder) / "run")
