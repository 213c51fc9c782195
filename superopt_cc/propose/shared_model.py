"""The way to the process that all parallel compiles share: found, or started, by its socket.

One for each model file and user.  A socket that nobody listens at is replaced.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from superopt_cc.propose.effort import model_stamp
from superopt_cc.settings import default_cache_dir
from superopt_cc.toolchain.tools import clean_environment

# Spinning threads starve a build that runs beside them.
ENVIRONMENT = {"OMP_WAIT_POLICY": "passive"}
IDLE = "_SUPEROPT_MODEL_IDLE"  # seconds, for tests

_IDLE_SECONDS = "60"
_LONGEST_PATH = 107  # bytes: the system's limit for a socket
_START_SECONDS = 20.0
_POLL_SECONDS = 0.02


def connect(argv: Sequence[str], model: str, deadline: float) -> socket.socket | None:
    """A connection to the model's process, `argv` if it must be started.

    None where there can be no such process.  Raises TimeoutError at the deadline.
    """
    key = f"{model_stamp(os.path.realpath(model))}\n{argv}"
    name = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:16] + ".sock"
    folder = _folder(name)
    if folder is None:
        return None
    path = folder / name
    try:
        found = _try(path, deadline)
        if found is not None:
            return found
        with _lock(folder / "models.lock", deadline):
            found = _try(path, deadline)
            if found is None and _start(argv, path):
                found = _try(path, deadline)
            return found
    except TimeoutError:
        raise
    except OSError:
        return None


def run_folders(environ: Mapping[str, str]) -> Iterator[Path]:
    """Where sockets may lie, best first."""
    if environ.get("XDG_RUNTIME_DIR"):
        yield Path(environ["XDG_RUNTIME_DIR"]) / "superopt-cc"
    yield default_cache_dir(environ) / "run"
    with contextlib.suppress(OSError):
        yield Path(tempfile.gettempdir()) / f"superopt-cc-{os.getuid()}"


def _folder(name: str) -> Path | None:
    for folder in run_folders(os.environ):
        if len(os.fsencode(folder / name)) > _LONGEST_PATH:
            continue
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = folder.lstat()
            # Whoever may write there could listen in our server's place.
            safe = status.st_uid == os.getuid() and not status.st_mode & 0o022
            if stat.S_ISDIR(status.st_mode) and safe:
                return folder
    return None


def _try(path: Path, deadline: float) -> socket.socket | None:
    """A connection, if somebody listens."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(max(0.01, deadline - time.monotonic()))
    try:
        connection.connect(os.fspath(path))
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    except BaseException:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def _lock(path: Path, deadline: float) -> Iterator[None]:
    """Only one starts a process."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise TimeoutError from None
                time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _start(argv: Sequence[str], path: Path) -> bool:
    """Start the process; it listens when this returns True."""
    path.unlink(missing_ok=True)
    words = [*argv, "serve", str(path), os.environ.get(IDLE, _IDLE_SECONDS)]
    try:
        # It outlives us: it must hold nothing that a build waits for, no pipe and no folder.
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=clean_environment(ENVIRONMENT),
            cwd="/",
            start_new_session=True,
            timeout=_START_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
