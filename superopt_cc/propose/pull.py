"""Fetching a model's file from a web server or the hub, checked before it counts.

What comes is written beside its place, and moved there once it has the sha256 that was pinned (at
the first pull: any, which is pinned then) and the header of a model.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import importlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from superopt_cc.errors import StoreError, SuperoptError, UsageError
from superopt_cc.propose import fetch
from superopt_cc.propose.fetch import Progress, shown
from superopt_cc.propose.header import read_header
from superopt_cc.propose.models import (
    Hub,
    Model,
    Registry,
    checked_digest,
    described,
    mismatch,
    name_for,
    parse_source,
)


@dataclasses.dataclass(frozen=True, slots=True)
class Pulled:
    """The model, and whether anything had to be fetched."""

    model: Model
    fresh: bool


def pull(
    registry: Registry, what: str, progress: Progress, name: str = "", sha256: str = ""
) -> Pulled:
    """Fetch the file of a registered model, or of a hub's or web server's address.

    An address is registered under `name`, by default its file's name.  Raises UsageError or
    StoreError, one line each; a file that is there already and right is left alone.
    """
    expected = checked_digest(sha256)
    wanted = _wanted(registry, what, name)
    if expected and wanted.sha256 not in ("", expected):
        raise UsageError(mismatch(wanted.name, wanted.sha256, expected))
    wanted = dataclasses.replace(wanted, sha256=expected or wanted.sha256)
    if wanted.server:
        raise UsageError(f"{wanted.name} is a server's address; there is no file to pull")
    if not wanted.source:
        raise UsageError(f"{wanted.name} was added as a file; it has no address to pull from")
    with _place(registry, wanted) as place:
        if wanted.path and place.exists():
            found = described(wanted, read_header(place))
            if found.sha256 == wanted.sha256:
                registry.put(found)
                return Pulled(found, False)
        return Pulled(_fetched(registry, wanted, place, progress), True)


def _wanted(registry: Registry, what: str, name: str) -> Model:
    """The registered model that is meant, or a new one."""
    if not (what.startswith("hf:") or "://" in what):
        if name:
            raise UsageError("--name is for new models")
        return registry.get(what)
    source = str(parse_source(what))
    for model in registry.models():
        if model.source == source and name in ("", model.name):
            return model
    name = name or name_for(what)
    registry.free(name)
    return Model(name, source=source)


@contextlib.contextmanager
def _place(registry: Registry, model: Model) -> Iterator[Path]:
    """Where the file belongs; nobody else pulls it meanwhile."""
    try:
        registry.folder.mkdir(parents=True, exist_ok=True)
        lock = (registry.folder / f".{model.name}.lock").open("a")
    except OSError as error:
        raise StoreError(f"{registry.folder}: cannot be written: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(f"{model.name} is being pulled by another process") from error
        yield registry.folder / f"{model.name}.gguf"


def _fetched(registry: Registry, wanted: Model, place: Path, progress: Progress) -> Model:
    kind = "hub" if wanted.source.startswith("hf:") else "part"
    staging = place.with_name(f".{wanted.name}.{kind}")
    try:
        part, revision, expected = _brought(wanted, staging, progress)
    except BaseException:
        if staging.exists():  # so that `list` tells of it, and `remove` takes it away
            with contextlib.suppress(SuperoptError):
                registry.put(wanted)
        raise
    try:
        model = _checked(dataclasses.replace(wanted, path=str(part), revision=revision), expected)
        os.replace(part, place)
    except UsageError:
        _discard(staging)
        raise
    except OSError as error:
        raise StoreError(f"{place}: cannot be written: {error.strerror}") from error
    _discard(staging)
    model = dataclasses.replace(model, path=str(place))
    registry.put(model)
    return model


def _brought(wanted: Model, staging: Path, progress: Progress) -> tuple[Path, str, str]:
    """(file, the hub's commit, expected sha256)."""
    source = parse_source(wanted.source)
    if isinstance(source, Hub):
        return _from_hub(source, wanted, staging)
    fetch.fetch(source, staging, progress)
    return staging, "", wanted.sha256


def _checked(model: Model, expected: str) -> Model:
    """What was fetched, described, if it is what was expected and a model."""
    where = shown(model.source)
    try:
        header = read_header(Path(model.path))
    except UsageError as error:
        why = str(error).removeprefix(f"{model.path}: ")
        raise UsageError(f"{where}: {why}") from error
    found = described(model, header)
    if expected and found.sha256 != expected:
        raise UsageError(mismatch(where, found.sha256, expected))
    return found


def _discard(staging: Path) -> None:
    if staging.is_dir():
        shutil.rmtree(staging, ignore_errors=True)
    else:
        fetch.discard(staging)


def _from_hub(source: Hub, wanted: Model, staging: Path) -> tuple[Path, str, str]:
    """(file, commit, expected sha256); what an earlier try brought is used."""
    hub = _library()
    try:
        api = hub.HfApi(library_name="superopt-cc")
        commit = (
            wanted.revision
            or api.model_info(source.repository, revision=source.revision or None).sha
        )
        expected = wanted.sha256
        found = api.get_paths_info(source.repository, [source.file], revision=commit)
        if not found:
            raise UsageError(f"{source}: the hub has no such file")
        told = getattr(getattr(found[0], "lfs", None), "sha256", "") or ""
        if expected and told and told != expected:
            raise UsageError(mismatch(str(source), told, expected))
        path = hub.hf_hub_download(
            source.repository, source.file, revision=commit, local_dir=staging
        )
    except UsageError:
        raise
    except Exception as error:  # its errors are other ones in each of its versions
        raise _hub_problem(source, staging, error) from error
    return Path(path), str(commit), expected or told


def _library() -> Any:
    try:
        hub = importlib.import_module("huggingface_hub")
        utils: Any = importlib.import_module("huggingface_hub.utils")
    except ImportError as error:
        raise UsageError(
            f"models of the hub need huggingface_hub ({error}); pip install 'superopt-cc[llm]'"
        ) from error
    utils.logging.set_verbosity_error()
    if not sys.stderr.isatty():
        utils.disable_progress_bars()
    return hub


def _hub_problem(source: Hub, staging: Path, error: Exception) -> UsageError:
    """One line on what the hub's library raised."""
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(cause)
    for one in causes:
        if isinstance(one, OSError) and one.errno in fetch.FULL:
            _discard(staging)
            return UsageError(f"{staging.parent}: no room for the model ({one.strerror})")
    names = {type(one).__name__ for one in causes}
    if names & {"OfflineModeIsEnabled", "ConnectError", "ConnectTimeout", "ConnectionError"}:
        return UsageError(f"{source}: the hub cannot be reached")
    lines = [line for line in str(error).splitlines() if line.strip()]
    why = " ".join(lines[0].split())[:200] if lines else type(error).__name__
    return UsageError(f"{source}: {why}")
