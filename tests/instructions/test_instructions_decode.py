"""Decoding real objects: instructions, relocations, memory operands."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from superopt_cc.assembly.decode import decode_bytes, decode_function, decode_image
from superopt_cc.assembly.effects import MemoryOperand, effects, memory_operands
from superopt_cc.assembly.instructions import InstructionError, MissingExtension, lookup
from superopt_cc.errors import AssemblyError
from superopt_cc.toolchain.tools import assemble, link_image


def _object(folder: Path, text: str) -> Path:
    out = folder / "text.o"
    assemble(text, out)
    return out


def _function(folder: Path, *lines: str) -> Path:
    body = "\n".join(f"\t{line}" for line in lines)
    return _object(folder, f"\t.text\nf:\n{body}\n\t.size f, .-f\n")


def _operands(folder: Path, line: str) -> tuple[MemoryOperand, ...]:
    return memory_operands(decode_function(_function(folder, line), "f")[0])


def test_relocations_are_attached_to_their_instructions(tmp_path: Path) -> None:
    path = _function(tmp_path, "movl table(,%rax,4), %ecx", "call g@PLT",
                     "movq h@GOTPCREL(%rip), %rax",
                     "call *k@GOTPCREL(%rip)", "ret")  # fmt: skip
    found = decode_function(path, "f")
    kinds = [(r.symbol, r.kind) for i in found for r in i.relocations]
    assert kinds == [("table", "R_X86_64_32S"), ("g", "R_X86_64_PLT32"),
                     ("h", "R_X86_64_REX_GOTPCRELX"), ("k", "R_X86_64_GOTPCRELX")]  # fmt: skip
    assert not found[-1].relocations


def test_implicit_accesses_are_named(tmp_path: Path) -> None:
    assert _operands(tmp_path, "pushq %rbx") == (MemoryOperand("rsp", None, 1, -8, 8, False, True),)
    assert _operands(tmp_path, "ret") == (MemoryOperand("rsp", None, 1, 0, 8, True, False),)
    assert _operands(tmp_path, "rep movsb") == (
        MemoryOperand("rdi", None, 1, 0, 1, False, True),
        MemoryOperand("rsi", None, 1, 0, 1, True, False),
    )
    assert _operands(tmp_path, "addl %eax, 8(%rdi,%rcx,4)") == (
        MemoryOperand("rdi", "rcx", 4, 8, 4, True, True),
    )
    assert _operands(tmp_path, "leaq 8(%rdi), %rax") == ()


def test_addresses_of_an_image_are_absolute(tmp_path: Path) -> None:
    text = (
        "\t.text\n\t.globl f\n\t.type f, @function\nf:\n\tmovl here(%rip), %eax\n\tret\n"
        "\t.size f, .-f\n\t.section .rodata\n\t.balign 64\nhere:\n\t.long 7\n"
    )
    image = tmp_path / "image"
    link_image([_object(tmp_path, text)], image, 0x400000)
    found = decode_image(image)["f"]
    place = memory_operands(found[0])[0]
    assert (place.base, place.index, place.size) == (None, None, 4)
    assert place.disp > found[-1].end > 0x400000


def test_bytes_that_do_not_decode_are_an_error() -> None:
    with pytest.raises(AssemblyError, match="undecodable"):
        decode_bytes(b"\x90\x0f\x04\x90", 0)
    with pytest.raises(AssemblyError, match="not an ELF file"):
        decode_function(b"\x7fELF", "f")


def test_a_missing_symbol_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AssemblyError, match="not defined"):
        decode_function(_function(tmp_path, "ret"), "g")


@pytest.mark.parametrize(
    "line",
    ["lock addl $1, (%rdi)", "xchgl %eax, (%rdi)", "cmpxchgl %eax, (%rdi)", "mfence", "lfence",
     "sfence", "syscall", "int $3", "hlt", "rdtsc", "rdtscp", "rdrand %eax", "rdseed %eax", "cpuid",
     "std", "popfq", "pushfq", "ldmxcsr (%rdi)", "stmxcsr (%rdi)", "fnstenv (%rdi)", "emms",
     "fldenv (%rdi)", "fninit", "fnclex", "ffree %st(1)", "fincstp", "fsin", "fbstp (%rdi)", "wait",
     "movnti %eax, (%rdi)",
     "movntdq %xmm0, (%rdi)", "movntps %xmm0, (%rdi)", "movntdqa (%rdi), %xmm0",
     "maskmovdqu %xmm0, %xmm1", "clflush (%rdi)", "vpgatherdd %ymm0, (%rdi,%ymm1,4), %ymm2",
     "vmaskmovps (%rdi), %ymm0, %ymm1", "movl %fs:40, %eax", "movq %gs:(%rdi), %rax", "xbegin .",
     "inb $3, %al", "outb %al, $3", "btl %eax, (%rdi)", "enter $8, $0", "movl (%edi), %eax",
     "bnd jmp *%rax", "vmovdqu8 (%rdi), %zmm0{%k1}", "xsave (%rdi)", "wrfsbase %rax", "xgetbv",
     "loop .", "jrcxz .", "sahf", "pause", "ret $8", "lretq", "iretq", "verw (%rdi)", "xlatb",
     "vaddps {rn-sae}, %zmm0, %zmm1, %zmm2", "movq %mm0, %rax", "prefetchw (%rdi)"],
)  # fmt: skip
def test_instructions_outside_the_table_are_refused(tmp_path: Path, line: str) -> None:
    first = decode_function(_function(tmp_path, line), "f")[0]
    with pytest.raises(InstructionError):
        effects(first)


def test_extensions_are_named_by_gccs_macros(tmp_path: Path) -> None:
    first = decode_function(_function(tmp_path, "vpaddd %ymm0, %ymm1, %ymm2"), "f")[0]
    assert lookup(first).needs == {"__AVX__", "__AVX2__"}
    with pytest.raises(MissingExtension):
        lookup(first, frozenset({"__AVX__"}))


def test_rep_bsf_is_bsf_where_bmi_is_not_permitted(tmp_path: Path) -> None:
    first = decode_function(_function(tmp_path, "rep bsfl %edi, %eax"), "f")[0]
    assert effects(first, frozenset()).undefined == "zero"
    assert effects(first, frozenset({"__BMI__"})).undefined == ""


CORPUS = """
#include <stdint.h>
#include <stddef.h>
#include <string.h>
#include <math.h>
int sum(const int *a, int n) { int s = 0; for (int i = 0; i < n; i++) s += a[i]; return s; }
int dot(const short *a, const short *b, int n)
{ int s = 0; for (int i = 0; i < n; i++) s += a[i] * b[i]; return s; }
unsigned sad(const uint8_t *a, const uint8_t *b, int n)
{ unsigned s = 0; for (int i = 0; i < n; i++) s += a[i] > b[i] ? a[i] - b[i] : b[i] - a[i];
  return s; }
void scale(float *restrict a, const float *restrict b, float k, int n)
{ for (int i = 0; i < n; i++) a[i] = b[i] * k + 1.5f; }
double norm(const double *a, int n)
{ double s = 0; for (int i = 0; i < n; i++) s += a[i] * a[i]; return sqrt(s); }
void widen(long *restrict a, const signed char *restrict b, int n)
{ for (int i = 0; i < n; i++) a[i] = b[i]; }
void narrow(uint8_t *restrict a, const unsigned *restrict b, int n)
{ for (int i = 0; i < n; i++) a[i] = b[i] >> 3; }
uint64_t mulhi(uint64_t a, uint64_t b) { return (unsigned __int128)a * b >> 64; }
uint32_t crc(uint32_t c, const uint8_t *p, size_t n)
{ while (n--) { c ^= *p++; for (int k = 0; k < 8; k++) c = c >> 1 ^ (c & 1 ? 0xEDB88320u : 0); }
  return c; }
int pop(uint64_t x) { return __builtin_popcountll(x) + __builtin_ctzll(x) + __builtin_clzll(x); }
uint32_t swap(uint32_t x) { return __builtin_bswap32(x) ^ (x << 7 | x >> 25); }
int digits(unsigned x) { int n = 0; do { n++; x /= 10; } while (x); return n; }
long gcd(long a, long b) { while (b) { long t = a % b; a = b; b = t; } return a; }
double convert(int a, unsigned b, long c, unsigned long d, float e)
{ return a + (double)b + (double)c + (double)d + (double)e; }
unsigned long back(double x, float y) { return (unsigned long)x + (long)y + (int)x; }
void fill(char *p, int c, size_t n) { for (size_t i = 0; i < n; i++) p[i] = (char)c; }
void transpose(float *restrict a, const float *restrict b)
{ for (int i = 0; i < 8; i++) for (int j = 0; j < 8; j++) a[i * 8 + j] = b[j * 8 + i]; }
int find(const char *s, char c) { for (int i = 0; s[i]; i++) if (s[i] == c) return i; return -1; }
void max3(int *restrict a, const int *restrict b, const int *restrict c, int n)
{ for (int i = 0; i < n; i++) a[i] = b[i] > c[i] ? b[i] : c[i] * 3; }
float clampf(float x) { return x < 0 ? 0 : x > 1 ? 1 : floorf(x * 8) / 8; }
int bit(const uint64_t *m, unsigned i) { return m[i / 64] >> i % 64 & 1; }
void setbit(uint64_t *m, unsigned i) { m[i / 64] |= 1ull << i % 64; }
int compare(double a, double b) { return (a > b) - (a < b) + (a == b) * 4 + (a != a) * 8; }
struct big { long v[12]; };
struct big copy(const struct big *b) { struct big r = *b; r.v[3]++; return r; }
int sw(unsigned x, int a)
{ switch (x) { case 0: return a; case 1: return a * 3; case 2: return -a; case 3: return a / 9;
  case 4: return ~a; case 5: return a << 4; case 6: return a + 77; } return 5; }
void reverse(uint8_t *p, int n)
{ for (int i = 0; i < n / 2; i++) { uint8_t t = p[i]; p[i] = p[n - 1 - i]; p[n - 1 - i] = t; } }
uint64_t mix(uint64_t h, const uint64_t *p, size_t n)
{ for (size_t i = 0; i < n; i++) { h ^= p[i] * 0x9E3779B97F4A7C15ull; h = (h << 31 | h >> 33) * 5; }
  return h; }
"""


@pytest.mark.parametrize("level", ["x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4"])
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_what_compilers_make_of_ordinary_c_is_in_the_table(
    tmp_path: Path, compiler: str, level: str
) -> None:
    (tmp_path / "corpus.c").write_text(CORPUS)
    out = tmp_path / "corpus.o"
    extra = ["-mprefer-vector-width=512"] if level.endswith("v4") else []
    subprocess.run([compiler, "-O3", "-w", f"-march={level}", *extra, "-ffp-contract=fast", "-c",
                    str(tmp_path / "corpus.c"), "-o", str(out)], check=True)  # fmt: skip
    refused = []
    names = [line.split()[-1] for line in subprocess.run(
        ["nm", "--defined-only", str(out)], capture_output=True, text=True, check=True
    ).stdout.splitlines() if line.split()[-2] == "T"]  # fmt: skip
    for name in names:
        for item in decode_function(out, name):
            try:
                effects(item)
            except InstructionError:
                refused.append(f"{name}: {item.text}")
    assert len(names) > 25
    # Accesses without a fixed extent are left out on purpose.
    fixed = [r for r in refused if "{k" not in r and "gather" not in r and "maskmov" not in r]
    assert fixed == []
