from __future__ import annotations

from pathlib import Path

import pytest
from assembly_support import assemble, compile_text, compile_unit, run

from superopt_cc.assembly.closure import Body, Harness, harness_text
from superopt_cc.assembly.offered import parse_fragment
from superopt_cc.errors import Ineligible

SOURCE = """
#include <stdio.h>
#include <string.h>
static int counter; int shared[8]; extern int outside[]; static const int T[4] = {1, 2, 3, 4};
static int start = 5;
__attribute__((noinline)) int open_to_all(int x) { return x * 7 + outside[1]; }
static __attribute__((noinline)) int inner(int x) { counter += T[x & 3]; return x * 9; }
static __attribute__((noinline)) int middle(int x) { return inner(x + 1) * start++; }
int target(int x, const char *s) {
  if (x < 0) return target(-x, s + 1) + 1;
  puts(s);
  return middle(x) + open_to_all(x) + strlen(s) + shared[2];
}
double scale(double x) { return x * 2.5; }
int (*table[2])(int) = {inner, middle};
int through(int i, int x) { return table[i & 1](x) + 1; }
const char *word(int i) { static const char *const w[] = {"ab", "cd"}; return w[i & 1]; }
_Thread_local int mine; static __attribute__((noinline)) int tls(int x) { return mine += x; }
int reaches_tls(int x) { return tls(x) + 1; }
static __attribute__((noinline)) int asmy(int x) { asm("nop" : "+r"(x)); return x; }
int reaches_asm(int x) { return asmy(x) + 1; }
"""


def link(harness: Harness, folder: Path) -> dict[str, int]:
    """Link a harness statically with nothing else; the symbols and their addresses."""
    obj = assemble(harness.text, folder / "h.o")
    missing = [*harness.stubs, *harness.wraps, *harness.undefined_data]
    definitions = [f"--defsym={name}=0x500000" for name in missing]
    run("ld", "-static", "-no-pie", "-e", "0", "-o", folder / "h", obj, *definitions)
    found = {}
    for line in run("nm", folder / "h").splitlines():
        parts = line.split()
        found[parts[-1]] = int(parts[0], 16)
    return found


@pytest.mark.parametrize(
    "options", [(), ("-g",), ("-fno-pie", "-fcf-protection", "-ffunction-sections"), ("-fno-plt",)]
)
def test_a_target_comes_with_all_that_it_reaches(options, tmp_path):
    unit = compile_unit(SOURCE, *options)
    rewrite = parse_fragment(unit.text, "target", unit)
    bodies = [
        Body("superopt.b0"),
        Body("superopt.b1", rewrite, offset=-1, wrap_local_calls=True),
        Body("superopt.b2", rewrite, offset=17),
    ]
    harness = harness_text(unit, "target", bodies)
    assert set(harness.stubs.values()) == {"puts", "strlen"}
    assert set(harness.wraps.values()) == {"middle", "open_to_all"}
    assert set(harness.local_callees) == {"middle", "inner", "open_to_all"}
    assert set(harness.undefined_data) == {"outside"}
    assert harness.writable == {"counter": 4, "shared": 32, "start": 4}
    assert harness.readonly["T"] == 16
    assert harness.address_taken == ()
    symbols = link(harness, tmp_path)
    assert symbols["superopt.b0"] % 4096 == 0
    assert symbols["superopt.b1"] % 64 == 0
    assert symbols["superopt.b2"] % 4096 == 17
    assert {"target", "counter", "T", "inner"} <= set(symbols)


def test_rewrites_call_themselves_and_wrappers(tmp_path):
    unit = compile_unit(SOURCE, "-O1")
    rewrite = parse_fragment(unit.text, "target", unit)
    harness = harness_text(unit, "target", [Body("superopt.b0", rewrite, 0, True)])
    assemble(harness.text, tmp_path / "h.o")
    body = harness.text.split("\nsuperopt.b0:\n")[1].split("\t.size\tsuperopt.b0")[0]
    calls = [line.split()[1] for line in body.split("\n") if line.startswith("\tcall")]
    assert "superopt.wrap.middle" in calls
    assert "superopt.b0" in calls
    assert "target" not in calls


def test_calls_that_others_may_answer_are_stubs():
    unit = compile_unit(SOURCE, "-fPIC")
    harness = harness_text(unit, "target", [Body("superopt.b0")])
    assert "open_to_all" in harness.stubs.values()
    assert "middle" in harness.local_callees
    weak = compile_unit(
        "__attribute__((weak)) int w(int x) { return x; } int f(int x) { return w(x) + 1; }"
    )
    assert harness_text(weak, "f", []).stubs == {"superopt.stub.w": "w"}


def test_constants_get_names_that_the_symbol_table_shows(tmp_path):
    unit = compile_unit(SOURCE)
    harness = harness_text(unit, "scale", [Body("superopt.b0")])
    assert list(harness.readonly.values()) == [8]
    assert set(harness.readonly) <= set(link(harness, tmp_path))
    assert harness_text(unit, "word", []).readonly["w.0"] == 16


def test_functions_in_tables_are_carried_and_named():
    harness = harness_text(compile_unit(SOURCE), "through", [])
    assert set(harness.address_taken) == {"inner", "middle"}
    assert harness.writable["table"] == 16
    assert "counter" in harness.writable


@pytest.mark.parametrize(("name", "reason"), [("reaches_tls", "tls"), ("reaches_asm", "callee")])
def test_what_cannot_live_in_an_image_is_ineligible(name, reason):
    with pytest.raises(Ineligible) as caught:
        harness_text(compile_unit(SOURCE), name, [])
    assert caught.value.reason == reason


def test_an_image_without_outside_names_runs(tmp_path):
    source = (
        "static int n = 3; static __attribute__((noinline)) int g(int x) { return x * n++; }"
        "int f(int x) { switch (x) { case 0: return g(1); case 1: return 9; case 2: return 77;"
        "case 3: return g(5); case 4: return 11; case 5: return g(8); } return g(x); }"
    )
    unit = compile_unit(source)
    rewrite = parse_fragment(compile_text(source, "-O1"), "f", unit)
    harness = harness_text(unit, "f", [Body("superopt.b0"), Body("superopt.b1", rewrite, -1)])
    obj = assemble(harness.text, tmp_path / "h.o")
    main = tmp_path / "main.c"
    main.write_text(
        "#include <stdio.h>\n"
        'int f(int), a(int) __asm__("superopt.b0"), b(int) __asm__("superopt.b1");\n'
        "int main(void) { for (int i = 0; i < 8; i++) {"
        ' printf("%d ", f(i)); printf("%d ", a(i)); printf("%d ", b(i)); } }\n'
    )
    run("gcc", "-w", "-static", "-no-pie", "-o", tmp_path / "run", main, obj)
    numbers = [int(x) for x in run(tmp_path / "run").split()]
    n, expected = 3, []
    for i in range(8):
        for _ in range(3):
            if i in (1, 2, 4):
                expected.append({1: 9, 2: 77, 4: 11}[i])
            else:
                expected.append({0: 1, 3: 5, 5: 8}.get(i, i) * n)
                n += 1
    assert numbers == expected
