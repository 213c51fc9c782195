"""Functions that call through pointers: what stands for those called, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from verifying import QUICK, body, compiled, job_for, verdict

from superopt_cc.assembly.unit import parse_unit
from superopt_cc.cases import Manner, case_from_json, case_to_json
from superopt_cc.errors import Ineligible
from superopt_cc.types import Reason
from superopt_cc.verify.engine import Verifier
from superopt_cc.verify.job import CallUse
from superopt_cc.verify.signature.facts import facts_for_unit
from superopt_cc.verify.signature.pointers import check_sites, sites
from superopt_cc.verify.telling.replaying import replay

SWITCH = """
int f(int (*g)(int), unsigned n, int x) {
    switch (n & 7) {
    case 0: return x * 3; case 1: return x - 7; case 2: return x ^ 99; case 3: return x & 12;
    case 4: return g(x); case 5: return x << 3; case 6: return x | 64; default: return g(x + 1);
    }
}
"""
SORT = """
void f(int *a, unsigned n, int (*order)(const int *, const int *)) {
    for (unsigned i = 1; i < n; i++) {
        unsigned low = 0, high = i;
        while (low < high) {
            unsigned m = (low + high) / 2;
            if (order(a + m, a + i) <= 0) low = m + 1; else high = m;
        }
        int t = a[i];
        for (unsigned j = i; j > low; j--) a[j] = a[j - 1];
        a[low] = t;
    }
}
"""


def ineligible(folder: Path, source: str, args: tuple[str, ...] = ("-O3",)) -> str:
    """The counted reason why function f of C text cannot be tested."""
    with pytest.raises(Ineligible) as caught, Verifier(job_for(folder, source, "f", args), QUICK):
        pass
    return caught.value.reason


def test_sites_tell_pointers_from_own_tables(tmp_path: Path) -> None:
    job = job_for(tmp_path, SWITCH, "f", ("-O3", "-fno-pie"))
    code = parse_unit(job.unit_text).function("f").code
    assert list(sites(code).values()) == [None, None]
    assert [use.callee for use in job.facts.calls] == [None, None]


def test_text_and_gccs_list_of_calls_must_agree(tmp_path: Path) -> None:
    job = job_for(tmp_path, SWITCH, "f")
    code = parse_unit(job.unit_text).function("f").code
    check_sites("f", code, job.facts.calls)
    for uses in ((), (CallUse(None, ()),), (CallUse("g", ()),) * 3):
        with pytest.raises(Ineligible) as caught:
            check_sites("f", code, uses)
        assert caught.value.reason == "indirect-jump"


def test_a_switch_and_a_call_through_a_pointer_live_in_one_function(tmp_path: Path) -> None:
    for flags in (("-O3",), ("-O3", "-fno-pie")):
        assert verdict(tmp_path, SWITCH, "f", compiled(tmp_path, SWITCH, ("-Os",)), flags).accepted
        wrong = SWITCH.replace("g(x)", "g(x + (x == 4711))")
        answer = verdict(tmp_path, SWITCH, "f", compiled(tmp_path, wrong), flags)
        assert answer.reason == Reason.CALLS, answer


def test_code_that_sorts_by_a_comparison_is_covered(tmp_path: Path) -> None:
    with Verifier(job_for(tmp_path, SORT, "f"), QUICK) as verifier:
        assert verifier.gap == ""
        manners = {probe.case.manner for probe in verifier.gathered.probes}
    assert manners == set(Manner)


def test_a_callee_outside_answers_in_order_too(tmp_path: Path) -> None:
    source = """
    extern int order(const long *, const long *);
    void f(long *a, unsigned n) {
        for (unsigned i = 1; i < n; i++)
            for (unsigned j = i; j && order(a + j - 1, a + j) > 0; j--) {
                long t = a[j]; a[j] = a[j - 1]; a[j - 1] = t;
            }
    }"""
    with Verifier(job_for(tmp_path, source, "f"), QUICK) as verifier:
        assert Manner.ORDER in {probe.case.manner for probe in verifier.gathered.probes}
        wrong = verifier.check(compiled(tmp_path, source.replace("> 0", ">= 0")))
    assert wrong.verdict == "rejected", wrong


def test_manner_and_key_survive_in_a_counterexample(tmp_path: Path) -> None:
    job = job_for(tmp_path, SORT, "f")
    with Verifier(job, QUICK) as verifier:
        made = [probe.case for probe in verifier.gathered.probes]
        wrong = compiled(tmp_path, SORT.replace("<= 0", "< 0"))
        answer = verifier.check(wrong)
    assert all(case_from_json(case_to_json(case)) == case for case in made[:50])
    assert answer.counterexample is not None, answer
    assert replay(job, wrong, answer.counterexample).verdict == "rejected"


def test_a_pointer_cast_to_another_type_shows_its_arguments(tmp_path: Path) -> None:
    source = "struct s { void (*run)(void); int n; };"
    right = "int f(struct s *p, int x) { return ((int (*)(int, int))p->run)(x, p->n) + 1; }"
    wrong = "int f(struct s *p, int x) { return ((int (*)(int, int))p->run)(x, x) + 1; }"
    answer = verdict(tmp_path, source + right, "f", compiled(tmp_path, source + wrong))
    assert answer.reason == Reason.CALLS, answer
    again = compiled(tmp_path, source + right, ("-O1",))
    assert verdict(tmp_path, source + right, "f", again).accepted


def test_casts_among_several_types_are_refused(tmp_path: Path) -> None:
    source = """
    struct s { void (*run)(void *); int (*add)(void *, int); };
    int f(struct s *p, int x) {
        p->run(p); p->add(p, x);
        return ((int (*)(void *, int))p->run)(p, x) + 1;
    }"""
    assert ineligible(tmp_path, source) == "call-arguments"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("int f(int (*g)(int, int, int, int, int, int, int), int x)"
         "{ return g(x, x, x, x, x, x, x) + 1; }", "call-arguments"),
        ("static int h(int x) { return x + 1; } static int k(int x) { return x * 3; }"
         "int f(int (*g)(int), int x) { int (*t)(int) = x ? g : x > -9 ? h : k; return t(x) + 1; }",
         "callee-address"),
        ("struct p { char *a, *b; }; long f(struct p (*g)(int), int x) { return *g(x).a; }",
         "struct-by-value"),
        ("int f(void (*g)(int) __attribute__((noreturn)), int x) { if (x) g(x); return 1; }",
         "indirect-call"),
    ],
)  # fmt: skip
def test_types_that_no_stub_stands_for_are_counted(
    tmp_path: Path, source: str, reason: str
) -> None:
    assert ineligible(tmp_path, source) == reason


def test_the_address_of_a_function_outside_may_be_passed_on(tmp_path: Path) -> None:
    source = """
    typedef unsigned long size;
    extern int order(const void *, const void *), other(const void *, const void *);
    extern void sort(void *, size, size, int (*)(const void *, const void *));
    void f(int *a, unsigned n, int down) { if (n > 1) sort(a, n, sizeof *a, down ? other : order); }
    """
    again = compiled(tmp_path, source, ("-Os",))
    assert verdict(tmp_path, source, "f", again).accepted
    wrong = compiled(tmp_path, source.replace("other : order", "order : other"))
    assert verdict(tmp_path, source, "f", wrong).reason == Reason.CALLS


def test_the_same_function_by_name_and_by_pointer_is_one(tmp_path: Path) -> None:
    source = """
    extern int low(int), high(int);
    int f(int x) { int (*g)(int) = x < 0 ? low : high; return g(x) + low(x + 1) - high(x + 2); }
    """
    by_name = """
    extern int low(int), high(int);
    int f(int x) { int r = x < 0 ? low(x) : high(x); return r + low(x + 1) - high(x + 2); }
    """
    args = ("-O3", "-fno-pie")
    answer = verdict(tmp_path, source, "f", compiled(tmp_path, by_name, ("-O2", "-fno-pie")), args)
    assert answer.accepted or answer.reason in (Reason.SYMBOL, Reason.LINK), answer
    wrong = by_name.replace("x < 0 ? low", "x <= 0 ? low")
    answer = verdict(tmp_path, source, "f", compiled(tmp_path, wrong, ("-O2", "-fno-pie")), args)
    assert answer.verdict == "rejected", answer


def test_calls_of_a_local_callee_through_pointers_are_seen(tmp_path: Path) -> None:
    source = """
    static __attribute__((noinline)) int twice(int (*g)(int), int x) { return g(g(x)) + 1; }
    int f(int (*g)(int), int x) { return twice(g, x) * 3; }
    """
    flat = "int f(int (*g)(int), int x) { return g(g(x)) * 3 + 3; }"
    assert verdict(tmp_path, source, "f", compiled(tmp_path, flat)).accepted
    wrong = "int f(int (*g)(int), int x) { return g(x) * 3 + 3; }"
    assert verdict(tmp_path, source, "f", compiled(tmp_path, wrong)).reason == Reason.CALLS


def test_two_noises_show_a_register_that_a_callee_may_destroy(tmp_path: Path) -> None:
    source = "int f(int (*g)(int), int x, int y) { return g(x) + y; }"
    kept = body("f", "subq $8, %rsp\nmovq %rdi, %rax\nmovl %esi, %edi\nmovl %edx, %r11d\n"
                "call *%rax\naddl %r11d, %eax\naddq $8, %rsp\nret")  # fmt: skip
    assert verdict(tmp_path, source, "f", kept).reason == Reason.CLOBBER


def test_facts_of_a_unit_tell_pointers_and_names_apart(tmp_path: Path) -> None:
    source = "extern int e(int); int f(int (*g)(int), int x) { return g(e(x)) + e(g(x)); }"
    job = job_for(tmp_path, source, "f")
    names = [use.callee for use in facts_for_unit(job.command, job.unit_text).function("f").calls]
    assert sorted(n or "" for n in names) == ["", "", "e", "e"]
    assert list(sites(parse_unit(job.unit_text).function("f").code).values()) == names
