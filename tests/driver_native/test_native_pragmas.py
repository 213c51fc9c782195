"""`#pragma superopt` never warns; everything else about a file stays as gcc says it."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

SPELLINGS = {
    "plain": "#pragma superopt\n",
    "indented": "  #  pragma\tsuperopt f\n",
    "options": "#pragma superopt (isa=x86-64-v3, budget=60)\n",
    "contract": "#pragma superopt assume(n <= 4096) extent(a, n) disjoint(a, b)\n",
    "off and on": "#pragma superopt off\n#pragma superopt on\n",
    "continued": "#pragma superopt \\\n  f \\\n  g\n",
    "split": "#pragma \\\n superopt f\n",
    "comments": "# /* a */ pragma /* b */ superopt /* over\nlines */ f // end\n",
    "after a comment": "/* one\n two */ #pragma superopt\n",
    "after an apostrophe": "// don't\n/* won't */\n#pragma superopt\n",
    "inside false #if": "#if 0\n#pragma superopt\n#endif\n",
    "dos line ends": "#pragma superopt f\r\n",
    "after a number": "enum { N = 0x1f+0 };\n#pragma superopt\n",
    "after strings": 'const char s[] = "\\"/*", t = \'"\';\n#pragma superopt\n',
}
BODY = "int f(int x)\n{\n    return x + __LINE__;\n}\n"


@pytest.mark.parametrize("level", ["-O3", "-O0"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_pragma_is_silent_under_werror(spelling, level, installation, run) -> None:
    files = {"f.c": SPELLINGS[spelling] + BODY}
    expected = run(["gcc", level, "-Wall", "-Wno-unknown-pragmas", "-c", "f.c"], files)
    assert expected.stderr == ""
    got = run([installation.cc, level, "-Wall", "-Wextra", "-Werror", "-c", "f.c"], files)
    assert (got.status, got.stderr) == (0, "")
    assert got.files["f.o"] == expected.files["f.o"]


@pytest.mark.parametrize("word", ["-pipe", "-save-temps", "-fsyntax-only", "-S", "-flto"])
@pytest.mark.parametrize("mode", ["off", "use"])
def test_pragma_is_silent_whatever_is_made(word, mode, installation, run) -> None:
    files = {"f.c": SPELLINGS["plain"] + BODY}
    env = {"SUPEROPT_MODE": mode}
    command = [installation.cc, "-O3", word, "-Wall", "-Werror", "-c", "f.c"]
    got = run(command, files, env=env)
    assert (got.status, got.stderr) == (0, "")


def test_pragma_is_silent_in_headers_and_cxx_and_on_stdin(installation, run) -> None:
    files = {"h.h": SPELLINGS["options"], "f.cc": '#include "h.h"\n' + BODY}
    for words in (["f.cc"], ["-xc++", "-"]):
        command = [installation.cxx, "-O3", "-Wall", "-Werror", *words, "-c", "-o", "f.o"]
        got = run(command, files, stdin=(SPELLINGS["continued"] + files["f.cc"]).encode())
        assert (got.status, got.stderr) == (0, "")


def test_preprocessed_text_keeps_the_pragma(installation, run) -> None:
    files = {"f.c": SPELLINGS["options"] + BODY}
    for words in (["-E"], ["-E", "-C"], ["-M"]):
        expected = run(["gcc", *words, "f.c"], files)
        assert run([installation.cc, *words, "f.c"], files) == expected
    kept = run([installation.cc, "-O2", "-save-temps", "-c", "f.c"], files)
    assert b"#pragma superopt (isa" in kept.files["f.i"]
    again = {"f.i": kept.files["f.i"].decode()}
    got = run([installation.cc, "-O2", "-Wall", "-Werror", "-c", "f.i"], again)
    assert (got.status, got.stderr) == (0, "")


def _unknown_pragmas(stderr: str) -> list[str]:
    return re.findall(r"ignoring '(#pragma [^']*)' \[-Wunknown-pragmas\]", stderr)


def test_other_unknown_pragmas_still_warn(installation, run) -> None:
    text = "#pragma superopt\n#pragma superoptimal f\n#pragma other superopt\n" + BODY
    got = run([installation.cc, "-O3", "-Wall", "-c", "f.c"], {"f.c": text})
    assert _unknown_pragmas(got.stderr) == ["#pragma superoptimal f", "#pragma other superopt"]


def test_messages_show_the_users_own_lines(installation, run) -> None:
    text = "#pragma superopt f\nint f(int x) { int unused; /* #pragma superopt */ return y; }\n"
    text += "#pragma superopt (\n int g(\n"
    expected = run(["gcc", "-O3", "-Wall", "-Wno-unknown-pragmas", "-c", "f.c"], {"f.c": text})
    words = ["-O3", "-Wall", "-Wno-unknown-pragmas", "-c", "f.c"]
    got = run([installation.cc, *words], {"f.c": text})
    assert (got.status, got.stderr) == (expected.status, expected.stderr)


STRINGS = {
    "raw string": 'const char *s = R"(\n#pragma superopt\n)";\n',
    "raw string with a tag": 'const char *s = R"x(\n)"\n#pragma superopt f\n)x";\n',
    "raw string with a prefix": 'const char *s = u8R"(\n#pragma superopt\n)";\n',
    "continued string": 'const char *s = "a\\\n#pragma superopt";\n',
    "digit separators": "int n = 1'000'000; const char *s = R\"(\n#pragma superopt\n)\";\n",
    "macro called R": '#define R "x"\nconst char *s = R "(";\n#pragma superopt\n',
    "line comment continued": '// \\\n#pragma superopt\nconst char *s = "x";\n',
    "quote in a comment": '/* don\'t */\nconst char *s = "/*";\n#pragma superopt\n',
}


@pytest.mark.parametrize("spelling", STRINGS)
def test_text_inside_strings_is_not_touched(spelling, installation, run) -> None:
    files = {"s.cc": STRINGS[spelling] + BODY}
    words = ["-O2", "-std=c++17", "-Wno-write-strings", "-Wno-unknown-pragmas", "-c", "s.cc"]
    expected = run(["g++", *words], files)
    assert expected.status == 0
    got = run([installation.cxx, *words], files)
    assert (got.status, got.stderr, got.files) == (0, expected.stderr, expected.files)


def test_unclosed_comment_stays_an_error(installation, run) -> None:
    files = {"f.c": BODY + "#pragma superopt /* never closed\n"}
    expected = run(["gcc", "-O3", "-c", "f.c"], files)
    assert run([installation.cc, "-O3", "-c", "f.c"], files) == expected
    assert expected.status != 0


def test_users_preload_is_kept(installation, run, tmp_path) -> None:
    source = tmp_path / "noted.c"
    note = tmp_path / "loaded"
    source.write_text(
        "#include <stdio.h>\n#include <errno.h>\n"
        "__attribute__((constructor)) static void load(void)\n"
        f'{{ FILE *f = fopen("{note}", "a"); fputs(program_invocation_short_name, f);'
        ' fputs("\\n", f); fclose(f); }\n'
    )
    library = tmp_path / "noted.so"
    words = ["gcc", "-D_GNU_SOURCE", "-shared", "-fPIC", source, "-o", library]
    subprocess.run(words, check=True, env=dict(os.environ))
    env = {"LD_PRELOAD": str(library)}
    files = {"f.c": SPELLINGS["plain"] + BODY}
    got = run([installation.cc, "-O3", "-Wall", "-Werror", "-c", "f.c"], files, env=env)
    assert (got.status, got.stderr) == (0, "")
    assert {"gcc", "cc1", "as"} <= set(note.read_text().split())


def test_missing_preload_library_is_no_obstacle(installation, run) -> None:
    (installation.helpers / "pragma" / "superopt-pragma.so").unlink()
    files = {"f.c": SPELLINGS["plain"] + BODY}
    expected = run(["gcc", "-O3", "-c", "f.c"], files)
    assert run([installation.cc, "-O3", "-c", "f.c"], files) == expected


def test_precompiled_header_is_used(installation, run) -> None:
    files = {"h.h": "int declared(int);\n" + SPELLINGS["plain"], "f.c": '#include "h.h"\n' + BODY}
    make = (
        f"{installation.cc} -O3 -Wall -Werror h.h && rm h.h && {installation.cc} -O3 -Wall -c f.c"
    )
    got = run(["sh", "-c", make], files)
    assert (got.status, got.stderr) == (0, "")


def test_macros_of_the_wrapper_header_vanish(installation, run) -> None:
    header = os.path.join(os.path.dirname(__file__), "..", "..", "wrappers", "superopt.h")
    with open(header) as text:
        files = {"superopt.h": text.read()}
    files["f.c"] = (
        '#include "superopt.h"\nSUPEROPT_FUNCTIONS(f, g)\nSUPEROPT_OFF\nSUPEROPT_ON\n'
        "SUPEROPT_WITH(extent(a, n))\nSUPEROPT\n" + BODY
    )
    command = ["-O3", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-std=c99", "-c", "f.c"]
    for compiler in (installation.cc, "gcc", "clang"):
        got = run([compiler, *command], files)
        assert (got.status, got.stderr) == (0, "")
