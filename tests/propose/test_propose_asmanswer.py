"""Assembly as models write it: whatever the notation, the same function comes out."""

from __future__ import annotations

import contextlib
import random
import textwrap
from pathlib import Path

import pytest

from superopt_cc.assembly.canonical import fragment_canonical
from superopt_cc.assembly.fragment import FragmentError
from superopt_cc.assembly.offered import parse_fragment
from superopt_cc.assembly.unit import Unit, parse_unit
from superopt_cc.propose.asmanswer import is_c, read_assembly
from superopt_cc.propose.csource import OfferError, read_offer
from superopt_cc.toolchain.tools import assemble

UNIT = """\
	.file	"a.c"
	.text
	.globl	total
	.type	total, @function
total:
.LFB0:
	xorl	%eax, %eax
	ret
.LFE0:
	.size	total, .-total
	.globl	scale
	.data
	.type	scale, @object
	.size	scale, 4
scale:
	.long	3
"""
PLAIN = """\
total:
	xorl	%eax, %eax
	testl	%esi, %esi
	jle	.L1
	movslq	%esi, %rsi
.L3:
	addl	(%rdi), %eax
	addq	$4, %rdi
	subq	$1, %rsi
	jne	.L3
.L1:
	ret
"""


def unit() -> Unit:
    return parse_unit(UNIT)


def meaning(answer: str) -> str:
    """The canonical code of an answer, which must assemble."""
    fragment = parse_fragment(read_assembly(answer, "total"), "total", unit())
    return fragment_canonical(fragment)


WANTED = meaning(PLAIN)
BODY = PLAIN.partition("\n")[2]


def test_prose_around_a_fence_is_left_out() -> None:
    answer = f"Sure! Here is the optimized code:\n\n```asm\n{PLAIN}```\n\nIt saves one `cmp`."
    assert meaning(answer) == WANTED


def test_prose_without_any_fence_is_left_out() -> None:
    answer = f"Here is the faster version of total:\n\n{PLAIN}\nNote: the loop counts down. It is\n"
    assert meaning(answer + "faster because it needs no compare.\n") == WANTED


def test_of_several_fences_the_last_one_with_the_function_counts() -> None:
    original = "total:\n\txorl\t%eax, %eax\n\tret\n"
    answer = f"The original:\n```asm\n{original}```\nThe new one:\n```x86asm\n{PLAIN}```\nRun it:\n"
    assert meaning(answer + "```sh\ngcc -O3 total.s\n```\n") == WANTED


def test_a_fence_that_is_never_closed_is_read() -> None:
    assert meaning(f"```\n{PLAIN}") == WANTED


def test_windows_line_ends_are_read() -> None:
    assert meaning(f"```asm\n{PLAIN}```".replace("\n", "\r\n")) == WANTED


def test_a_missing_label_is_added() -> None:
    assert meaning(f"```asm\n{BODY}```") == WANTED


def test_missing_size_and_type_are_no_matter_and_present_ones_neither() -> None:
    whole = f"\t.text\n\t.p2align 4\n\t.globl\ttotal\n\t.type\ttotal, @function\n{PLAIN}"
    assert meaning(f"```asm\n{whole}```") == WANTED
    assert meaning(f"```asm\n{whole}\t.size\ttotal, .-total\n```") == WANTED


def test_noise_of_compilers_is_left_out() -> None:
    noisy = f"""\
\t.file\t"total.c"
\t.text
\t.globl\ttotal
\t.type\ttotal, @function
total:
.LFB0:
\t.cfi_startproc
\t.loc 1 3 5 view .LVU1
{BODY}\t.cfi_endproc
.LFE0:
\t.size\ttotal, .-total
\t.ident\t"GCC: (GNU) 13.2.0"
\t.section\t.note.GNU-stack,"",@progbits
"""
    assert meaning(f"```assembly\n{noisy}```") == WANTED


def test_a_whole_compiler_output_of_another_system_is_read() -> None:
    mingw = (
        f"\t.def\ttotal;\t.scl\t2;\t.type\t32;\t.endef\n\t.seh_proc\ttotal\n{PLAIN}\t.seh_endproc\n"
    )
    assert meaning(f"```asm\n{mingw}```") == WANTED


@pytest.mark.parametrize("new", ["total_fast", "_total", "optimized_total", "sum_array"])
def test_a_renamed_function_gets_its_name_back(new: str) -> None:
    text = PLAIN.replace("total:", f"\t.globl {new}\n\t.type {new}, @function\n{new}:")
    assert meaning(f"```asm\n{text}\t.size {new}, .-{new}\n```") == WANTED


def test_a_call_of_itself_is_renamed_along() -> None:
    answer = "```asm\ntotal_fast:\n\ttestl %esi, %esi\n\tjne total_fast\n\tret\n```"
    assert "jne\ttotal" in read_assembly(answer, "total").expandtabs(1).replace(" ", "\t")


@pytest.mark.parametrize("labels", [("loop", "done"), (".loop", ".done"), ("L3", ".L3")])
def test_labels_of_any_kind_are_local(labels: tuple[str, str]) -> None:
    text = PLAIN.replace(".L3", ".Lx").replace(".L1", labels[1]).replace(".Lx", labels[0])
    assert meaning(f"```asm\n{text}```") == WANTED


def test_numeric_labels_are_read() -> None:
    text = PLAIN.replace("jle\t.L1", "jle\t2f").replace("jne\t.L3", "jne\t1b")
    assert meaning(f"```asm\n{text.replace('.L3:', '1:').replace('.L1:', '2:')}```") == WANTED


def test_a_label_that_is_there_twice_means_the_nearest_one_before() -> None:
    answer = """\
        total:
            xorl %eax, %eax
        .L3:
            addl (%rdi), %eax
            subl $1, %esi
            jne .L3
        .L3:
            subl $1, %eax
            jne .L3
            ret
        """
    one = textwrap.dedent(answer)
    first, second, third = one.split(".L3:")
    apart = f"{first}.L3:{second}.L4:{third.replace('.L3', '.L4')}"
    assert meaning(f"```asm\n{one}```") == meaning(f"```asm\n{apart}```")


def test_comments_of_every_kind_are_left_out() -> None:
    lines = PLAIN.replace("xorl\t%eax, %eax", "xorl %eax, %eax  # clear the sum, (not $0)")
    lines = lines.replace("jle\t.L1", "jle .L1 ; nothing to add")
    lines = lines.replace("jne\t.L3", "jne .L3 // next element; go on")
    lines = lines.replace(".L3:", ".L3: /* the loop:\n   one element */")
    assert meaning(f"```asm\n; total(p, n)\n# fast\n{lines}```") == WANTED


def test_several_statements_on_a_line_are_read() -> None:
    text = PLAIN.replace("\taddq\t$4, %rdi\n\tsubq", "\taddq\t$4, %rdi; subq")
    assert ";" in text
    assert meaning(f"```asm\n{text}```") == WANTED


INTEL = """\
total:
    xor     eax, eax
    test    esi, esi
    jle     short .L1
    movsxd  rsi, esi
.L3:
    add     eax, DWORD PTR [rdi]     ; sum += *p
    add     rdi, 4
    sub     rsi, 1
    jne     .L3
.L1:
    ret
"""


@pytest.mark.parametrize(
    "text",
    [
        INTEL,
        f"\t.intel_syntax noprefix\n\t.text\n\t.globl total\n{INTEL}\t.att_syntax\n",
        f"section .text\nglobal total\n{INTEL.replace('DWORD PTR', 'dword')}",
        INTEL.upper().replace("TOTAL", "total"),
    ],
)
def test_intel_syntax_is_converted(text: str) -> None:
    assert meaning(f"```nasm\n{text}```") == WANTED


def test_names_survive_the_conversion(tmp_path: Path) -> None:
    answer = """\
```asm
total:
    mov     eax, DWORD PTR scale[rip]
    lea     rdx, [rip + .LC0]
    imul    eax, DWORD PTR [rdx+4]
    cmp     DWORD PTR scale[rip+4], 7
    movabs  rcx, 0x123456789abcdef0
    mov     r8, QWORD PTR stderr@GOTPCREL[rip]
    vaddps  ymm0, ymm1, YMMWORD PTR [rdi+rax*4-32]
    rep stosq
    call    rdx
    call    helper@PLT
    ret
.section .rodata
.LC0:
    .long 5, 6
```"""
    text = read_assembly(answer, "total")
    for line in (
        "movl\tscale(%rip), %eax",
        "leaq\t.LC0(%rip), %rdx",
        "imull\t4(%rdx), %eax",
        "cmpl\t$7, scale+4(%rip)",
        "movq\tstderr@GOTPCREL(%rip), %r8",
        "callq\t*%rdx",
        "call\thelper@PLT",
        ".LC0:\n\t.long\t5, 6",
    ):
        assert line in text
    assemble(text, tmp_path / "a.o")


def test_intel_syntax_that_is_wrong_is_told_in_the_assembler_s_words() -> None:
    with pytest.raises(OfferError, match="Intel syntax, and as refuses"):
        read_assembly("```asm\ntotal:\n mov eax, [rdi+rsi*3]\n ret\n```", "total")


def test_constants_in_a_fence_of_their_own_come_along() -> None:
    answer = (
        "```asm\ntotal:\n\tmovl .LC7(%rip), %eax\n\tret\n```\nwith the constant\n"
        "```asm\n.LC7:\n\t.long 99\n```"
    )
    text = read_assembly(answer, "total")
    fragment = parse_fragment(text, "total", unit())
    assert [c.lines for c in fragment.constants] == [("\t.long\t99",)]


def test_a_wrong_instruction_stays_for_the_assembler_to_tell_of() -> None:
    text = PLAIN.replace("subq\t$1, %rsi", "decrement %rsi")
    assert "decrement" in read_assembly(f"```asm\n{text}```", "total")


def test_c_instead_of_assembly_is_recognised() -> None:
    c = "```c\nint total(const int *p, int n)\n{\n    int s = 0;\n    return s;\n}\n```"
    assert is_c(c, "total")
    assert is_c("int total(const int *p, int n) { return 0; }", "total")
    assert not is_c(f"```asm\n{PLAIN}```", "total")
    assert not is_c(f"/* int total(int *p) {{ */\n{PLAIN}", "total")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("I cannot make this any faster.", "no assembly"),
        ("", "no assembly"),
        ("```\n```", "no assembly"),
        ("```asm\nfirst:\n\tret\nsecond:\n\tnop\n\tret\n```", "first"),
    ],
)
def test_answers_without_the_function_are_refused(answer: str, why: str) -> None:
    with pytest.raises(OfferError, match=why):
        read_assembly(answer, "total")


def test_no_answer_breaks_the_reader() -> None:
    numbers = random.Random(1)
    pieces = [
        *PLAIN.splitlines(keepends=True), *INTEL.splitlines(keepends=True), "```", "~~~\n", ";",
        ":",
        "\r\n", "\t", "#", "//", "/*", '"', "(", "[", ".", ".section\n", "total", "total:", "1:",
        "rep ", "\u200b", "\ufffd", "%", "int total(", "{", "}", ".LC0:", ".globl", "=", "\x0c",
    ]  # fmt: skip
    for _ in range(150):
        answer = "".join(numbers.choices(pieces, k=numbers.randrange(1, 40)))
        is_c(answer, "total")
        with contextlib.suppress(OfferError, FragmentError):
            parse_fragment(read_assembly(answer, "total"), "total", unit())
        with contextlib.suppress(OfferError):
            read_offer(answer, "total", static=False)
