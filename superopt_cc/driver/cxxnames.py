"""C++ functions as people write them: `ns::Box<int>::size`, with or without what is around it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from superopt_cc.errors import ToolchainError
from superopt_cc.toolchain.tools import find_tool, run

_OPERATOR = re.compile(r"\boperator\s*(?:<=>|<<=|>>=|<<|>>|<=|>=|->\*|->|<|>|\(\))")


def qualified(pattern: str) -> bool:
    """Does the pattern say more than a simple or mangled name can tell?"""
    return any(mark in pattern for mark in ("::", "<", "("))


def plain(text: str) -> str:
    """The text without the blanks that may stand or not."""
    return re.sub(r"(?<=[,>])\s+(?=[\w>:(*&])|\s+(?=[*&])", "", text.strip())


def spellings(names: Sequence[str]) -> Mapping[str, frozenset[str]]:
    """What each mangled name may be called: with parameters, without, without template
    arguments, and each of these without its outer scopes.

    Empty where binutils' c++filt is not there.
    """
    mangled = [name for name in names if name.startswith("_Z")]
    if not mangled:
        return {}
    try:
        filt = find_tool("c++filt")
        # -p: neither parameters nor the result's type
        answers = [run([filt, *words, *mangled]) for words in ((), ("-p",))]
    except ToolchainError:
        return {}
    whole, short = (answer.stdout.decode(errors="replace").splitlines() for answer in answers)
    if not len(mangled) == len(whole) == len(short):
        return {}
    return {
        name: frozenset((plain(full), *_shorter(plain(brief))))
        for name, full, brief in zip(mangled, whole, short, strict=True)
    }


def _shorter(name: str) -> Iterator[str]:
    for each in dict.fromkeys((name, _without_arguments(name))):
        yield each
        for at in _scopes(each):
            yield each[at:]


def _brackets(name: str) -> Iterator[tuple[int, str, int]]:
    """(position, character, depth of brackets around it), operators' own signs left out."""
    signs = {at for match in _OPERATOR.finditer(name) for at in range(match.start(), match.end())}
    depth = 0
    for at, character in enumerate(name):
        if at in signs:
            yield at, character, depth
            continue
        depth -= character in ">)"
        yield at, character, depth
        depth += character in "<("


def _without_arguments(name: str) -> str:
    kept = ((c, depth) for _, c, depth in _brackets(name))
    text = "".join(c for c, depth in kept if depth == 0)
    return text.replace("<>", "")


def _scopes(name: str) -> Iterator[int]:
    """Where the parts of a qualified name begin, but for the first."""
    for at, character, depth in _brackets(name):
        if depth == 0 and character == ":" and name[at - 1 : at] == ":":
            yield at + 1
