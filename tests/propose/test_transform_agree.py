"""Each transformed text computes what its original does, on many small inputs."""

import ctypes
import random
import re
import subprocess
from pathlib import Path

import pytest

from superopt_cc.propose.transform.catalogue import variants
from superopt_cc.propose.transform.plainly import plainly

# Each is `long f(char *a, unsigned char *b, long n, int c)`, and says what it must become.
BODIES = {
    "find": ("blocks16", "for (long i = 0; i < n; i++) if (b[i] == c) return i; return -1;"),
    "find_pointer": (
        "blocks16",
        "const unsigned char *p = b, *end = b + n; while (p < end && *p != (unsigned char)c) p++;"
        "return p < end ? p - b : -1;",
    ),
    "find_letter": (
        "blocks16",
        "int i; for (i = 0; i != n; ++i) { char d = a[i]; if (d < 'b' || d > 'd') break; }"
        "return i;",
    ),
    "terminator": ("blocks16", "a[n] = 0; long i = 0; while (a[i]) i++; return i;"),
    "terminator_or": (
        "blocks16",
        "a[n] = 0; const char *s = a; for (; *s; s++) if (*s == c) return s - a; return -1;",
    ),
    "mismatch": ("blocks16", "long i = 0; while (i < n && a[i] == (char)b[i]) i++; return i;"),
    "mismatch_down": (
        "blocks16",
        "const char *x = a; const unsigned char *y = b; for (; n > 0; n--)"
        "{ if ((unsigned char)*x != *y) break; x++; y++; } return x - a;",
    ),
    "find_word": (
        "blocks16",
        "const int *w = (const int *)a; for (int i = 0; i < n / 4; i++)"
        "if (w[i] > 0x62626262) return i; return -1;",
    ),
    "order": (
        "blocks16",
        "for (long i = 0; i + 1 < n; i++) if (b[i] > b[i + 1]) { unsigned char t = b[i];"
        "b[i] = b[i + 1]; b[i + 1] = t; } return 0;",
    ),
    "fields": (
        "blocks16",
        "long k = 0, l = 0; for (long i = 0; i < n; i++) { unsigned char d = b[i];"
        "if (d == 'a') { k++; a[k] = 0; } else if (d == 255) { a[0] = (char)i; l = i; }"
        "if (d == 'c') return l; } return k * 9 + l;",
    ),
    "passing": (
        "blocks16",
        "long k = 0; for (long i = 0; i < n; i++) { if (a[i] >= 0) continue;"
        "b[k++] = a[i]; if (k == 4) break; } return k;",
    ),
    "count": ("bytes16", "long k = 0; for (int i = 0; i < n; i++) if (b[i] == c) k++; return k;"),
    "count_signed": (
        "bytes16",
        "int k = n; for (const char *s = a, *e = a + n; s < e; s++) if (*s < -64) k--; return k;",
    ),
    "count_range": (
        "bytes16",
        "long k = 0; for (long i = 0; i < n; i++) k += (unsigned)(b[i] - 'a') <= 2u; return k;",
    ),
    "count_three": (
        "bytes16",
        "long k = 0, l = 0; for (long i = 0; i < n; i++) { if (b[i] & 1) k = k + 1;"
        "else if (b[i] == 'b') l += 2; } return k * 1000 + l;",
    ),
    "sum": ("bytes16", "long k = 0; for (; n > 0; n--) k += *b++; return k;"),
    "count_endless": (
        "bytes16",
        "long k = 0; const char *p = a; do { if (p == a + n) break; k += *p == c; p++; } while (1);"
        "return k;",
    ),
    "difference_down": (
        "bytes16",
        "int k = 0; while (--n >= 0) { k += *b - 120 < 0 ? 120 - *b : *b - 120; b++; } return k;",
    ),
    "sum_to": (
        "bytes16",
        "const unsigned char *p = b; long k = 0; while (p != b + n) k += *p++; return k + (p - b);",
    ),
    "sum_while": ("bytes16", "long k = 0; while (n--) k += *a++ == c; return k;"),
    "sum_down": (
        "accumulators(2)",
        "long k = 0; while (n-- > 0) { k += a[3] * *b++; } return k;",
    ),
    "sum_signed": ("bytes16", "int k = 5; for (long i = 0; i < n; i++) k -= a[i]; return k;"),
    "difference": (
        "bytes16",
        "unsigned k = 0; for (long i = 0; i < n; i++)"
        "k += (unsigned char)a[i] > b[i] ? (unsigned char)a[i] - b[i] : b[i] - (unsigned char)a[i];"
        "return k;",
    ),
    "capitals": (
        "stores16",
        "for (long i = 0; i < n; i++) if (a[i] >= 'b' && a[i] <= 'd')"
        "a[i] = (char)(a[i] - 'a' + 'A'); return 0;",
    ),
    "capitals_words": (
        "stores16",
        "unsigned short *w = (unsigned short *)b; for (int i = 0; i < n / 2; i++)"
        "if (w[i] > 0x6200) w[i] ^= 0x2020; return 0;",
    ),
    "total_kept": (
        "apart",
        "int *k = (int *)(b + 8 + (c & 12)); for (int i = 0; i < n; i++) *k += a[i]; return *k;",
    ),
    "total_of_itself": (
        "apart",
        "int *k = (int *)(b + (c & 60)), *w = (int *)b;"
        "for (long i = 0; i < n / 4; i++) { *k += w[i]; k[1] ^= *k; } return *k;",
    ),
    "extremes_kept": (
        "apart",
        "struct two { short low, high; } *k = (struct two *)(b + (c & 28)); short *w = (short *)b;"
        "for (long i = n / 2 - 1; i >= 0; i--) { if (w[i] < k->low) k->low = w[i];"
        "if (w[i] > k->high) k->high = w[i]; } return k->low * 7 + k->high;",
    ),
    "floats_kept": (
        "apart",
        "float *k = (float *)(b + (c & 60)); const char *s = a, *e = a + n;"
        "while (s < e) { if (*s > k[0]) *k = -0.0f; if (k[1] > *s) k[1] = *s; s++; } return *k;",
    ),
    "bound_kept": (
        "apart",
        "static struct { int n; char *p; } m, *q = &m; m.n = n; m.p = (char *)b;"
        "char *p = a + c % 3;"
        "for (int i = 0; i < q->n; i++) q->p[i] += p[i + 1]; return q->n;",
    ),
    "columns": (
        "apart",
        "unsigned w = 1 + (c & 3); long *k = (long *)(b + 64); unsigned char *s = b;"
        "for (long i = 0; i < n / 4; i++) { k[1] += s[i * w]; k[0] -= s[(n - i) * 1]; }"
        "return k[0] + k[1];",
    ),
    "hash": (
        "accumulators(4)",
        "static const int t[8] = {3, 1, 4, 1, 5, 9, 2, 6}; int k = 1; unsigned x = 7;"
        "for (long i = 0; i < n; i++) { k += t[b[i] & 7]; x ^= b[i] * 77u; } return k + (long)x;",
    ),
    "larger": (
        "branchless(if)",
        "long k = 0, l = 0; for (long i = 0; i < n; i++) { if (b[i] > k) k = b[i];"
        "if (a[i] == c) l++; else l = l - 2; } return k * 9 + l;",
    ),
    "halves": (
        "branchless(if)",
        "long l = 0, h = n, m; while (l < h) { m = l + (h - l) / 2;"
        "if (b[m] < c) { l = m + 1; n ^= l; } else h = m; } return l * 7 + n;",
    ),
    "choice": (
        "branchless(?:)",
        "long k = 1; for (long i = 0; i < n; i++) k += b[i] > a[i] ? k : b[i] - 3; return k;",
    ),
    "both": (
        "branchless(&&)",
        "long k = 0; for (long i = 0; i < n; i++) if (b[i] > 'a' && b[i] < 'd') k += i; return k;",
    ),
    "branch": (
        "branchy",
        "long k = 0; for (long i = 0; i < n; i++) k = b[i] == c ? k + i : k - 1; return k;",
    ),
}
ALPHABET = bytes((97, 98, 99, 100, 101, 0, 130, 255))


def _function(name: str, body: str) -> str:
    return f"long {name}(char *a, unsigned char *b, long n, int c)\n{{ {body} }}\n"


def _named(text: str, name: str) -> str:
    return re.sub(r"\bf\(", f"{name}(", text, count=1)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """All originals and all that one transformation makes of them, in one shared object."""
    folder: Path = tmp_path_factory.mktemp("agree")
    parts = []
    for kind, (_, body) in BODIES.items():
        text = _function("f", body)
        parts.append(_named(text, f"{kind}_0"))
        parts += [
            _named(made.text, f"{kind}_{n}")
            for n, (_, made) in enumerate(variants(plainly(text), {}), 1)
        ]
    (folder / "all.c").write_text("".join(parts))
    command = ["gcc", "-O1", "-w", "-shared", "-fPIC", "-fwrapv", "-o", "all.so", "all.c"]
    subprocess.run(command, cwd=folder, check=True)
    return ctypes.CDLL(str(folder / "all.so"))


def _called(library: ctypes.CDLL, name: str, seed: int) -> tuple[int, bytes]:
    """What a function returns and leaves behind on one input."""
    chance = random.Random(seed)
    length = chance.choice((0, 1, 2, 3, 7, 15, 16, 17, 31, 33, 64, 100, 300, 1000))
    place = [192 + chance.randrange(16) * 4 for _ in "ab"]
    table = bytes(chance.choices(ALPHABET[: chance.randrange(1, 9)], k=256))
    data = bytearray(chance.randbytes(2600).translate(table))
    if chance.random() < 0.5:  # alike for long
        data[1300 + place[1] : 1300 + place[1] + length] = data[place[0] : place[0] + length]
        data[place[0] + chance.randrange(length + 1)] = chance.choice(ALPHABET)
    memory = (ctypes.c_ubyte * 2600).from_buffer(data)
    start = ctypes.addressof(memory)
    function = library[name]
    function.restype = ctypes.c_long
    arguments = (ctypes.c_void_p(start + place[0]), ctypes.c_void_p(start + 1300 + place[1]))
    wanted = chance.choice((*ALPHABET, -1, 353))
    result = function(*arguments, ctypes.c_long(length), ctypes.c_int(wanted))
    return result, bytes(memory)


@pytest.mark.parametrize("kind", BODIES)
def test_transformed_code_does_what_its_original_does(library: ctypes.CDLL, kind: str) -> None:
    wanted, body = BODIES[kind]
    made = [variant.how for _, variant in variants(plainly(_function("f", body)), {})]
    assert wanted in made
    for seed in range(150):
        expected = _called(library, f"{kind}_0", seed)
        for number, how in enumerate(made, 1):
            assert _called(library, f"{kind}_{number}", seed) == expected, (how, seed)
