"""Encoded instructions for a walk: every form over the registers in use, assembled once.

An entry's operation number stands for its name and width, its operands' word for registers, shape
and constant, so that a move can keep the one and change the other.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from superopt_cc.assembly.decode import decode_bytes
from superopt_cc.assembly.elf import Elf
from superopt_cc.propose.mutate import costs
from superopt_cc.propose.mutate.emit import immediate
from superopt_cc.propose.mutate.names import SUFFIX, register
from superopt_cc.propose.mutate.scope import USABLE
from superopt_cc.propose.mutate.wire import NUMBERS, Entry
from superopt_cc.toolchain import tools

_NONE = 0xFF
_CONDITIONS = ("b", "ae", "e", "ne", "be", "a", "s", "ns", "l", "ge", "le", "g")
_PARITY = ("p", "np")
_TWO = ("mov", "add", "sub", "and", "or", "xor", "cmp", "test", "imul", "adc", "sbb")
_CONSTANT = ("add", "sub", "and", "or", "xor", "cmp", "test", "mov")
_ONE = ("neg", "not")
_SHIFTS = ("shl", "shr", "sar", "rol")
_EXTENDING = (("movzbl", 1, 4), ("movsbl", 1, 4), ("movzwl", 2, 4), ("movswl", 2, 4),
              ("movslq", 4, 8))  # fmt: skip
_EXTRA = {"popcnt": "__POPCNT__", "lzcnt": "__LZCNT__", "tzcnt": "__BMI__", "blsr": "__BMI__",
          "blsi": "__BMI__"}  # fmt: skip
# The shapes of operands, as part of their word.
_PAIR, _SINGLE, _WITH_CONSTANT, _COUNT, _ADDRESS, _OFFSET, _BYTE, _NARROW = range(8)


@dataclasses.dataclass(frozen=True, slots=True)
class _Form:
    """An instruction before it is encoded."""

    text: str
    operation: str
    registers: tuple[str, ...]
    shape: int
    constant: int = 0

    @property
    def operands(self) -> int:
        """As `Entry.operands`."""
        fields = [NUMBERS[r] for r in self.registers] + [_NONE] * (3 - len(self.registers))
        word = fields[0] | fields[1] << 8 | fields[2] << 16
        return word | self.shape << 24 | (self.constant & 0xFFFFFFFF) << 32


def make_pool(
    registers: Sequence[str], constants: Sequence[int], counts: Sequence[int],
    isa: frozenset[str], widths: Sequence[int],
) -> tuple[Entry, ...]:  # fmt: skip
    """All entries over some registers; those without constants are kept for the next function."""
    regs = tuple(registers)
    forms = _with_constants(regs, tuple(constants), tuple(counts), tuple(widths))
    return (*_plain(regs, isa & set(_EXTRA.values()), tuple(widths)), *_encoded(tuple(forms)))


@functools.lru_cache(maxsize=64)
def _plain(
    registers: tuple[str, ...], isa: frozenset[str], widths: tuple[int, ...]
) -> tuple[Entry, ...]:
    return _encoded(tuple(_without_constants(registers, isa, widths)))


def _without_constants(
    registers: tuple[str, ...], isa: frozenset[str], widths: tuple[int, ...]
) -> Iterator[_Form]:
    extra = [name for name, macro in _EXTRA.items() if macro in isa]
    for width in widths:
        moves = [f"cmov{c}" for c in _CONDITIONS]
        for name in (*_TWO, *moves, *extra):
            for a in registers:
                for b in registers:
                    if a != b or name in ("add", "xor", "test", "imul", "sbb", *extra):
                        yield _two(name, width, a, b)
        for name in _ONE:
            yield from (_one(name, width, a) for a in registers)
        yield from (_one("bswap", width, a) for a in registers)
        yield from _addresses(registers, width)
        if "rcx" in registers:
            for name in _SHIFTS:
                for a in registers:
                    text = f"{name}{SUFFIX[width]}\t%cl, {register(a, width)}"
                    yield _Form(text, f"{name}cl{width}", (a,), _SINGLE)
    for name, narrow, wide in _EXTENDING:
        for a in registers:
            for b in registers:
                text = f"{name}\t{register(b, narrow)}, {register(a, wide)}"
                yield _Form(text, name, (a, b), _NARROW)
    for condition in (*_CONDITIONS, *_PARITY):
        for a in registers:
            yield _Form(f"set{condition}\t{register(a, 1)}", f"set{condition}", (a,), _BYTE)
    if 8 in widths and {"rax", "rdx"} <= set(registers):
        for name in ("mul", "imul"):
            yield from (_one(name, 8, a, f"{name}wide") for a in registers)


def _addresses(registers: tuple[str, ...], width: int) -> Iterator[_Form]:
    for a in registers:
        for b in registers:
            for c in registers:
                for scale in (1, 2, 4, 8):
                    if scale == 1 and c < b:
                        continue
                    where = f"({register(b, 8)},{register(c, 8)},{scale})"
                    text = f"lea{SUFFIX[width]}\t{where}, {register(a, width)}"
                    yield _Form(text, f"lea{width}", (a, b, c), _ADDRESS, scale)


def _with_constants(
    registers: tuple[str, ...], constants: tuple[int, ...], counts: tuple[int, ...],
    widths: tuple[int, ...],
) -> Iterator[_Form]:  # fmt: skip
    for width in widths:
        for a in registers:
            here = register(a, width)
            for constant in constants:
                operand = immediate(constant, width)
                if operand is None:
                    continue
                for name in _CONSTANT:
                    text = f"{name}{SUFFIX[width]}\t{operand}, {here}"
                    yield _Form(text, f"{name}{width}", (a,), _WITH_CONSTANT, constant)
                for b in registers:
                    text = f"lea{SUFFIX[width]}\t{operand[1:]}({register(b, 8)}), {here}"
                    yield _Form(text, f"lea{width}", (a, b), _OFFSET, constant)
                    text = f"imul{SUFFIX[width]}\t{operand}, {register(b, width)}, {here}"
                    yield _Form(text, f"imul{width}", (a, b), _OFFSET, constant)
            for count in counts:
                if 0 < count < 8 * width:
                    for name in _SHIFTS:
                        text = f"{name}{SUFFIX[width]}\t${count}, {here}"
                        yield _Form(text, f"{name}{width}", (a,), _COUNT, count)


def _two(name: str, width: int, a: str, b: str) -> _Form:
    text = f"{name}{SUFFIX[width]}\t{register(b, width)}, {register(a, width)}"
    return _Form(text, f"{name}{width}", (a, b), _PAIR)


def _one(name: str, width: int, a: str, operation: str = "") -> _Form:
    text = f"{name}{SUFFIX[width]}\t{register(a, width)}"
    return _Form(text, f"{operation or name}{width}", (a,), _SINGLE)


def encoded(lines: Sequence[str], as_options: Sequence[str] = ()) -> tuple[bytes, ...]:
    """The bytes of each instruction.  Raises ToolchainError as `as` does."""
    text = ["\t.text"]
    for line in lines:
        text += [f"1:\t{line}", "2:\t.pushsection .sizes", "\t.byte 2b-1b", "\t.popsection"]
    with tempfile.TemporaryDirectory(prefix="superopt-mutate-") as folder:
        path = Path(folder) / "pool.o"
        tools.assemble("\n".join(text) + "\n", path, as_options)
        elf = Elf(path.read_bytes())
    code, sizes = elf.section(".text"), elf.section(".sizes")
    assert code is not None
    assert sizes is not None
    ends = [0]
    for size in sizes.data:
        ends.append(ends[-1] + size)
    return tuple(code.data[a:b] for a, b in itertools.pairwise(ends))


def _encoded(forms: tuple[_Form, ...]) -> tuple[Entry, ...]:
    if not forms:
        return ()
    return tuple(
        Entry(_number(form.operation), form.operands, _cost(form.operation, code), code, form.text)
        for form, code in zip(forms, encoded([f.text for f in forms]), strict=True)
    )


_PRICES: dict[str, int] = {}


def _cost(operation: str, code: bytes) -> int:
    """One instruction of an operation tells what all cost."""
    if operation not in _PRICES:
        _PRICES[operation] = costs.alone(decode_bytes(code, 0)[0])
    return _PRICES[operation]


def _number(operation: str) -> int:
    """A number for a name, the same in every process."""
    return int.from_bytes(operation.encode()[:8], "little")


def registers_for(used: Sequence[str], usable: Sequence[str], most: int) -> tuple[str, ...]:
    """Those in use, then some spare ones."""
    wanted = [r for r in usable if r in used]
    spare = [r for r in USABLE if r in usable and r not in wanted]
    return (*wanted, *spare[: max(1, most - len(wanted))])
