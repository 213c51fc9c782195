"""One timing at a time on this machine (design 6): a lock that every process of ours respects."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from superopt_cc.errors import SuperoptError

_POLL_SECONDS = 0.02


def lock_folder() -> Path:
    """Where the lock file of this user lies: the runtime directory, else the temporary one.

    The usual runtime directory is tried even when the environment does not name it, so that
    builds with different environments share one lock.
    """
    uid = os.getuid()
    for folder in (os.environ.get("XDG_RUNTIME_DIR", ""), f"/run/user/{uid}"):
        if folder and os.path.isdir(folder) and os.access(folder, os.W_OK):
            return Path(folder) / "superopt-cc"
    try:
        return Path(tempfile.gettempdir()) / f"superopt-cc-{uid}"
    except OSError as error:
        raise SuperoptError(f"the timing lock needs a temporary folder: {error}") from error


def _open(folder: Path) -> int:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        # A folder that somebody else put there could hold a link to a file of ours.
        info = folder.lstat()
        if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.getuid():
            raise SuperoptError(f"{folder}: not our own folder; remove it to allow timing")
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(folder / "timing.lock", flags, 0o600)
    except OSError as error:
        raise SuperoptError(
            f"{folder}: cannot hold the timing lock ({error.strerror}); make it writable"
        ) from error


@contextlib.contextmanager
def timing_lock(patience: float, folder: Path | None = None) -> Iterator[None]:
    """Hold the lock; wait for it at most `patience` seconds.

    Raises SuperoptError when the lock cannot be had: without it nothing is timed, so gcc's code
    stays.
    """
    descriptor = _open(folder or lock_folder())
    try:
        until = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if not isinstance(error, BlockingIOError):
                    raise SuperoptError(f"the timing lock fails: {error.strerror}") from error
            if time.monotonic() >= until:
                raise SuperoptError(
                    f"another timing held the lock for {patience:g} seconds; try again later"
                )
            time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)
