"""What gcc's preprocessor leaves in a text that clang cannot read, in words that it can.

Nothing here changes what a function means to clang: spellings of types that both have, and what
only warnings are made from.  What no word of clang's stands for becomes a call of a function that
nobody has, so that code which needs it falls (design 5.2), and other code compiles.
"""

from __future__ import annotations

import functools
import re

# glibc's headers tell gcc which function frees what another one returns.
_DEALLOCATOR = re.compile(rb"(?<=\()\s*(__malloc__|malloc)\s*\([^()]*\)")
# Types of C that have a name of their own in gcc.
_TYPES = {
    b"_Float32": b"float",
    b"_Float64": b"double",
    b"_Float32x": b"double",
    b"_Float64x": b"long double",
    b"_Float128": b"__float128",
}
_TYPE = re.compile(rb"\b_Float(?:32x?|64x?|128)\b")
# What checked variants of printf and open are written with.
_PACK = re.compile(rb"\b__builtin_va_arg_pack(?:_len)?\b")
_NOBODY = b"superopt_cc_no_such_builtin"


@functools.lru_cache(maxsize=2)
def for_clang(preprocessed: bytes, language: str) -> bytes:
    """A unit's preprocessed text for clang."""
    text = _DEALLOCATOR.sub(rb"\1", preprocessed)
    if language == "c":
        text = _TYPE.sub(lambda match: _TYPES[match.group()], text)
    text, packs = _PACK.subn(_NOBODY, text)
    return (b"int " + _NOBODY + b"();\n" if packs else b"") + text
