"""The models that have a name: where their files are, what they were when they were added.

`CACHE/models/models.json` holds the list (`settings.read_models` says how `model = "NAME"` is read
from it); pulled files lie beside it as `NAME.gguf`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import re
import shutil
import tempfile
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from superopt_cc.errors import StoreError, UsageError
from superopt_cc.propose.header import Header, read_header
from superopt_cc.settings import is_model_name, models_file, read_models, url_problem

_NAME = re.compile(r"[A-Za-z0-9][\w.+-]{0,79}")
_FORMAT = 1
_HEX = re.compile(r"[0-9a-f]{64}")


@dataclasses.dataclass(frozen=True, slots=True)
class Model:
    """One registered model.

    `source` is where it was pulled from, or a server's address if `server`; `path` is "" as long as
    there is no file.  `size` and `mtime_ns` are the file's when `sha256` was made; `revision` is
    the hub's commit.  `sha256` without a path is what a pull must bring.
    """

    name: str
    source: str = ""
    server: bool = False
    path: str = ""
    size: int = 0
    mtime_ns: int = 0
    sha256: str = ""
    revision: str = ""
    context: int = 0
    quantisation: str = ""

    @property
    def where(self) -> str:
        return self.path or self.source

    @property
    def state(self) -> str:
        """ "ready", "server", "not pulled", "gone" or "changed"."""
        if not self.path:
            return "server" if self.server else "not pulled"
        try:
            found = os.stat(self.path)
        except OSError:
            return "gone"
        same = (found.st_size, found.st_mtime_ns) == (self.size, self.mtime_ns)
        return "ready" if same else "changed"


@dataclasses.dataclass(frozen=True, slots=True)
class Hub:
    """`hf:OWNER/NAME[@REVISION]/FILE`."""

    repository: str
    file: str
    revision: str = ""

    def __str__(self) -> str:
        at = f"@{self.revision}" if self.revision else ""
        return f"hf:{self.repository}{at}/{self.file}"


class Registry:
    """The list in one cache folder.

    Methods raise UsageError for unknown and taken names and a damaged list, which is never
    overwritten, StoreError where the folder cannot be written: one line each.
    """

    def __init__(self, cache_dir: Path) -> None:
        self.cache_dir = cache_dir
        self.path = models_file(cache_dir)
        self.folder = self.path.parent

    def models(self) -> list[Model]:
        """All of them, by name."""
        try:
            entries = read_models(self.cache_dir)
        except ValueError as error:
            raise UsageError(str(error)) from error
        return [_model(name, entry) for name, entry in sorted(entries.items())]

    def get(self, name: str) -> Model:
        """The model called `name`."""
        known = self.models()
        for model in known:
            if model.name == name:
                return model
        hint = f"known are {', '.join(m.name for m in known[:8])}" if known else "there is none"
        raise UsageError(f"no model is called {name}; {hint}")

    def free(self, name: str) -> None:
        """Check that a new model may be called so."""
        if not _NAME.fullmatch(name) or not is_model_name(name) or name == "none":
            raise UsageError(f"{name!r} is no name for a model: letters, digits, . _ + -, no .gguf")
        if any(model.name == name for model in self.models()):
            raise UsageError(f"the name {name} is taken: superopt model remove {name}")

    def put(self, model: Model) -> None:
        """Add a model, or change what is known about it."""
        entry = dataclasses.asdict(model)
        del entry["name"]
        with self._changing() as models:
            models[model.name] = entry

    def remove(self, name: str) -> Model:
        """Forget a model; its file stays, what a pull left unfinished does not."""
        model = self.get(name)
        with self._changing() as models:
            models.pop(name, None)
            shutil.rmtree(self.folder / f".{name}.hub", ignore_errors=True)
            for ending in ("part", "part.json", "lock"):
                (self.folder / f".{name}.{ending}").unlink(missing_ok=True)
        return model

    @contextlib.contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        """The entries, to be changed; nobody else changes them meanwhile."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / ".lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                try:
                    models = read_models(self.cache_dir)
                except ValueError as error:
                    raise UsageError(str(error)) from error
                yield models
                self._write(models)
        except OSError as error:
            raise StoreError(f"{self.folder}: cannot be written: {error.strerror}") from error

    def _write(self, models: Mapping[str, Any]) -> None:
        text = json.dumps({"format": _FORMAT, "models": models}, indent=2) + "\n"
        handle, name = tempfile.mkstemp(prefix=".models-", dir=self.folder)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self.path)
        except BaseException:
            os.unlink(name)
            raise


def add(registry: Registry, name: str, what: str, sha256: str = "") -> Model:
    """Register a file, a server, or a file that is still to be pulled."""
    registry.free(name)
    expected = checked_digest(sha256)
    source = parse_source(what)
    if isinstance(source, Hub):
        model = Model(name, source=str(source), sha256=expected)
    elif "://" in source:
        is_file = urllib.parse.urlsplit(source).path.lower().endswith(".gguf")
        problem = "" if is_file else url_problem(source)
        if problem:
            raise UsageError(f"the address {problem}; the address of a file ends in .gguf")
        model = Model(name, source=source, server=not is_file, sha256=expected)
    else:
        path = Path(source).expanduser()
        model = described(Model(name, path=os.path.abspath(path)), read_header(path))
        if expected and model.sha256 != expected:
            raise UsageError(mismatch(str(path), model.sha256, expected))
    registry.put(model)
    return model


def parse_source(what: str) -> Hub | str:
    """A hub's file, a URL or a path; UsageError for what is none of them."""
    if not what.startswith("hf:"):
        if "://" in what:
            _check_url(what)
        return what
    owner, _, rest = what.removeprefix("hf:").partition("/")
    name, _, file = rest.partition("/")
    name, _, revision = name.partition("@")
    if not (owner and name and file) or ".." in file.split("/"):
        raise UsageError(f"{what}: a model of the hub is hf:OWNER/NAME[@REVISION]/FILE.gguf")
    return Hub(f"{owner}/{name}", file, revision)


def _check_url(url: str) -> None:
    try:
        parts = urllib.parse.urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"no URL: {error}") from error
    if parts.username is not None or parts.password is not None:
        raise UsageError("a model's URL must not hold a password: it would be written to the list")
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError(f"{url}: a model's URL begins with http:// or https://")


def name_for(what: str) -> str:
    """What a pulled model is called unless the user says so: its file's name."""
    path = what if what.startswith("hf:") else urllib.parse.urlsplit(what).path
    stem = re.sub(r"\.gguf$", "", urllib.parse.unquote(path).rpartition("/")[2], flags=re.I)
    name = re.sub(r"[^\w.+-]", "-", stem, flags=re.A).lstrip("._+-")[:80]
    if not name:
        raise UsageError(f"{what}: give the model a name: --name NAME")
    return name


def checked_digest(sha256: str) -> str:
    """A sha256 as people give it.  Raises UsageError."""
    digest = sha256.strip().lower().removeprefix("sha256:")
    if digest and not _HEX.fullmatch(digest):
        raise UsageError("a sha256 has 64 hexadecimal digits")
    return digest


def described(model: Model, header: Header) -> Model:
    """The model with what its file says: size, time, sha256, context."""
    try:
        with open(model.path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            state = os.fstat(file.fileno())
    except OSError as error:
        raise UsageError(f"{model.path}: cannot be read: {error.strerror}") from error
    return dataclasses.replace(
        model,
        size=state.st_size,
        mtime_ns=state.st_mtime_ns,
        sha256=digest,
        context=header.context,
        quantisation=header.quantisation,
    )


def confirm(registry: Registry, model: Model) -> Model:
    """Is the file still the one that was registered?  Raises UsageError if not."""
    fresh = described(model, read_header(Path(model.path)))
    if model.sha256 and fresh.sha256 != model.sha256:
        raise UsageError(mismatch(model.path, fresh.sha256, model.sha256))
    if fresh != model:
        registry.put(fresh)
    return fresh


def mismatch(where: str, found: str, expected: str) -> str:
    """One line on a file that is not the expected one."""
    return f"{where}: its sha256 is {found[:16]}..., expected {expected[:16]}...; it is not used"


def _model(name: str, entry: Mapping[str, Any]) -> Model:
    """An entry of the list; what has the wrong type counts as missing."""
    known = {field.name: field for field in dataclasses.fields(Model) if field.name != "name"}
    return Model(name, **{
        key: entry[key] for key, field in known.items()
        if type(entry.get(key)) is type(field.default)
    })  # fmt: skip
