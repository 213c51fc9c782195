"""Each rule that needs a run has a wrong rewrite that only this rule stands against.

The static rules are dropped in turn in tests/screen/test_screen_rules.py.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from verifying import QUICK, body, compiled, job_for

from superopt_cc.types import Rewrite, Verdict
from superopt_cc.verify import engine
from superopt_cc.verify.engine import Verifier
from superopt_cc.verify.gathering import plans
from superopt_cc.verify.rules import ALL, Rules


@dataclasses.dataclass(frozen=True)
class Mistake:
    """A function and a wrong rewrite of it: instructions, or C text where it says so.

    `others` are rules that would stand against it too, left out for the test.
    """

    source: str
    wrong: str
    others: tuple[str, ...] = ()
    flags: str = "-O3"

    def rewrite(self, folder: Path) -> Rewrite:
        return compiled(folder, self.wrong) if "{" in self.wrong else body("f", self.wrong)


PLUS_ONE = "int f(int x) { return x + 1; }\n"
HASH = "x ^= x >> 15; x *= 2246822519u; x ^= x >> 13; x *= 3266489917u; x ^= x >> 16;"
HASHED = f"unsigned f(unsigned x) {{ {HASH} return x == 305419896 ? 7 : x; }}\n"
UNHASHED = f"unsigned f(unsigned x) {{ {HASH} return x; }}\n"
SUM = "int f(const int *a, int n) { int s = 0; for (int i = 0; i < n; i++) s += a[i]; return s; }\n"

RUN = {
    "ends_where_the_target_ends": Mistake(
        PLUS_ONE,
        "1:\ncmpl $12345, %edi\nje 1b\nleal 1(%rdi), %eax\nret",
        ("every_trace_was_seen_whole",),
    ),
    "stays_in_its_code": Mistake(
        PLUS_ONE,
        "leal 1(%rdi), %eax\ncmpl $12345, %edi\nje 1f\nret\n1:\nmovl $4660, %ecx\njmp *%rcx",
        (
            "indirect_jumps_go_through_own_tables",
            "leaves_only_by_known_tail_jumps",
            "control_stays_inside",
            "every_trace_was_seen_whole",
        ),
    ),
    "touches_nothing_beside_the_objects": Mistake(
        "int f(const char *p) { return p[0]; }\n",
        "movsbl 1(%rdi), %eax\nmovsbl (%rdi), %eax\nret",
        ("reads_only_near_what_the_target_touches",),
    ),
    "traps_where_the_target_traps": Mistake(
        "int f(int a, int b) { return a / b; }\n",
        "int f(int a, int b) { return b == 0 || (b == -1 && a == -2147483647 - 1) ? 0 : a / b; }\n",
    ),
    "leaves_as_the_target_leaves": Mistake(
        "void g(void) __attribute__((noreturn));\n"
        "int f(int x) { if (x == 5) g(); return x + 1; }\n",
        "leal 1(%rdi), %eax\nret",
    ),
    "keeps_the_stack_pointer": Mistake(
        PLUS_ONE,
        "leal 1(%rdi), %eax\npopq %rcx\naddq $8, %rsp\njmp *%rcx",
        (
            "indirect_jumps_go_through_own_tables",
            "leaves_only_by_known_tail_jumps",
            "returns_are_not_forged",
            "stack_use_is_certain",
            "restores_callee_saved_registers",
            "control_stays_inside",
            "keeps_the_callers_frame",
            "leaves_the_return_address_alone",
        ),
    ),
    "keeps_the_callers_frame": Mistake(PLUS_ONE, "movl $0, 16(%rsp)\nleal 1(%rdi), %eax\nret"),
    "keeps_the_machine_state": Mistake(
        PLUS_ONE, "leal 1(%rdi), %ebx\nmovl %ebx, %eax\nret", ("restores_callee_saved_registers",)
    ),
    "has_the_stack_aligned_at_calls": Mistake(
        "int g(int);\nint f(int x) { return g(x) + 1; }\n",
        "subq $16, %rsp\ncall g\naddq $16, %rsp\nincl %eax\nret",
        ("aligns_the_stack_at_calls",),
    ),
    "makes_the_same_calls": Mistake(
        "void g(int, int);\nvoid f(int x, int y) { g(x, y); g(1, 2); }\n",
        "void g(int, int);\nvoid f(int x, int y) { g(y, x); g(1, 2); }\n",
        ("leaves_as_the_target_leaves",),  # callees may answer by what they are passed
    ),
    "shows_callees_the_same_memory": Mistake(
        "void g(void);\nvoid f(int *p) { *p = 1; g(); *p = 2; }\n",
        "void g(void);\nvoid f(int *p) { g(); *p = 2; }\n",
        ("leaves_the_same_memory",),
    ),
    "returns_the_same_bits": Mistake(PLUS_ONE, "leal 2(%rdi), %eax\nret"),
    "raises_the_same_float_flags": Mistake(
        "double f(double x, double y) { return x + y; }\n",
        "cvttsd2si %xmm0, %rax\naddsd %xmm1, %xmm0\nret",
    ),
    "leaves_the_same_memory": Mistake(
        "void f(int *p, int x) { *p = x; }\n", "incl %esi\nmovl %esi, (%rdi)\nret"
    ),
    "keeps_above_the_red_zone": Mistake(
        PLUS_ONE,
        "movl %edi, -200(%rsp)\nmovl -200(%rsp), %eax\nincl %eax\nret",
        ("keeps_to_the_red_zone",),
    ),
    "writes_only_what_the_target_writes": Mistake(
        "void f(int *p) { p[1] = 5; p[20] = 6; }\n",
        "movl 40(%rdi), %eax\nmovl %eax, 40(%rdi)\nmovl $5, 4(%rdi)\nmovl $6, 80(%rdi)\nret",
    ),
    "reads_only_near_what_the_target_touches": Mistake(
        "int f(const int *p) { return p[0] + p[100]; }\n",
        "movl 200(%rdi), %eax\nmovl (%rdi), %eax\naddl 400(%rdi), %eax\nret",
    ),
    "stays_constant_time": Mistake(
        """
        int f(const unsigned char *a, const unsigned char *b) {
            int d = 0;
            for (int i = 0; i < 16; i++) d |= a[i] ^ b[i];
            return d == 0;
        }
        """,
        """
        int f(const unsigned char *a, const unsigned char *b) {
            for (int i = 0; i < 16; i++) if (a[i] != b[i]) return 0;
            return 1;
        }
        """,
    ),
    "adds_no_division": Mistake(
        "unsigned f(unsigned x) { return x / 7; }\n",
        "movl %edi, %eax\nxorl %edx, %edx\nmovl $7, %ecx\ndivl %ecx\nret",
    ),
}


def _decided(folder: Path, mistake: Mistake, rules: Rules) -> Verdict:
    job = job_for(folder, mistake.source, "f", mistake.flags.split())
    with Verifier(job, QUICK, rules=rules) as verifier:
        return verifier.check(mistake.rewrite(folder))


def _without(*names: str) -> Rules:
    rules = ALL
    for name in names:
        rules = rules.without(name)
    return rules


@pytest.mark.parametrize("name", RUN)
def test_without_a_rule_of_runs_its_mistake_passes(tmp_path: Path, name: str) -> None:
    mistake = RUN[name]
    with_it = _decided(tmp_path, mistake, _without(*mistake.others))
    assert with_it.verdict == "rejected", with_it
    without = _decided(tmp_path, mistake, _without(*mistake.others, name))
    assert without.accepted, without


@pytest.mark.parametrize(
    ("name", "source", "wrong"),
    [
        ("all_of_gccs_code_was_executed", HASHED, UNHASHED),
        ("all_of_the_rewrite_was_executed", UNHASHED, HASHED),
    ],
)
def test_without_coverage_a_hidden_trigger_passes(
    tmp_path: Path, name: str, source: str, wrong: str
) -> None:
    mistake = Mistake(source, wrong, (), "-O1 -fno-if-conversion -fno-if-conversion2")
    rewrite = compiled(tmp_path, wrong, ("-O2", "-fno-if-conversion", "-fno-if-conversion2"))
    job = job_for(tmp_path, source, "f", mistake.flags.split())
    for rules, expected in ((ALL, "undecided"), (ALL.without(name), "accepted")):
        with Verifier(job, QUICK, rules=rules) as verifier:
            assert verifier.check(rewrite).verdict == expected


def test_inputs_that_were_not_tried_decide_nothing(tmp_path: Path) -> None:
    for rules, expected in ((ALL, "undecided"), (ALL.without("every_input_was_tried"), "accepted")):
        with Verifier(job_for(tmp_path, PLUS_ONE, "f"), QUICK, rules=rules) as verifier:
            verifier.gathered = dataclasses.replace(verifier.gathered, complete=False)
            assert verifier.check(body("f", "movl %edi, %eax\nincl %eax\nret")).verdict == expected


def test_a_trace_that_was_cut_decides_nothing(tmp_path: Path) -> None:
    slow = "movl $90000, %ecx\n1:\ndecl %ecx\njne 1b\nleal 1(%rdi), %eax\nret"
    name = "every_trace_was_seen_whole"
    for rules, expected in ((ALL, "undecided"), (ALL.without(name), "accepted")):
        with Verifier(job_for(tmp_path, PLUS_ONE, "f"), QUICK, rules=rules) as verifier:
            assert verifier.check(body("f", slow)).verdict == expected


@pytest.mark.parametrize("name", ["mutants_of_gccs_code_fall", "mutants_of_the_rewrite_fall"])
def test_tests_that_pass_wrong_variants_pass_wrong_rewrites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    source = "int f(int x, int y) { return (x ^ 21) * 9 + (y & 255) * 5 - (x >> 3) + (y | 64); }\n"
    wrong = source.replace("y | 64", "y | 65")
    other = ({*(rule.name for rule in ALL.weighed if "mutants" in rule.name)} - {name}).pop()
    monkeypatch.setattr(engine, "_STRONGER", 0)
    settle = plans.settle
    monkeypatch.setattr(plans, "settle", lambda *given: _odd_only(settle(*given), given[2]))
    for rules, expected in (
        (ALL.without(other), "undecided"), (ALL.without(other).without(name), "accepted")
    ):  # fmt: skip
        with Verifier(job_for(tmp_path, source, "f"), QUICK, rules=rules) as verifier:
            assert verifier.check(compiled(tmp_path, wrong)).verdict == expected


def _odd_only(made: tuple[plans.Plan, ...], image: object) -> tuple[plans.Plan, ...]:
    """One input a plan, on which `y | 64` and `y | 65` are the same."""
    found = []
    for plan in made:
        odd = [c for c in plan.batch.cases if isinstance(c.ints[1], int) and c.ints[1] & 1][:1]
        batch = plans.encode_batch(odd, image.arena, plan.styles, plan.seed)  # type: ignore[attr-defined]
        found.append(dataclasses.replace(plan, batch=batch))
    return tuple(found)


def test_every_rule_has_a_name_of_its_own_and_is_dropped_somewhere() -> None:
    names = ALL.names()
    assert len(set(names)) == len(names)
    here = {*RUN, *(rule.name for rule in ALL.weighed)}
    assert {rule.name for kind in (ALL.run, ALL.bounds, ALL.leaks) for rule in kind} <= here
    with pytest.raises(KeyError):
        ALL.without("no_such_rule")


def test_every_rule_stands_in_the_table_of_the_documentation() -> None:
    table = (Path(__file__).parents[2] / "docs" / "verification.md").read_text()
    assert [name for name in ALL.names() if f"| `{name}` |" not in table] == []
