"""Why gcc's code must stay: the counted names that the facts run gives, one line each.

`superopt status` and the documentation show these lines (design 4.2, 11.3).  The option table
adds its own names (`sanitizer`, `profiling`...), the assembly text those of `text_reasons`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "no-facts": "the unit could not be compiled again to the same code, so its types and "
        "memory accesses are not known for certain",
        "option": "an option that the option table does not allow by name",
        "attribute": "a function attribute that is not known to leave the calling convention, "
        "the optimiser and the instruction set alone",
        "inline-asm": "inline assembly",
        "volatile": "an access to volatile memory",
        "atomic": "an atomic access",
        "fence": "a memory fence, also one that needs no instruction",
        "callee-effects": "a function of the unit that it calls accesses volatile or atomic "
        "memory, or has other effects whose order tests do not see",
        "setjmp": "a call that may return twice, or a jump out of the function",
        "alloca": "stack memory of variable size",
        "builtin": "a builtin that reads or changes machine state (stack, time, random numbers...)",
        "indirect-jump": "an indirect jump that is surely neither through its own table nor one of "
        "the calls that gcc lists",
        "computed-goto": "a jump to a label's address",
        "static-chain": "a nested function or a call to one",
        "clone": "a version of gcc's with another signature or body (.isra, .part, .constprop)",
        "varargs": "a variable number of arguments",
        "unprototyped": "defined with parameters but without a prototype",
        "noreturn": "declared never to return",
        "tls": "thread-local memory",
        "address-space": "memory in another address space (__seg_fs, __seg_gs)",
        "global-register": "the unit binds a global variable to a register",
        "stack-protector": "a stack-protector canary",
        "non-temporal": "non-temporal stores",
        "odd-call": "a call whose argument registers are not those of the callee's prototype",
        "struct-by-value": "a class of C++ by value, or a structure with pointers that a callee "
        "returns",
        "float128": "__float128 as parameter or result",
        "long-double": "a structure of one long double as result; to be timed, a callee's result",
        "float16": "half precision as parameter or result",
        "decimal": "decimal floating point as parameter or result",
        "complex": "_Complex of half or quadruple precision as parameter or result",
        "vector": "a vector of more than 16 bytes (32 with AVX), or of an odd number, as parameter "
        "or result; one of 32 that a callee returns",
        "alignment": "a type that a typedef aligns to less than its 16 bytes or more",
        "opaque": "a type without a known layout as parameter or result",
        "polymorphic": "a C++ class with virtual functions as parameter or result",
        "member-pointer": "a C++ pointer to member as parameter or result",
        "odd-type": "a parameter or result type that is not supported",
    }
)
