"""`superopt cache`: what is stored on this machine (design 11.5)."""

from __future__ import annotations

from pathlib import Path

import click

from superopt_cc.cli.common import as_json as json_option
from superopt_cc.cli.common import print_json, settings_for
from superopt_cc.types import to_json


@click.group("cache")
def command() -> None:
    """What is stored on this machine."""


@command.command("stats")
@json_option
def stats(as_json: bool) -> None:
    """Count and weigh what is stored."""
    from superopt_cc.store.local import Store

    settings = settings_for()
    with Store(settings.cache_dir, settings.cache_size) as store:
        found = to_json(store.stats())
    if as_json:
        print_json(found)
        return
    for name, value in found.items():
        click.echo(f"{name:<10} {value}")


@command.command("show")
@json_option
def show(as_json: bool) -> None:
    """List what is stored: one line a function."""
    from superopt_cc.report.tables import show_outcomes
    from superopt_cc.store.local import Store

    settings = settings_for()
    with Store(settings.cache_dir, settings.cache_size) as store:
        entries = list(store.entries())
    if as_json:
        print_json({"entries": [{"key": key, **to_json(entry)} for key, entry in entries]})
    else:
        show_outcomes([entry.outcome for _, entry in entries])


@command.command("clear")
def clear() -> None:
    """Forget everything that is stored, also where it is damaged."""
    from superopt_cc.store.local import clear as clear_folder

    folder = settings_for().cache_dir
    clear_folder(folder)
    click.echo(f"{folder} is empty")


@command.command("export")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def export(file: Path, as_json: bool) -> None:
    """Write replacements and what was learned to FILE, for another machine or project."""
    from superopt_cc.store import exchange
    from superopt_cc.store.local import Store

    settings = settings_for()
    with Store(settings.cache_dir, settings.cache_size) as store:
        done = exchange.export(store, file)
    if as_json:
        print_json(done)
        return
    left_out = f"; {done.left_out} left out (they name files)" if done.left_out else ""
    click.echo(f"{file}: {done.outcomes} replacements, {done.learned} learned rewrites{left_out}")


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def import_(file: Path, as_json: bool) -> None:
    """Take over what FILE holds; all of it is verified again before use."""
    from superopt_cc.store import exchange
    from superopt_cc.store.local import Store

    settings = settings_for()
    with Store(settings.cache_dir, settings.cache_size) as store:
        done = exchange.import_(store, file, settings.cache_size)
    if as_json:
        print_json(done)
        return
    new = f"{done.outcomes} replacements, {done.learned} learned rewrites are new"
    click.echo(f"{file}: {new}; {done.known} were known")
