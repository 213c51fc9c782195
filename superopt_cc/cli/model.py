"""`superopt model`: which models there are, and what they are worth (design 11.5)."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from superopt_cc.cli.common import as_json as json_option
from superopt_cc.cli.common import print_json, progress, settings_for
from superopt_cc.errors import UsageError
from superopt_cc.settings import Settings, is_model_name, load_settings

if TYPE_CHECKING:
    from superopt_cc.driver.trial import Speed, Tried
    from superopt_cc.propose.header import Header
    from superopt_cc.propose.models import Model, Registry

_SHA256 = click.option("--sha256", default="", metavar="HEX", help="What the file must be.")


@click.group("model")
def command() -> None:
    """Language models: list, add, pull, check, remove.

    SUPEROPT_MODEL=NAME, or model = "NAME" in a settings file, then means a registered model.
    """


@command.command("list")
@json_option
def list_models(as_json: bool) -> None:
    """The registered models; * marks the one that the settings use."""
    from superopt_cc.report.models import show_models

    settings = settings_for()
    rows = [_row(model, settings) for model in _registry(settings).models()]
    if as_json:
        print_json({"models": rows, "model": settings.model})
    else:
        show_models(rows)


@command.command("add")
@click.argument("name")
@click.argument("what", metavar="PATH|URL|hf:OWNER/NAME/FILE")
@_SHA256
@json_option
def add_model(name: str, what: str, sha256: str, as_json: bool) -> None:
    """Call a model NAME: a GGUF file here, one that `pull` fetches later, or a server's URL."""
    from superopt_cc.propose.models import add

    settings = settings_for()
    _told(add(_registry(settings), name, what, sha256), settings, "added", as_json=as_json)


@command.command("pull")
@click.argument("what", metavar="NAME|URL|hf:OWNER/NAME/FILE")
@click.option("--name", default="", help="What to call it; its file's name otherwise.")
@_SHA256
@json_option
def pull_model(what: str, name: str, sha256: str, as_json: bool) -> None:
    """Fetch a model's file; a pull that was cut off goes on where it ended.

    The first pull pins the file's sha256 (and the hub's commit); later ones must bring the same.
    """
    from superopt_cc.propose.pull import pull

    settings = settings_for()
    with _bytes_shown(settings) as tell:
        pulled = pull(_registry(settings), what, tell, name, sha256)
    done = "pulled" if pulled.fresh else "is here already"
    _told(pulled.model, settings, done, as_json=as_json)


@command.command("check")
@click.argument("what", required=False, metavar="[NAME|PATH]")
@click.option("--timed", is_flag=True, help="Also time what is verified.")
@click.option("--quick", is_flag=True, help="Load it and measure its speed; ask for nothing.")
@json_option
def check_model(what: str | None, timed: bool, quick: bool, as_json: bool) -> None:
    """Load a model, measure its speed, and let it rewrite ten small functions.

    Without an argument the settings' own model.  This takes up to model_budget seconds a function.
    """
    from superopt_cc.report.models import show_header, show_speeds, show_trial

    settings = settings_for()
    settings, model = _meant(settings, what)
    found: dict[str, Any] = {"model": settings.model, "header": None, "speeds": [], "functions": []}
    path = settings.model or ""
    if "://" in path:
        _reached(settings)
    else:
        header = _header(settings, model)
        found["header"] = header
        if not as_json:
            show_header(path, header)
        found["speeds"] = _speeds(settings)
        if not as_json:
            show_speeds(found["speeds"])
    if not quick:
        found["functions"] = _tried(settings, timed=timed)
        if not as_json:
            show_trial(found["functions"])
    if as_json:
        print_json({**found, "speeds": [_speed(one) for one in found["speeds"]]})


@command.command("remove")
@click.argument("name")
@click.option("--file", "file_too", is_flag=True, help="Delete its file, too.")
@json_option
def remove_model(name: str, file_too: bool, as_json: bool) -> None:
    """Forget a model.  Its file stays unless --file is given."""
    settings = settings_for()
    registry = _registry(settings)
    model = registry.get(name)
    if file_too and model.path:
        try:
            Path(model.path).unlink(missing_ok=True)
        except OSError as error:
            raise UsageError(f"{model.path}: cannot be deleted: {error.strerror}") from error
    registry.remove(name)
    left = "" if file_too or not model.path else f"; its file stays: {model.path}"
    if as_json:
        print_json({"removed": name, "path": model.path, "file_removed": file_too})
    else:
        click.echo(f"{name} is forgotten{left}")


def _registry(settings: Settings) -> Registry:
    from superopt_cc.propose.models import Registry

    return Registry(settings.cache_dir)


def _row(model: Model, settings: Settings) -> dict[str, Any]:
    where = model.path or (model.source if model.server else "")
    used = bool(where) and settings.model == where
    return {**dataclasses.asdict(model), "state": model.state, "used": used}


def _told(model: Model, settings: Settings, done: str, *, as_json: bool) -> None:
    if as_json:
        print_json(_row(model, settings))
        return
    size = f", {model.size:,} bytes" if model.path else ""
    digest = f", sha256 {model.sha256[:16]}" if model.sha256 else ""
    click.echo(f"{model.name} {done}: {model.where}{size}{digest}")


def _meant(settings: Settings, what: str | None) -> tuple[Settings, Model | None]:
    """The settings with the model to check, and its entry where it has one."""
    registry = _registry(settings)
    if what is None:
        if settings.model is None:
            raise UsageError("no model is set; name one: superopt model check NAME|PATH")
        known = [m for m in registry.models() if settings.model == (m.path or m.source)]
        return settings, known[0] if known else None
    if not is_model_name(what):
        path = what if "://" in what else str(Path(what).expanduser().absolute())
        return dataclasses.replace(settings, model=path, foreign_model=False), None
    model = registry.get(what)
    if not model.path and not model.server:
        raise UsageError(f"{what}: its file is not here yet: superopt model pull {what}")
    chosen, _ = load_settings(Path.cwd(), (f"--superopt-model={what}",), os.environ)
    return dataclasses.replace(
        settings, model=model.where, foreign_model=chosen.foreign_model
    ), model


def _header(settings: Settings, model: Model | None) -> Header:
    """The file's header, once it is known to be the file that was registered."""
    from superopt_cc.propose.header import read_header
    from superopt_cc.propose.models import confirm

    path = Path(settings.model or "")
    if model is not None:
        confirm(_registry(settings), model)
    return read_header(path)


def _reached(settings: Settings) -> None:
    """Raises UsageError where there is no server, or none that has the model."""
    from superopt_cc.propose.llm import check

    problem = check(settings)
    if problem:
        raise UsageError(problem)


def _speeds(settings: Settings) -> list[Speed]:
    from superopt_cc.driver.trial import speed

    counts = dict.fromkeys((1, settings.samples))
    with progress(settings) as tell:
        found = []
        for count in counts:
            tell(f"writing {count} at a time")
            found.append(speed(settings.model or "", count))
    return found


def _speed(speed: Speed) -> dict[str, Any]:
    return {**dataclasses.asdict(speed), "tokens_per_second": round(speed.rate, 2)}


def _tried(settings: Settings, *, timed: bool) -> list[Tried]:
    from superopt_cc.driver.trial import try_functions

    with progress(settings) as tell:
        return list(try_functions(settings, timed, tell))


@contextlib.contextmanager
def _bytes_shown(settings: Settings) -> Iterator[Callable[[int, int], None]]:
    """Bytes here of bytes in all, on a terminal, now and then."""
    with progress(settings) as tell:
        last = 0.0

        def show(have: int, total: int) -> None:
            nonlocal last
            if time.monotonic() - last < 0.2:
                return
            last = time.monotonic()
            share = f" of {total / 1e6:,.0f} ({have / total:.0%})" if total else ""
            tell(f"{have / 1e6:,.0f}{share} MB")

        yield show
