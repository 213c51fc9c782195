"""Imports follow the arrows that docs/architecture.md draws."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "superopt_cc"
SHARED = frozenset({"types", "cases", "closing", "errors", "settings"})
FOLDERS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


def arrows() -> dict[str, frozenset[str]]:
    """Folder -> the folders that its arrows point to, from the document's block."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    block = re.search(r"^```arrows\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert block is not None, "docs/architecture.md draws no arrows"
    lines = (line.split("->") for line in block.group(1).splitlines())
    return {folder.strip(): frozenset(targets.split()) for folder, targets in lines}


def reach(folder: str) -> frozenset[str]:
    """What a folder may import, itself included."""
    drawn, found, todo = arrows(), {folder}, [folder]
    while todo:
        fresh = drawn[todo.pop()] - found
        found |= fresh
        todo += fresh
    return frozenset(found)


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """(line, part of the package) of every import in a file, wherever it stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import hides its arrow"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == PACKAGE.name and len(parts) > 1:
                yield node.lineno, parts[1]


def is_part(name: str) -> bool:
    """A folder or module of the package, not one of its own names such as `__version__`."""
    return (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()


def strays(path: Path, allowed: frozenset[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{line} imports {part}"
        for line, part in imported(path)
        if is_part(part) and part not in allowed
    ]


def test_every_folder_has_its_arrows() -> None:
    assert sorted(arrows()) == FOLDERS


def test_arrows_run_one_way() -> None:
    for folder in FOLDERS:
        for other in reach(folder) - {folder}:
            assert folder not in reach(other), f"{folder} and {other} reach each other"


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_imports_only_what_its_arrows_reach(folder: str) -> None:
    allowed = reach(folder) | SHARED
    assert [s for path in (PACKAGE / folder).glob("**/*.py") for s in strays(path, allowed)] == []


@pytest.mark.parametrize("module", sorted(SHARED))
def test_shared_modules_import_no_folder(module: str) -> None:
    assert strays(PACKAGE / f"{module}.py", SHARED) == []


def test_the_public_api_imports_the_driver_only() -> None:
    assert strays(PACKAGE / "__init__.py", SHARED | {"driver"}) == []


def layers() -> list[str]:
    """The folders of `verify` from the document's table, each above those that it imports."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = re.search(
        r"^\| folder \| its job \|\n\| --- \| --- \|\n((?:\|.*\n)+)", text, re.MULTILINE
    )
    assert table is not None, "docs/architecture.md has no table of verify's folders"
    return re.findall(r"^\| `(\w+)`", table.group(1), re.MULTILINE)


def test_the_folders_of_verify_stand_on_one_another() -> None:
    known = layers()
    assert sorted(known) == sorted(
        path.parent.name for path in PACKAGE.glob("verify/*/__init__.py")
    )
    for at, folder in enumerate(known):
        for path in (PACKAGE / "verify" / folder).glob("*.py"):
            found = re.findall(r"superopt_cc\.verify\.(\w+)", path.read_text(encoding="utf-8"))
            above = {name for name in found if name in known} - set(known[: at + 1])
            assert not above, f"{path} imports {above}"
