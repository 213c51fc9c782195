"""What the subcommands share: settings, arguments, JSON, progress."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click

from superopt_cc.settings import Settings, load_settings
from superopt_cc.types import to_json

_Command = TypeVar("_Command", bound=Callable[..., Any])

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
gcc_args = click.argument("gcc_args", nargs=-1, type=click.UNPROCESSED, metavar="[-- GCCARGS...]")
source_file = click.argument("file", type=click.Path(path_type=Path))


def one_rewrite(command: _Command) -> _Command:
    """FILE.c -f NAME --rewrite R.s ... -- GCCARGS"""
    name = click.option("-f", "--function", "function", required=True, metavar="NAME")
    rewrite = click.option(
        "--rewrite",
        required=True,
        type=click.Path(path_type=Path),
        help="Assembly file that holds the function; a whole `gcc -S` output will do.",
    )
    return source_file(name(rewrite(as_json(gcc_args(command)))))


def settings_for(source: Path | None = None) -> Settings:
    """The settings around a source file, or around the current folder; problems become warnings."""
    folder = Path(os.path.abspath(source)).parent if source is not None else Path.cwd()
    settings, problems = load_settings(folder, (), os.environ)
    for problem in problems:
        click.echo(f"superopt: warning: {problem}", err=True)
    return settings


def print_json(value: object) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(to_json(value), indent=2))


@contextlib.contextmanager
def progress(settings: Settings) -> Iterator[Callable[[str], None]]:
    """Show what is being done on a terminal, nothing elsewhere."""
    wanted = settings.progress == "on" or (settings.progress == "auto" and sys.stderr.isatty())
    if not wanted:
        yield _silent
        return
    from rich.console import Console

    with Console(stderr=True).status("superopt") as status:
        yield lambda line: status.update(line)


def _silent(line: str) -> None:
    """Progress that nobody watches."""
