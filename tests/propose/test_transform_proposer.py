"""Transformations as a proposer: real compiles, and the real verifier on what comes out."""

import re
from collections.abc import Sequence

import pytest
from propose_context import MakeContext

from superopt_cc.propose.base import Context
from superopt_cc.propose.transform.catalogue import ALL, variants
from superopt_cc.propose.transform.plainly import plainly
from superopt_cc.propose.transform.proposer import Transform
from superopt_cc.types import Origin, Rewrite
from superopt_cc.verify.engine import Verifier
from superopt_cc.verify.gathering.gather import Limits

FIND = """
int find(const unsigned char *data, int length, unsigned char wanted)
{
    for (int i = 0; i < length; i++)
        if (data[i] == wanted)
            return i;
    return -1;
}
"""
ALIKE = """
unsigned long alike(const char *a, const char *b)
{
    unsigned long i = 0;
    while (a[i] == b[i] && a[i])
        i++;
    return i;
}
"""
COUNT = """
typedef unsigned char byte;
unsigned long count(const byte *data, unsigned long length)
{
    unsigned long found = 0;
    while (length--)
        found += (*data++ & 0xc0) != 0x80;
    return found;
}
"""
CAPITALS = """
void capitals(char *text, unsigned long length)
{
    for (unsigned long i = 0; i < length; i++)
        if (text[i] >= 'a' && text[i] <= 'z')
            text[i] = (char)(text[i] - 32);
}
"""
TALLY = """
struct tally { long sum, squares; unsigned char last; };
void tally(struct tally *t, const unsigned char *data, int length)
{
    for (int i = 0; i < length; i++) {
        t->sum += data[i];
        t->squares += data[i] * data[i];
        if (data[i])
            t->last = data[i];
    }
}
"""
TOTAL = """
static const unsigned table[4] = { 7, 1, 9, 4 };
unsigned total(const unsigned char *data, int length)
{
    unsigned sum = 0;
    for (int i = 0; i < length; i++)
        sum ^= table[data[i] & 3] * data[i];
    return sum;
}
"""


def _proposed(context: Context) -> list[Rewrite]:
    return list(Transform(ALL).propose(context))


@pytest.mark.parametrize(
    ("source", "name", "how"),
    [
        (FIND, "find", "blocks16"),
        (ALIKE, "alike", "blocks16"),
        (COUNT, "count", "bytes16"),
        (CAPITALS, "capitals", "stores16"),
        (TOTAL, "total", "accumulators(4)"),
        (TALLY, "tally", "apart"),
    ],
)
def test_what_is_transformed_is_accepted(
    make_context: MakeContext, source: str, name: str, how: str
) -> None:
    context = make_context(source, name)
    rewrites = {rewrite.how: rewrite for rewrite in _proposed(context)}
    wanted = rewrites[f"transform: {how}"]
    assert wanted.origin is Origin.MIXED
    with Verifier(context.job, Limits(seconds=30.0)) as verifier:
        verdict = verifier.check(wanted)
    assert verdict.accepted, verdict


def test_transformations_follow_one_another(make_context: MakeContext) -> None:
    told = [rewrite.how for rewrite in _proposed(make_context(CAPITALS, "capitals"))]
    assert "transform: unroll(4)" in told
    chains = [how for how in told if " + " in how]
    assert "transform: unroll(4) + likely(1)" in chains
    assert all(how.count("blocks16") <= 1 for how in chains)


def test_each_body_comes_once(make_context: MakeContext) -> None:
    rewrites = _proposed(make_context(FIND, "find"))
    assert len({rewrite.text for rewrite in rewrites}) == len(rewrites) >= 3


def _renamed(source: str) -> str:
    for number, word in enumerate(("find", "data", "length", "wanted", "i")):
        source = re.sub(rf"\b{word}\b", f"name{number}", source)
    return source


def test_names_do_not_matter(make_context: MakeContext) -> None:
    def bodies(rewrites: Sequence[Rewrite], name: str) -> list[str]:
        return [rewrite.text.replace(name, "f") for rewrite in rewrites]

    ours = bodies(_proposed(make_context(FIND, "find")), "find")
    assert bodies(_proposed(make_context(_renamed(FIND), "name0")), "name0") == ours


def test_a_static_function_stays_out_of_its_callers(make_context: MakeContext) -> None:
    source = FIND.replace("int find", "static __attribute__((noinline, noclone)) int find")
    source += "int user(unsigned char *a) { return find(a, 9, 3) + find(a, 7, a[9]); }"
    assert "transform: blocks16" in [r.how for r in _proposed(make_context(source, "find"))]


@pytest.mark.parametrize(
    "text",
    [
        "int f(char *s, int n) { for (int i = 0; i < n; i++) if (({ s[i]; })) return i; }",
        "int f(char *s, int n) { for (int i = 0; i < n; i++) if (s[i] return i; return 0; }",
    ],
)
def test_what_cannot_be_read_is_left_alone(text: str) -> None:
    assert "blocks16" not in {variant.how for _, variant in variants(plainly(text), {})}


def test_out_of_time_means_no_more_rewrites(make_context: MakeContext) -> None:
    assert _proposed(make_context(FIND, "find", seconds=0.0)) == []


def _made(body: str, parameters: str = "int *a, char *s, int n, int c") -> set[str]:
    text = f"int f({parameters}) {{ {body} }}"
    return {variant.how for _, variant in variants(plainly(text), {})}


@pytest.mark.parametrize(
    "body",
    [
        "for (int i = 0; i < n; i++) if (a[s[i]] == c) return i; return 0;",  # reads elsewhere
        "for (int i = 0; i < n; i += 2) if (s[i] == c) return i; return 0;",  # leaves some out
        "for (int i = 0; i < n; i++) if (g(s[i])) return i; return 0;",  # calls
        "for (int i = 0; i < n; i++) { if (s[i]) i++; if (s[i] == c) return i; } return 0;",
        "for (int i = 0; i < n; i++) { n -= s[i]; if (s[i] == c) return i; } return 0;",
        "for (int i = 0; i < n; i++) if (s[i] == c) { s = s + 1; a[0]++; } return 0;",
        "int i = 0; while (i < n) { if (s[i] == c) continue; g(i); i++; } return 0;",
        "for (int i = 0; i < n; i++) if (s[i] == c) g(i); else n++; return 0;",
        "for (int i = 0; i < n; i++) if (s[i] + 300 > c) return i; return 0;",  # more than a byte
    ],
)
def test_loops_that_do_more_than_test_elements_get_no_blocks(body: str) -> None:
    assert "blocks16" not in _made(body)


@pytest.mark.parametrize(
    "body",
    [
        "int k = 0; for (int i = 0; i < n; i++) if (s[i] == c) k += k; return k;",
        "int k = 0; for (int i = 0; i < n; i++) { k += s[i]; s[i] = k; } return k;",
        "int k = 0; for (int i = 0; i < n; i++) { k++; if (k > s[i]) k++; } return k;",
        "double k = 0; for (int i = 0; i < n; i++) k += s[i]; return k;",
    ],
)
def test_sums_that_are_used_meanwhile_are_not_split(body: str) -> None:
    assert not {how for how in _made(body) if how.startswith(("bytes16", "accumulators"))}


@pytest.mark.parametrize(
    "body",
    [
        "for (int i = 0; i < n; i++) if (s[i] == c && a[i] > 3) return i; return 0;",
        "int k = 0; for (int i = 0; i < n; i++) if (s[i] == c) k += s[i + n]; return k;",
    ],
)
def test_what_is_read_only_at_times_is_not_read_always(body: str) -> None:
    assert not {"blocks16", "bytes16"} & _made(body)


def test_assignments_that_could_trap_stay_under_their_condition() -> None:
    assert "branchless(if)" not in _made("int k = 0; if (c) k = *a; return k;")
    assert "branchless(if)" not in _made("int k = 0; if (c) k = n / c; return k;")
    assert "branchless(if)" in _made("int k = 0; if (c) k = n * c; return k;")
    assert "branchless(&&)" not in _made("return a && *a > 3;")


def test_calls_at_the_end_of_a_count_are_left_as_they_are() -> None:
    text = "int f(char *s, int n) { int k = 0; while (n--) k += *s++; return k + n; }"
    assert "n--)" in plainly(text)


@pytest.mark.parametrize(
    "body",
    [
        "for (int i = 0; i < n; i++) { *a += s[i]; g(); }",  # calls
        "for (int i = 0; i < n; i++) { if (s[i] == c) return i; *a += s[i]; } return 0;",
        "for (int i = 0; i < n; i++) *a += s[s[i]]; return *a;",  # reads anywhere
        "for (int i = 0; i < n; i++) if (s[i]) *a += 1; return *a;",  # perhaps never touches it
        "for (int i = 0; i < n; i++) { *a += s[i]; a = &n; } return *a;",
        "for (int i = 0; i < n; i++) { *a += s[i]; i += s[i]; } return *a;",
        "for (int i = 0; i < *a; i++) ++*a; return *a;",
        "int k = 0; for (int i = 0; i < n; i++) k += *a + s[i]; return k;",  # writes nothing
    ],
)
def test_loops_whose_memory_is_not_known_before_them_are_left_alone(body: str) -> None:
    assert "apart" not in _made(body)
