"""C extensions of packages from the registry, built with CC=superopt-cc; their own tests decide."""

from __future__ import annotations

import dataclasses
import subprocess
import sysconfig
import tarfile
import venv
from pathlib import Path
from typing import Any

import pytest
from workplace import Workplace, environment, program

from superopt_cc.assembly import reasons as text_reasons
from superopt_cc.toolchain.options import table
from superopt_cc.types import Reason
from superopt_cc.verify import reasons
from superopt_cc.verify.gathering import bench
from superopt_cc.verify.making import shape
from superopt_cc.verify.running import image
from superopt_cc.verify.screening import screen

# Counted by the driver and the search (docs/architecture.md, design 11.1).
_OTHER = {
    "contract", "opt-level", "not-in-store", "level", "failed", "splice", "together", "store",
    "no-source", "unknown-text", "internal", "not-faster", "no-rewrite", "budget", "inadequate",
}  # fmt: skip
_UNREACHABLE = ("No matching distribution", "Could not find a version", "connection", "Temporary")


@dataclasses.dataclass(frozen=True)
class Package:
    """`own_tests` are files in the sdist's tests folder."""

    name: str
    version: str
    budget: str
    own_tests: tuple[str, ...]


XXHASH = Package(
    "xxhash",
    "4.1.0",
    "1",
    (
        "test_xxh32.py",
        "test_xxh64.py",
        "test_xxh3_64.py",
        "test_xxh3_128.py",
        "test_hashlib_compat.py",
        "test_thread_safety.py",
    ),
)
# Without those that take minutes, or psutil.
LZ4 = Package(
    "lz4",
    "4.4.5",
    "1",
    (
        "block/test_block_0.py",
        "block/test_block_1.py",
        "block/test_block_3.py",
        "frame/test_frame_0.py",
        "frame/test_frame_2.py",
        "frame/test_frame_4.py",
        "frame/test_frame_6.py",
        "frame/test_frame_7.py",
        "frame/test_frame_8.py",
        "frame/test_frame_9.py",
    ),
)


@pytest.mark.parametrize("package", [XXHASH, LZ4], ids=lambda package: package.name)
def test_a_package_built_with_superopt_cc_passes_its_own_tests(
    package: Package, tmp_path: Path
) -> None:
    folder, cache = tmp_path / "work", tmp_path / "cache"
    folder.mkdir()
    settings = {"select": "all", "accept": "verified", "budget": package.budget}
    environ = environment(cache, **settings) | {"CC": program("superopt-cc")}
    place = Workplace(folder, cache, environ)
    python = throw_away_python(tmp_path / "venv")
    tests = unpacked_tests(place, python, package)

    wanted = f"{package.name}=={package.version}"
    options = ("--no-cache-dir", "--no-deps", "--no-binary", package.name)
    done = place.run(python, "-m", "pip", "install", *options, wanted, timeout=1200)
    assert done.returncode == 0, done.stdout + done.stderr

    counted = totals(place)
    assert counted["seen"] > 0
    assert counted["selected"] == counted["seen"]
    assert counted["eligible"] == counted["replaced"] + counted["kept"]
    assert set(counted["reasons"]) <= known_reasons()
    assert "internal" not in counted["reasons"]
    ours = [name for path in extensions(tmp_path / "venv") for name in place.replaced(str(path))]
    assert len(ours) == counted["replaced"]

    words = ("-m", "pytest", "-q", "-p", "no:cacheprovider", *package.own_tests)
    own = subprocess.run(
        [python, *words], cwd=tests, env=environ, capture_output=True, text=True, timeout=900
    )
    assert own.returncode == 0, own.stdout + own.stderr
    assert " passed" in own.stdout


def throw_away_python(prefix: Path) -> str:
    """A virtual environment with pip, which also sees the packages of ours (pytest)."""
    venv.create(prefix, symlinks=True, with_pip=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(prefix)}))
    # Behind its own packages, and only what lies there: no editable install of ours.
    (packages / "pytest.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return str(prefix / "bin" / "python")


def unpacked_tests(place: Workplace, python: str, package: Package) -> Path:
    """The tests folder of the package's sdist, outside of its sources."""
    wanted = f"{package.name}=={package.version}"
    options = ("--no-deps", "--no-binary", package.name, "-d", "sdist")
    done = place.run(
        python, "-m", "pip", "download", *options, wanted, SUPEROPT_MODE="off", timeout=600
    )
    if done.returncode and any(words in done.stderr for words in _UNREACHABLE):
        pytest.skip(f"the registry cannot be reached: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stdout + done.stderr
    (sdist,) = (place.folder / "sdist").glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        inner = f"{package.name}-{package.version}/tests"
        members = [m for m in archive.getmembers() if m.name.startswith(inner)]
        archive.extractall(place.folder / "own", members, filter="data")
    return place.folder / "own" / inner


def totals(place: Workplace) -> dict[str, Any]:
    """The counts of all builds together."""
    found: dict[str, Any] = {"reasons": {}}
    for build in place.ask("status")["builds"]:
        for name, count in build["functions"].items():
            found[name] = found.get(name, 0) + count
        for name, count in build["reasons"].items():
            found["reasons"][name] = found["reasons"].get(name, 0) + count
    return found


def extensions(prefix: Path) -> list[Path]:
    """Shared objects that were installed into a virtual environment."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    folder = Path(sysconfig.get_path("platlib", vars={"platbase": str(prefix)}))
    return [path for path in folder.rglob("*") if path.name.endswith(suffix)]


def known_reasons() -> set[str]:
    """Every name that a function may be counted under."""
    tables = (
        text_reasons.REASONS, reasons.REASONS, screen.REASONS, bench.REASONS, image.REASONS,
        shape.REASONS,
    )  # fmt: skip
    named = {name for table in tables for name in table}
    options = {option.reason for option in table().values() if option.reason}
    return named | options | _OTHER | {reason.value for reason in Reason}
