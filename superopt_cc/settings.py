"""The settings of design 10, read from options, environment and files, every value checked.

Nothing here raises for bad input: what is wrong is collected as one-line problems, which
`superopt doctor` calls errors and a build prints as a warning (design 10).
"""

from __future__ import annotations

import dataclasses
import os
import re
import urllib.parse
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

MODES = ("off", "use", "queue", "now")
ISAS = ("match", "x86-64-v2", "x86-64-v3", "x86-64-v4", "native")
REQUIRES = ("tested", "shadowed", "bounded", "proved", "compiled")
ACCEPTS = ("faster", "verified")
PROGRESS = ("auto", "on", "off")
SURFACES = ("auto", "c", "asm")
GRAMMARS = ("off", "on")

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_OPTION = "--superopt-"
_VARIABLE = "SUPEROPT_"
_KEY = "SUPEROPT_API_KEY"  # no setting: it stays in the environment


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """One build's settings.

    `select` is ("pragma",), ("all",), ("profile:FILE",) or glob patterns of function names;
    `budget` and `model_budget` are seconds per function; `proposers` None means all available;
    `cache_size` is in bytes; `log` the file that log lines go to, None for none; `progress` is
    "auto" (on a terminal), "on" or "off".  A model answers `samples` times in a first round and
    in each of at most `rounds` refinements; `surface` is what it writes; `prompts` a folder of
    templates that stand in for our own; `grammar` "on" confines assembly to allowed instructions
    while it is written.  `foreign_model` is no setting: the model is a URL that
    only a source tree names, and gets no key of the user's.
    """

    mode: str = "now"
    select: tuple[str, ...] = ("pragma",)
    isa: str = "match"
    require: str = "tested"
    accept: str = "faster"
    budget: float = 30.0
    model_budget: float = 120.0
    proposers: tuple[str, ...] | None = None
    model: str | None = None
    samples: int = 8
    rounds: int = 2
    surface: str = "auto"
    prompts: Path | None = None
    grammar: str = "off"
    cc: str | None = None
    cache_dir: Path = Path()
    cache_size: int = 10**9
    log: Path | None = None
    progress: str = "auto"
    foreign_model: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class _Source:
    """Where one value comes from: words for people, and what relative paths are relative to."""

    label: str
    base: Path
    home: Path


def _choice(allowed: tuple[str, ...]) -> Callable[[str, _Source], str]:
    def read(text: str, source: _Source) -> str:
        if text not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return text

    return read


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


# Names of C++ hold blanks and commas inside brackets.
_NAMES = re.compile(r"(?:[^\s,<(]|<[^<>]*(?:<[^<>]*>[^<>]*)*>|\([^()]*\)|[<(])+")


def _select(text: str, source: _Source) -> tuple[str, ...]:
    words = tuple(_NAMES.findall(text))
    if not words:
        raise ValueError("must be pragma, all, profile:FILE or patterns of function names")
    if len(words) > 1 and {"pragma", "all"} & set(words):
        raise ValueError("pragma and all cannot be combined with patterns")
    if any(word.startswith("profile:") for word in words):
        raise ValueError("profiles cannot be read by this version; name the functions instead")
    return words


def _seconds(text: str, source: _Source) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 86_400:
        raise ValueError("must be seconds between 0 and 86400")
    return value


def _whole(low: int, high: int) -> Callable[[str, _Source], int]:
    def read(text: str, source: _Source) -> int:
        if not (text.isdecimal() and low <= int(text) <= high):
            raise ValueError(f"must be a whole number between {low} and {high}")
        return int(text)

    return read


def _bytes(text: str, source: _Source) -> int:
    number = text.replace(" ", "").lower().removesuffix("b").removesuffix("i")
    unit = number[-1:] if number[-1:].isalpha() else ""
    digits = number.removesuffix(unit) if unit else number
    try:
        value = int(float(digits) * _UNITS[unit])
    except (KeyError, ValueError, OverflowError):
        value = 0
    if value < 10**6:
        raise ValueError("must be a size of at least 1 MB, such as 500MB or 1GB")
    return value


def _path(text: str, source: _Source) -> Path:
    if not text:
        raise ValueError("must be a path")
    if text == "~" or text.startswith("~/"):
        return source.home / text[2:]
    return source.base / text


def _log(text: str, source: _Source) -> Path | None:
    return None if text in ("", "off") else _path(text, source)


def _folder(text: str, source: _Source) -> Path | None:
    return None if text in ("", "none") else _path(text, source)


class _SecretError(ValueError):
    """A value that must not be repeated."""


def _model(text: str, source: _Source) -> str | None:
    if text in ("", "none"):
        return None
    if is_model_name(text):
        return text  # looked up when it is known where the registry is
    if "://" not in text:
        return str(_path(text, source))
    problem = url_problem(text)
    if problem:
        raise _SecretError(problem)
    return text


def url_problem(url: str) -> str:
    """ "" for the address of a server that can be asked, else one line that repeats no secret."""
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "is no URL"
    if parts.username is not None or parts.password is not None or parts.query:
        return f"must hold neither a password nor a query; set {_KEY} in the environment"
    if parts.scheme not in ("http", "https") or not host or port == 0:
        return "must be http://HOST[:PORT][/v1][#MODEL], or the same with https"
    return ""


def is_model_name(text: str) -> bool:
    """Is it the name of a registered model, and neither a path nor a URL?"""
    return bool(text) and "/" not in text and text != "~" and not text.lower().endswith(".gguf")


def models_file(cache_dir: Path) -> Path:
    """The list of registered models; pulled files lie beside it."""
    return cache_dir / "models" / "models.json"


def read_models(cache_dir: Path) -> dict[str, Any]:
    """The registry's entries by name.  Raises ValueError (one line) for one that is damaged."""
    import json  # only where a model has a name: start-up time counts (design 12)

    path = models_file(cache_dir)
    try:
        models = json.loads(path.read_bytes())["models"]
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, RecursionError):
        models = None
    if not isinstance(models, dict) or not all(isinstance(m, dict) for m in models.values()):
        raise ValueError(f"{path}: damaged; mend it or move it away, then add the models again")
    return models


def registered_model(cache_dir: Path, name: str) -> str:
    """The path or URL that a name stands for.  Raises ValueError (one line)."""
    models = read_models(cache_dir)
    if name not in models:
        hint = f"known are {', '.join(sorted(models)[:8])}" if models else "none is registered"
        raise ValueError(f"no registered model ({hint}); a path needs a slash")
    model = models[name]
    path = str(model.get("path") or "")
    if not path:
        source = str(model.get("source") or "")
        if model.get("server") and not url_problem(source):
            return source
        raise ValueError(f"its file is not here yet: superopt model pull {name}")
    try:
        state = os.stat(path)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}; superopt model remove {name}") from error
    if [state.st_size, state.st_mtime_ns] != [model.get("size"), model.get("mtime_ns")]:
        raise ValueError(f"{path} has changed: superopt model check {name}")
    return path


def _proposers(text: str, source: _Source) -> tuple[str, ...] | None:
    words = _words(text)
    if not words:
        raise ValueError("must be all, or names of proposers")
    return None if words == ("all",) else words


def _compiler(text: str, source: _Source) -> str | None:
    return text or None


_READERS: Mapping[str, Callable[[str, _Source], Any]] = {
    "mode": _choice(MODES),
    "select": _select,
    "isa": _choice(ISAS),
    "require": _choice(REQUIRES),
    "accept": _choice(ACCEPTS),
    "budget": _seconds,
    "model_budget": _seconds,
    "proposers": _proposers,
    "model": _model,
    "samples": _whole(1, 64),
    "rounds": _whole(0, 16),
    "surface": _choice(SURFACES),
    "prompts": _folder,
    "grammar": _choice(GRAMMARS),
    "cc": _compiler,
    "cache_dir": _path,
    "cache_size": _bytes,
    "log": _log,
    "progress": _choice(PROGRESS),
}


def setting_names() -> tuple[str, ...]:
    """Every setting's name, in the order of design 10."""
    return tuple(_READERS)


def find_file(source_dir: Path) -> Path | None:
    """The `superopt.toml` of the source tree around `source_dir`.

    The search goes up to the root of the repository (a `.git` there); outside of any repository
    only the folder itself counts, so that a stray file far above decides nothing.
    """
    folders = [source_dir, *source_dir.parents]
    root = next((i for i, folder in enumerate(folders) if (folder / ".git").exists()), 0)
    for folder in folders[: root + 1]:
        if (folder / "superopt.toml").is_file():
            return folder / "superopt.toml"
    return None


def user_file(environ: Mapping[str, str]) -> Path:
    """Where the user's own settings are kept."""
    base = environ.get("XDG_CONFIG_HOME") or _home(environ) / ".config"
    return Path(base) / "superopt-cc" / "config.toml"


def default_cache_dir(environ: Mapping[str, str]) -> Path:
    """The cache folder when no setting names one."""
    base = environ.get("XDG_CACHE_HOME") or _home(environ) / ".cache"
    return Path(base) / "superopt-cc"


def load_settings(
    source_dir: Path, options: Sequence[str], environ: Mapping[str, str]
) -> tuple[Settings, tuple[str, ...]]:
    """Settings for a source in `source_dir` (absolute), and what was wrong with them.

    `options` are `--superopt-NAME=VALUE` words, later ones winning.  A bad value leaves the next
    weaker source in force and becomes a problem; so does an unknown name.  Never raises.
    """
    problems: list[str] = []
    values: dict[str, Any] = {"cache_dir": default_cache_dir(environ)}
    home = _home(environ)
    tree = find_file(source_dir)
    theirs: set[str] = set()
    for path in (user_file(environ), tree):
        if path is not None:
            before = dict(values)
            source = _Source(str(path), path.parent, home)
            _take(values, _file_items(path, problems), source, problems)
            theirs = {name for name in values if values[name] != before.get(name)}
    theirs = theirs if tree is not None else set()
    here = Path(environ.get("PWD") or os.curdir)
    for items, label in (
        (_environment_items(environ), "environment"), (_option_items(options, problems), "option"),
    ):  # fmt: skip
        theirs -= _take(values, items, _Source(label, here, home), problems)
    foreign = "model" in theirs
    if is_model_name(values.get("model") or ""):
        foreign = "cache_dir" in theirs  # its list of models is somebody else's
        try:
            values["model"] = registered_model(values["cache_dir"], values["model"])
        except ValueError as error:
            problems.append(f"model = {values.pop('model')!r}: {error}")
    foreign = foreign and "://" in (values.get("model") or "")
    return Settings(**values, foreign_model=foreign), tuple(problems)


def _home(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("HOME") or "/")


def _take(
    values: dict[str, Any],
    items: Iterable[tuple[str, str, str]],
    source: _Source,
    problems: list[str],
) -> set[str]:
    """Read (name, name as written, text) items into `values`; the names that were taken."""
    taken: set[str] = set()
    for name, written, text in items:
        reader = _READERS.get(name)
        if reader is None:
            problems.append(f"{source.label}: unknown setting {written}")
            continue
        try:
            values[name] = reader(text.strip(), source)
            taken.add(name)
        except _SecretError as error:
            problems.append(f"{source.label}: {written} {error}")
        except ValueError as error:
            problems.append(f"{source.label}: {written} = {text!r}: {error}")
    return taken


def _file_items(path: Path, problems: list[str]) -> list[tuple[str, str, str]]:
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        problems.append(f"{path}: cannot be read: {error.strerror}")
        return []
    import tomllib  # only where there is a file: start-up time counts (design 12)

    try:
        table = tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(f"{path}: not TOML: {error}")
        return []
    return [(name, name, _plain(value)) for name, value in table.items()]


def _plain(value: object) -> str:
    """A TOML value as the text that the environment would hold for it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ",".join(str(item) for item in value)
    return str(value)


def _environment_items(environ: Mapping[str, str]) -> list[tuple[str, str, str]]:
    return [
        (written.removeprefix(_VARIABLE).lower(), written, text)
        for written, text in sorted(environ.items())
        if written.startswith(_VARIABLE) and written != _KEY
    ]


def _option_items(options: Sequence[str], problems: list[str]) -> list[tuple[str, str, str]]:
    items = []
    for option in options:
        written, equals, text = option.partition("=")
        name = written.removeprefix(_OPTION).replace("-", "_")
        if not equals and name in _READERS:
            problems.append(f"option: {written} needs a value: {written}=...")
        else:
            items.append((name, written, text))
    return items
