"""A grammar (llama.cpp's GBNF) of assembly answers: the allowed instructions and their operands.

It keeps a model from writing instructions that would be refused (design 5.2), not from writing
wrong code; what it lets through is judged like anything else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from superopt_cc.assembly.instructions import Form, table
from superopt_cc.assembly.registers import PARTS

# Intel's names of the table where AT&T's differ by more than a size suffix.
_SPELLED = {
    "movzx": ("movzbw", "movzbl", "movzbq", "movzwl", "movzwq"),
    "movsx": ("movsbw", "movsbl", "movsbq", "movswl", "movswq"),
    "movsxd": ("movslq",),
    "cbw": ("cbtw",), "cwde": ("cwtl",), "cdqe": ("cltq",),
    "cwd": ("cwtd",), "cdq": ("cltd",), "cqo": ("cqto",),
}  # fmt: skip
_SUFFIXES = ("", "b", "w", "l", "q")
_MACRO = re.compile(r"[A-Z][A-Z0-9_]{2,}")
_WORD = re.compile(r"[a-z][a-z0-9]*")
_ALWAYS = ("endbr64", "jmp", "call", "ret", "nop", "ud2")

_RULES = r"""
root ::= ("```" [a-z]* "\n")? line+ "```"
line ::= (label | [ \t]* (directive | instruction))? [ \t]* ("#" [^\n]*)? "\n"
label ::= symbol ":"
directive ::= "." [a-z0-9_]+ ([ \t]+ [^\n`]*)?
instruction ::= ("rep " | "repz " | "notrack ")? name ([ \t]+ operand ("," [ ]* operand)*)?
operand ::= "$" number | "$" symbol | "*"? register mask* | "*"? memory mask* | "*"? symbol
memory ::= (number | symbol)? "(" register? ("," [ ]* register ("," [ ]* [1248])?)? ")"
mask ::= "{" "%k" [1-7] "}" | "{z}"
number ::= "-"? ([0-9]+ | "0x" [0-9a-fA-F]+)
symbol ::= [.A-Za-z_] [A-Za-z0-9_.$@+-]*
"""


@cache
def assembly_grammar(isa: frozenset[str]) -> str:
    """The grammar for a function that may use `isa` (gcc's macros, `__AVX2__`)."""
    names = sorted({name for name in _names(isa) if _WORD.fullmatch(name)} | {*_ALWAYS})
    registers = sorted({name for name in PARTS if _WORD.fullmatch(name)} | {"rip"})
    return f'{_RULES.strip()}\nname ::= {_choice(names)}\nregister ::= "%" ({_choice(registers)})\n'


def _names(isa: frozenset[str]) -> Iterator[str]:
    for name, forms in table().items():
        if any(_permitted(form, isa) for form in forms):
            yield from _SPELLED.get(name) or (name + suffix for suffix in _SUFFIXES)


def _permitted(form: Form, isa: frozenset[str]) -> bool:
    """Is the form there with any of the extensions that its table line names?"""
    wanted = _MACRO.findall(form.isa)
    return not wanted or any(f"__{macro}__" in isa for macro in wanted)


def _choice(words: Iterable[str]) -> str:
    """One of the words, as a tree by their letters: a token is tried against few branches."""
    tree: dict[str, Any] = {}
    for word in words:
        node = tree
        for letter in word:
            node = node.setdefault(letter, {})
        node[""] = {}
    return _branches(tree)


def _branches(tree: Mapping[str, Any]) -> str:
    """What may follow, in GBNF."""
    parts = []
    for letter, below in tree.items():
        text = letter
        while len(below) == 1 and "" not in below:
            ((more, below),) = below.items()
            text += more
        if not letter:
            continue
        rest = _branches(below)
        parts.append(f'"{text}" {rest}' if rest else f'"{text}"')
    if not parts:
        return ""
    whole = " | ".join(parts)
    if "" in tree:
        return f"({whole})?"
    return whole if len(parts) == 1 else f"({whole})"
