"""What a body's instructions compare, and how far apart the two values were.

Each relation has a gap: the difference of two numbers, 0 where they are equal.  What an addition
or a product must reach to overflow, or what a minimum chooses from, are comparisons as well.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from superopt_cc.assembly.decode import Imm, Instruction, Mem, Reg
from superopt_cc.assembly.effects import effects
from superopt_cc.assembly.watch import Watch

Words = npt.NDArray[np.uint64]
Gaps = npt.NDArray[np.int64]
FAR = np.iinfo(np.int64).max
_UNSIGNED = frozenset({"a", "ae", "b", "be", "c"})
_SIGNED = frozenset({"l", "le", "g", "ge", "s", "ns"})
_CONDITION = re.compile(r"(?:j|set|cmov)(a|ae|b|be|e|ne|l|le|g|ge|s|ns|o|no)")
_LANES = re.compile(r"(?:pmin|pmax)([su])([bwdq])|pcmp(?:eq|gt)()([bwdq])|psub(u)s([bw])")
_FLOATS = re.compile(r"(?:u?comi|min|max|cmp(?:\w*?))([sp])([sd])")
_SIZES = {"b": 1, "w": 2, "d": 4, "q": 8}
_LEFT, _RIGHT = 1, 2  # words of a report


@dataclasses.dataclass(frozen=True, slots=True)
class Relation:
    """Two values of `size` bytes that instruction `watch.number` compares, by `kind`:

    "difference" of the two; "sum", "both" (bits), "either" and "left" against 0; "over" and
    "under": sum against what it must reach to overflow; "product" against the same; "lanes" of
    integers and "floats" of vectors.  `known` are operands that are constants.
    """

    watch: Watch
    kind: str
    size: int
    signed: bool
    known: tuple[int | None, int | None] = (None, None)
    lanes: int = 1

    @property
    def bits(self) -> int:
        return 8 * self.size

    def gaps(self, reports: Words) -> Gaps:
        """The gaps in each of these reports, lane by lane; FAR where there is none."""
        left, right = (self._operand(reports, nth) for nth in (0, 1))
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            return _GAPS[self.kind](left, right, self)

    def _operand(self, reports: Words, nth: int) -> Words:
        known = self.known[nth]
        if known is not None:
            return np.full(len(reports), known & (1 << self.bits) - 1, dtype=np.uint64)
        words = reports[:, (_LEFT, _RIGHT)[nth]]
        if self.lanes == 1:
            return words & np.uint64((1 << self.bits) - 1)
        found: Words = np.ascontiguousarray(words).view(f"<u{self.size}").astype(np.uint64)
        return found

    def numbers(self, words: Words) -> npt.NDArray[np.int64]:
        """The values as numbers; those of 8 bytes as signed ones."""
        found = words.astype(np.int64)
        if not self.signed or self.size == 8:
            return found
        half = 1 << self.bits - 1
        return (found ^ half) - half


def _minus(left: Words, right: Words, what: Relation) -> Gaps:
    one, other = what.numbers(left), what.numbers(right)
    gap: Gaps = one - other
    if what.size < 8:
        return gap
    less = one < other if what.signed else left < right
    wrapped = ((gap < 0) != less) & (gap != 0)
    return np.where(wrapped, np.where(less, -FAR, FAR), gap)


def _plus(left: Words, right: Words, what: Relation) -> Gaps:
    """The sum as a number of the operands' width: its sign and its being 0 count."""
    total = (left + right) & np.uint64((1 << what.bits) - 1)
    return dataclasses.replace(what, signed=True).numbers(total)


def _beyond(left: Words, right: Words, what: Relation) -> Gaps:
    """A sum from where it overflows on, upwards ("over") or downwards."""
    one, other = what.numbers(left), what.numbers(right)
    if what.size == 8:
        return one + other - np.int64(-(1 << 63))
    most = 1 << what.bits - what.signed
    edge = most if what.kind == "over" else -most - 1
    return one + other - np.int64(edge)


def _product(left: Words, right: Words, what: Relation) -> Gaps:
    """How far the first factor is from the largest that does not overflow."""
    one, other = what.numbers(left), what.numbers(right)
    if what.signed:
        left, right = np.abs(one).astype(np.uint64), np.abs(other).astype(np.uint64)
    most = np.uint64((1 << what.bits - what.signed) - 1)
    fits = most // np.maximum(right, np.uint64(1))
    gap = _minus(left, fits, dataclasses.replace(what, size=8, signed=False))
    return np.where(right == 0, FAR, gap)


def _floats(left: Words, right: Words, what: Relation) -> Gaps:
    """Representable values between the two."""
    half = 1 << what.bits - 1
    exponent = (0xFF << 23) if what.size == 4 else (0x7FF << 52)
    ordered = []
    for words in (left, right):
        magnitude = (words & np.uint64(half - 1)).astype(np.int64)
        ordered.append(np.where(words & np.uint64(half), -magnitude, magnitude))
    one, other = ordered
    nan = (np.abs(one) > exponent) | (np.abs(other) > exponent)
    gap = one - other
    wrapped = ((gap < 0) != (one < other)) & (gap != 0)
    return np.where(nan, FAR, np.where(wrapped, np.where(one < other, -FAR, FAR), gap))


_GAPS = {
    "difference": _minus,
    "lanes": _minus,
    "sum": _plus,
    "both": lambda left, right, what: _minus(left & right, np.zeros_like(left), what),
    "either": lambda left, right, what: _minus(left | right, np.zeros_like(left), what),
    "left": lambda left, right, what: _minus(left, np.zeros_like(left), what),
    "over": _beyond,
    "under": _beyond,
    "product": _product,
    "floats": _floats,
}


def relations(body: Sequence[Instruction]) -> tuple[Relation, ...]:
    """What a body compares: instruction `number` is the one at that index."""
    return tuple(found for number in range(len(body)) for found in _relations(body, number))


def _relations(body: Sequence[Instruction], number: int) -> Iterator[Relation]:
    item = body[number]
    plain = not item.prefixes and item.encoding != "evex"
    if not plain or any(isinstance(o, Mem) and o.segment for o in item.operands):
        return
    if any(isinstance(o, Reg) and o.name.startswith(("xmm", "ymm")) for o in item.operands):
        yield from _of_vectors(item, number)
    elif item.operands and isinstance(item.operands[0], (Reg, Mem)):
        yield from _of_integers(body, number)


def _of_vectors(item: Instruction, number: int) -> Iterator[Relation]:
    name = item.name.removeprefix("v")
    count = len([o for o in item.operands if not isinstance(o, Imm)])
    places = (0, 1) if count == 2 else (1, 2)
    if count not in (2, 3) or isinstance(item.operands[places[0]], Mem):
        return
    floats, lanes = _FLOATS.fullmatch(name), _LANES.fullmatch(name)
    if floats:
        size = 4 if floats[2] == "s" else 8
        many = 1 if floats[1] == "s" else 16 // size
        watch = Watch(number, places, size if many == 1 else 16)
        yield Relation(watch, "floats", size, True, lanes=many)
    elif lanes:
        sign, width = (group for group in lanes.groups() if group is not None)
        size = _SIZES[width]
        watch = Watch(number, places, 16)
        yield Relation(watch, "lanes", size, sign != "u", lanes=16 // size)


def _of_integers(body: Sequence[Instruction], number: int) -> Iterator[Relation]:
    item = body[number]
    name, first = item.name, item.operands[0]
    if not isinstance(first, (Reg, Mem)) or first.size > 8:
        return
    uses = _uses(body, number)
    signed, known = not uses & _UNSIGNED, _known(item)
    watch = Watch(number, tuple(range(min(len(item.operands), 2))), first.size)
    plain = Relation(watch, "difference", first.size, signed, known)
    alone = dataclasses.replace(
        plain, kind="left", known=(None, 0), watch=dataclasses.replace(watch, operands=(0,))
    )
    same = len(item.operands) == 2 and item.operands[0] == item.operands[1]
    if name == "cmp" or (name in ("sub", "xor") and uses and not same):
        yield plain
    elif name in ("test", "and", "or") and (uses or name == "test"):
        kind = "either" if name == "or" else "both"
        yield alone if same else dataclasses.replace(plain, kind=kind)
    elif name in ("add", "inc", "dec") and uses:
        if name != "add":
            plain = dataclasses.replace(plain, known=(None, 1 if name == "inc" else -1))
        yield from _of_sums(plain, uses)
    elif name in ("neg", "sar", "shr") and (uses or name != "neg"):
        if name == "neg" or known[1] == first.size * 8 - 1:  # the sign, spread or alone
            yield dataclasses.replace(alone, signed=True)
    elif name in ("imul", "mul") and uses & {"o", "no", "c", "ae", "b"}:
        yield from _of_products(item, plain)


def _of_sums(plain: Relation, uses: frozenset[str]) -> Iterator[Relation]:
    if uses - {"o", "no"}:
        yield dataclasses.replace(plain, kind="sum")
    if uses & _UNSIGNED and plain.size < 8:
        yield dataclasses.replace(plain, kind="over", signed=False)
    if uses & {"o", "no"}:
        yield dataclasses.replace(plain, kind="over", signed=True)
        if plain.size < 8:
            yield dataclasses.replace(plain, kind="under", signed=True)


def _of_products(item: Instruction, plain: Relation) -> Iterator[Relation]:
    count = len(item.operands)
    if count == 1:
        watch = dataclasses.replace(plain.watch, operands=("%rax", 0))
    else:
        watch = dataclasses.replace(plain.watch, operands=(count - 2, count - 1))
    known: tuple[int | None, int | None] = (None, None)
    last = item.operands[-1]
    if isinstance(last, Imm):
        known = None, last.value
    yield dataclasses.replace(
        plain, watch=watch, kind="product", signed=item.name == "imul", known=known
    )


def _known(item: Instruction) -> tuple[int | None, int | None]:
    values = [o.value if isinstance(o, Imm) else None for o in item.operands[:2]]
    values += [None] * (2 - len(values))
    return values[0], values[1]


def _uses(body: Sequence[Instruction], number: int) -> frozenset[str]:
    """The conditions that ask for the flags of an instruction, as far as straight code shows."""
    found: set[str] = set()
    for item in body[number + 1 :]:
        match = _CONDITION.fullmatch(item.name)
        if match:
            found.add(match[1])
        elif item.name in ("adc", "sbb"):
            found.add("c")
        if item.name in ("jmp", "ret", "call") or effects(item).flags_written:
            break
    return frozenset(found)
