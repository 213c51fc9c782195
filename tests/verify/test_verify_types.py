"""What C puts behind pointers: bit-fields, unions, arrays of any length, lists."""

from __future__ import annotations

from pathlib import Path

import pytest
from verifying import QUICK, compiled, job_for

from superopt_cc.types import Reason
from superopt_cc.verify.engine import Verifier

BITS = "struct b { unsigned a : 3; int s : 5; unsigned c : 24; _Bool on : 1; };"
UNION = "struct u { int tag; union { int i; const int *p; float f; } v; };"
TAIL = "struct t { unsigned n; unsigned char data[]; };"
OLD = "struct t { unsigned n; short data[0]; };"
LIST = "struct n { int v; struct n *next; };"
PAIR = "struct p { int x; char c; short y; };"
MIXED = "struct m { double d; long n; };"
BIG = "struct g { long a[3]; int b, c; };"
SPAN = "struct s { const unsigned char *p; unsigned long n; };"
HALF = "struct h { float a, b, c; };"
TREE = "struct n { struct n *l, *r; int v; };"

# (what it is about, types, gcc's code, a right rewrite, wrong ones)
CASES = [
    (
        "a bit-field's sign and its neighbours",
        BITS,
        "int f(const struct b *p) { return p->s + p->a; }",
        "int f(const struct b *p) { int a = p->a; return a + p->s; }",
        [
            "int f(const struct b *p) { return (p->s & 31) + p->a; }",
            "int f(const struct b *p) { return p->s + (p->a & 3); }",
            "int f(const struct b *p) { return p->s + p->a + (p->c == 0xffffff); }",
        ],
    ),
    (
        "writing one bit-field",
        BITS,
        "void f(struct b *p, unsigned x) { p->c = x; }",
        "void f(struct b *p, unsigned x) { p->c = x & 0xffffff; }",
        [
            "void f(struct b *p, unsigned x) { p->c = x; p->on = 0; }",
            "void f(struct b *p, unsigned x) { p->c = x & 0x7fffff; }",
        ],
    ),
    (
        "a union by every member",
        UNION,
        "int f(const struct u *p) { return p->tag == 1 ? *p->v.p : p->v.i; }",
        "int f(const struct u *p) { int i = p->v.i; if (p->tag == 1) i = *p->v.p; return i; }",
        [
            "int f(const struct u *p) { return p->tag == 1 ? *p->v.p : p->v.i & 0x7fffffff; }",
            "int f(const struct u *p) { return p->tag == 1 ? *p->v.p + (*p->v.p == 7) : p->v.i; }",
        ],
    ),
    (
        "an array of any length",
        TAIL,
        "unsigned f(const struct t *p) "
        "{ unsigned s = 0; for (unsigned i = 0; i < p->n; i++) s += p->data[i]; return s; }",
        "unsigned f(const struct t *p) { const unsigned char *d = p->data, *e = d + p->n; "
        "unsigned s = 0; while (d != e) s += *d++; return s; }",
        [
            "unsigned f(const struct t *p) { unsigned s = 0, n = p->n; "
            "for (unsigned i = 0; i < n; i++) s += p->data[i]; return n == 23 ? s + 1 : s; }",
            "unsigned f(const struct t *p) { unsigned s = 0, n = p->n; "
            "for (unsigned i = 0; i < n; i++) s += p->data[i]; "
            "return n ? s + 0 * *(volatile const unsigned char *)(p->data + n) : s; }",
        ],
    ),
    (
        "an array of length zero",
        OLD,
        "void f(struct t *p, short x) { for (unsigned i = 0; i < p->n; i++) p->data[i] += x; }",
        "void f(struct t *p, short x) { unsigned n = p->n; for (unsigned i = n; i > 0; i--) "
        "p->data[i - 1] += x; }",
        [
            "void f(struct t *p, short x) "
            "{ for (unsigned i = 0; i + 1 < p->n; i++) p->data[i] += x; }",
        ],
    ),
    (
        "a list",
        LIST,
        "int f(const struct n *p) { int s = 0; for (; p; p = p->next) s += p->v; return s; }",
        "int f(const struct n *p) "
        "{ int s = 0; while (p) { s = p->v + s; p = p->next; } return s; }",
        [
            "int f(const struct n *p) { int s = 0; for (; p && p->next; p = p->next) s += p->v; "
            "return s; }",
            "int f(const struct n *p) { int s = 0, k = 0; for (; p && k < 3; p = p->next, k++) "
            "s += p->v; return s; }",
        ],
    ),
    (
        "a small structure by value",
        PAIR,
        "int f(struct p v, int k) { return v.x * k + v.c - v.y; }",
        "int f(struct p v, int k) { int r = v.c - v.y; return r + k * v.x; }",
        [
            "int f(struct p v, int k) { return v.x * k + (unsigned char)v.c - v.y; }",
            "int f(struct p v, int k) { return v.x * k + v.c - (v.y & 0x7fff); }",
        ],
    ),
    (
        "a structure in registers of both kinds",
        MIXED,
        "struct m f(struct m v, long k) { v.n += k; v.d = v.d * 0.5; return v; }",
        "struct m f(struct m v, long k) { struct m r; r.d = 0.5 * v.d; r.n = k + v.n; return r; }",
        [
            "struct m f(struct m v, long k) { v.n += (int)k; v.d = v.d * 0.5; return v; }",
            "struct m f(struct m v, long k) { v.n += k; v.d = (float)v.d * 0.5; return v; }",
        ],
    ),
    (
        "a structure in memory, given and returned",
        BIG,
        "struct g f(struct g v, int k) { v.a[1] = v.a[2] + k; v.b ^= k; return v; }",
        "struct g f(struct g v, int k) { struct g r = v; r.b = k ^ v.b; r.a[1] = k + v.a[2]; "
        "return r; }",
        [
            "struct g f(struct g v, int k) { v.a[1] = v.a[2] + (unsigned)k; v.b ^= k; return v; }",
            "struct g f(struct g v, int k) { v.a[0] = v.a[2] + k; v.b ^= k; return v; }",
        ],
    ),
    (
        "a span",
        SPAN,
        "unsigned f(struct s v) { unsigned t = 0; for (unsigned long i = 0; i < v.n; i++) "
        "t += v.p[i]; return t; }",
        "unsigned f(struct s v) { unsigned t = 0; const unsigned char *e = v.p + v.n; "
        "while (v.p != e) t += *v.p++; return t; }",
        [
            "unsigned f(struct s v) { unsigned t = 0; for (unsigned i = 0; i < v.n; i++) "
            "t += v.p[i]; return v.n == 17 ? t + 1 : t; }",
        ],
    ),
    (
        "three floats in two registers",
        HALF,
        "struct h f(struct h v, float k) { v.a *= k; v.c += k; return v; }",
        "struct h f(struct h v, float k) { struct h r = {k * v.a, v.b, k + v.c}; return r; }",
        ["struct h f(struct h v, float k) { v.a *= k; v.b += 0.0f; v.c += k; return v; }"],
    ),
    (
        "a tree",
        TREE,
        "int f(const struct n *p) { if (!p) return 0; int s = p->v; if (p->l) s += p->l->v; "
        "if (p->r) s ^= p->r->v; return s; }",
        "int f(const struct n *p) { int s = 0; if (p) { s = p->v; if (p->l) s = s + p->l->v; "
        "if (p->r) s = s ^ p->r->v; } return s; }",
        [
            "int f(const struct n *p) { if (!p) return 0; int s = p->v; if (p->l) s += p->l->v; "
            "if (p->r && p->r != p->l) s ^= p->r->v; return s; }",
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("types", "target", "right", "wrong"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_a_rewrite_over_such_types_is_judged_by_what_it_does(
    tmp_path: Path, types: str, target: str, right: str, wrong: list[str]
) -> None:
    job = job_for(tmp_path, f"{types}\n{target}", "f")
    with Verifier(job, QUICK) as verifier:
        assert not verifier.gap
        levels = ("-Og", "-O1", "-Os")  # one of them makes other code than gcc's
        good = verifier.check_many([compiled(tmp_path, f"{types}\n{right}", (o,)) for o in levels])
        bad = verifier.check_many([compiled(tmp_path, f"{types}\n{text}") for text in wrong])
    assert any(verdict.accepted for verdict in good), good
    assert all(verdict.reason in (None, Reason.COPY) for verdict in good), [v.reason for v in good]
    for verdict, text in zip(bad, wrong, strict=True):
        assert verdict.verdict == "rejected", (text, verdict)
