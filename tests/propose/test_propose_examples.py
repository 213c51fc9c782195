"""Worked examples: our own are right, and the store's come by likeness."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from propose_context import MakeContext

from superopt_cc.assembly.fragment import own_fragment
from superopt_cc.propose.asmanswer import read_assembly
from superopt_cc.propose.examples import BUILT_IN, cosine, runs, similar
from superopt_cc.propose.facts import facts_for
from superopt_cc.propose.prompt import hot_part, listing
from superopt_cc.settings import Settings
from superopt_cc.store.local import Store
from superopt_cc.types import Measurement, Origin, Outcome, Reason, Rewrite, to_json
from superopt_cc.verify.engine import Verifier

LOOP = "unsigned %s(unsigned x) { unsigned n = 0; while (x) { n += x & 1; x >>= 1; } return n; }\n"
BELOW = (
    "unsigned sum_below(unsigned n)\n"
    "{ unsigned s = 0, i; for (i = 0; i < n; i++) s += i; return s; }\n"
)


def test_our_own_example_in_assembly_is_right(make_context: MakeContext) -> None:
    context = make_context(BELOW, "sum_below", "-O2")
    example = BUILT_IN["asm"]
    before, after = (read_assembly(text, "sum_below") for text in (example.before, example.after))
    with Verifier(context.job) as verifier:
        verdict = verifier.check(Rewrite(after, "test", Origin.MIXED))
        other = verifier.check(Rewrite(before, "test", Origin.MIXED))
    assert verdict.accepted, verdict
    assert other.accepted or other.reason is Reason.COPY, other


def test_our_own_example_in_c_is_right(make_context: MakeContext) -> None:
    example = BUILT_IN["c"]
    context = make_context(example.before, "count_set", "-O2")
    after = make_context(example.after, "count_set", "-O2").job.unit_text
    with Verifier(context.job) as verifier:
        verdict = verifier.check(Rewrite(after, "test", Origin.MIXED))
    assert verdict.accepted, verdict


def test_likeness_is_by_runs_of_mnemonics() -> None:
    one = runs(("\taddl\t%eax, %eax", ".L2:", "\tsubl\t$1, %ecx", "\tjne\t.L2"))
    assert cosine(one, one) == pytest.approx(1.0)
    turned = runs(("\tjne\t.L2", "\tsubl\t$1, %ecx", "\taddl\t%eax, %eax"))
    assert 0.2 < cosine(one, turned) < 0.9
    assert cosine(one, runs(("\tret",))) == 0.0
    assert cosine(runs(()), one) == 0.0


def _keep(settings: Settings, name: str, target: str, text: str, **provenance: str) -> None:
    rewrite = Rewrite(text, "llm", Origin.MIXED, "", provenance)
    timing = Measurement(1.5, (1.4, 1.6), 0.01, True, 1.5, 1.5, {}, (), {})
    outcome = Outcome(name, "replaced", "", "", rewrite, None, timing)
    with Store(settings.cache_dir, settings.cache_size) as store:
        store.keep_story(name, {"name": name, "target": target, "outcome": to_json(outcome)})


def test_verified_rewrites_of_similar_functions_come_first(
    make_context: MakeContext, tmp_path: Path
) -> None:
    context = make_context(LOOP % "ones", "ones", "-O2")
    settings = dataclasses.replace(context.settings, cache_dir=tmp_path / "store")
    function = context.unit.function("ones")
    target = "\n".join(function.lines).replace("ones", "bits") + "\n"
    given = {"surface": "c", "function": LOOP % "bits", "code": "unsigned bits(unsigned x) {...}"}
    _keep(settings, "bits", target, "\t.text\nbits:\n\tpopcntl\t%edi, %eax\n\tret\n", **given)
    _keep(settings, "other", "other:\n\tmulsd\t%xmm0, %xmm0\n\tret\n", "other:\n\tret\n")
    body = own_fragment(function).body
    (example,) = similar(settings, "asm", body)
    assert example.before.startswith("bits:\n\t")
    assert ".cfi" not in example.before
    assert example.after == "bits:\n\tpopcntl\t%edi, %eax\n\tret"
    assert example.gain == "1.50"
    (example,) = similar(settings, "c", body)
    assert example.after == "unsigned bits(unsigned x) {...}"


def test_a_store_that_cannot_be_read_gives_no_examples(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    assert similar(Settings(cache_dir=tmp_path / "cache"), "c", ("\tret",)) == []


def test_the_model_is_told_what_it_may_change(make_context: MakeContext) -> None:
    source = (
        "extern int seen(int);\n"
        "__attribute__((noinline)) static int own(int a, double *p)\n"
        "{ p[0] *= 2.5; return a + 1; }\n"
        "int two(int a, double *p) { return own(a, p) + own(a + 2, p + 1) + seen(a); }\n"
    )
    own = facts_for(make_context(source, "own"), assembly=True)
    assert any(line.startswith("Only these registers may be changed: %rax") for line in own)
    assert not any("%rcx" in line for line in own)
    assert any("a in %rdi, p in %rsi" in line for line in own)
    two = facts_for(make_context(source, "two"), assembly=True)
    assert any("All other registers may be changed" in line for line in two)
    assert any(line.startswith("It may call own, seen") for line in two)
    assert not any("%r" in line for line in facts_for(make_context(source, "two"), assembly=False))


def test_the_listing_holds_code_and_constants_and_no_noise(make_context: MakeContext) -> None:
    source = "void scale(float *a, int n) { for (int i = 0; i < n; i++) a[i] = a[i] * 2.5f; }\n"
    context = make_context(source, "scale", "-O3", "-g")
    text = listing(context.unit, context.unit.function("scale"))
    assert text.startswith("scale:\n\t")
    assert "1075838976" in text
    for noise in (".cfi", ".loc", ".LFB", ".LVL", ".p2align", ".size"):
        assert noise not in text
    loop = hot_part(context.unit.function("scale"))
    assert loop.splitlines()[-1].startswith("\tj")
    assert loop in text


def test_a_loop_that_gcc_made_long_is_not_repeated(make_context: MakeContext) -> None:
    source = (
        "long f(const unsigned char *p, long n)\n"
        "{ long s = 0; for (long i = 0; i < n; i++) if (p[i] == 9) s++; return s; }\n"
    )
    unit = make_context(source, "f", "-O3").unit
    assert hot_part(unit.function("f")) == ""
    unit = make_context(source, "f", "-O2", "-fno-tree-vectorize").unit
    assert "$9, " in hot_part(unit.function("f"))
