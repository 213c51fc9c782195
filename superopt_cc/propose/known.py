"""What the proposers can find at all: part of the conditions of "nothing was found".

It imports next to nothing, because every build asks.
"""

from __future__ import annotations

import os

# Grows with every change of a proposer that could find more.
PROPOSERS = "4"


def knowledge_folder() -> str:
    """Where the entries of recall lie: in an installed package, or beside an editable one."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    installed = os.path.join(package, "_data", "cache", "knowledge")
    if os.path.isdir(installed):
        return installed
    return os.path.join(os.path.dirname(package), "cache", "knowledge")


def found_by() -> str:
    """Changes when a search could find more: another version, another entry, another text."""
    newest, entries = 0, 0
    try:
        for folder in os.scandir(knowledge_folder()):
            if folder.is_dir():
                newest = max(newest, *(f.stat().st_mtime_ns for f in os.scandir(folder)))
                entries += 1
    except (OSError, TypeError):  # an entry that goes while we look; an empty folder
        pass
    return f"{PROPOSERS} {entries} {newest} {_clang()}"


def _clang() -> str:
    """A clang that came, went or changed finds other rewrites."""
    for folder in os.get_exec_path():
        path = os.path.join(folder, "clang")
        try:
            return f"{path} {os.stat(path).st_mtime_ns}"
        except OSError:
            continue
    return ""
