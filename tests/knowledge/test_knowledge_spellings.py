"""More of what recall knows: each entry in at least two spellings, some of them verified."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from recalling import entries_of, jobs_of, searched, story

from superopt_cc.verify.job import Job

# F stands for the function's name.
SPELLINGS: Mapping[str, Sequence[str]] = {
    "sorted-place": (
        "size_t F(const int *a, size_t n, int key) { size_t low = 0, high = n; while (low < high) {"
        "size_t mid = low + (high - low) / 2; if (a[mid] < key) low = mid + 1; else high = mid; }"
        "return low; }",
        "const uint64_t *F(uint64_t key, const uint64_t *a, int n) { while (n > 0) {"
        "int h = n >> 1; if (a[h] <= key) { a += h + 1; n -= h + 1; } else n = h; } return a; }",
    ),
    "find-sorted": (
        "int F(int a[], int n, int x) { int l = 0, r = n - 1; while (l <= r) {"
        "int m = l + (r - l) / 2; if (a[m] == x) return m; if (a[m] < x) l = m + 1; else r = m - 1;"
        "} return -1; }",
        "_Bool F(short x, const short *a, size_t n) { size_t l = 0, h = n; while (l < h) {"
        "size_t m = (l + h) / 2; if (a[m] > x) h = m; else if (a[m] < x) l = m + 1; else return 1;"
        "} return 0; }",
    ),
    "find-sorted-first": (
        "long F(const unsigned *a, long n, unsigned x) { long l = 0, r = n; while (l < r) {"
        "long m = (l + r) >> 1; if (a[m] >= x) r = m; else l = m + 1; }"
        "return l < n && a[l] == x ? l : -1; }",
        "const uint8_t *F(const uint8_t *a, uint8_t x, unsigned n) { const uint8_t *p = a;"
        "size_t left = n; while (left) { size_t h = left / 2; if (p[h] < x) { p += h + 1;"
        "left -= h + 1; } else left = h; } return p < a + n && *p == x ? p : 0; }",
    ),
    "find-last": (
        "const void *F(const unsigned char *p, int c, size_t n)"
        "{ while (n--) if (p[n] == (unsigned char)c) return p + n; return 0; }",
        "int F(int x, const int *p, int n)"
        "{ int r = -1; for (int i = 0; i < n; i++) if (p[i] == x) r = i; return r; }",
    ),
    "is-sorted": (
        "int F(const int *a, int n)"
        "{ for (int i = 0; i + 1 < n; i++) if (a[i] > a[i + 1]) return 0; return 1; }",
        "_Bool F(const uint16_t *a, const uint16_t *e) { if (a == e) return 1;"
        "for (const uint16_t *q = a + 1; q < e; q++) if (q[-1] <= *q) return 0; return 1; }",
    ),
    "string-find-equal": (
        "char *F(const char *s, int c) { for (;; s++) { if (*s == (char)c) return (char *)s;"
        "if (!*s) return 0; } }",
        "int F(const char *s) { for (int i = 0; s[i]; i++) if (s[i] == '/') return i; return -1; }",
    ),
    "string-find-last": (
        "const char *F(const char *s, char c)"
        "{ const char *r = 0; do { if (*s == c) r = s; } while (*s++); return r; }",
        "long F(const char *s)"
        "{ long r = -1; for (long i = 0; s[i]; i++) if (s[i] == '/') r = i; return r; }",
    ),
    "string-compare": (
        "int F(const char *a, const char *b) { while (*a && *a == *b) a++, b++;"
        "return *(const unsigned char *)a - *(const unsigned char *)b; }",
        "_Bool F(const char *a, const char *b)"
        "{ for (; *a == *b; a++, b++) if (!*a) return 1; return 0; }",
    ),
    "string-compare-part": (
        "int F(const char *a, const char *b, size_t n) { while (n && *a && *a == *b) a++, b++, n--;"
        "return n ? (unsigned char)*a - (unsigned char)*b : 0; }",
        "_Bool F(unsigned n, const char *a, const char *b) { for (unsigned i = 0; i < n; i++) {"
        "if (a[i] != b[i]) return 0; if (!a[i]) break; } return 1; }",
    ),
    "string-hash": (
        "unsigned F(const char *s)"
        "{ unsigned h = 5381; int c; while ((c = *s++)) h = ((h << 5) + h) + c; return h; }",
        "unsigned long F(const unsigned char *s) { unsigned long h = 0;"
        "while (*s) h = *s++ + (h << 6) + (h << 16) - h; return h; }",
    ),
    "extreme": (
        "int F(const int *a, int n)"
        "{ int m = a[0]; for (int i = 1; i < n; i++) if (a[i] > m) m = a[i]; return m; }",
        "unsigned char F(size_t n, const unsigned char *a) { unsigned char m = 255;"
        "while (n) { n--; m = a[n] < m ? a[n] : m; } return m; }",
    ),
    "place-of-extreme": (
        "int F(const unsigned char *p, int n)"
        "{ int b = 0; for (int i = 1; i < n; i++) if (p[i] < p[b]) b = i; return b; }",
        "size_t F(const short *p, size_t n) { size_t b = 0; short m = p[0];"
        "for (size_t i = 1; i < n; i++) if (p[i] >= m) { m = p[i]; b = i; } return b; }",
    ),
    "sort": (
        "void F(int *a, int n) { for (int i = 1; i < n; i++) { int k = a[i], j = i - 1;"
        "while (j >= 0 && a[j] > k) { a[j + 1] = a[j]; j--; } a[j + 1] = k; } }",
        "void F(size_t n, uint16_t *a) { for (size_t i = 0; i < n; i++)"
        "for (size_t j = 0; j + 1 < n - i; j++) if (a[j] < a[j + 1]) {"
        "uint16_t t = a[j]; a[j] = a[j + 1]; a[j + 1] = t; } }",
    ),
    "sort-few": (
        "void F(uint16_t a[5]) { for (int i = 0; i < 4; i++) for (int j = 0; j < 4 - i; j++)"
        "if (a[j] > a[j + 1]) { uint16_t t = a[j]; a[j] = a[j + 1]; a[j + 1] = t; } }",
        "void F(int *a) { for (int i = 1; i < 8; i++) { int k = a[i], j = i;"
        "while (j > 0 && a[j - 1] > k) { a[j] = a[j - 1]; j--; } a[j] = k; } }",
    ),
    "sums-of-sums": (
        "uint16_t F(const uint8_t *p, int n) { unsigned a = 1, b = 0; for (int i = 0; i < n; i++)"
        "{ a = (a + p[i]) % 251; b = (b + a) % 251; } return (uint16_t)(b << 8 | a); }",
        "uint64_t F(const uint32_t *p, size_t n) { uint64_t a = 0, b = 0; while (n--)"
        "{ a = (a + *p++) % 0xffffffffu; b = (b + a) % 0xffffffffu; } return b << 32 | a; }",
    ),
    "crc64-forward": (
        "uint64_t F(const uint8_t *p, size_t n) { uint64_t c = 0; for (size_t i = 0; i < n; i++) {"
        "c ^= (uint64_t)p[i] << 56; for (int b = 0; b < 8; b++)"
        "c = c >> 63 ? c << 1 ^ 0x42f0e1eba9ea3693 : c << 1; } return c; }",
        "uint64_t F(int n, const char *p, uint64_t c) { while (n-- > 0) {"
        "uint64_t x = (c >> 56 ^ (unsigned char)*p++) << 56; for (int b = 8; b; b--)"
        "x = x << 1 ^ (0x1b & -(x >> 63)); c = c << 8 ^ x; } return c; }",
    ),
    "crc64-reflected": (
        "unsigned long F(unsigned long c, const void *v, int n) { const unsigned char *p = v;"
        "c = ~c; for (int i = 0; i < n; i++) { c ^= p[i]; for (int k = 0; k < 8; k++)"
        "c = c >> 1 ^ (0xc96c5795d7870f42 & -(c & 1)); } return ~c; }",
        "uint64_t F(const uint8_t *p, const uint8_t *e) { uint64_t c = -1; for (; p < e; p++) {"
        "c ^= *p; for (int k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ 0xd800000000000000 : c >> 1; }"
        "return c; }",
    ),
    "dot-product": (
        "unsigned F(const uint8_t *a, const uint8_t *b, size_t n)"
        "{ unsigned s = 0; for (size_t i = 0; i < n; i++) s += a[i] * b[i]; return s; }",
        "int F(const int8_t *a, const int8_t *b)"
        "{ int s = 0; for (int i = 0; i < 16; i++) s += a[i] * b[i]; return s; }",
    ),
    "power": (
        "int F(int b, int e) { int r = 1; for (int i = 0; i < e; i++) r *= b; return r; }",
        "unsigned long F(unsigned e, unsigned long b) { return e == 0 ? 1 : b * F(e - 1, b); }",
    ),
    "divisor-sum": (
        "int F(int n) { int s = 0; for (int i = 1; i <= n / 2; i++) if (n % i == 0) s += i;"
        "return s; }",
        "unsigned F(unsigned n)"
        "{ unsigned s = 0; for (unsigned i = 1; i <= n; i++) s += n % i ? 0 : i; return s; }",
    ),
    "base64": (
        'size_t F(const uint8_t *p, size_t n, char *out) { static const char T[] = "ABCDEFGHIJKLMNO'
        'PQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"; char *o = out; size_t i;'
        "for (i = 0; i + 2 < n; i += 3) { *o++ = T[p[i] >> 2];"
        "*o++ = T[(p[i] & 3) << 4 | p[i + 1] >> 4]; *o++ = T[(p[i + 1] & 15) << 2 | p[i + 2] >> 6];"
        "*o++ = T[p[i + 2] & 63]; } if (i < n) { *o++ = T[p[i] >> 2]; if (i + 1 == n) {"
        "*o++ = T[(p[i] & 3) << 4]; *o++ = '='; } else { *o++ = T[(p[i] & 3) << 4 | p[i + 1] >> 4];"
        "*o++ = T[(p[i + 1] & 15) << 2]; } *o++ = '='; } *o = 0; return o - out; }",
        "static char L(unsigned x) { return x < 26 ? 'A' + x : x < 52 ? 'a' + x - 26 :"
        "x < 62 ? '0' + x - 52 : x == 62 ? '-' : '_'; }"
        "void F(char *o, const uint8_t *p, int n) { unsigned bits = 0, have = 0; while (n-- > 0) {"
        "bits = bits << 8 | *p++; have += 8; while (have >= 6) { have -= 6;"
        "*o++ = L(bits >> have & 63); } } if (have) *o++ = L(bits << (6 - have) & 63); *o = 0; }",
    ),
    "matrix-product": (
        "void F(const float *a, const float *b, float *c, int n) { for (int i = 0; i < n; i++)"
        "for (int j = 0; j < n; j++) { float s = 0; for (int k = 0; k < n; k++)"
        "s += a[i * n + k] * b[k * n + j]; c[i * n + j] = s; } }",
        "void F(size_t n, int *restrict c, const int *restrict a, const int *restrict b)"
        "{ for (size_t i = 0; i < n; i++) for (size_t k = 0; k < n; k++)"
        "for (size_t j = 0; j < n; j++) c[i * n + j] += a[i * n + k] * b[k * n + j]; }",
    ),
    "utf-8": (
        "_Bool F(const char *s, const char *e) { while (s < e) { unsigned char c = *s++; int k;"
        "unsigned v; if (c < 0x80) continue; if (c >> 5 == 6) k = 1; else if (c >> 4 == 14) k = 2;"
        "else if (c >> 3 == 30) k = 3; else return 0; if (e - s < k) return 0; v = c & 0x3f >> k;"
        "for (int i = 0; i < k; i++) { if ((s[i] & 0xc0) != 0x80) return 0;"
        "v = v << 6 | (s[i] & 63); } s += k; if (v < (k == 1 ? 0x80 : k == 2 ? 0x800 : 0x10000))"
        "return 0; if (v >= 0xd800 && v < 0xe000) return 0; if (v > 0x10ffff) return 0; }"
        "return 1; }",
        "int F(const uint8_t *s, size_t n) { for (size_t i = 0; i < n;) { unsigned c = s[i++];"
        "if (c < 0x80) continue; int k = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;"
        "if (c < 0xc0 || c > 0xf7) return 0; while (k--) if (i == n || (s[i++] & 0xc0) != 0x80)"
        "return 0; } return 1; }",
    ),
}
VERIFIED = (
    ("is-sorted", 0), ("string-compare", 1), ("extreme", 0), ("sort-few", 0), ("dot-product", 1),
    ("place-of-extreme", 0), ("string-hash", 1), ("base64", 0),
)  # fmt: skip
# Each differs from something known in a detail.
DIFFERENT = (
    "size_t F(const int *a, size_t n, int key) { size_t low = 0, high = n; while (low < high) {"
    "size_t mid = low + (high - low) / 3; if (a[mid] < key) low = mid + 1; else high = mid; }"
    "return low; }",
    "void F(int *a, int n) { for (int i = 2; i < n; i++) { int k = a[i], j = i - 1;"
    "while (j >= 1 && a[j] > k) { a[j + 1] = a[j]; j--; } a[j + 1] = k; } }",
    "unsigned F(const char *s) { unsigned h = 5381; int i = 0; while (s[i]) {"
    "h = h * 33 + s[i]; if (++i == 3) h ^= 7; } return h; }",
    "void F(const float *a, const float *b, float *c, int n) { for (int i = 0; i < n; i++)"
    "for (int j = 0; j < n; j++) { float s = 0; for (int k = n; k--;)"
    "s += a[i * n + k] * b[k * n + j]; c[i * n + j] = s; } }",
)


def named() -> Iterator[tuple[str, str, int]]:
    """Every spelling: the function's name, its entry, its number."""
    for entry, sources in SPELLINGS.items():
        for number in range(len(sources)):
            yield f"{entry.replace('-', '_')}_{number}", entry, number


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """References are compiled once for all."""
    return tmp_path_factory.mktemp("spellings")


@pytest.fixture(scope="module")
def jobs(folder: Path) -> Mapping[str, Job]:
    texts = {name: SPELLINGS[entry][number] for name, entry, number in named()}
    texts |= {f"different_{number}": text for number, text in enumerate(DIFFERENT)}
    unit = "\n".join(text.replace(" F(", f" {name}(").replace("*F(", f"*{name}(")
                     for name, text in texts.items())  # fmt: skip
    return jobs_of(folder, unit, texts)


@pytest.mark.parametrize(("name", "entry", "number"), list(named()))
def test_each_spelling_is_recognised(
    name: str, entry: str, number: int, jobs: Mapping[str, Job], folder: Path
) -> None:
    assert entry in entries_of(jobs[name], folder / "cache")


@pytest.mark.parametrize(("entry", "number"), VERIFIED)
def test_what_is_recognised_is_verified(
    entry: str, number: int, jobs: Mapping[str, Job], folder: Path
) -> None:
    outcome = searched(jobs[f"{entry.replace('-', '_')}_{number}"], folder / "cache")
    assert outcome.outcome == "replaced", story(outcome)
    assert outcome.rewrite is not None
    assert outcome.rewrite.provenance["entry"] == entry


@pytest.mark.parametrize("number", range(len(DIFFERENT)))
def test_what_differs_in_a_detail_is_not_recognised(
    number: int, jobs: Mapping[str, Job], folder: Path
) -> None:
    assert entries_of(jobs[f"different_{number}"], folder / "cache") == []
