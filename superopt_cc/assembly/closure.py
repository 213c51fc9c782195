"""What one function reaches in its unit, as text that assembles into a test image's object.

Names that tests must intercept are renamed: `superopt.stub.F` stands for a function outside (or
behind PLT, GOT or a weak definition: design 5.5), `superopt.wrap.F` for a rewrite's call of a
function inside the unit (design 5.4).  Both are undefined here; the image's owner defines them.
Local data labels (`.LC0`) become `superopt.c.LC0` so that the symbol table shows them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from superopt_cc.assembly.code import Branch, branch_of, labels_of, references
from superopt_cc.assembly.fragment import READ_ONLY, Fragment, own_fragment
from superopt_cc.assembly.instrument import can_instrument, instrument
from superopt_cc.assembly.sections import no_better_aligned
from superopt_cc.assembly.statements import rename
from superopt_cc.assembly.unit import Function, Symbol, Unit
from superopt_cc.assembly.watch import Watch, watch
from superopt_cc.errors import Ineligible

WRITABLE = '\t.section\t.superopt.data,"aw",@progbits'
# Constants that a body brings along stand apart from the unit's own data.
OWN_CONSTANTS = '\t.section\t.superopt.own,"a",@progbits'
STUB = "superopt.stub."
WRAP = "superopt.wrap."
LOCAL_DATA = "superopt.c"
OWN_MARK = "superopt.own."
TRACED = "superopt.traced."


@dataclasses.dataclass(frozen=True, slots=True)
class Body:
    """One more body in a harness: a rewrite, or the target's own code (`fragment` None).

    `offset` is the distance in bytes of its start from a page boundary (0..4095); -1 asks only
    for 64-byte alignment.  With `wrap_local_calls` its calls inside the unit go to wrappers.
    A `traced` body calls `superopt.trace` before every instruction (see `instrument`), and calls
    copies of the unit's functions that do the same.  A `watched` one reports operands.
    """

    label: str
    fragment: Fragment | None = None
    offset: int = 0
    wrap_local_calls: bool = False
    traced: bool = False
    watched: tuple[Watch, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Harness:
    """Text for one object and what its owner must supply or know.

    `stubs` and `wraps` map undefined symbols of the text to the function they stand for.
    `undefined_data` are undefined names that are used other than by a direct call; those in `weak`
    need not be there.
    `local_callees` are the unit's functions reached by direct calls, transitively, without the
    target.  `writable` and `readonly` map carried objects to their sizes in bytes; the writable
    ones lie in section `.superopt.data`.  `address_taken` are functions of the unit whose address
    is used as a value.
    """

    text: str
    stubs: Mapping[str, str]
    wraps: Mapping[str, str]
    undefined_data: tuple[str, ...]
    local_callees: tuple[str, ...]
    writable: Mapping[str, int]
    readonly: Mapping[str, int]
    address_taken: tuple[str, ...]
    weak: frozenset[str]


def direct_callee(unit: Unit, branch: Branch) -> Function | None:
    """The unit's function that a branch surely reaches; None when it may be another's.

    design 5.5: calls through PLT or GOT, to weak symbols and to ifuncs are calls out.
    """
    symbol = unit.symbols.get(branch.name)
    if branch.suffix or symbol is None or symbol.linkage == "weak" or symbol.kind != "function":
        return None
    return unit.resolve(branch.name)


class _Collector:
    """Walks from bodies to everything of the unit that they need."""

    def __init__(self, unit: Unit, target: str, interposable: bool = False) -> None:
        self.unit = unit
        self._interposable = interposable
        self.target = unit.function(target)
        self.functions: dict[str, Fragment] = {}
        self.objects: dict[str, Symbol] = {}
        self.called: dict[str, None] = {}
        self.undefined: dict[str, None] = {}
        self.address_taken: dict[str, None] = {}
        self.stubs: dict[str, str] = {}
        self.wraps: dict[str, str] = {}
        self._todo: list[Function | Symbol] = []

    def add(self, fragment: Fragment) -> None:
        """Follow a body, then whatever it leads to."""
        self._follow(fragment)
        while self._todo:
            item = self._todo.pop()
            if isinstance(item, Function):
                self._follow(self.functions[item.name])
            else:
                self._follow_data(item.lines, frozenset())

    def _follow(self, fragment: Fragment) -> None:
        own = frozenset(labels_of(fragment.body, fragment.constants))
        for statement in fragment.body:
            branch = branch_of(statement)
            if branch is None or branch.name in own:
                for name in references(statement):
                    if name not in own:
                        self._value(name)
            elif (callee := direct_callee(self.unit, branch)) is not None:
                if callee.name != self.target.name:
                    self.called[callee.name] = None
                self._carry(callee)
        for constant in fragment.constants:
            self._follow_data(constant.lines, own)

    def _follow_data(self, lines: Sequence[str], own: frozenset[str]) -> None:
        for line in lines:
            for name in references(line):
                if name not in own and name != ".":
                    self._value(name)

    def _value(self, name: str) -> None:
        """A symbol used as data or as an address."""
        symbol = self.unit.symbols.get(name)
        if symbol is None:
            if name.startswith(".L"):
                raise Ineligible("computed-goto", f"a label's address ({name}) is used as data")
            self.undefined[name] = None
        elif symbol.kind == "ifunc":
            raise Ineligible("ifunc", f"the address of `{name}` is used")
        elif symbol.kind == "function":
            function = self.unit.resolve(name)
            if function is not None:
                self.address_taken[name] = None
                self._carry(function)
        elif symbol.tls:
            raise Ineligible("tls", f"`{name}` is thread-local")
        elif name not in self.objects:
            self.objects[name] = symbol
            if symbol.target:
                self._value(symbol.target)
            self._todo.append(symbol)

    def _carry(self, function: Function) -> None:
        if function.name in self.functions:
            return
        code = function.code
        if code.asm or code.other:
            raise Ineligible("callee", f"`{function.name}` holds inline asm or odd directives")
        if any("%fs:" in s or "%gs:" in s or "@tls" in s for s in code.statements):
            raise Ineligible("tls", f"`{function.name}` uses thread-local data")
        self.functions[function.name] = own_fragment(function)
        self._todo.append(function)

    def data_name(self, name: str) -> str:
        return LOCAL_DATA + name if name.startswith(".L") and name in self.objects else name

    def open(self, symbol: Symbol) -> bool:
        """May its contents be others than the text says, written or another unit's?"""
        bound = symbol.linkage == "local" or symbol.visibility or symbol.kind != "object"
        return symbol.writable or (self._interposable and not bound)

    def names(self) -> dict[str, str]:
        """Renames of local data labels."""
        return {n: LOCAL_DATA + n for n in self.objects if n.startswith(".L")}

    def traceable(self) -> bool:
        """Can everything of the unit that is reached be instrumented, and none leads back?"""
        callees = [f for name, f in self.functions.items() if name != self.target.name]
        branches = (branch_of(s) for f in callees for s in f.body)
        reached = (direct_callee(self.unit, b) for b in branches if b is not None)
        back = any(f is not None and f.name == self.target.name for f in reached)
        return not back and all(can_instrument(f.body) for f in callees)

    def operand(
        self, branch: Branch, self_label: str | None, wrap: bool, traced: bool = False
    ) -> str:
        """The operand of a branch that leaves a body."""
        callee = direct_callee(self.unit, branch)
        if callee is None:
            symbol = STUB + branch.name
            self.stubs[symbol] = branch.name
            return f"*{symbol}{branch.suffix}" if branch.indirect else symbol
        if callee.name == self.target.name and self_label is not None:
            return self_label
        name = TRACED + callee.name if traced else callee.name
        if not wrap:
            return name
        self.wraps[WRAP + name] = name
        return WRAP + name


def _function_text(collector: _Collector, name: str, fragment: Fragment) -> str:
    function = collector.unit.function(name)
    code = fragment.render(
        name,
        f".Lsuperopt.{name}.",
        names=collector.names(),
        branch=lambda found: collector.operand(found, None, False),
    )
    binding = [f"\t.globl\t{name}"] if name == collector.target.name else []
    head = ["\t.text", f"\t.balign\t{function.align}", *binding, f"\t.type\t{name}, @function"]
    tail = [f"\t.size\t{name}, .-{name}"]
    tail += [f"\t.set\t{alias},{name}" for alias in _callable_aliases(collector.unit, function)]
    return "\n".join([*head, code.rstrip("\n"), *tail]) + "\n"


def _traced_text(collector: _Collector, name: str, fragment: Fragment) -> str:
    """A function of the unit as traced bodies call it."""
    label = TRACED + name
    code = fragment.render(
        label,
        f".Lsuperopt.traced.{name}.",
        names=collector.names(),
        branch=lambda found: collector.operand(found, None, False, traced=True),
    )
    head = ["\t.text", "\t.p2align\t4", f"\t.type\t{label}, @function"]
    return "\n".join([*head, instrument(code).rstrip("\n"), f"\t.size\t{label}, .-{label}"]) + "\n"


def _callable_aliases(unit: Unit, function: Function) -> list[str]:
    return [a for a in function.aliases if unit.symbols[a].kind == "function"]


def _body_text(collector: _Collector, index: int, body: Body) -> str:
    fragment = body.fragment or own_fragment(collector.target)
    place = ["\t.text", "\t.p2align\t6" if body.offset < 0 else "\t.p2align\t12"]
    if body.offset > 0:
        place.append(f"\t.skip\t{body.offset % 4096}, 0xcc")
    code = fragment.render(
        body.label,
        f".Lsuperopt.b{index}.",
        names=collector.names(),
        branch=lambda found: collector.operand(
            found, body.label, body.wrap_local_calls, body.traced
        ),
        data_section=OWN_CONSTANTS,
        marks=f"{OWN_MARK}{index}.",
    )
    if body.traced:
        code = instrument(code)
    elif body.watched:
        code = watch(code, body.watched)
    head = [*place, f"\t.globl\t{body.label}", f"\t.type\t{body.label}, @function"]
    return "\n".join([*head, code.rstrip("\n"), f"\t.size\t{body.label}, .-{body.label}"]) + "\n"


def _object_text(collector: _Collector, symbol: Symbol) -> str:
    name = collector.data_name(symbol.name)
    if symbol.target:
        value = collector.data_name(symbol.target)
        return f"\t.set\t{name},{value}+{symbol.offset}\n"
    names = collector.names()
    section = WRITABLE if collector.open(symbol) else READ_ONLY
    lines = [section, *no_better_aligned(symbol.align)]
    lines += [f"\t.type\t{name}, @object", f"\t.size\t{name}, {symbol.size}", f"{name}:"]
    lines += [rename(line, lambda n: names.get(n, n)) for line in symbol.lines]
    return "\n".join(lines) + "\n"


def _collected(
    unit: Unit, target_name: str, bodies: Sequence[Body], interposable: bool = False
) -> _Collector:
    collector = _Collector(unit, target_name, interposable)
    collector._carry(collector.target)
    collector.add(collector.functions[target_name])
    for body in bodies:
        if body.fragment is not None:
            collector.add(body.fragment)
    return collector


def traceable(unit: Unit, target_name: str, bodies: Sequence[Body]) -> tuple[Body, ...]:
    """Which of target and bodies instrumented copies can stand for.

    Where they reach local code all or none, so that all run the same copies of it; none where it
    leads back to the target.  Raises Ineligible as `harness_text` does.
    """
    collector = _collected(unit, target_name, bodies)
    own = collector.functions[target_name]
    every = (Body(target_name, None, -1), *bodies)
    able = tuple(b for b in every if can_instrument((b.fragment or own).body))
    if len(collector.functions) == 1:
        return able
    return every if len(able) == len(every) and collector.traceable() else ()


def harness_text(
    unit: Unit, target_name: str, bodies: Sequence[Body], *, interposable: bool = False
) -> Harness:
    """Text of one object: the target under its own name, what it reaches, and each body.

    With `interposable` constants of global linkage count as writable: another definition may take
    their place when the program is loaded (-fPIC; design 5.6).

    Raises Ineligible when something that is reached cannot live in a test image.
    """
    collector = _collected(unit, target_name, bodies, interposable)
    parts = [_function_text(collector, n, f) for n, f in collector.functions.items()]
    parts += [_body_text(collector, i, body) for i, body in enumerate(bodies)]
    if any(body.traced for body in bodies):
        callees = {n: f for n, f in collector.functions.items() if n != target_name}
        parts += [_traced_text(collector, n, f) for n, f in callees.items()]
    parts += [_object_text(collector, s) for s in collector.objects.values()]
    parts.append('\t.section\t.note.GNU-stack,"",@progbits\n')
    sizes = {
        collector.data_name(n): (_size(unit, s), collector.open(s))
        for n, s in collector.objects.items()
    }
    return Harness(
        "".join(parts),
        collector.stubs,
        collector.wraps,
        tuple(collector.undefined),
        tuple(collector.called),
        {n: size for n, (size, writable) in sizes.items() if writable},
        {n: size for n, (size, writable) in sizes.items() if not writable},
        tuple(collector.address_taken),
        frozenset(name for name in collector.undefined if unit.linkages.get(name) == "weak"),
    )


def _size(unit: Unit, symbol: Symbol) -> int:
    if symbol.size or not symbol.target:
        return symbol.size
    base = unit.symbols[symbol.target]
    return max(_size(unit, base) - symbol.offset, 0)
