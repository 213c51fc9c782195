"""Wrong rewrites of real gcc code, each refused under its reason, beside right ones that pass."""

from __future__ import annotations

import pytest
from screening import job_of, reason, screened, screener, target_text

from superopt_cc.errors import Ineligible
from superopt_cc.verify.screening.screen import Screener, target_reasons
from superopt_cc.verify.screening.screen_rules import RULES

NINE = "int nine(int x) { return x * 9; }\n"
LOCAL_NINE = """
static __attribute__((noinline)) int nine(int x) { return x * 9; }
int caller(int x, int y) { return nine(x) + y; }
"""
TABLE = """
static int T[64] = {1};
int get(long i) { return T[i & 63]; }
void set(long i, int v) { T[i & 63] = v; }
"""
CALLS = """
int helper(int);
int twice(int x) { return helper(x) + helper(x + 1); }
int last(int x) { return helper(x + 2); }
"""
TWICE = "long double f(long double x) { return x + x; }\n"
SWITCH = """
int pick(unsigned x, int a, int b) {
    switch (x & 7) {
    case 0: return a + b; case 1: return a - b; case 2: return a * b; case 3: return a ^ b;
    case 4: return a & b; case 5: return a | ~b; case 6: return a << 3; default: return b / 7;
    }
}
"""
OTHER9 = "movl %edi, %eax\nshll $3, %eax\naddl %edi, %eax\nret"


def test_a_right_rewrite_passes() -> None:
    assert screened(NINE, "nine", OTHER9) is None


# 5.1


def test_text_that_does_not_assemble() -> None:
    assert reason(NINE, "nine", "frobnicate %eax\nret") == "assembler"


def test_directives_that_read_files_are_refused() -> None:
    body = 'movl %edi, %eax\n.incbin "/etc/hostname"\nret'
    assert reason(NINE, "nine", body) in ("instruction", "symbol", "assembler")


def test_a_table_by_absolute_address_does_not_link_as_pie() -> None:
    body = "andl $63, %edi\nmovl T(,%rdi,4), %eax\nret"
    assert reason(TABLE, "get", body, "-fPIE") == "link"
    right = "andl $63, %edi\nleaq T(%rip), %rax\nmovl (%rax,%rdi,4), %eax\nret"
    assert reason(TABLE, "get", right, "-fPIE") in ("", "copy")


def test_a_table_by_absolute_address_is_fine_where_gcc_does_it() -> None:
    body = "andl $63, %edi\nmovl %edi, %edi\nmovl T(,%rdi,4), %eax\nret"
    assert reason(TABLE, "get", body, "-fno-pie") == ""


def test_own_text_with_other_labels_spaces_and_comments_is_a_copy() -> None:
    source = "int sum(const int *a, int n) { int s = 0; while (n--) s += *a++; return s; }\n"
    own = target_text(source, "sum", "-fno-tree-vectorize")
    renamed = own.replace(".L", ".Lother").replace("\t", "   ").replace(
        "ret", "ret   # done\n\n# nothing"
    )  # fmt: skip
    assert reason(source, "sum", own, "-fno-tree-vectorize") == "copy"
    assert reason(source, "sum", renamed, "-fno-tree-vectorize") == "copy"
    padded = own.replace(".p2align 3", ".p2align 5").replace(".p2align 4,,10", ".p2align 6")
    assert reason(source, "sum", padded, "-fno-tree-vectorize") == "copy"


def test_other_spelling_of_the_same_bytes_is_a_copy() -> None:
    assert reason(NINE, "nine", "lea 0x0(%rdi,%rdi,8), %eax\nretq") == "copy"


def test_another_constant_is_no_copy() -> None:
    source = "int f(int *p) { *p = 3; return 9; }\n"
    own = target_text(source, "f")
    assert reason(source, "f", own.replace("$9", "$8")) == ""
    pushed = "movl $3, (%rdi)\npushq ${}\npopq %rax\nret"
    found = screened(source, "f", pushed.format(9))
    assert found is None


# 5.2: the instruction set


def test_extensions_outside_the_users_flags() -> None:
    source = "int bits(unsigned x) { int n = 0; while (x) { n += x & 1; x >>= 1; } return n; }\n"
    assert reason(source, "bits", "popcntl %edi, %eax\nret") == "isa"
    assert reason(source, "bits", "popcntl %edi, %eax\nret", "-mpopcnt") == ""


@pytest.mark.parametrize("option", ["-mno-sse", "-mno-sse2"])
def test_vector_registers_where_the_user_has_none(option: str) -> None:
    line = f"movd %edi, %xmm1\nmovd %xmm1, %edi\n{OTHER9}"
    assert reason(NINE, "nine", line) == ""
    assert reason(NINE, "nine", line, option) == "isa"


@pytest.mark.parametrize(
    "line",
    ["vmovd %edi, %xmm0", "andnl %edi, %edi, %eax", "pshufb %xmm0, %xmm1", "rep bsr %edi, %eax",
     "movbe (%rdi), %eax", "kmovd %edi, %k1"],
)  # fmt: skip
def test_each_extension_is_gated(line: str) -> None:
    assert reason(NINE, "nine", f"{line}\n{OTHER9}") == "isa"


@pytest.mark.parametrize(
    "line",
    ["syscall", "int $0x80", "rdtsc", "cpuid", "std", "hlt", "inb $3, %al",
     "movnti %edi, -8(%rsp)", "movl %fs:0, %eax", "fld1", "emms", "lfence", "mfence", "pause",
     "lock addl $1, -8(%rsp)", "xchgl %eax, -8(%rsp)", "ldmxcsr -8(%rsp)", "popfq", "pushfq",
     "clflush -8(%rsp)", "cmpxchg %edi, -8(%rsp)", "enter $8, $0", "xlatb", "movl %ds, %eax",
     "int3", "sahf", "addr32 movl (%edi), %eax", "maskmovdqu %xmm0, %xmm1"],
)  # fmt: skip
def test_instructions_outside_the_table(line: str) -> None:
    assert reason(NINE, "nine", f"{line}\n{OTHER9}") in ("instruction", "isa")


def test_syscall_falls_as_an_instruction() -> None:
    assert reason(NINE, "nine", f"syscall\n{OTHER9}") in ("instruction", "isa")
    found = screened(NINE, "nine", f"syscall\n{OTHER9}", without="assembles_within_the_isa")
    assert found is not None
    assert found.reason.value == "instruction"


def test_flags_that_multiplication_leaves_undefined() -> None:
    body = "imull $9, %edi, %eax\nsete %cl\nmovzbl %cl, %ecx\nret"
    assert reason(NINE, "nine", body) == "instruction"


def test_flags_at_entry_and_after_calls_mean_nothing() -> None:
    assert reason(NINE, "nine", "setc %al\nmovzbl %al, %eax\nret") == "instruction"
    body = "subq $8, %rsp\ncall helper\nsetc %al\naddq $8, %rsp\nret"
    assert reason(CALLS, "twice", body) == "instruction"


def test_bsf_of_a_possible_zero() -> None:
    assert reason(NINE, "nine", "bsfl %edi, %eax\nret") == "instruction"
    source = "int low(unsigned x) { return __builtin_ctz(x); }\n"
    assert reason(source, "low", "movl %edi, %edx\nrep bsfl %edx, %eax\nret") == ""


def test_approximate_reciprocals() -> None:
    source = "float inverse(float x) { return 1 / x; }\n"
    assert reason(source, "inverse", "rcpss %xmm0, %xmm0\nret") == "instruction"


def test_control_may_not_run_past_the_end() -> None:
    assert reason(NINE, "nine", "testl %edi, %edi\njne .L1\nret\n.L1:\nmovl %edi, %eax") in (
        "instruction", "frame",
    )  # fmt: skip


def test_jump_through_a_register() -> None:
    assert reason(NINE, "nine", "movq %rdi, %rax\njmp *%rax") == "instruction"


def test_push_and_ret() -> None:
    assert reason(NINE, "nine", "pushq %rdi\nret") == "instruction"
    assert reason(NINE, "nine", "leal (%rdi,%rdi,8), %eax\nret $8") == "instruction"


def test_a_jump_table_of_its_own_is_allowed() -> None:
    own = target_text(SWITCH, "pick", "-fPIC")
    assert "jmp\t*%rax" in own
    changed = own.replace("leal\t(%rsi,%rdx), %eax", "movl\t%esi, %eax\n\taddl\t%edx, %eax")
    assert reason(SWITCH, "pick", changed, "-fPIC") == ""


def test_no_jump_tables_is_honoured() -> None:
    own = target_text(SWITCH, "pick", "-fPIC")
    assert reason(SWITCH, "pick", own, "-fPIC", "-fno-jump-tables") == "instruction"


def test_branch_tracking_asks_for_notrack() -> None:
    options = ("-fPIC", "-fcf-protection")
    changed = target_text(SWITCH, "pick", *options).replace(
        "leal\t(%rsi,%rdx), %eax", "movl\t%esi, %eax\n\taddl\t%edx, %eax"
    )
    assert "notrack jmp" in changed
    assert reason(SWITCH, "pick", changed, *options) == ""
    tracked = changed.replace("notrack jmp", "jmp")
    assert reason(SWITCH, "pick", tracked, *options) == "instruction"


def test_a_jump_through_a_table_that_is_not_its_own() -> None:
    body = "leaq T(%rip), %rax\nmovslq (%rax,%rdi,4), %rdx\naddq %rdx, %rax\njmp *%rax"
    assert reason(TABLE, "get", body, "-fPIE") == "instruction"


APPLY = "int apply(int (*g)(int), int x) { return g(x) + 1; }\n"
LAST = "int last(int (*g)(int), int x) { return g(x + 2); }\n"
HOOK = """
extern int (*hook)(int);
static int (*const table[2])(int);
int f(int x) { return hook(x) * 3; }
"""
KEPT = """
int f(int (*g)(int), int x, int y) { return g(x) + y; }
"""


def test_a_pointer_may_be_called_from_wherever_it_was_put() -> None:
    kept = "pushq %rbx\nmovq %rdi, %rbx\nmovl %esi, %edi\ncall *%rbx\nincl %eax\npopq %rbx\nret"
    assert reason(APPLY, "apply", kept) == ""
    stored = "subq $24, %rsp\nmovq %rdi, (%rsp)\nmovl %esi, %edi\ncall *(%rsp)\n"
    assert reason(APPLY, "apply", stored + "incl %eax\naddq $24, %rsp\nret") == ""
    chosen = "movq %rdi, %rax\ntestl %esi, %esi\ncmovnsq %rdi, %rax\nleal 2(%rsi), %edi\njmp *%rax"
    assert reason(LAST, "last", chosen) == ""
    assert reason(HOOK, "f", "subq $8, %rsp\nmovq hook(%rip), %rcx\ncall *%rcx\n"
                  "leal (%rax,%rax,2), %eax\naddq $8, %rsp\nret") == ""  # fmt: skip


def test_calls_and_jumps_through_pointers_only_where_gcc_has_them() -> None:
    assert reason(NINE, "nine", "subq $8, %rsp\ncall *%rsi\naddq $8, %rsp\nret") == "symbol"
    assert reason(APPLY, "apply", "movq %rdi, %rax\nmovl %esi, %edi\njmp *%rax") == "instruction"
    body = "subq $8, %rsp\nmovq %rdi, %rax\nleal 2(%rsi), %edi\ncall *%rax\naddq $8, %rsp\nret"
    assert reason(LAST, "last", body) == "frame"


@pytest.mark.parametrize(
    "made",
    ["leaq 1(%rdi), %rax", "movl %edi, %eax", "movq %rdi, %rax\naddq $16, %rax",
     "movslq (%rdi), %rax\naddq %rdi, %rax", "movl (%rdi), %eax",
     "xorq %rsi, %rdi\nmovq %rdi, %rax", "movabsq $0x401000, %rax"],
)  # fmt: skip
def test_an_address_that_is_worked_out_is_no_pointer(made: str) -> None:
    jumping = f"{made}\nleal 2(%rsi), %edi\njmp *%rax"
    assert reason(LAST, "last", jumping) == "instruction"
    calling = f"subq $8, %rsp\n{made}\nmovl %esi, %edi\ncall *%rax\nincl %eax\naddq $8, %rsp\nret"
    assert reason(APPLY, "apply", calling) == "instruction"


def test_one_path_that_works_an_address_out_is_enough() -> None:
    body = (
        "movq %rdi, %rax\ntestl %esi, %esi\njns .L1\nincq %rax\n.L1:\nleal 2(%rsi), %edi\njmp *%rax"
    )
    assert reason(LAST, "last", body) == "instruction"


def test_the_return_address_is_no_pointer() -> None:
    assert reason(LAST, "last", "leal 2(%rsi), %edi\njmp *(%rsp)") == "instruction"
    body = "leal 2(%rsi), %edi\nmovq (%rsp), %rax\njmp *%rax"
    assert reason(LAST, "last", body) == "instruction"


def test_a_pointer_is_called_under_branch_tracking() -> None:
    options = ("-fcf-protection",)
    body = "endbr64\nmovq %rdi, %rcx\nleal 2(%rsi), %edi\n{}jmp *%rcx"
    assert reason(LAST, "last", body.format(""), *options) == ""
    assert reason(LAST, "last", body.format("notrack "), *options) == "instruction"
    body = "endbr64\nsubq $8, %rsp\nmovq %rdi, %rcx\nmovl %esi, %edi\n{}call *%rcx\nincl %eax\n"
    body += "addq $8, %rsp\nret"
    assert reason(APPLY, "apply", body.format(""), *options) == ""
    assert reason(APPLY, "apply", body.format("notrack "), *options) == "instruction"


def test_nothing_but_the_result_is_kept_across_a_call_through_a_pointer() -> None:
    body = "subq $8, %rsp\nmovq %rdi, %rax\nmovl %esi, %edi\ncall *%rax\naddl %edx, %eax\n"
    assert reason(KEPT, "f", body + "addq $8, %rsp\nret") == "clobber"


def test_a_call_through_a_pointer_needs_an_aligned_stack() -> None:
    body = "movq %rdi, %rax\nmovl %esi, %edi\ncall *%rax\nincl %eax\nret"
    assert reason(APPLY, "apply", body) == "abi"


def test_a_saved_register_is_restored_before_a_jump_to_a_pointer() -> None:
    body = "pushq %rbx\nmovq %rdi, %rbx\nleal 2(%rsi), %edi\naddq $8, %rsp\njmp *%rbx"
    assert reason(LAST, "last", body) in ("abi", "frame")


def test_a_local_caller_of_what_calls_a_pointer_keeps_nothing() -> None:
    source = APPLY.replace("int apply", "static __attribute__((noinline)) int apply")
    source += "int outer(int (*g)(int), int x, int y) { return apply(g, x) + y; }\n"
    body = "pushq %rbx\nmovq %rdi, %r11\nmovl %esi, %edi\ncall *%r11\nincl %eax\npopq %rbx\nret"
    assert reason(source, "apply", body) == ""


# 5.2: symbols


def test_a_call_to_something_new() -> None:
    body = "subq $8, %rsp\ncall system\naddq $8, %rsp\nret"
    assert reason(CALLS, "twice", body) == "symbol"
    assert reason(CALLS, "last", "addl $2, %edi\njmp abort") == "symbol"


def test_a_reference_to_data_that_gcc_does_not_use() -> None:
    assert reason(NINE, "nine", "movl environ(%rip), %eax\nret") == "symbol"


def test_new_writable_data_and_new_globals() -> None:
    text = "nine:\n\tmovl counter(%rip), %eax\n\tret\n\t.size nine, .-nine\n"
    data = "\t.data\ncounter:\n\t.long 5\n"
    assert reason(NINE, "nine", text + data) == "symbol"
    common = "\t.comm counter,4,4\n"
    assert reason(NINE, "nine", text + common) == "symbol"


def test_own_read_only_constants_are_allowed() -> None:
    text = (
        "nine:\n\timull K(%rip), %edi\n\tmovl %edi, %eax\n\tret\n\t.size nine, .-nine\n"
        "\t.section .rodata\n\t.align 4\nK:\n\t.long 9\n"
    )
    assert reason(NINE, "nine", text) == ""


def test_leaving_by_a_jump_to_a_function_that_is_called_in_the_middle() -> None:
    body = "jmp helper"
    assert reason(CALLS, "twice", body) == "symbol"


# 5.4


def test_a_register_that_a_local_caller_keeps_may_not_be_clobbered() -> None:
    clobbering = "movl %edi, %esi\nleal (%rsi,%rsi,8), %eax\nret"
    assert "nine" in target_text(LOCAL_NINE, "caller")
    assert reason(LOCAL_NINE, "nine", clobbering) == "clobber"
    assert reason(NINE, "nine", clobbering) == ""
    assert reason(LOCAL_NINE, "nine", OTHER9) == ""


def test_recursion_alone_is_no_local_caller() -> None:
    source = "int f(int n, int m) { return n < 2 ? m : f(n - 1, m) * f(n - 2, m + 1); }\n"
    assert not screener(source, "f").called_locally


def test_vzeroupper_clobbers_the_callers_upper_halves() -> None:
    assert reason(LOCAL_NINE, "nine", f"vzeroupper\n{OTHER9}", "-mavx2") == "clobber"


LOCAL_SPARING = """
static __attribute__((noinline)) int spare(int x) { return x * 5; }
static __attribute__((noinline)) int wreck(int x, int y) { return (x * y) / (y | 1); }
int both(int x, int y) { return spare(x) + wreck(x, y); }
"""


def test_a_value_kept_in_a_register_across_a_local_call_that_gcc_does_not_keep() -> None:
    kept = (
        "pushq %rbx\nmovl %esi, %ebx\nmovl %edi, %r8d\ncall wreck\nmovl %eax, %ebx\n"
        "movl %r8d, %edi\ncall spare\naddl %ebx, %eax\npopq %rbx\nret"
    )
    assert reason(LOCAL_SPARING, "both", kept) == "clobber"
    saved = (
        "pushq %rbx\npushq %rbp\nsubq $8, %rsp\nmovl %edi, %ebp\ncall wreck\nmovl %eax, %ebx\n"
        "movl %ebp, %edi\ncall spare\naddl %ebx, %eax\naddq $8, %rsp\npopq %rbp\npopq %rbx\nret"
    )
    assert reason(LOCAL_SPARING, "both", saved) == ""


def test_alignment_that_a_local_caller_need_not_give() -> None:
    body = "pxor %xmm0, %xmm0\nmovaps %xmm0, -24(%rsp)\nleal (%rdi,%rdi,8), %eax\nret"
    source = LOCAL_NINE.replace("x * 9", "x * 9 + (int)(0.0f * 0)")
    assert reason(source, "nine", body) == "clobber"


# 5.3


def test_a_callee_saved_register_that_is_not_restored() -> None:
    assert reason(NINE, "nine", "movl %edi, %ebx\nleal (%rbx,%rbx,8), %eax\nret") == "abi"


def test_the_return_address_is_no_scratch_space() -> None:
    assert reason(NINE, "nine", f"movl $0, (%rsp)\n{OTHER9}") in ("abi", "frame")


def test_calls_with_a_misaligned_stack() -> None:
    body = (
        "pushq %rbx\npushq %rbp\nmovl %edi, %ebx\ncall helper\nmovl %eax, %ebp\n"
        "leal 1(%rbx), %edi\ncall helper\naddl %ebp, %eax\npopq %rbp\npopq %rbx\nret"
    )
    assert reason(CALLS, "twice", body) == "abi"


def test_the_frame_pointer_is_kept_where_gcc_keeps_one() -> None:
    body = "pushq %rbp\nmovl %edi, %ebp\nleal (%rbp,%rbp,8), %eax\npopq %rbp\nret"
    assert reason(NINE, "nine", body) == ""
    assert reason(NINE, "nine", body, "-fno-omit-frame-pointer") == "abi"


def test_upper_halves_left_in_use() -> None:
    source = "void zero(int *p) { for (int i = 0; i < 8; i++) p[i] = 0; }\n"
    body = "vpxor %xmm0, %xmm0, %xmm0\nvmovdqu %ymm0, (%rdi)\nret"
    dirty = "vpcmpeqd %ymm0, %ymm0, %ymm0\nvpxor %ymm0, %ymm0, %ymm0\nvmovdqu %ymm0, (%rdi)\n"
    assert reason(source, "zero", dirty + "vzeroupper\nret", "-mavx2") in ("", "copy")
    assert reason(source, "zero", dirty + "ret", "-mavx2") == "abi"
    assert reason(source, "zero", body, "-mavx2") in ("", "copy")


def test_a_large_frame() -> None:
    assert reason(NINE, "nine", f"subq $8192, %rsp\naddq $8192, %rsp\n{OTHER9}") == "frame"
    assert reason(NINE, "nine", f"subq $136, %rsp\naddq $136, %rsp\n{OTHER9}") == "frame"
    assert reason(NINE, "nine", f"subq $120, %rsp\naddq $120, %rsp\n{OTHER9}") == ""


def test_a_recursive_functions_frame_may_not_grow() -> None:
    source = "long f(long n) { return n < 2 ? n : f(n - 1) * f(n / 2) + 1; }\n"
    own = target_text(source, "f", "-fno-optimize-sibling-calls", "-fno-inline")
    changed = own.replace("\tret", "\tnop\n\tret").replace("f:\n", "f:\n\tsubq $8, %rsp\n", 1)
    changed = changed.replace("\tret", "\taddq $8, %rsp\n\tret")
    options = ("-fno-optimize-sibling-calls", "-fno-inline")
    assert reason(source, "f", changed, *options) in ("frame", "abi")


def test_a_tail_jump_stays_one() -> None:
    body = "subq $8, %rsp\naddl $2, %edi\ncall helper\naddq $8, %rsp\nret"
    assert reason(CALLS, "last", body) == "frame"


def test_the_red_zone() -> None:
    store = "movl %edi, -{}(%rsp)\nmovl -{}(%rsp), %eax\nleal (%rax,%rax,8), %eax\nret"
    assert reason(NINE, "nine", store.format(64, 64)) == ""
    assert reason(NINE, "nine", store.format(256, 256)) == "frame"
    assert reason(NINE, "nine", store.format(64, 64), "-mno-red-zone") == "frame"


def test_the_red_zone_holds_through_copies_of_the_stack_pointer() -> None:
    body = "movq %rsp, %rax\nsubq $200, %rax\nmovl %edi, (%rax)\nmovl (%rax), %eax\n"
    assert reason(NINE, "nine", body + "leal (%rax,%rax,8), %eax\nret") == "frame"


def test_tail_jumps_through_the_offset_table_are_tail_jumps() -> None:
    options = ("-fPIC", "-fno-plt")
    assert "@GOTPCREL" in target_text(CALLS, "last", *options)
    assert reason(CALLS, "last", "incl %edi\nincl %edi\njmp *helper@GOTPCREL(%rip)", *options) == ""
    assert reason(CALLS, "last", "addl $2, %edi\njmp helper@PLT", *options) == "link"


# Targets


def test_a_target_with_instructions_outside_the_table_is_ineligible() -> None:
    job, unit = job_of("long double f(long double x) { return __builtin_sinl(x); }\n", "f",
                       "-ffast-math")  # fmt: skip
    assert [r.reason for r in target_reasons(job, unit)] == ["instruction"]
    with pytest.raises(Ineligible):
        Screener(job, unit)


def test_a_local_callee_with_asm_makes_the_caller_ineligible() -> None:
    source = """
    static __attribute__((noinline)) int odd(int x) { __asm__("nop" : "+r"(x)); return x; }
    int f(int x) { return odd(x) + 1; }
    """
    job, unit = job_of(source, "f")
    assert [r.reason for r in target_reasons(job, unit)] == ["callee-asm"]


# Every rule is needed


NEEDED = {
    "assembles": None,  # nothing can be decoded without it
    "links_like_the_target": (TABLE, "get", "andl $63, %edi\nmovl T(,%rdi,4), %eax\nret", "-fPIE"),
    "is_no_copy": (NINE, "nine", "leal (%rdi,%rdi,8), %eax\nret"),
    "needs_no_missing_extension": None,  # the assembler's gate stands before it
    "assembles_within_the_isa": None,  # and it behind the assembler's
    "instructions_are_allowed": None,  # later rules cannot follow unknown instructions
    "control_stays_inside": (NINE, "nine", "leaq .L1(%rip), %rax\n.L1:\nret"),
    "indirect_jumps_go_through_own_tables": (LAST, "last", "leaq 1(%rdi), %rax\nmovl %esi, %edi\n"
                                             "jmp *%rax"),
    "returns_are_not_forged": None,  # so does tracking the stack
    "results_are_defined": (NINE, "nine", "bsfl %edi, %eax\nret"),
    "changes_no_other_x87_state": (NINE, "nine", "fld1\nfstp %st(0)\n" + OTHER9),
    "keeps_the_x87_stack": (TWICE, "f", "fldt 8(%rsp)\nfld %st(0)\nfadd %st(1), %st\nret"),
    "refers_to_known_symbols": (NINE, "nine", "movl environ(%rip), %eax\nret"),
    "calls_known_functions": (CALLS, "last", "subq $8, %rsp\ncall last\naddq $8, %rsp\n"
                                             "leal 2(%rax), %edi\njmp helper"),
    "leaves_only_by_known_tail_jumps": (CALLS, "twice", "jmp helper"),
    "spares_what_local_callers_keep": (LOCAL_NINE, "nine",
                                       "movl %edi, %esi\nleal (%rsi,%rsi,8), %eax\nret"),
    "assumes_no_more_alignment": (LOCAL_NINE, "nine",
                                  "ptest -24(%rsp), %xmm0\n" + OTHER9, "-msse4.1"),
    "keeps_nothing_more_across_calls": (CALLS, "twice", "subq $8, %rsp\ncall helper\n"
                                        "movl %edi, %eax\naddq $8, %rsp\nret"),
    "restores_callee_saved_registers": (NINE, "nine", "movl %edi, %ebx\nmovl %ebx, %eax\nret"),
    "leaves_the_return_address_alone": None,  # so does tracking the stack
    "aligns_the_stack_at_calls": (CALLS, "twice", "call helper\nret"),
    "keeps_the_frame_pointer": (NINE, "nine", "pushq %rbp\nmovl %edi, %ebp\nleal (%rbp,%rbp,8), "
                                "%eax\npopq %rbp\nret", "-fno-omit-frame-pointer"),
    "leaves_upper_halves_as_the_target": (NINE, "nine", "vxorps %ymm1, %ymm1, %ymm1\n" + OTHER9,
                                          "-mavx"),
    "stack_use_is_certain": (NINE, "nine", "movq %rsp, %rax\nxchgq %rax, %rsp\n" + OTHER9),
    "frame_is_not_larger": (NINE, "nine", f"subq $8192, %rsp\naddq $8192, %rsp\n{OTHER9}"),
    "tail_jumps_stay_tail_jumps": (CALLS, "last", "subq $8, %rsp\naddl $2, %edi\ncall helper\n"
                                   "addq $8, %rsp\nret"),
    "keeps_to_the_red_zone": (NINE, "nine", "movl %edi, -256(%rsp)\n" + OTHER9),
}  # fmt: skip


def test_each_rule_has_an_example_or_a_note() -> None:
    assert list(NEEDED.keys() - {r.name for r in RULES}) == []
    assert list({r.name for r in RULES} - NEEDED.keys()) == []


@pytest.mark.parametrize("rule", [name for name, example in NEEDED.items() if example])
def test_without_its_rule_a_wrong_rewrite_passes(rule: str) -> None:
    example = NEEDED[rule]
    assert example is not None
    source, name, text, *options = example
    assert screened(source, name, text, *options) is not None
    assert screened(source, name, text, *options, without=rule) is None
