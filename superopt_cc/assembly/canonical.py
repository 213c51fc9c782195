"""One spelling for equal code, and the identity of code together with what it refers to.

`canonical` is text only: `x*2.5` and `x*3.5` come out the same.  `closure_identity` adds the
content of every object and local callee that the text names (design 4.4).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from weakref import WeakKeyDictionary

from superopt_cc.assembly.code import Constant, labels_of, references, split_code
from superopt_cc.assembly.fragment import Fragment, own_fragment
from superopt_cc.assembly.sections import TEXT
from superopt_cc.assembly.statements import ALIGN_DIRECTIVES, rename, split_statement
from superopt_cc.assembly.unit import Function, Symbol, Unit

_HEX = re.compile(r"(?<![\w.])0[xX][0-9a-fA-F]+")
_ZERO = re.compile(r"(?<![\w.)])0\(")
_LONG = {"callq": "call", "jmpq": "jmp", "retq": "ret", "leaveq": "leave"}


def canonical(code: Function | Sequence[str], name: str) -> str:
    """Text of a function with comments, debug lines, CFI, padding and unused labels gone.

    Local labels are numbered in order of appearance, its own name is `%self`; other names stay.
    Raw lines run from the label line to the `.size` line.
    """
    section = code.section if isinstance(code, Function) else TEXT
    names = code.names if isinstance(code, Function) else (name,)
    lines = code.lines if isinstance(code, Function) else code
    parts = split_code(name, section, lines)
    body = (*parts.hot, *(("%cold:",) if parts.cold else ()), *parts.cold)
    own = dict.fromkeys(names, "%self")
    return _canonical(body, parts.tables, lambda n: own.get(n))


def fragment_canonical(fragment: Fragment) -> str:
    """`canonical` for a fragment."""
    self_name = {fragment.name: "%self"}
    return _canonical(fragment.body, fragment.constants, lambda n: self_name.get(n))


def _canonical(
    body: Iterable[str], tables: Sequence[Constant], known: Callable[[str], str | None]
) -> str:
    """`known` gives a symbol's replacement; other `.L` names are numbered as they appear."""
    statements = [s for s in map(_spell, body) if s]
    blocks = [s for table in tables for s in (f"{table.name}:", *table.lines)]
    used = {n for s in (*statements, *blocks) for n in references(s)}
    numbers: dict[str, str] = {}
    own = {*labels_of(statements), *(t.name for t in tables)}

    def new_name(name: str) -> str:
        replacement = known(name)
        if replacement is not None:
            return replacement
        if name in own or name.startswith(".L"):
            return numbers.setdefault(name, f"%{len(numbers)}")
        return name

    kept = [s for s in (*statements, *blocks) if not s.endswith(":") or _wanted(s, used)]
    return "\n".join(rename(s, new_name) for s in kept) + "\n"


def _wanted(label: str, used: set[str]) -> bool:
    return label[:-1] in used or label.startswith("%")


def _spell(statement: str) -> str:
    """One spelling; "" for alignment."""
    if statement.endswith(":"):
        return statement
    head, rest = split_statement(statement.strip())
    if head in ALIGN_DIRECTIVES:
        return ""
    head = _LONG.get(head, head)
    rest = _HEX.sub(lambda m: str(int(m.group(), 16)), rest)
    rest = _ZERO.sub("(", rest)
    return f"\t{head}\t{rest}" if rest else f"\t{head}"


_CLOSURES: WeakKeyDictionary[Unit, dict[str, str]] = WeakKeyDictionary()


class _Graph:
    """Numbers the unit's objects and local functions in the order in which they are reached."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.numbers: dict[str, str] = {}
        self.todo: list[Symbol | Function] = []

    def name(self, name: str) -> str | None:
        """A symbol's place in the graph; its own name when it is another unit's or global code."""
        symbol = self.unit.symbols.get(name)
        if symbol is None or symbol.kind == "ifunc":
            return None if name.startswith(".L") else name
        if symbol.kind == "function":
            function = self.unit.resolve(name)
            if symbol.linkage != "local" or function is None or function.linkage != "local":
                return name
            return self._number(function.name, function)
        return self._number(name, symbol)

    def _number(self, name: str, item: Symbol | Function) -> str:
        if name not in self.numbers:
            self.numbers[name] = f"%object{len(self.numbers)}"
            self.todo.append(item)
        return self.numbers[name]

    def rest(self) -> str:
        """Text of everything that was reached, followed to the end."""
        parts = []
        for item in self.todo:
            parts.append(f"{self.numbers[item.name]}:\n")
            if isinstance(item, Function):
                own = own_fragment(item)
                parts.append(f"function {item.name}\n")
                parts.append(_canonical(own.body, own.constants, self.name))
            else:
                parts.append(self._object(item))
        return "".join(parts)

    def _object(self, symbol: Symbol) -> str:
        binding = symbol.linkage if symbol.linkage == "local" else f"{symbol.linkage} {symbol.name}"
        kind = "writable" if symbol.writable else "constant"
        thread = " thread" if symbol.tls else ""
        head = f"{binding} {symbol.visibility} {kind}{thread} {symbol.size} {symbol.align}\n"
        if symbol.target:
            return f"{head}{self.name(symbol.target)}+{symbol.offset}\n"
        return head + "".join(
            rename(line, lambda n: self.name(n) or n) + "\n" for line in symbol.lines
        )


def fragment_identity(unit: Unit, fragment: Fragment) -> str:
    """Canonical text plus the content of all that it refers to in the unit.

    Objects count by binding, size, alignment, mutability and initial bytes, global ones also by
    name; local functions by name and their own code; everything else by name.
    """
    graph = _Graph(unit)
    function = unit.resolve(fragment.name)
    own = function.names if function else (fragment.name,)

    def known(name: str) -> str | None:
        return "%self" if name in own else graph.name(name)

    return _canonical(fragment.body, fragment.constants, known) + graph.rest()


def pair_identity(unit: Unit, fragment: Fragment) -> str:
    """A rewrite together with the unit's own code that it stands for, over one numbering.

    Equal for two units only if the rewrite means the same in both: each object it refers to has
    the content that it had, and is the one that gcc's code uses in the same place.
    """
    graph = _Graph(unit)
    function = unit.function(fragment.name)
    target = own_fragment(function)

    def known(name: str) -> str | None:
        return "%self" if name in function.names else graph.name(name)

    one = _canonical(target.body, target.constants, known)
    other = _canonical(fragment.body, fragment.constants, known)
    return f"{one}%rewrite:\n{other}{graph.rest()}"


def closure_identity(unit: Unit, function: Function) -> str:
    """`fragment_identity` of the unit's own code of a function; worked out once a unit."""
    known = _CLOSURES.setdefault(unit, {})
    if function.name not in known:
        known[function.name] = fragment_identity(unit, own_fragment(function))
    return known[function.name]


def object_identity(unit: Unit, symbol: Symbol) -> str:
    """The content of one object and of what it points to, its own name left out when local."""
    graph = _Graph(unit)
    graph.name(symbol.name)
    return graph.rest()
