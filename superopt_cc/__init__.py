"""superopt-cc: gcc's code, replaced function by function by verified, faster code.

The public API: `optimize`, `verify` and `measure` mean what the commands of the same names mean
(design 11).  Everything is imported on first use, because this module is part of every compile.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # `typing` itself costs milliseconds in every compile
if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from typing import Any

    from superopt_cc.settings import Settings
    from superopt_cc.types import Measurement, Outcome, Verdict

__version__ = "0.1.0"
__all__ = ["measure", "optimize", "verify"]


def optimize(
    path: str | os.PathLike[str],
    functions: Sequence[str] | None = None,
    gcc_args: Sequence[str] = (),
    settings: Settings | None = None,
) -> tuple[Outcome, ...]:
    """Search rewrites for functions of a C or C++ file (None: all of them) and store them.

    `settings` None reads them from the environment and files.  Raises SuperoptError.
    """
    from pathlib import Path

    from superopt_cc.driver import commands

    source, names = Path(path), tuple(functions or ())
    chosen = settings or _settings(source)
    return commands.optimize_file(source, names, gcc_args, chosen, _silent).outcomes


def verify(
    path: str | os.PathLike[str],
    function: str,
    rewrite: str | os.PathLike[str],
    gcc_args: Sequence[str] = (),
    settings: Settings | None = None,
) -> Verdict:
    """Decide one rewrite: an assembly file that holds `function`.  Raises SuperoptError."""
    from pathlib import Path

    from superopt_cc.driver import commands

    source = Path(path)
    chosen = settings or _settings(source)
    return commands.verify_file(source, function, Path(rewrite), gcc_args, chosen).verdict


def measure(
    path: str | os.PathLike[str],
    function: str,
    rewrite: str | os.PathLike[str],
    gcc_args: Sequence[str] = (),
    settings: Settings | None = None,
) -> Measurement:
    """Time one correct rewrite against gcc's code.

    Raises SuperoptError, also where the rewrite is not correct.
    """
    from pathlib import Path

    from superopt_cc.driver import commands
    from superopt_cc.errors import SuperoptError
    from superopt_cc.types import Verdict

    source = Path(path)
    chosen = settings or _settings(source)
    found = commands.measure_file(source, function, Path(rewrite), gcc_args, chosen)
    if isinstance(found, Verdict):
        raise SuperoptError(f"{function}: not timed, {found.verdict}: {found.reason}")
    return found


def _settings(source: os.PathLike[str]) -> Settings:
    import os
    from pathlib import Path

    from superopt_cc.settings import load_settings

    return load_settings(Path(source).resolve().parent, (), os.environ)[0]


def _silent(line: str) -> None:
    """Progress that nobody watches."""


class _VerifyFolder(type(sys)):  # type: ignore[misc]  # the type of modules
    """The folder `verify`, which can be called like the function of the same name."""

    def __call__(self, *args: Any, **options: Any) -> Verdict:
        return _verify(*args, **options)


class _Package(type(sys)):  # type: ignore[misc]
    """This package: importing the folder `verify` must not take the function away.

    The import system binds a folder as an attribute of its package once anything in it is used.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if name == "verify" and isinstance(value, type(sys)):
            value.__class__ = _VerifyFolder
        super().__setattr__(name, value)


_verify = verify
sys.modules[__name__].__class__ = _Package
