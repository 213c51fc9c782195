"""Files from plain web servers, going on where an earlier try was cut off."""

from __future__ import annotations

import contextlib
import errno
import http.client
import json
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from superopt_cc.errors import UsageError

Progress = Callable[[int, int], None]

_CHUNK = 1 << 20
_SECONDS = 30.0  # without a byte
_TRIES = 4  # in a row that bring nothing new
_PAUSE = 0.5
_BUSY = (408, 425, 429, 500, 502, 503, 504)
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class _CutError(Exception):
    """The connection ended too early: worth another try."""


def fetch(url: str, part: Path, progress: Progress) -> None:
    """Bring what is behind `url` into the file `part`; what is there of it already is kept.

    `progress` is told bytes here and bytes in all (0 for unknown).  Raises UsageError (one line).
    After a cut connection `part` stays for the next try, on a full disk it is removed.
    """
    failures = 0
    while True:
        before = _size(part)
        try:
            return _once(url, part, progress)
        except _CutError as cut:
            failures = 0 if _size(part) > before else failures + 1
            if failures >= _TRIES:
                raise UsageError(
                    f"{shown(url)}: {cut}; {_size(part):,} bytes are here: the same command goes on"
                ) from cut
            time.sleep(_PAUSE * failures)
        except OSError as error:
            if error.errno in FULL:
                raise no_room(part, error) from error
            raise UsageError(f"{part}: cannot be written: {error.strerror}") from error


def shown(url: str) -> str:
    """A URL without its query, which may be a secret."""
    return url.partition("?")[0]


def discard(part: Path) -> None:
    """Take away a partial file and the note beside it."""
    for path in (part, _note_path(part)):
        with contextlib.suppress(OSError):
            path.unlink()


def no_room(part: Path, error: OSError) -> UsageError:
    """The line for a full disk; the partial file is removed."""
    discard(part)
    return UsageError(f"{part.parent}: no room for the model ({error.strerror})")


def _once(url: str, part: Path, progress: Progress) -> None:
    note = _read_note(part)
    have = _size(part)
    if note.get("url") != url or not note.get("validator"):
        have = 0  # of what is here nobody knows which file's beginning it is
    try:
        response = _open(url, have, str(note.get("validator")))
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and have:
            if have == note.get("total"):
                return
            discard(part)
            raise _CutError("the file there has changed") from error
        if error.code in _BUSY:
            raise _CutError(f"the server says {error.code} {error.reason}") from error
        raise UsageError(f"{shown(url)}: the server says {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        if have or isinstance(error.reason, TimeoutError | ConnectionResetError):
            raise _CutError(f"cannot be reached ({_why(error.reason)})") from error
        raise UsageError(f"{shown(url)}: cannot be reached ({_why(error.reason)})") from error
    except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
        raise _CutError(f"no answer ({_why(error)})") from error
    with response:
        _save(response, url, part, have, progress)


def _open(url: str, have: int, validator: str) -> http.client.HTTPResponse:
    headers = {"User-Agent": "superopt-cc", "Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": validator}
    request = urllib.request.Request(url, headers=headers)
    response = urllib.request.urlopen(request, timeout=_SECONDS)
    if not isinstance(response, http.client.HTTPResponse):
        raise UsageError(f"{shown(url)}: leads to something that is no web server")
    return response


def _save(
    response: http.client.HTTPResponse, url: str, part: Path, have: int, progress: Progress
) -> None:
    head = response.headers
    total = _number(head.get("Content-Length"))
    if response.status == 206:
        unit, _, rest = head.get("Content-Range", "").partition(" ")
        first, _, whole = rest.partition("/")
        if unit != "bytes" or _number(first.partition("-")[0], -1) != have:
            discard(part)
            raise _CutError("the server sent another part than was asked for")
        total = _number(whole)
    else:
        have = 0
    tag = head.get("ETag", "")
    validator = tag if tag.startswith('"') else head.get("Last-Modified", "")
    _check_room(part, total - have)
    with part.open("r+b" if have else "wb") as file:
        _write_note(part, {"url": url, "validator": validator, "total": total})
        file.seek(have)
        while data := _read(response):
            file.write(data)
            have += len(data)
            progress(have, total)
    if have < total:
        raise _CutError(f"the connection ended after {have:,} of {total:,} bytes")


def _read(response: http.client.HTTPResponse) -> bytes:
    """The next bytes; what the network does wrong is told from what the disk does."""
    try:
        return response.read1(_CHUNK)
    except (http.client.HTTPException, OSError) as error:
        raise _CutError(f"the connection was cut ({_why(error)})") from error


def _check_room(part: Path, needed: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if needed > free:
        raise OSError(errno.ENOSPC, f"{needed:,} bytes to come, {free:,} free")


def _size(part: Path) -> int:
    try:
        return os.stat(part).st_size
    except OSError:
        return 0


def _number(text: str | None, otherwise: int = 0) -> int:
    return int(text) if text is not None and text.isdecimal() else otherwise


def _why(error: object) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split())[:200] or type(error).__name__


def _note_path(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _read_note(part: Path) -> Mapping[str, Any]:
    try:
        note = json.loads(_note_path(part).read_bytes())
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def _write_note(part: Path, note: Mapping[str, Any]) -> None:
    _note_path(part).write_text(json.dumps(note), "utf-8")
