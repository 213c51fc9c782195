"""Expressions as instructions: registers given, copies made where an operand is still needed.

All choices of registers that matter are tried; the shortest text wins.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

from superopt_cc.propose.mutate.names import SUFFIX, move, register
from superopt_cc.propose.mutate.operations import CONDITIONS, Kind
from superopt_cc.propose.mutate.wire import MASK64, Leaf, Operation

_PLAIN = {Kind.ADD: "add", Kind.SUB: "sub", Kind.AND: "and", Kind.OR: "or", Kind.XOR: "xor",
          Kind.ADC: "adc", Kind.SBB: "sbb"}  # fmt: skip
_COMMUTATIVE = (Kind.ADD, Kind.AND, Kind.OR, Kind.XOR, Kind.IMUL, Kind.ADC)
_SHIFTS = {Kind.SHL: "shl", Kind.SHR: "shr", Kind.SAR: "sar", Kind.ROL: "rol"}
_BY_REGISTER = {Kind.SHLV: "shl", Kind.SHRV: "shr", Kind.SARV: "sar"}
_ONE = {Kind.NEG: "neg", Kind.NOT: "not", Kind.BSWAP: "bswap"}
_COUNTING = {Kind.POPCNT: "popcnt", Kind.TZCNT: "tzcnt", Kind.LZCNT: "lzcnt", Kind.BLSR: "blsr",
             Kind.BLSI: "blsi"}  # fmt: skip
_EXTENDING = {Kind.ZX8: (1, "movz"), Kind.ZX16: (2, "movz"), Kind.ZX32: (4, "movz"),
              Kind.SX8: (1, "movs"), Kind.SX16: (2, "movs"), Kind.SX32: (4, "movs")}  # fmt: skip
_MOST_TRIED = 400


@dataclasses.dataclass(frozen=True, slots=True)
class Node:
    """One operation; `a` and `b` number leaves, then nodes; `count` is a shift's."""

    operation: Operation
    a: int
    b: int
    count: int = 0
    loud: bool = False

    @property
    def uses(self) -> tuple[int, ...]:
        """The values that it looks at."""
        kind = Kind(self.operation.kind)
        if kind in (Kind.SETCC, Kind.SBBSELF):
            return ()
        one = kind in _SHIFTS or kind in _ONE or kind in _COUNTING or kind in _EXTENDING
        return (self.a,) if one else (self.a, self.b)


@dataclasses.dataclass(frozen=True, slots=True)
class Tree:
    """A whole expression: its last node is the result, of which `mask` bits count."""

    leaves: tuple[Leaf, ...]
    nodes: tuple[Node, ...]
    mask: int


Holds = dict[str, int]  # registers with the values in them


@dataclasses.dataclass(slots=True)
class _Best:
    lines: tuple[str, ...] | None = None
    tried: int = 0


class Emitter:
    """Texts for one tree, with the registers that may be used."""

    def __init__(self, tree: Tree, usable: Sequence[str]) -> None:
        self._tree, self._usable = tree, usable
        self._first = len(tree.leaves)
        self._last_use: dict[int, int] = {}
        for number, node in enumerate(tree.nodes):
            for value in node.uses:
                self._last_use[value] = number
        self._best = _Best()

    def text(self) -> tuple[str, ...] | None:
        """The instructions, the return aside; None where the registers do not suffice."""
        started = self._start()
        if started is not None:
            self._go(0, *started)
        return self._best.lines

    def _start(self) -> tuple[tuple[str, ...], Holds] | None:
        lines: list[str] = []
        holds: Holds = {}
        leaves = [(i, leaf) for i, leaf in enumerate(self._tree.leaves) if i in self._last_use]
        for number, leaf in leaves:
            if leaf.constant is None and not leaf.memory:
                holds[leaf.register] = number
        for number, leaf in leaves:
            if leaf.memory:
                free = [r for r in self._usable if r not in holds and not self._points(r, number)]
                if not free:
                    return None
                lines.append(_load(leaf, free[0]))
                holds[free[0]] = number
            elif leaf.size and leaf.constant is None:
                if leaf.register not in self._usable:
                    return None
                lines.append(_extend(leaf.register, leaf.register, leaf.size, 8, leaf.signed))
        return tuple(lines), holds

    def _points(self, name: str, after: int) -> bool:
        """Is a register still needed to read memory through?"""
        return any(
            leaf.memory and leaf.register == name and i in self._last_use
            for i, leaf in enumerate(self._tree.leaves)
            if i > after
        )

    def _go(self, number: int, lines: tuple[str, ...], holds: Holds) -> None:
        best = self._best
        if best.tried >= _MOST_TRIED or (best.lines and len(lines) >= len(best.lines)):
            return
        if number == len(self._tree.nodes):
            best.tried += 1
            result = self._first + number - 1
            place = next((r for r, v in holds.items() if v == result), None)
            if place is not None:
                done = lines if place == "rax" else (*lines, move(place, "rax"))
                if best.lines is None or len(done) < len(best.lines):
                    best.lines = tuple(tidied(done))
            return
        step = _Step(self._tree, number, holds, self._usable, self._last_use)
        for more, after in step.choices():
            self._go(number + 1, (*lines, *more), after)


class _Step:
    """The ways to compute one node."""

    def __init__(
        self, tree: Tree, number: int, holds: Holds, usable: Sequence[str],
        last_use: dict[int, int],
    ) -> None:  # fmt: skip
        self.tree, self.node, self.holds = tree, tree.nodes[number], holds
        self.kind, self.width = Kind(self.node.operation.kind), self.node.operation.width
        self._value = len(tree.leaves) + number
        self._is_last = number == len(tree.nodes) - 1
        self._last_use, self._number, self._usable = last_use, number, usable

    def choices(self) -> Iterator[tuple[tuple[str, ...], Holds]]:
        """Instructions, and what registers hold after them."""
        kind = self.kind
        if kind in (Kind.CMP, Kind.TEST):
            made = self._compare()
            yield from [] if made is None else [(made, self._left())]
        elif kind in (Kind.MULHU, Kind.MULHS):
            yield from self._high()
        else:
            for target in self._targets():
                lines = self._into(target)
                if lines is not None:
                    yield lines, {**self._left(but=target), target: self._value}

    # --- registers

    def _dies(self, value: int) -> bool:
        return self._last_use.get(value, -1) <= self._number

    def _left(self, but: str = "") -> Holds:
        """What is still needed after the node."""
        return {r: v for r, v in self.holds.items() if not self._dies(v) and r != but}

    def _free(self) -> list[str]:
        return [r for r in self._usable if r not in self.holds]

    def _place(self, value: int) -> str | None:
        return next((r for r, v in self.holds.items() if v == value), None)

    def _targets(self) -> list[str]:
        """Registers worth putting the result into."""
        dying = [r for r, v in self.holds.items() if self._dies(v) and r in self._usable]
        free = self._free()
        picked = [*dying, *free[:1], *(["rax"] if "rax" in free else [])]
        return list(dict.fromkeys(picked))

    def _spare(self, *taken: str) -> str | None:
        return next((r for r in self._free() if r not in taken), None)

    def _constant(self, value: int) -> int | None:
        if value >= len(self.tree.leaves):
            return None
        return self.tree.leaves[value].constant

    def _operand(self, value: int, *, width: int | None = None) -> str | None:
        """A register, or a constant that fits an instruction."""
        width = width or self.width
        constant = self._constant(value)
        if constant is None:
            place = self._place(value)
            return None if place is None else register(place, width)
        return immediate(constant, width)

    # --- operations

    def _into(self, target: str) -> tuple[str, ...] | None:
        kind = self.kind
        table: dict[Kind, Callable[[str], tuple[str, ...] | None]] = {
            Kind.CMOV: self._choose, Kind.LEA: self._lea, Kind.IMUL: self._multiply,
            Kind.ANDN: self._andn,
        }  # fmt: skip
        if kind in table:
            return table[kind](target)
        if kind is Kind.ADD and not self.node.loud:
            return self._add(target)
        if kind in _PLAIN:
            return self._plain(target, _PLAIN[kind])
        if kind in _SHIFTS:
            return self._shift(target)
        if kind in _BY_REGISTER:
            return self._shift_by_register(target)
        if kind is Kind.SETCC:
            return self._set(target)
        if kind is Kind.SBBSELF:
            here = register(target, self.width)
            return None if target in self._left() else (f"sbb{self._s}\t{here}, {here}",)
        return self._unary(target)

    @property
    def _s(self) -> str:
        return SUFFIX[self.width]

    def _copied(self, value: int, target: str) -> tuple[str, ...] | None:
        """Put a value into `target`, where something is done to it."""
        constant = self._constant(value)
        if constant is not None:
            return (load_constant(constant, target, self.width),)
        place = self._place(value)
        if place is None:
            return None
        return () if place == target else (move(place, target, self.width),)

    def _plain(self, target: str, name: str) -> tuple[str, ...] | None:
        a, b = self.node.a, self.node.b
        if self.kind in _COMMUTATIVE and self._place(b) == target and a != b:
            a, b = b, a
        if self._place(b) == target and a != b:
            return None  # the copy of `a` would destroy it
        before = self._copied(a, target)
        operand = register(target, self.width) if a == b else self._operand(b)
        if before is None:
            return None
        if operand is None:
            return self._with_constant(b, target, before, name)
        return (*before, f"{name}{self._s}\t{operand}, {register(target, self.width)}")

    def _with_constant(
        self, value: int, target: str, before: tuple[str, ...], name: str
    ) -> tuple[str, ...] | None:
        """By way of a register: a constant that fits no instruction."""
        constant, spare = self._constant(value), self._spare(target)
        if constant is None or spare is None:
            return None
        loaded = load_constant(constant, spare, self.width)
        operation = f"{name}{self._s}\t{register(spare, self.width)}, "
        return (*before, loaded, operation + register(target, self.width))

    def _add(self, target: str) -> tuple[str, ...] | None:
        """By lea where neither operand may be overwritten."""
        a, b = self._place(self.node.a), self._place(self.node.b)
        if target in (a, b) or a is None:
            return self._plain(target, "add")
        here = register(target, self.width)
        if b is not None:
            return (f"lea{self._s}\t({register(a, 8)},{register(b, 8)}), {here}",)
        constant = self._constant(self.node.b)
        if constant is None or immediate(constant, 8) is None:
            return self._plain(target, "add")
        return (f"lea{self._s}\t{signed(constant, 8)}({register(a, 8)}), {here}",)

    def _lea(self, target: str) -> tuple[str, ...] | None:
        a, b = self._place(self.node.a), self._place(self.node.b)
        if a is None or b is None:
            return None
        scale = 1 << self.node.operation.variant
        where = f"({register(a, 8)},{register(b, 8)},{scale})"
        return (f"lea{self._s}\t{where}, {register(target, self.width)}",)

    def _multiply(self, target: str) -> tuple[str, ...] | None:
        constant = self._constant(self.node.b)
        place = self._place(self.node.a)
        if constant is None or place is None:
            return self._plain(target, "imul")
        operand = immediate(constant, self.width)
        if operand is None:
            return self._plain(target, "imul")
        source, here = register(place, self.width), register(target, self.width)
        return (f"imul{self._s}\t{operand}, {source}, {here}",)

    def _andn(self, target: str) -> tuple[str, ...] | None:
        a, b = self._place(self.node.a), self._place(self.node.b)
        if a is None or b is None:
            return None
        names = [register(r, self.width) for r in (b, a, target)]
        return (f"andn{self._s}\t{', '.join(names)}",)

    def _shift(self, target: str) -> tuple[str, ...] | None:
        place, count = self._place(self.node.a), self.node.count
        here = register(target, self.width)
        if place is None:
            return None
        if self.kind is Kind.SHL and count < 4 and target != place and not self.node.loud:
            if count == 1:
                return (f"lea{self._s}\t({register(place, 8)},{register(place, 8)}), {here}",)
            return (f"lea{self._s}\t0(,{register(place, 8)},{1 << count}), {here}",)
        before = self._copied(self.node.a, target) or ()
        by = "" if count == 1 else f"${count}, "
        return (*before, f"{_SHIFTS[self.kind]}{self._s}\t{by}{here}")

    def _shift_by_register(self, target: str) -> tuple[str, ...] | None:
        """The count goes to %cl."""
        count = self._place(self.node.b)
        before = self._copied(self.node.a, target)
        if count is None or before is None or target in ("rcx", count):
            return None
        if count != "rcx":
            if "rcx" not in self._usable or "rcx" in self._left():
                return None
            before = (*before, move(count, "rcx", 4))
        here = register(target, self.width)
        return (*before, f"{_BY_REGISTER[self.kind]}{self._s}\t%cl, {here}")

    def _unary(self, target: str) -> tuple[str, ...] | None:
        place = self._place(self.node.a)
        if place is None:
            return None
        here = register(target, self.width)
        if self.kind in _COUNTING:
            return (f"{_COUNTING[self.kind]}{self._s}\t{register(place, self.width)}, {here}",)
        if self.kind in _EXTENDING:
            size, how = _EXTENDING[self.kind]
            return (_extend(place, target, size, self.width, how == "movs"),)
        before = self._copied(self.node.a, target)
        return None if before is None else (*before, f"{_ONE[self.kind]}{self._s}\t{here}")

    def _compare(self) -> tuple[str, ...] | None:
        left = self._operand(self.node.a)
        right = self._operand(self.node.b)
        if left is None:
            return None
        before: tuple[str, ...] = ()
        constant = self._constant(self.node.b)
        if right is None:
            spare = self._spare()
            if constant is None or spare is None:
                return None
            before = (load_constant(constant, spare, self.width),)
            right = register(spare, self.width)
        if self.kind is Kind.CMP and constant == 0:
            return (f"test{self._s}\t{left}, {left}",)
        name = "cmp" if self.kind is Kind.CMP else "test"
        return (*before, f"{name}{self._s}\t{right}, {left}")

    def _choose(self, target: str) -> tuple[str, ...] | None:
        """cmov: the value that stays is in the target, either of the two."""
        a, b, condition = self.node.a, self.node.b, self.node.operation.variant
        for stays, moves, code in ((a, b, condition), (b, a, condition ^ 1)):
            source = self._place(moves)
            if source is None or source == target or code not in CONDITIONS:
                continue
            before = self._copied(stays, target)
            if before is not None:
                here = register(target, self.width)
                moved = f"cmov{CONDITIONS[code]}{self._s}\t{register(source, self.width)}, {here}"
                return (*before, moved)
        return None

    def _set(self, target: str) -> tuple[str, ...] | None:
        if target in self._left():
            return None
        byte = register(target, 1)
        lines = (f"set{CONDITIONS[self.node.operation.variant]}\t{byte}",)
        if self._is_last and self.tree.mask <= 0xFF:
            return lines
        return (*lines, f"movzbl\t{byte}, {register(target, 4)}")

    def _high(self) -> Iterator[tuple[tuple[str, ...], Holds]]:
        """The high half of a product: one factor in %rax, the result in %rdx."""
        name = "mul" if self.kind is Kind.MULHU else "imul"
        saved = self._evicted(("rax", "rdx"))
        if saved is None or not {"rax", "rdx"} <= set(self._usable):
            return
        left = self._left()
        for a, b in ((self.node.a, self.node.b), (self.node.b, self.node.a)):
            place = self._place(b)
            before = self._copied(a, "rax")
            if place is None or before is None or (place == "rax" and a != b):
                continue
            lines = (*saved, *before, f"{name}q\t{register(place, 8)}")
            yield lines, {**left, "rdx": self._value}

    def _evicted(self, names: Sequence[str]) -> tuple[str, ...] | None:
        """Moves of values that are still needed out of these registers; None without room."""
        lines: list[str] = []
        for name in names:
            if name in self._left():
                spare = self._spare(*names)
                if spare is None:
                    return None
                lines.append(move(name, spare))
                self.holds = {**self.holds, spare: self.holds[name]}
                del self.holds[name]
        return tuple(lines)


def immediate(constant: int, width: int) -> str | None:
    """A constant as an operand; None where instructions of this width hold none so large."""
    value = signed(constant, width)
    return f"${value}" if -(1 << 31) <= value < 1 << 31 else None


def signed(constant: int, width: int) -> int:
    """The number that the low `width` bytes are."""
    low = constant & ((1 << 8 * width) - 1)
    return low - (1 << 8 * width) if low >> (8 * width - 1) else low


def load_constant(constant: int, target: str, width: int) -> str:
    """By mov, which leaves the flags alone."""
    value = constant & (MASK64 if width == 8 else 0xFFFFFFFF)
    if value < 1 << 32:
        return f"movl\t${signed(value, 4)}, {register(target, 4)}"
    if signed(value, 8) >= -(1 << 31) and signed(value, 8) < 0:
        return f"movq\t${signed(value, 8)}, {register(target, 8)}"
    return f"movabsq\t${signed(value, 8)}, {register(target, 8)}"


def _extend(source: str, target: str, size: int, width: int, is_signed: bool) -> str:
    """`size` bytes of a register as `width` of another."""
    if not is_signed:
        if size == 4:
            return move(source, target, 4)
        return f"movz{SUFFIX[size]}l\t{register(source, size)}, {register(target, 4)}"
    return f"movs{SUFFIX[size]}{SUFFIX[width]}\t{register(source, size)}, {register(target, width)}"


def _load(leaf: Leaf, target: str) -> str:
    where = f"{leaf.displacement or ''}({register(leaf.register, 8)})"
    if leaf.size == 8 or (leaf.size == 4 and not leaf.signed):
        return f"mov{SUFFIX[leaf.size]}\t{where}, {register(target, leaf.size)}"
    if leaf.signed:
        return f"movs{SUFFIX[leaf.size]}q\t{where}, {register(target, 8)}"
    return f"movz{SUFFIX[leaf.size]}l\t{where}, {register(target, 4)}"


def tidied(lines: Sequence[str]) -> Iterator[str]:
    """setcc and movzbl as a zero made before the comparison, where its register is free there."""
    found = list(lines)
    for i in range(1, len(found) - 1):
        name, _, byte = found[i].partition("\t")
        if not name.startswith("set") or not found[i + 1].startswith(f"movzbl\t{byte}, "):
            continue
        wide = found[i + 1].partition(", ")[2]
        parts = {byte, wide, wide.replace("%e", "%r"), wide.removesuffix("d")}
        compared = found[i - 1]
        if compared.startswith(("cmov", "set", "mov")) or any(p in compared for p in parts):
            continue
        found[i - 1 : i + 2] = [f"xorl\t{wide}, {wide}", compared, found[i]]
    yield from found
