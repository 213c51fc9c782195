"""The instruction set that the user's flags permit, as the assembler's own gate (design 5.2)."""

from __future__ import annotations

from collections.abc import Sequence

# gcc's macro (without underscores) and what GNU as calls the same extension.  What is missing
# here stays switched off, so its instructions are refused.
_EXTENSIONS = {
    "SSE3": "sse3", "SSSE3": "ssse3", "SSE4_1": "sse4.1", "SSE4_2": "sse4.2", "SSE4A": "sse4a",
    "POPCNT": "popcnt", "LZCNT": "lzcnt", "ABM": "abm", "BMI": "bmi", "BMI2": "bmi2",
    "MOVBE": "movbe", "ADX": "adx", "AES": "aes", "PCLMUL": "pclmul", "PRFCHW": "prfchw",
    "AVX": "avx", "AVX2": "avx2", "FMA": "fma", "F16C": "f16c", "SHA": "sha", "GFNI": "gfni",
    "VAES": "vaes", "VPCLMULQDQ": "vpclmulqdq", "AVXVNNI": "avx_vnni",
    "AVX512F": "avx512f", "AVX512CD": "avx512cd", "AVX512DQ": "avx512dq", "AVX512BW": "avx512bw",
    "AVX512VL": "avx512vl", "AVX512IFMA": "avx512ifma", "AVX512VBMI": "avx512vbmi",
    "AVX512VBMI2": "avx512_vbmi2", "AVX512VNNI": "avx512_vnni",
    "AVX512BITALG": "avx512_bitalg", "AVX512VPOPCNTDQ": "avx512_vpopcntdq",
}  # fmt: skip
_BASELINE = {"SSE": "sse", "SSE2": "sse2"}  # kernels and the like do without


def march_option(isa: frozenset[str]) -> str:
    """`as` option that permits the baseline plus the extensions named by gcc's macros.

    endbr64 and notrack are no-ops on every x86-64 processor, so they are always permitted.
    `fisttp` came with SSE3, but has no name of its own: the first processor with it permits it.
    """
    first = "nocona" if "__SSE3__" in isa else "generic64"
    names = [name for macro, name in _EXTENSIONS.items() if f"__{macro}__" in isa]
    without = [f"no{name}" for macro, name in _BASELINE.items() if f"__{macro}__" not in isa]
    return "-march=" + "+".join([first, "ibt", *without, *names])


def isa_options(as_options: Sequence[str], isa: frozenset[str]) -> tuple[str, ...]:
    """The user's `as` options under that gate; a -march of the user's own would lift it."""
    kept = [o for o in as_options if not o.startswith("-march")]
    return (*kept, march_option(isa))
