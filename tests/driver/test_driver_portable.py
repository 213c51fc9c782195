from __future__ import annotations

import subprocess

import pytest

from superopt_cc.assembly.canonical import closure_identity
from superopt_cc.assembly.fragment import Fragment
from superopt_cc.assembly.offered import parse_fragment
from superopt_cc.assembly.unit import Unit, parse_unit
from superopt_cc.driver.portable import pack, unpack
from superopt_cc.errors import AssemblyError
from superopt_cc.types import Origin, Rewrite


def unit_of(source: str, level: str = "-O3") -> Unit:
    done = subprocess.run(
        ["gcc", level, "-x", "c", "-", "-S", "-o", "-"],
        input=source,
        capture_output=True,
        text=True,
        check=True,
    )
    return parse_unit(done.stdout)


def packed(source: str, name: str) -> tuple[Unit, Rewrite, str]:
    """gcc -O1's code of a function as a stored rewrite of its -O3 code."""
    unit = unit_of(source)
    text = unit_of(source, "-O1").text
    rewrite, binding = pack(
        unit, parse_fragment(text, name, unit), Rewrite(text, "test", Origin.COMPILED)
    )
    return unit, rewrite, binding


def words(fragment: Fragment) -> str:
    return "\n".join((*fragment.body, *(line for c in fragment.constants for line in c.lines)))


HALVES = "double half(double x) { return x * 2.5 + 1.25; }\n"


def test_a_rewrite_fits_the_same_function_under_another_name() -> None:
    source = "unsigned f(unsigned x) { return x ? f(x / 2) * 3 + 1 : 7; }\n"
    _, rewrite, binding = packed(source, "f")
    other = unit_of(source.replace("f(", "g("))
    fragment = unpack(other, "g", rewrite, "f", binding)
    assert fragment.name == "g"
    assert "f" not in [word.strip() for word in words(fragment).split()]


def test_constants_are_found_by_content_when_their_labels_move() -> None:
    _, rewrite, binding = packed(HALVES, "half")
    moved = unit_of("double more(double x) { return x * 7.75; }\n" + HALVES)
    constant = next(s for s in moved.symbols.values() if s.name == ".LC0")
    fragment = unpack(moved, "half", rewrite, "half", binding)
    assert constant.name not in words(fragment)


def test_equal_names_with_other_content_are_never_confused() -> None:
    source = (
        "static const int low[4] = {1, 2, 3, 4}, high[4] = {5, 6, 7, 9};\n"
        "int pick(unsigned i) { return low[i & 3] - high[i & 3]; }\n"
    )
    unit, rewrite, binding = packed(source, "pick")
    swapped = source.replace("low", "tmp").replace("high", "low").replace("tmp", "high")
    other = unit_of(swapped)
    identities = {closure_identity(u, u.function("pick")) for u in (unit, other)}
    assert len(identities) == 1
    fragment = unpack(other, "pick", rewrite, "pick", binding)
    # What was called `low` is called `high` here.
    text = words(fragment)
    first = next(line for line in words(unpack(unit, "pick", rewrite, "pick", binding)).split("\n")
                 if "low" in line)  # fmt: skip
    assert first.replace("low", "high") in text


def test_writable_objects_that_changed_places_are_refused_or_told_apart() -> None:
    source = (
        "static int a, b;\nvoid count(int n) { for (int i = 0; i < n; i++) a += i; b -= a; }\n"
        "int sum(void) { return a * 3 + b; }\n"
    )
    _, rewrite, binding = packed(source, "count")
    other = unit_of(
        source.replace("a +=", "c +=").replace("b -= a", "a -= c").replace("a, b", "c, a")
        .replace("a * 3 + b", "c * 3 + a")
    )  # fmt: skip
    with pytest.raises(AssemblyError):
        unpack(other, "count", rewrite, "count", binding)


def test_another_constant_under_the_same_label_is_refused() -> None:
    _, rewrite, binding = packed(HALVES, "half")
    other = unit_of(HALVES.replace("2.5", "3.5"))
    with pytest.raises(AssemblyError):
        unpack(other, "half", rewrite, "half", binding)
