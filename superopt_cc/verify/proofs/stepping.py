"""What one instruction does to bounds on registers: the steps of `infeasible`.

What is not modelled here makes the registers that it writes unknown, by the instruction table.
"""

from __future__ import annotations

from collections.abc import Callable

from superopt_cc.assembly.decode import Imm, Instruction, Mem, Operand, Reg
from superopt_cc.assembly.effects import effects
from superopt_cc.assembly.registers import CALLEE_SAVED, GPR, PARTS
from superopt_cc.verify.proofs.ranges import (
    HALF,
    LEFT,
    OPPOSITE,
    PLACE,
    RESULT,
    RIGHT,
    Bounds,
    Number,
    State,
    half_of,
    interval,
    whole_of,
)
from superopt_cc.verify.proofs.zones import LARGEST, NONE, Zone

# An access elsewhere does not succeed: the upper part of the address space is the kernel's.
_ADDRESSES = 1 << 56
_TOUCHING = frozenset(
    {"mov", "movzx", "movsx", "movsxd", "cmp", "test", "add", "sub", "and", "or", "xor",
     "movss", "movd", "movq", "movdqu", "movups", "movaps", "movdqa"}
)  # fmt: skip
View = Callable[[str], int]


def step(state: State, item: Instruction) -> list[tuple[int, State]]:
    """The states after an instruction, each with the side of a distinction that it stands for:
    0 where none is made.  Raises InstructionError for what our table does not know."""
    zone = state.zone
    for operand in item.operands:
        if isinstance(operand, Mem) and item.name in _TOUCHING and not item.prefixes:
            _touched(zone, operand)
    wide = _wide(item.operands[0]) if item.operands else None
    if item.name == "call":
        for name in GPR:
            if name not in CALLEE_SAVED:
                state.unknown(name)
        state.flags = ""
    elif item.name in ("cmp", "test"):
        _compare(state, item)
    elif wide is not None and item.name in ("shr", "sar") and _count(item) == 8 * wide.size - 1:
        return _by_sign(state, item, wide)
    elif item.name == "cdqe":
        number = Number(zone, [(half_of("rax"), 1)], 0)
        state.write(Reg("rax", 8), number, number)
    elif wide is not None and item.name in _STEPS:
        _STEPS[item.name](state, item, wide)
    elif wide is not None and item.name.startswith("cmov"):
        return [(0, _chosen(state, item, wide))]
    else:
        _other(state, item)
    return [(0, state)]


def _touched(zone: Zone, place: Mem) -> None:
    if place.base in PLACE and place.index is None and place.segment is None and not place.rip:
        zone.between(whole_of(place.base or ""), -place.disp, _ADDRESSES - place.disp)


def _other(state: State, item: Instruction) -> None:
    effect = effects(item)
    for name in effect.writes:
        if name in PLACE:
            state.unknown(name)
    if effect.flags_written | effect.flags_kept | effect.flags_undefined:
        state.flags = ""


def _wide(operand: Operand) -> Reg | None:
    """A general register of four or eight bytes."""
    if isinstance(operand, Reg) and operand.size in (4, 8) and PARTS[operand.name][0] in PLACE:
        return operand
    return None


def _terms(operand: Operand, view: View, size: int) -> tuple[list[tuple[int, int]], int] | None:
    """An operand of so many bytes as a sum, if it is one."""
    if isinstance(operand, Imm):
        value = operand.value & ((1 << 8 * size) - 1)
        return [], value - (1 << 8 * size) * (value >> (8 * size - 1))
    register = _wide(operand)
    return ([(view(PARTS[register.name][0]), 1)], 0) if register is not None else None


def _view(size: int) -> View:
    return half_of if size == 4 else whole_of


def _linear(
    state: State, target: Reg, parts: Callable[[View], tuple[list[tuple[int, int]], int] | None]
) -> None:
    """Write a sum, of which the low half is the sum of the low halves."""
    sums = [parts(half_of), parts(whole_of)]
    numbers = [Number(state.zone, *s) if s is not None else None for s in sums]
    state.write(target, numbers[0], numbers[1])


def _mov(state: State, item: Instruction, target: Reg) -> None:
    _linear(state, target, lambda view: _terms(item.operands[1], view, target.size))


def _lea(state: State, item: Instruction, target: Reg) -> None:
    place = item.operands[1]
    known = isinstance(place, Mem) and {place.base, place.index} <= {None, *PLACE}

    def parts(view: View) -> tuple[list[tuple[int, int]], int] | None:
        if not isinstance(place, Mem) or not known or place.rip:
            return None
        terms = [(view(place.base), 1)] if place.base is not None else []
        terms += [(view(place.index), place.scale)] if place.index is not None else []
        return terms, place.disp

    _linear(state, target, parts)


def _add(state: State, item: Instruction, target: Reg) -> None:
    source = item.operands[1] if len(item.operands) > 1 else Imm(1, 1)

    def parts(view: View) -> tuple[list[tuple[int, int]], int] | None:
        one, other = _terms(target, view, 8), _terms(source, view, target.size)
        if one is None or other is None:
            return None
        return one[0] + other[0], other[1]

    _linear(state, target, parts)
    _result(state, target)


def _sub(state: State, item: Instruction, target: Reg) -> None:
    source = item.operands[1] if len(item.operands) > 1 else Imm(1, 1)
    sides: tuple[Operand, Operand] = (target, source)
    if item.name == "neg":
        sides = Imm(0, 4), target
    left, right = sides
    numbers: list[Number | None] = []
    for view in (half_of, whole_of):
        one, other = _terms(left, view, target.size), _terms(right, view, target.size)
        if one is None or other is None:
            numbers.append(None)
            continue
        negative = [(x, -factor) for x, factor in other[0]]
        number = Number(state.zone, one[0] + negative, one[1] - other[1])
        if one[0] and other[0]:  # what is known of the difference of two registers
            (x, _), (y, _) = one[0][0], other[0][0]
            bounds = state.zone.bounds
            number.limit(state.zone.sum(0, -int(bounds[y, x]), int(bounds[x, y])))
        numbers.append(number)
    if item.name == "dec":
        state.write(target, numbers[0], numbers[1])
        _result(state, target)
        return
    _sides(state, left, right, target.size)
    state.write(target, numbers[0], numbers[1])
    _copy(state, RESULT, target)


def _result(state: State, target: Reg) -> None:
    state.flags = "result"
    _copy(state, RESULT, target)


def _copy(state: State, ghost: int, register: Reg) -> None:
    x = _view(register.size)(PARTS[register.name][0])
    state.zone.set(ghost, *state.zone.sum(x, 0, 0))


def _sides(state: State, left: Operand, right: Operand, size: int) -> None:
    """Flags as `cmp` of two operands of four or eight bytes leaves them."""
    state.flags = "compare"
    state.zone.forget(RESULT)
    for ghost, operand in ((LEFT, left), (RIGHT, right)):
        terms = _terms(operand, _view(size), size)
        if terms is None:
            state.zone.forget(ghost)
            if size == 4:
                state.zone.between(ghost, -HALF, HALF - 1)
        else:
            x = terms[0][0][0] if terms[0] else 0
            state.zone.set(ghost, *state.zone.sum(x, terms[1], terms[1]))


def _against_zero(state: State, x: int, bounds: Bounds | None = None) -> None:
    """Flags of a logical operation whose result is the variable x, or a number in bounds."""
    state.flags = "compare"
    state.zone.set(LEFT, *(bounds or state.zone.sum(x, 0, 0)))
    state.zone.set(RIGHT, *state.zone.sum(0, 0, 0))
    state.zone.set(RESULT, *state.zone.sum(LEFT, 0, 0))


def _compare(state: State, item: Instruction) -> None:
    left, right = item.operands
    if left.size < 4:
        _compare_short(state, item)
    elif item.name == "cmp":
        _sides(state, left, right, left.size)
        if isinstance(right, Imm) and right.value == 0:
            state.zone.set(RESULT, *state.zone.sum(LEFT, 0, 0))
    elif left == right and isinstance(left, Reg):
        _against_zero(state, _view(left.size)(PARTS[left.name][0]))
    else:
        low, high = _masked(state.zone, left, right, left.size)
        known = [_one(state.zone, operand, left.size) for operand in (left, right)]
        if known[0] is not None and known[1] is not None:
            low = high = known[0] & known[1]
        _against_zero(state, 0, state.zone.sum(0, low, high))


def _compare_short(state: State, item: Instruction) -> None:
    """Bytes and words that are known to be the whole of their registers, and not negative."""
    left, right = item.operands
    size = left.size
    sides = []
    for operand in (left, right):
        if isinstance(operand, Reg):
            name, part = PARTS[operand.name]
            sides.append((half_of(name), 0) if part in (1, 3) else (-1, 0))
        elif isinstance(operand, Imm):
            sides.append((0, operand.value & ((1 << 8 * size) - 1)))
        else:
            sides.append((-1, 0))
    zone, top = state.zone, (1 << 8 * size) - 1
    if item.name == "test":
        sides[1] = (0, 0) if left == right else (-1, 0)
        if left != right:
            _test_known(state, sides[0][0], right, size)
            return
    narrow = True
    for ghost, (x, more) in zip((LEFT, RIGHT), sides, strict=True):
        known = x >= 0 and zone.within(x, 0, top) and more <= top
        zone.set(ghost, *(zone.sum(x, more, more) if known else zone.sum(0, 0, top)))
        narrow = narrow and known and zone.within(ghost, 0, top // 2)
    state.flags = "compare" if narrow else "plain"
    zone.forget(RESULT)
    if narrow and item.name == "test":
        zone.set(RESULT, *zone.sum(LEFT, 0, 0))


def _test_known(state: State, x: int, mask: Operand, size: int) -> None:
    """Flags of some bits of a byte or word of the variable x, if that is one number only."""
    top = (1 << 8 * size) - 1
    low, high = (state.zone.low(x), state.zone.high(x)) if x >= 0 else (0, 1)
    state.flags = ""
    if low == high and isinstance(mask, Imm):
        value = low & mask.value & top
        if value <= top // 2:
            _against_zero(state, 0, state.zone.sum(0, value, value))


def _one(zone: Zone, operand: Operand, size: int) -> int | None:
    """The number that an operand is for certain, signed."""
    terms = _terms(operand, _view(size), size)
    low, high = interval(zone, *terms) if terms is not None else (0, 1)
    return low if low == high else None


def _masked(zone: Zone, left: Operand, right: Operand, size: int) -> tuple[int, int]:
    """Bounds of the conjunction of two operands."""
    highs = []
    for operand in (left, right):
        terms = _terms(operand, _view(size), size)
        if terms is not None:
            low, high = interval(zone, *terms)
            if low >= 0:
                highs.append(high)
    return (0, min(highs)) if highs else (-NONE, NONE)


def _and(state: State, item: Instruction, target: Reg) -> None:
    zone = state.zone
    numbers: list[Number | None] = []
    for view in (half_of, whole_of):
        x = view(PARTS[target.name][0])
        terms = [_terms(operand, view, target.size) for operand in item.operands]
        spans = [interval(zone, *t) for t in terms if t is not None]
        highs = [high for low, high in spans if low >= 0]
        if not highs:
            numbers.append(None)
            continue
        low = max(zone.low(x), 0)
        cut = _cut(item.operands[1], target.size)
        number = _span(zone, low - low % cut if cut else 0, min(highs))
        if zone.low(x) >= 0:
            number.limit(zone.sum(x, 1 - cut if cut else -NONE, 0))
        numbers.append(number)
    state.write(target, numbers[0], numbers[1])
    _against_zero(state, _view(target.size)(PARTS[target.name][0]))


def _cut(mask: Operand, size: int) -> int:
    """The power of two down to whose multiples a mask of high bits cuts; 0 for other masks."""
    if not isinstance(mask, Imm):
        return 0
    low = -mask.value & ((1 << 8 * size) - 1)
    return low if low and low & low - 1 == 0 else 0


def _at_most(zone: Zone, x: int, more: int) -> Bounds:
    """Bounds of a number that is no larger than x + more."""
    return zone.sum(x, -NONE, more)


def _or(state: State, item: Instruction, target: Reg) -> None:
    if item.name == "xor" and item.operands[0] == item.operands[1]:
        _linear(state, target, lambda view: ([], 0))
    else:
        state.unknown(PARTS[target.name][0])
        if target.size == 4:
            state.write(target, None, None)
    _against_zero(state, _view(target.size)(PARTS[target.name][0]))


def _count(item: Instruction) -> int:
    """By how many bits a shift moves; 0 where a register says that."""
    if len(item.operands) == 1:
        return 1
    count = item.operands[1]
    first = item.operands[0]
    return count.value & (8 * first.size - 1) if isinstance(count, Imm) else 0


def _shift(state: State, item: Instruction, target: Reg) -> None:
    count, name = _count(item), PARTS[target.name][0]
    if not count:
        _other(state, item)
        return
    if item.name == "shl":
        _linear(state, target, lambda view: ([(view(name), 1 << count)], 0))
        _result(state, target)
        return
    zone, x = state.zone, _view(target.size)(name)
    low, high = _ends(zone, x, target.size)
    if item.name == "shr" and low < 0:
        low, high = 0, (1 << (8 * target.size - count)) - 1
        number = _span(zone, low, high)
    else:
        number = _span(zone, low >> count, high >> count)
        if low >= 0:
            number.limit(_at_most(zone, x, -(low > 0)))
        if count == 1 and target.size == 4:
            number.limit_doubled(zone.sum(x, -1, 0))
    if target.size == 4:
        state.write(target, number, None)
    else:
        state.write(target, None, number)
    _result(state, target)


def _ends(zone: Zone, x: int, size: int) -> tuple[int, int]:
    """The smallest and the largest value of a number of so many bytes."""
    half = 1 << 8 * size - 1
    low, high = zone.low(x), zone.high(x)
    return low if low > -LARGEST else -half, high if high < LARGEST else half - 1


def _span(zone: Zone, low: int, high: int) -> Number:
    number = Number(zone, [], 0)
    number.bounds, number.doubled = zone.sum(0, low, high), zone.sum(0, 2 * low, 2 * high)
    return number


def _by_sign(state: State, item: Instruction, target: Reg) -> list[tuple[int, State]]:
    """The sign alone: for both signs apart."""
    x = _view(target.size)(PARTS[target.name][0])
    minus = 1 if item.name == "shr" else -1
    found = []
    for side, (low, high, value) in ((1, (0, NONE, 0)), (2, (-NONE, -1, minus))):
        mine = state.copy()
        possible = mine.zone.add(x, 0, high) if low else mine.zone.add(0, x, -low)
        if possible and mine.settle():
            number = _span(mine.zone, value, value)
            mine.write(target, number, number)
            _result(mine, target)
            found.append((side, mine))
    return found


def _extend(state: State, item: Instruction, target: Reg) -> None:
    """movzx, movsx and movsxd: a shorter operand into a whole register."""
    source = item.operands[1]
    size, signed = source.size, item.name != "movzx"
    low = -(1 << 8 * size - 1) if signed else 0
    high = (1 << 8 * size - signed) - 1
    number = _span(state.zone, low, high)
    if isinstance(source, Reg):
        name, part = PARTS[source.name]
        x = half_of(name)
        if name in PLACE and part in (1, 3, 15) and state.zone.within(x, low, high):
            number = Number(state.zone, [(x, 1)], 0)
    state.write(target, number, number)


def _chosen(state: State, item: Instruction, target: Reg) -> State:
    condition = item.name.removeprefix("cmov")
    moved, kept = state.copy(), state
    found: list[State] = []
    if condition not in OPPOSITE or moved.assume(condition):
        _mov(moved, item, target)
        found.append(moved)
    if condition not in OPPOSITE or kept.assume(OPPOSITE[condition]):
        _linear(kept, target, lambda view: ([(view(PARTS[target.name][0]), 1)], 0))
        found.append(kept)
    if len(found) == 2:
        return found[0].join(found[1])
    return found[0] if found else kept


_STEPS: dict[str, Callable[[State, Instruction, Reg], None]] = {
    "mov": _mov, "lea": _lea, "add": _add, "inc": _add, "sub": _sub, "dec": _sub, "neg": _sub,
    "and": _and, "or": _or, "xor": _or, "shl": _shift, "shr": _shift, "sar": _shift,
    "movzx": _extend, "movsx": _extend, "movsxd": _extend,
}  # fmt: skip
