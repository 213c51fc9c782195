"""What registers and flags hold before each instruction, as terms; what a condition tells.

Only general registers and what scans and tests of integers need are followed.  Everything else is
an unknown of its own, which is always right.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from superopt_cc.assembly import terms
from superopt_cc.assembly.decode import Imm, Instruction, Mem, Operand, Reg
from superopt_cc.assembly.flow import Graph
from superopt_cc.assembly.registers import CALLEE_SAVED, GPR, PARTS
from superopt_cc.assembly.terms import Fact, Site, Term

FLAGS = "flags"
_TRACKED = (*GPR, FLAGS)
_TWO = {"add": "add", "sub": "sub", "and": "and", "or": "or", "xor": "xor", "imul": "mul"}
_ONE = {"neg": "neg", "not": "not", "bswap": "bswap"}
_STEP = {"inc": 1, "dec": -1}
_SHIFTS = ("shl", "shr", "sar")
_EXTENSIONS = {"movzx": "zext", "movsx": "sext", "movsxd": "sext"}
_OPPOSITE = {"e": "ne", "b": "ae", "be": "a", "l": "ge", "le": "g", "s": "ns"}
OPPOSITE: Mapping[str, str] = {**_OPPOSITE, **{v: k for k, v in _OPPOSITE.items()}}
_MIRRORED = {"b": "a", "a": "b", "ae": "be", "be": "ae", "l": "g", "g": "l", "ge": "le",
             "le": "ge", "e": "e", "ne": "ne"}  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class Flags:
    """Flags as left by comparing `left` with `right`, or (right None) by results.

    Of results the zero flag counts, and with `sign` the sign flag.
    """

    left: tuple[Term, ...]
    right: Term | None = None
    sign: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class Meaning:
    """Before each reachable instruction the site of each register's value, and their terms."""

    graph: Graph
    order: tuple[int, ...]
    sites: Mapping[int, Mapping[str, Site]]
    values: Mapping[Site, Term]
    flags: Mapping[Site, Flags]

    def value(self, i: int, register: str) -> Term:
        """What a 64-bit register holds before instruction `i`."""
        return self.values[self.sites[i][register]]

    def learned(self, i: int, condition: str) -> frozenset[Fact]:
        """What follows from a condition that holds at instruction `i`."""
        flags = self.flags.get(self.sites[i][FLAGS])
        return frozenset(_told(flags, condition)) if flags is not None else frozenset()

    def source(self, i: int, operand: Operand) -> Term:
        """The value of a source operand of instruction `i`."""
        return _Reader(self.graph.instructions[i], i, self.sites[i], self.values).read(operand)


def written(graph: Graph, i: int) -> frozenset[str]:
    """Tracked registers that instruction `i` may change."""
    effect = graph.effects[i]
    if effect.category == "call":
        return frozenset(r for r in _TRACKED if r not in CALLEE_SAVED) | {"rsp"}
    changed = {r for r in effect.writes if r in PARTS and r in GPR}
    if effect.flags_written or effect.flags_undefined or effect.flags_kept:
        changed.add(FLAGS)
    return frozenset(changed)


def meaning(graph: Graph) -> Meaning:
    """The values of a body."""
    order = _order(graph)
    sites = _sites(graph, order)
    entry = [("entry", -1, r) for r in _TRACKED]
    values: dict[Site, Term] = {site: terms.unknown(site) for site in entry}
    flags: dict[Site, Flags] = {}
    for i in order:
        joined = (site for site in sites[i].values() if site[:2] == ("join", i))
        values |= {site: terms.unknown(site) for site in joined}
        _define(graph, i, sites[i], values, flags)
    return Meaning(graph, tuple(order), sites, values, flags)


def _order(graph: Graph) -> list[int]:
    """Reachable positions, each before its successors except along the edges that close loops."""
    done: list[int] = []
    seen = {0}
    stack = [(0, iter(graph.successors[0]))]
    while stack:
        i, rest = stack[-1]
        for j in rest:
            if j not in seen:
                seen.add(j)
                stack.append((j, iter(graph.successors[j])))
                break
        else:
            done.append(i)
            stack.pop()
    return done[::-1]


def _sites(graph: Graph, order: Sequence[int]) -> dict[int, dict[str, Site]]:
    """Static single assignment: the site whose value each register holds.

    Where edges bring different ones, the register gets a site of its own; as new sites may let
    more edges agree or differ, they are added in rounds.
    """
    changes = {i: written(graph, i) for i in order}
    joined: dict[int, set[str]] = {i: set() for i in order}
    while True:
        before = {0: {r: ("entry", -1, r) for r in _TRACKED}}
        for i in order:
            before[i] |= {r: ("join", i, r) for r in joined[i]}
            for j in graph.successors[i]:
                before.setdefault(j, _after(before[i], i, changes[i]))
        more = False
        for i in order:
            after = _after(before[i], i, changes[i])
            for j in graph.successors[i]:
                differ = {r for r in _TRACKED if before[j][r] != after[r]} - joined[j]
                joined[j] |= differ
                more |= bool(differ)
        if not more:
            return before


def _after(before: Mapping[str, Site], i: int, changed: frozenset[str]) -> dict[str, Site]:
    return {**before, **{r: ("new", i, r) for r in changed}}


class _Reader:
    """Operands of one instruction as terms."""

    def __init__(
        self, item: Instruction, i: int, sites: Mapping[str, Site], values: Mapping[Site, Term]
    ) -> None:
        self._i, self._sites, self._values = i, sites, values
        self.width = item.operands[0].size if item.operands else 8

    def register(self, name: str) -> Term:
        """A whole register."""
        return self._values[self._sites[name]]

    def read(self, operand: Operand) -> Term:
        if isinstance(operand, Imm):
            return terms.constant(operand.value, self.width)
        if isinstance(operand, Mem):
            return terms.unknown(("new", self._i, "memory"), operand.size)
        parent, mask = PARTS[operand.name]
        if parent not in GPR:
            return terms.unknown(("new", self._i, parent), min(operand.size, 8))
        whole = self.register(parent)
        if mask == 0x2:  # %ah and its like
            whole = terms.operation("shr", whole, terms.constant(8, 8))
        return terms.low(operand.size, whole)

    def address(self, operand: Mem) -> Term | None:
        """What `lea` computes, 8 bytes wide."""
        if operand.rip or operand.segment is not None:
            return None
        total = terms.constant(operand.disp, 8)
        if operand.index is not None:
            shift = terms.constant(operand.scale.bit_length() - 1, 8)
            scaled = terms.operation("shl", self.register(PARTS[operand.index][0]), shift)
            total = terms.operation("add", scaled, total)
        if operand.base is not None:
            total = terms.operation("add", self.register(PARTS[operand.base][0]), total)
        return total


def _define(
    graph: Graph,
    i: int,
    sites: Mapping[str, Site],
    values: dict[Site, Term],
    flags: dict[Site, Flags],
) -> None:
    """Add the values that instruction `i` makes."""
    item, effect = graph.instructions[i], graph.effects[i]
    changed = written(graph, i)
    for register in changed:
        values[("new", i, register)] = terms.unknown(("new", i, register))
    if effect.category == "call" or item.prefixes:
        return
    reader = _Reader(item, i, sites, values)
    result = _result(item, reader)
    target = item.operands[0] if item.operands else Reg("rax", 8)
    whole = None
    if result is not None and isinstance(target, Reg):
        parent, mask = PARTS[target.name]
        site = ("new", i, parent)
        if parent in changed and mask in (0xF, 0xFF):
            made = terms.extended("zext", 8, result)
            if terms.small(made):
                values[site] = made
        elif parent in changed and mask in (0x1, 0x3):
            whole = terms.low(target.size, values[site])
    if FLAGS in changed and not effect.flags_kept:
        left = _flags(item, reader, result, whole)
        if left is not None:
            flags[("new", i, FLAGS)] = left


def _result(item: Instruction, reader: _Reader) -> Term | None:
    """What the instruction writes to its first operand, None if that is not followed."""
    name, operands = item.name, item.operands
    if name == "cdqe":
        return terms.extended("sext", 8, terms.low(4, reader.register("rax")))
    if not operands or any(
        isinstance(o, Reg) and PARTS.get(o.name, ("",))[0] not in GPR for o in operands
    ):
        return None
    first = operands[0]
    if len(operands) == 1:
        if name in _ONE:
            return terms.operation(_ONE[name], reader.read(first))
        if name in _STEP:
            step = terms.constant(_STEP[name], first.size)
            return terms.operation("add", reader.read(first), step)
        return None
    if len(operands) != 2:
        return None
    second = operands[1]
    if name in ("mov", "movabs"):
        return reader.read(second)
    if name in _EXTENSIONS:
        return terms.extended(_EXTENSIONS[name], first.size, reader.read(second))
    if name == "lea" and isinstance(second, Mem):
        address = reader.address(second)
        return None if address is None else terms.low(first.size, address)
    if name in _TWO:
        return terms.operation(_TWO[name], reader.read(first), reader.read(second))
    if name in _SHIFTS and isinstance(second, Imm):
        count = terms.constant(second.value & (63 if first.size == 8 else 31), first.size)
        return terms.operation(name, reader.read(first), count)
    return None


def _flags(
    item: Instruction, reader: _Reader, result: Term | None, whole: Term | None
) -> Flags | None:
    """Flags that the instruction leaves, as far as they are followed."""
    name, operands = item.name, item.operands
    results = tuple(t for t in (result, whole) if t is not None)
    if name in ("cmp", "sub"):
        left, right = (reader.read(o) for o in operands)
        return Flags((left,), right)
    if name == "test":
        both = terms.operation("and", *(reader.read(o) for o in operands))
        return Flags((both,), terms.constant(0, both.width))
    if name in ("and", "or", "xor") and results:
        return Flags(results, terms.constant(0, results[0].width))
    if name in ("bsf", "bsr", "popcnt"):
        return Flags((reader.read(operands[1]),), sign=False)
    counted = name in _SHIFTS and isinstance(operands[-1], Imm) and operands[-1].value
    if (name in ("add", "inc", "dec", "neg") or counted) and results:
        return Flags(results)
    return None


def _told(flags: Flags, condition: str) -> Iterator[Fact]:
    """Facts that follow from a condition that holds for these flags."""
    for left in flags.left:
        if flags.right is None:
            if condition == "e":
                yield from terms.learn(left, 0, 0)
            elif condition == "ne":
                yield from terms.nonzero(left)
            elif condition == "s" and flags.sign:
                yield from terms.learn(left, (left.mask >> 1) + 1, left.mask)
        elif flags.right.op == "constant":
            yield from _compared(left, flags.right.value, condition)
        elif left.op == "constant":
            mirrored = _MIRRORED.get(condition, "")
            yield from _compared(flags.right, left.value, mirrored)
        elif condition in ("ne", "b", "a", "l", "g"):
            yield from terms.differing(left, flags.right)
            if condition in ("b", "a"):
                yield from terms.nonzero(flags.right if condition == "b" else left)


def _compared(term: Term, number: int, condition: str) -> Iterator[Fact]:
    """Facts from `term` compared with a number."""
    largest = term.mask >> 1
    smallest = largest + 1
    if number == 0:
        condition = {"s": "l", "ns": "ge"}.get(condition, condition)
    bounds = {
        "e": (number, number),
        "ne": (number + 1, number - 1),
        "b": (0, number - 1) if number > 0 else None,
        "ae": (number, term.mask),
        "be": (0, number),
        "a": (number + 1, term.mask) if number < term.mask else None,
        "l": (smallest, number - 1) if number != smallest else None,
        "ge": (number, largest),
        "le": (smallest, number),
        "g": (number + 1, largest) if number != largest else None,
    }.get(condition)
    if bounds is not None:
        yield from terms.learn(term, *bounds)
