from propose_context import MakeContext

from superopt_cc.propose.extract import Extractor
from superopt_cc.toolchain.command import compile_own
from superopt_cc.types import Origin, Rewrite

HEAD = "#include <emmintrin.h>\n"


def _taken(make_context: MakeContext, source: str, offered: str) -> str:
    context = make_context(HEAD + source, "f", "-O2")
    text = compile_own(context.job.command, HEAD + offered, (), 60.0)
    taken = Extractor(context, "test").take(text, "how", Origin.MIXED, {})
    assert isinstance(taken, Rewrite), taken
    return taken.text


def test_own_constants_and_those_of_the_unit_keep_different_names(
    make_context: MakeContext,
) -> None:
    # The unit's .LC0 is the second constant of the offered code, whose own .LC0 is another.
    source = "__m128i f(__m128i x) { return _mm_add_epi8(x, _mm_set1_epi8(3)); }"
    offered = (
        "__m128i f(__m128i x)"
        "{ return _mm_xor_si128(_mm_add_epi8(x, _mm_set1_epi8(5)), _mm_set1_epi8(3)); }"
    )
    text = _taken(make_context, source, offered)
    used = [line.split(",")[0].split()[-1] for line in text.splitlines() if "(%rip)" in line]
    assert len(set(used)) == 2


def test_a_constant_inside_of_a_larger_one_is_found(make_context: MakeContext) -> None:
    source = "void f(double *p) { *p += 1; }"
    offered = (
        "void f(double *p) { *p += 3.0; __m128i *q = (__m128i *)(p + 2);"
        "*q = _mm_and_si128(*q, _mm_castpd_si128(_mm_set1_pd(3.0))); }"
    )
    text = _taken(make_context, source, offered)
    assert ".set" not in text
    assert text.count("(%rip)") == 2
