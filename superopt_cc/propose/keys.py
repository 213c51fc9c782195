"""Keys for servers: they come from the environment and are no part of any value that is kept."""

from __future__ import annotations

import os
import urllib.parse
from collections.abc import Mapping

KEYS = ("SUPEROPT_API_KEY", "OPENAI_API_KEY")
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def key_for(base: str, environ: Mapping[str, str]) -> str:
    """The key to send to an address, "" for none.

    OpenAI's own key goes only where it belongs or where the user's own machine answers: the
    address may come from a file in somebody else's source tree.
    """
    if environ.get(KEYS[0]):
        return environ[KEYS[0]]
    host = urllib.parse.urlsplit(base).hostname or ""
    usual = urllib.parse.urlsplit(environ.get("OPENAI_BASE_URL", "")).hostname
    own = host in LOOPBACK or host == usual or host == "openai.com" or host.endswith(".openai.com")
    return environ.get(KEYS[1], "") if own else ""


def without_keys(line: str) -> str:
    """What a server said, with no key in it."""
    for name in KEYS:
        value = os.environ.get(name)
        line = line.replace(value, "***") if value else line
    return line
