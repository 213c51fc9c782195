"""What recall recognises, however it is written, and what it must not get wrong."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from recalling import entry_of, recalled, recognised, story

from superopt_cc.propose.recall.entries import all_entries
from superopt_cc.propose.recall.references import references
from superopt_cc.toolchain.command import parse_command
from superopt_cc.toolchain.tools import find_compiler

POPCOUNTS = (
    "int f(uint64_t x) { int n = 0; while (x) { x &= x - 1; n++; } return n; }",
    "unsigned char f(unsigned x)"
    "{ unsigned char n = 0; for (int i = 31; i >= 0; i--) if (x >> i & 1) n++; return n; }",
    "static unsigned g(unsigned x) { return x ? (x & 1) + g(x >> 1) : 0; }"
    "void f(unsigned x, unsigned *out) { *out = g(x); }",
)
CRCS = (
    "uint32_t f(const uint8_t *p, size_t n) { uint32_t c = ~0u; while (n--) { c ^= *p++;"
    "for (int k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ 0xEDB88320u : c >> 1; } return ~c; }",
    "unsigned f(unsigned c, const void *b, unsigned n) { const unsigned char *p = b;"
    "for (c = ~c; n > 0; n--, p++) { unsigned x = (c ^ *p) & 255;"
    "for (int k = 8; k; k--) x = x >> 1 ^ (0x82F63B78u & -(x & 1)); c = c >> 8 ^ x; } return ~c; }",
    "uint16_t f(int n, const char *p) { uint16_t c = 0xffff; for (int i = 0; i < n; i++) {"
    "c ^= (unsigned char)p[i]; for (int k = 0; k < 8; k++) { int low = c & 1; c >>= 1;"
    "if (low) c ^= 0xA001; } } return c; }",
)
COUNTS = (
    "size_t f(const char *s, size_t n)"
    "{ size_t c = 0; for (size_t i = 0; i < n; i++) if (s[i] == '\\n') c++; return c; }",
    "int f(unsigned char w, const unsigned char *s, int n)"
    "{ int c = 0; while (n-- > 0) c += *s++ == w; return c; }",
    "void f(int n, uint32_t w, const uint32_t *s, long *out)"
    "{ long c = 0; while (n > 0) if (s[--n] == w) c++; *out = c; }",
)
FINDS = (
    "int f(const unsigned char *s, int n, int w)"
    "{ for (int i = 0; i < n; i++) if (s[i] == (unsigned char)w) return i; return -1; }",
    "const char *f(const char *s, char w, size_t n)"
    "{ for (; n; n--, s++) if (*s == w) return s; return 0; }",
    "_Bool f(const uint8_t *s, size_t n, uint8_t w)"
    "{ while (n--) if (*s++ == w) return 1; return 0; }",
)


@pytest.mark.parametrize(
    ("source", "entry"),
    [(s, "popcount") for s in POPCOUNTS]
    + [(s, "crc32-reflected") for s in CRCS]
    + [(s, "count-equal") for s in COUNTS]
    + [(s, "find-equal") for s in FINDS],
)
def test_spelled_in_any_way_it_is_recognised_and_replaced(
    source: str, entry: str, tmp_path: Path
) -> None:
    outcome = recalled(tmp_path, source)
    assert outcome.outcome == "replaced", story(outcome)
    assert entry_of(outcome).startswith(entry.split("-")[0])


@pytest.mark.parametrize(
    ("source", "entry"),
    [
        (
            "int f(const uint8_t *s, const uint8_t *e, int w)"
            "{ int c = 0; for (; s < e; s++) c += *s == (uint8_t)w; return c; }",
            "count-equal",
        ),
        (
            "const char *f(const char *s, const char *e, char w)"
            "{ while (s != e && *s != w) s++; return s; }",
            "find-equal",
        ),
        (
            "void f(uint64_t *out, int n, const uint8_t *a, const uint8_t *b)"
            "{ uint64_t s = 0; for (int i = 0; i < n; i++) s += (a[i] - b[i]) * (a[i] - b[i]);"
            "*out = s; }",
            "sum-of-squared-differences",
        ),
        (
            "int f(const char *s) { int n = 0; while (*s) { if ((*s & 0xc0) != 0x80) n++; s++; }"
            "return n; }",
            "string-count-in-set",
        ),
        (
            "char *f(char *s, int n) { for (int i = 0; i < n; i++) { int c = s[i];"
            "if (c >= 'A' && c <= 'Z') c += 'a' - 'A'; s[i] = c; } return s; }",
            "map-bytes-in-place",
        ),
        (
            "unsigned f(const char *s, int n)"
            "{ unsigned h = 7; for (int i = 0; i < n; i++) h = (h << 5) - h + s[i]; return h; }",
            "polynomial-hash",
        ),
        (
            "int f(uint64_t x) { int n = 64; while (x) { x >>= 1; n--; } return n; }",
            "leading-zeros",
        ),
        ("unsigned f(unsigned b, unsigned a) { return b ? f(a % b, b) : a; }", "gcd"),
        (
            "long f(const int *p, unsigned n) { if (!n) return -1; const int *b = p;"
            "for (const int *q = p; q < p + n; q++) if (*b < *q) b = q; return b - p; }",
            "first-greatest",
        ),
    ],
)
def test_roles_are_found_in_any_order_and_shape(source: str, entry: str, tmp_path: Path) -> None:
    assert entry in recognised(tmp_path, source)


@pytest.mark.parametrize(
    "source",
    [
        "int f(const uint8_t *s, int n, int w)"
        "{ int c = 0; for (int i = 1; i < n; i++) c += s[i] == w; return c; }",
        "unsigned f(unsigned x) { unsigned n = 0; while (x) { n += 2; x &= x - 1; } return n; }",
        "uint32_t f(const uint8_t *p, size_t n) { uint32_t a = 1, b = 0;"
        "for (size_t i = 0; i < n; i++) { a = (a + p[i]) % 65521; b = (b + 2 * a) % 65521; }"
        "return b << 16 | a; }",
        "int f(int x) { return 7; }",
    ],
)
def test_what_differs_is_not_recognised(source: str, tmp_path: Path) -> None:
    assert recognised(tmp_path, source) == []


def test_it_says_in_words_where_a_rewrite_comes_from(tmp_path: Path) -> None:
    outcome = recalled(tmp_path, CRCS[0])
    assert outcome.rewrite is not None
    assert "low bit first" in outcome.rewrite.how
    assert "POLYNOMIAL 0xedb88320" in outcome.rewrite.how
    assert "cache/knowledge/crc32-reflected/" in outcome.rewrite.how


def test_names_do_not_matter(tmp_path: Path) -> None:
    names = {"f": "strlen_fast", "s": "q", "n": "a", "c": "total", "i": "z"}
    other = re.sub(r"\b[fscni]\b", lambda m: names[m.group()], COUNTS[0].replace("'\\n'", "10"))
    one, two = (recalled(tmp_path, COUNTS[0]), recalled(tmp_path, other, "strlen_fast"))
    assert one.rewrite is not None
    assert two.rewrite is not None
    assert two.rewrite.how == one.rewrite.how
    assert two.rewrite.text.replace("strlen_fast", "f") == one.rewrite.text


def test_what_only_seems_the_same_falls(tmp_path: Path) -> None:
    # Probes never hold this byte after that one: recall believes in a count of newlines.
    source = (
        "size_t f(const char *s, size_t n) { size_t c = 0; for (size_t i = 0; i < n; i++)"
        "{ if (s[i] == '\\n') c++; if (c == 77) c = 5; } return c; }"
    )
    outcome = recalled(tmp_path, source)
    assert any("count" in attempt.how for attempt in outcome.attempts)
    assert outcome.outcome == "kept"


@pytest.mark.parametrize("width", [17, 31])
def test_a_word_of_another_width_is_not_taken_for_a_whole_one(tmp_path: Path, width: int) -> None:
    loop = f"for (int i = 0; i < {width}; i++) n += x >> i & 1;"
    source = f"int f(unsigned x) {{ int n = 0; {loop} return n; }}"
    assert recalled(tmp_path, source).outcome == "kept"


def test_instruction_sets_that_may_not_be_used_are_not_used(tmp_path: Path) -> None:
    plain = recalled(tmp_path, POPCOUNTS[1])
    rich = recalled(tmp_path, POPCOUNTS[1], args=("-O3", "-mpopcnt"))
    assert plain.rewrite is not None
    assert rich.rewrite is not None
    assert "popcnt" not in plain.rewrite.text
    assert "popcnt" in rich.rewrite.text


def test_callers_that_rely_on_registers_keep_them(tmp_path: Path) -> None:
    # Both in one unit: gcc lets the caller keep values where this callee spares them.
    source = (
        "__attribute__((noinline)) " + POPCOUNTS[0] +
        "int g(uint64_t a, int b, int c) { return f(a) + b * f(a + 1) + c * f(a + 2); }"
    )  # fmt: skip
    assert recalled(tmp_path, source).outcome == "replaced"


def test_a_signature_that_no_entry_has_costs_next_to_nothing(tmp_path: Path) -> None:
    outcome = recalled(tmp_path, "double f(double x) { return x * 3 + 1; }")
    assert outcome.attempts == ()
    assert outcome.candidates == 0


def test_references_are_compiled_once(tmp_path: Path) -> None:
    recalled(tmp_path, POPCOUNTS[0])
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache" / "recall").iterdir()}
    assert kept
    time.sleep(0.01)
    recalled(tmp_path, POPCOUNTS[0])
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_damaged_references_are_made_again(tmp_path: Path) -> None:
    command = parse_command(["-c", "f.c"], tmp_path, find_compiler(None, "c"))
    (entry,) = (entry for entry in all_entries() if entry.name == "popcount")
    references((entry,), command, tmp_path)
    (made,) = tmp_path.iterdir()
    good = made.read_bytes()
    for bad in (b"", good[:5000], bytes([good[0] ^ 1]) + good[1:]):
        made.unlink()  # this process has it open
        made.write_bytes(bad)
        references((entry,), command, tmp_path)
        assert made.read_bytes() == good
