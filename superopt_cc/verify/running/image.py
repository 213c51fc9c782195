"""The test image: target, rewrites and what they reach, linked at random addresses.

Callees that are not local become stubs which jump to the runner's gate; local callees of a
rewrite go through wraps that destroy every other caller-saved register (design 5.4, 5.5).
"""

from __future__ import annotations

import dataclasses
import functools
import random
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from superopt_cc.assembly.arithmetic import ARITHMETIC
from superopt_cc.assembly.closure import OWN_MARK, STUB, Body, Harness, harness_text, traceable
from superopt_cc.assembly.elf import ALLOCATED, EXECUTABLE, WRITABLE, Elf, Section
from superopt_cc.assembly.instrument import TRACE, trace_routine
from superopt_cc.assembly.sections import no_better_aligned
from superopt_cc.assembly.unit import Unit
from superopt_cc.assembly.watch import watch_routine, watched_words
from superopt_cc.errors import Ineligible
from superopt_cc.toolchain import tools
from superopt_cc.verify.job import CallUse, Facts
from superopt_cc.verify.running.frames import NO_FRAMES, Frames, addresses
from superopt_cc.verify.running.layout import PAGE, SLOT_GUARD, SLOT_STRIDE, Arena
from superopt_cc.verify.running.runner import MAX_CALL_WORDS, Callee
from superopt_cc.verify.signature import pointers
from superopt_cc.verify.signature.abi import INTEGER_REGISTERS, assign, returned, x87_results
from superopt_cc.verify.signature.ctype import Array, Form, Function, Struct, align_of, size_of

DATA_SECTION = ".superopt.data"
_GATE_SECTION = ".superopt.gate"
_TRACER_SECTION = ".superopt.tracer"
_TRACER = "superopt.tracer"
# What pointers may point to stands at the same place in all images of a target.
_POINTED_SECTION = ".superopt.pointed"
_POINTED_OFFSET = 1 << 20
_FULL = (1 << 64) - 1
# No address of these ranges, nor the one with all bits turned round, is the runner's own.
_IMAGES, _DATA = (0x51000000, 0x5F000000), (0x41000000, 0x4F000000)
_ARENAS, _STACKS = (0x1000 << 32, 0x2800 << 32), (0x0200 << 32, 0x0E00 << 32)
_STACK_ALIGN = 64
_BITS, _IMAGE_BITS = (1 << 47) - 1, (1 << 31) - 1

# gcc itself introduces calls to these; they have the meaning that C gives them (design 5.5).
REAL_FUNCTIONS = {"memcpy": 1, "memmove": 2, "memset": 3, "memcmp": 4, "strlen": 5}
# So have the functions of the compiler's own library, which are nothing but arithmetic.
REAL_FUNCTIONS |= {name: 6 + n for n, name in enumerate(ARITHMETIC)}
DIVIDING = tuple(name for name in REAL_FUNCTIONS if name.endswith("ti3"))

REASONS: Mapping[str, str] = {
    "indirect-call": "a call through a pointer to a function of a kind that no stub stands for",
    "call-arguments": "a call passes structures or untyped arguments on the stack, vectors of 32 "
    "bytes, or in ways that differ by call",
    "callee-unknown": "a callee's type is not known, so its results cannot be made up",
    "callee-address": "calls through pointers may reach a function of the unit",
    "global-untyped": "a variable's type is not known, so its contents cannot be made up",
    "large-data": "the function reaches more writable data than the runner compares",
    "too-many-callees": "the function reaches more callees than the runner knows",
}
MAX_DATA = 1 << 16
_LONG_ARRAY = 16  # bytes: every variable that is an array as long is aligned to as many
_OBJECTS = "unit.o", "support.o"


@dataclasses.dataclass(frozen=True, slots=True)
class Addresses:
    """Where an image, the arena's first slot and the stack lie; chosen afresh per target
    (design 5.8).

    The slots follow each other upwards or downwards.
    """

    base: int
    data: int
    slot: int
    stack: int
    upwards: bool = True

    @staticmethod
    def random(numbers: random.Random) -> Addresses:
        base, data, slot = (numbers.randrange(*r, PAGE) for r in (_IMAGES, _DATA, _ARENAS))
        chosen = Addresses(base, data, slot, numbers.randrange(*_STACKS, _STACK_ALIGN))
        return chosen if numbers.getrandbits(1) else chosen.opposite()

    def opposite(self) -> Addresses:
        """Every address with all its bits turned round, down to what they are multiples of."""
        base, data = (at ^ (_IMAGE_BITS & -PAGE) for at in (self.base, self.data))
        slot, stack = self.slot ^ (_BITS & -PAGE), self.stack ^ (_BITS & -_STACK_ALIGN)
        return Addresses(base, data, slot, stack, not self.upwards)

    def possible(self) -> bool:
        """Could `random` have chosen them?"""
        ranges = (_IMAGES, PAGE), (_DATA, PAGE), (_ARENAS, PAGE), (_STACKS, _STACK_ALIGN)
        one = self if self.slot < self.opposite().slot else self.opposite()
        places = one.base, one.data, one.slot, one.stack
        return all(at in range(*r, step) for at, (r, step) in zip(places, ranges, strict=True))

    def arena(self, data: tuple[int, bytes], symbols: Mapping[str, int]) -> Arena:
        stride = SLOT_STRIDE if self.upwards else -SLOT_STRIDE
        return Arena(self.slot - SLOT_GUARD, data, symbols, stride, self.stack)


@dataclasses.dataclass(frozen=True, slots=True)
class Image:
    """A linked image.

    `symbols` maps names to addresses, `text` is the code's address range, `readonly_range` that
    of its constants with their bytes in `readonly`; `objects` are the ranges of the unit's data
    objects and of each constant that a rewrite brings along.  `traced` maps labels to those of
    their instrumented copies; `tracer` is where these find the trace's cursor.  `answers` are the
    Function types of the stubs that answer (None: of any type), `pointed` the registers of those
    that pointers may point to, by number (None: gcc's code never calls it so).  `frames` are what
    callees may see of the target's frame, whose code begins at `target`.
    """

    path: Path
    addresses: Addresses
    arena: Arena
    callees: tuple[Callee, ...]
    symbols: Mapping[str, int]
    gate: int
    text: tuple[int, int]
    harness: Harness
    readonly: bytes
    readonly_range: tuple[int, int]
    objects: tuple[tuple[int, int], ...]
    tracer: int
    traced: Mapping[str, str]
    answers: tuple[int | None, ...]
    pointed: Mapping[int, pointers.Registers | None]
    frames: Frames = NO_FRAMES
    target: int = 0

    def with_frames(self, frames: Frames, target: str) -> Image:
        """The image with stubs that read and change objects in the frame of `target`."""
        symbols = {**self.arena.symbols, **addresses(frames)}
        arena = dataclasses.replace(self.arena, symbols=symbols)
        return dataclasses.replace(self, frames=frames, target=self.symbols[target], arena=arena)

    def words_at(self, address: int, most: int) -> list[bytes]:
        """4- and 8-byte words of the constants from `address` on, `most` bytes in all; one of 10
        is a long double."""
        start = address - self.readonly_range[0]
        data = self.readonly[start : start + most]
        if most == 10:
            return [data]
        return [data[i : i + n] for n in (4, 8) for i in range(0, len(data) - n + 1, n)]


def build_image(
    unit: Unit, facts: Facts, bodies: Sequence[Body], addresses: Addresses,
    folder: Path, as_options: Sequence[str], *, traced: bool = True,
) -> Image:  # fmt: skip
    """Assemble and link target and bodies.

    Raises Ineligible for targets whose surroundings cannot be imitated, ToolchainError when as
    or ld refuses.
    """
    copies = traced_copies(unit, facts.name, bodies) if traced else {}
    harness = harness_text(
        unit, facts.name, [*bodies, *copies.values()], interposable=_interposable(facts)
    )
    # What is only passed on is compared as a number, and what its callers do with it changes only
    # what stubs change anyway; but nobody would see what a call of it here touches.
    if harness.address_taken and pointers.calls_pointers(facts):
        raise Ineligible("callee-address", harness.address_taken[0])
    stubs = _stubs(harness, facts)
    wraps = [
        Callee(name=w, wrap=True, wide=_returns_wide(facts, of)) for w, of in harness.wraps.items()
    ]
    callees = (*(s.callee for s in stubs), *wraps)
    if len(callees) > 64:
        raise Ineligible("too-many-callees", str(len(callees)))
    harness = dataclasses.replace(
        harness,
        undefined_data=tuple(n for n in harness.undefined_data if n not in _functions(facts)),
    )
    support = _support_text(harness, facts, stubs, callees)
    tools.assemble(harness.text, folder / _OBJECTS[0], as_options)
    (folder / _OBJECTS[1]).write_bytes(_assembled(support))
    image = _linked(folder, harness, callees, addresses, facts)
    return dataclasses.replace(
        image,
        traced={of: copy.label for of, copy in copies.items()},
        answers=tuple(s.type for s in stubs if s.type is not None or s.registers is not None),
        pointed={number: s.registers for number, s in enumerate(stubs) if s.pointed},
    )


def moved(image: Image, addresses: Addresses, facts: Facts, name: str) -> Image:
    """The same code of target `name` and rewrites, linked elsewhere.

    Raises ToolchainError when ld refuses.
    """
    linked = _linked(image.path.parent, image.harness, image.callees, addresses, facts)
    same = {n: getattr(image, n) for n in ("traced", "answers", "pointed")}
    linked = dataclasses.replace(linked, **same)
    return linked.with_frames(image.frames, name) if image.frames.objects else linked


def _linked(
    folder: Path, harness: Harness, callees: tuple[Callee, ...], addresses: Addresses, facts: Facts
) -> Image:
    path = folder / f"image-{addresses.base:x}"
    places = {DATA_SECTION: addresses.data, _POINTED_SECTION: addresses.data + _POINTED_OFFSET}
    tools.link_image([folder / name for name in _OBJECTS], path, addresses.base, places)
    return _read_image(path, harness, callees, addresses, facts)


@functools.lru_cache(maxsize=16)
def _assembled(support: str) -> bytes:
    """Targets hardly differ in it, links of one target not at all."""
    with tempfile.TemporaryDirectory(prefix="superopt-support-") as folder:
        out = Path(folder) / "support.o"
        tools.assemble(support, out)
        return out.read_bytes()


def _interposable(facts: Facts) -> bool:
    """May symbols of a shared object stand for others than its own?"""
    words = [w for w in facts.options if w.endswith("semantic-interposition")]
    return facts.pic == "pic" and words[-1:] != ["-fno-semantic-interposition"]


def traced_copies(unit: Unit, name: str, bodies: Sequence[Body]) -> dict[str, Body]:
    """Instrumented copies of target and bodies by label, where there can be some."""
    return {
        body.label: dataclasses.replace(body, label=f"superopt.t.{body.label}", traced=True)
        for body in traceable(unit, name, bodies)
    }


@dataclasses.dataclass(frozen=True, slots=True)
class _Stub:
    """A callee outside the unit and its Function type if it answers.

    Pointers may point to a `pointed` one, which they call with `registers`, and which may have a
    second name, `alias`.
    """

    callee: Callee
    type: int | None
    pointed: bool = False
    registers: pointers.Registers | None = None
    alias: str = ""


def _functions(facts: Facts) -> frozenset[str]:
    return frozenset(facts.callees.keys() - facts.globals.keys())


def _stubs(harness: Harness, facts: Facts) -> list[_Stub]:
    """What pointers may point to first, in an order that rewrites do not change."""
    found = [
        _Stub(_callee(s.symbol, facts, s.registers or (), s.type), s.type, True, s.registers)
        for s in pointers.stubs(facts)
    ]
    named = {name: symbol for symbol, name in harness.stubs.items()}
    for name in harness.undefined_data:
        if name in _functions(facts):
            stub = _stub(named.pop(name, STUB + name), name, facts, pointed=True)
            found.append(dataclasses.replace(stub, pointed=True, alias=name))
    return found + [_stub(symbol, name, facts) for name, symbol in named.items()]


def _stub(symbol: str, name: str, facts: Facts, *, pointed: bool = False) -> _Stub:
    if name in REAL_FUNCTIONS:
        return _Stub(Callee(name=symbol, real=True, target=REAL_FUNCTIONS[name]), None)
    uses = {use for use in (*facts.calls, *facts.local_calls) if use.callee == name}
    stack = _stack(name, facts, uses)
    found = {(use.registers, use.noreturn) for use in uses}
    known = pointers.shapes(facts) if pointed else ()
    if known and stack:
        raise Ineligible("call-arguments", f"{name}, called by pointers, takes some on the stack")
    if pointed and not found and not known:
        return _Stub(Callee(name=symbol), None)  # nothing here calls it
    if known:  # it may be called by its name and through a pointer
        found = {(tuple(sorted(registers)), noreturn) for registers, noreturn in found}
        found |= {(_through_pointers(name, facts, known), False)}
    if len(found) > 1:
        raise Ineligible("call-arguments", f"calls of {name} differ in their registers")
    registers, noreturn = found.pop() if found else _by_type(name, facts)
    index = facts.callees.get(name)
    callee = _callee(symbol, facts, registers, index)
    if index is None or not isinstance(facts.types[index], Function):
        raise Ineligible("callee-unknown", name)
    callee = dataclasses.replace(callee, noreturn=noreturn, stack=stack)
    return _Stub(callee, index, pointed, tuple(registers) if known else None)


def _stack(name: str, facts: Facts, uses: Collection[CallUse]) -> tuple[int, ...]:
    """Which bits count of the words that a callee is passed on the stack, by its prototype."""
    index = facts.callees.get(name)
    kind = facts.types[index] if index is not None else None
    sizes = {-(-use.stack_bytes // 16) for use in uses}
    if sizes == {0} and not any(use.stack_words for use in uses):
        return ()
    if not isinstance(kind, Function) or kind.variadic or not kind.prototyped:
        if uses:
            raise Ineligible("call-arguments", f"{name} is passed untyped ones on the stack")
        return ()
    masks: list[int] = []
    for location, parameter in zip(
        assign(facts.types, kind.parameters), kind.parameters, strict=True
    ):
        words = [word for word in location.words if word.kind == "stack"]
        if words and isinstance(facts.types[parameter], Struct):
            raise Ineligible("call-arguments", f"{name} is passed a structure on the stack")
        for word in words:
            masks += [0] * (word.number - len(masks))
            # What is shorter than an int is extended to one.
            masks.append((1 << (word.bits if words[1:] else max(word.bits, 32))) - 1)
    passes = sizes == {-(-len(masks) // 2)} and bool(masks)
    if len(masks) > MAX_CALL_WORDS or (uses and not passes):
        raise Ineligible("call-arguments", f"{name} is passed other words on the stack")
    return tuple(masks)


def _returns_wide(facts: Facts, name: str) -> bool:
    """Does a local callee return in all of %ymm0?"""
    kind = facts.types[facts.callees[name]] if name in facts.callees else None
    returns = kind.returns if isinstance(kind, Function) else None
    returns = facts.returns if name == facts.name else returns
    try:
        return any(register == "ymm0" for register, _ in returned(facts.types, returns))
    except Ineligible:
        return False


def _through_pointers(
    name: str, facts: Facts, known: Sequence[pointers.Registers]
) -> pointers.Registers:
    """The registers with which a function is called whose address is taken."""
    if len(known) == 1:
        return known[0]
    index = facts.callees[name]
    registers = pointers.registers_of(facts.types, index, known)
    if registers is None:
        raise Ineligible("call-arguments", f"{name} may be called through pointers of any type")
    return registers


def _callee(
    symbol: str, facts: Facts, registers: Sequence[tuple[str, int]], index: int | None
) -> Callee:
    """A stub that records these registers; `index` is the type of the function."""
    gpr, xmm, al, whole = [0] * 6, [0] * 8, 0, 0
    for register, size in registers:
        mask = _FULL if size >= 8 else (1 << 8 * size) - 1
        if register in INTEGER_REGISTERS:
            gpr[INTEGER_REGISTERS.index(register)] = mask
        elif register == "rax":
            al = 0xFF
        elif register.startswith("xmm") and size <= 16 and int(register[3:]) < 8:
            xmm[int(register[3:])] = mask
            whole |= (size > 8) << int(register[3:])
        else:
            raise Ineligible("call-arguments", f"{symbol} is passed {register}")
    kind = facts.types[index] if index is not None else None
    orders = pointers.ordered(facts.types, kind) if isinstance(kind, Function) else None
    x87 = x87_results(facts.types, kind.returns) if isinstance(kind, Function) else 0
    place = isinstance(kind, Function) and kind.takes_place
    return Callee(
        symbol, tuple(gpr), tuple(xmm), al, orders=orders, x87=x87, whole=whole, place=place
    )


def _by_type(name: str, facts: Facts) -> tuple[tuple[tuple[str, int], ...], bool]:
    """Argument registers of a callee that only local callees call: from its prototype."""
    index = facts.callees.get(name)
    kind = facts.types[index] if index is not None else None
    if not isinstance(kind, Function) or kind.variadic or not kind.prototyped:
        raise Ineligible("callee-unknown", name)
    registers: list[tuple[str, int]] = []
    for location, parameter in zip(
        assign(facts.types, kind.parameters), kind.parameters, strict=True
    ):
        if isinstance(facts.types[parameter], Struct):
            raise Ineligible("call-arguments", f"{name} is passed a structure")
        for word in location.words:
            if word.register is not None:
                registers.append((word.register, -(-word.bits // 8)))
    return tuple(registers), False


def _support_text(
    harness: Harness, facts: Facts, stubs: Sequence[_Stub], callees: Sequence[Callee]
) -> str:
    lines = [f'\t.section\t{_GATE_SECTION},"a"', "\t.balign\t8", "\t.globl\tsuperopt.gate",
             "superopt.gate:", "\t.quad\t0"]  # fmt: skip
    pointed = {s.callee.name: s.alias for s in stubs if s.pointed}
    for number, callee in enumerate(callees):
        section = _POINTED_SECTION if callee.name in pointed else ".superopt.stubs"
        names = [n for n in (callee.name, pointed.get(callee.name)) if n]
        lines += [f'\t.section\t{section},"ax"', "\t.balign\t16"]
        lines += [line for name in names for line in (f"\t.globl\t{name}", f"{name}:")]
        lines += [f"\tpushq\t${number}", "\tjmp\t*superopt.gate(%rip)"]
    lines.append('\t.section\t.superopt.stubs,"ax"')
    lines += [f"\t.globl\t{TRACE}", trace_routine(_TRACER)]
    lines.append(watch_routine(_TRACER))
    lines += [f'\t.section\t{_TRACER_SECTION},"aw"', "\t.balign\t64",
              f"\t.globl\t{_TRACER}", f"{_TRACER}:", "\t.quad\t0, 0", watched_words()]  # fmt: skip
    lines.append(f'\t.section\t{DATA_SECTION},"aw"')
    for name in harness.undefined_data:
        size = size_of(facts.types, facts.globals[name]) if name in facts.globals else 0
        if not size:
            raise Ineligible("global-untyped", name)
        lines += no_better_aligned(_alignment(facts, name))
        lines += [f"\t.globl\t{name}", f"\t.type\t{name}, @object", f"\t.size\t{name}, {size}",
                  f"{name}:", f"\t.zero\t{size}"]  # fmt: skip
    return "\n".join(lines) + '\n\t.section\t.note.GNU-stack,"",@progbits\n'


def _alignment(facts: Facts, name: str) -> int:
    """What a variable of another unit is aligned to at least (System V ABI, 3.1.2)."""
    index = facts.globals[name]
    align = max(align_of(facts.types, index), facts.aligned.get(name, 1))
    kind = facts.types[index]
    array = isinstance(kind, Array) and kind.form is Form.ARRAY
    long = array and size_of(facts.types, index) >= _LONG_ARRAY
    return max(align, _LONG_ARRAY) if long else align


def _read_image(
    path: Path, harness: Harness, callees: tuple[Callee, ...], addresses: Addresses, facts: Facts
) -> Image:
    elf = Elf(path)
    symbols = {s.name: s.value for s in elf.symbols if s.name}
    own = tuple(
        (s.value, s.value + s.size) for s in elf.symbols if s.name.startswith(OWN_MARK)
    )  # fmt: skip
    data = elf.section(DATA_SECTION)
    content = data.data if data is not None else b""
    at = data.address if data is not None else addresses.data
    code = [s for s in elf.sections if s.name == ".text"]
    low = min((s.address for s in code), default=0)
    high = max((s.address + s.size for s in code), default=0)
    constants = [
        s for s in elf.sections
        if s.flags & ALLOCATED and not s.flags & (WRITABLE | EXECUTABLE) and s.size
    ]  # fmt: skip
    first, beyond = _range(constants)
    readonly = bytearray(beyond - first)
    for s in constants:
        readonly[s.address - first : s.address - first + s.size] = s.data
    writable = [
        s.name for s in elf.sections
        if s.flags & WRITABLE and s.size and s.name not in (DATA_SECTION, _TRACER_SECTION)
    ]  # fmt: skip
    if writable:
        raise Ineligible("large-data", f"writable section {writable[0]} is not compared")
    if len(content) > MAX_DATA:
        raise Ineligible("large-data", f"{len(content)} bytes")
    resolved = tuple(
        dataclasses.replace(c, target=symbols[harness.wraps[c.name]]) if c.wrap else c
        for c in callees
    )
    arena = addresses.arena((at, content), symbols)
    return Image(path, addresses, arena, resolved, symbols, symbols["superopt.gate"], (low, high),
                 harness, bytes(readonly), (first, beyond),
                 (*own, *_objects(harness, symbols, facts)), symbols[_TRACER],
                 {}, (), {})  # fmt: skip


def _range(sections: Sequence[Section]) -> tuple[int, int]:
    low = min((s.address for s in sections), default=0)
    return low, max((s.address + s.size for s in sections), default=0)


def _objects(
    harness: Harness, symbols: Mapping[str, int], facts: Facts
) -> tuple[tuple[int, int], ...]:
    """Address ranges of the unit's data objects and of outside ones that are surely there."""
    sizes = {**harness.readonly, **harness.writable}
    for name in set(harness.undefined_data) - harness.weak:
        sizes[name] = size_of(facts.types, facts.globals[name])
    return tuple((symbols[n], symbols[n] + size) for n, size in sizes.items() if n in symbols)
