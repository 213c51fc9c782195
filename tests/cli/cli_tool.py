"""The `superopt` command as users run it."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclasses.dataclass(frozen=True)
class Tool:
    folder: Path
    environ: dict[str, str]

    def run(self, *args: str, status: int | None = None) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "superopt_cc.cli.main", *args],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=300,
        )
        if status is not None:
            assert done.returncode == status, (done.stdout, done.stderr)
        return done

    def json(self, *args: str, status: int = 0) -> Any:
        return json.loads(self.run(*args, "--json", status=status).stdout)

    def refused(self, *args: str) -> str:
        """The one line of a command that could not do its work."""
        done = self.run(*args, status=2)
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr

    def write(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text)
        return name
