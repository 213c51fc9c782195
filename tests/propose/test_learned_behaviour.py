"""Fingerprints: equal for every spelling of one computation, whatever the names."""

from __future__ import annotations

from pathlib import Path

import pytest

from superopt_cc.driver.jobs import unit_jobs
from superopt_cc.driver.selection import Wish
from superopt_cc.propose.learned.behaviour import fingerprints
from superopt_cc.settings import Settings
from superopt_cc.verify.engine import Verifier
from superopt_cc.verify.gathering.gather import Limits

FEW = Limits(seconds=0.3)


def behaviours(folder: Path, source: str) -> dict[str, tuple[str, ...]]:
    """The fingerprints of every function of a source."""
    path = folder / "unit.c"
    path.write_text(source)
    jobs = unit_jobs(path, (), Settings())
    found = {}
    for function in jobs.unit.functions:
        job = jobs.job(function.name, Wish())
        with Verifier(job, FEW, jobs.unit) as verifier:
            found[function.name] = fingerprints(job.facts, jobs.unit, verifier.run_target)
    return found


@pytest.mark.parametrize(
    "source",
    [
        "unsigned a(unsigned x) { unsigned n = 0; while (x) { n += x & 1; x >>= 1; } return n; }\n"
        "int b(int v) { int k = 0; for (unsigned u = v; u; u &= u - 1) k++; return k; }\n",
        "char *a(char *s, int c) { for (; *s; s++) if (*s == (char)c) return s; return 0; }\n"
        "const char *b(const char *p, int k) {\n"
        "  unsigned long i = 0;\n"
        "  while (p[i] && p[i] != (char)k) i++;\n"
        "  return p[i] ? p + i : 0; }\n",
        "unsigned a(const unsigned char *p, unsigned long n) {\n"
        "  unsigned s = 0; for (unsigned long i = 0; i < n; i++) s += p[i]; return s; }\n"
        "unsigned b(const unsigned char *q, unsigned long m) {\n"
        "  unsigned t = 0; while (m--) t += *q++; return t; }\n",
        "_Bool a(unsigned x) { return x && !(x & (x - 1)); }\n"
        "unsigned long b(unsigned x) { return __builtin_popcount(x) == 1; }\n",
        "struct P { short x, y; float w; };\n"
        "void a(struct P *p, int n) { for (int i = 0; i < n; i++) p[i].w *= p[i].x; }\n"
        "void b(struct P *p, int n) { for (; n > 0; n--, p++) p->w = p->x * p->w; }\n",
        "double a(double x, float y, int n) { return n % 2 ? x * y : x + y; }\n"
        "double b(double r, float s, int k) { double t = s; if (k & 1) return r * t;\n"
        "  return t + r; }\n",
    ],
)
def test_spellings_of_one_computation_share_a_fingerprint(tmp_path: Path, source: str) -> None:
    found = behaviours(tmp_path, source)
    assert set(found["a"]) & set(found["b"])


def test_other_computations_types_and_callees_share_none(tmp_path: Path) -> None:
    found = behaviours(
        tmp_path,
        "int twice(int x) { return x * 2; }\n"
        "int thrice(int x) { return x * 3; }\n"
        "float real(float x) { return x * 2; }\n"
        "_Bool truth(_Bool x) { return !x; }\n"
        "int outside(int);\n"
        "int caller(int x) { return outside(x) + 1; }\n",
    )
    every = [way for ways in found.values() for way in ways]
    assert len(every) == len(set(every))
    assert all(found[name] for name in ("twice", "thrice", "real", "truth"))
    # What an unknown callee does decides.
    assert found["caller"] == ()
