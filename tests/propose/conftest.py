from pathlib import Path

import pytest
from propose_context import MakeContext, context_maker


@pytest.fixture
def make_context(tmp_path: Path) -> MakeContext:
    return context_maker(tmp_path)
