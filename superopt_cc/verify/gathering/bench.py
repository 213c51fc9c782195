"""What it takes to run one target: scratch folder, addresses, signature, surroundings.

Nothing is run here; `engine` and `replaying` do that.
"""

from __future__ import annotations

import dataclasses
import random
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from superopt_cc.assembly.closure import Body
from superopt_cc.assembly.decode import Imm, Instruction, Mem
from superopt_cc.assembly.effects import effects
from superopt_cc.assembly.fragment import Fragment, FragmentError
from superopt_cc.assembly.offered import parse_fragment
from superopt_cc.assembly.reasons import text_reasons
from superopt_cc.assembly.unit import Unit, parse_unit
from superopt_cc.closing import Closing
from superopt_cc.errors import Ineligible
from superopt_cc.types import Rejection, Rewrite
from superopt_cc.verify.job import Facts, Job
from superopt_cc.verify.making.admit import check as check_promises
from superopt_cc.verify.making.nans import NaNs
from superopt_cc.verify.making.private import private
from superopt_cc.verify.making.promises import read
from superopt_cc.verify.making.shape import Shape, check_types
from superopt_cc.verify.making.values import Dictionary, dictionary
from superopt_cc.verify.running.frames import NO_FRAMES, frames_of, symbol
from superopt_cc.verify.running.image import Addresses, Image, build_image, moved
from superopt_cc.verify.running.runner import Masks, Runner
from superopt_cc.verify.running.trace import Decoder
from superopt_cc.verify.screening.screen import Screener
from superopt_cc.verify.screening.screen_rules import RULES, Rule
from superopt_cc.verify.signature import abi, pointers
from superopt_cc.verify.signature.ctype import Float, Function, Pointer, Struct, holds, size_of

_FULL = (1 << 64) - 1
# Conversions between float and double; what else handles floats and makes or changes no NaN.
_CONVERTING = ("cvtss2sd", "cvtsd2ss", "cvtps2pd", "cvtpd2ps")
_COMPUTING = ("float", "x87")
_NAN_KEEPING = ("min", "max", "cmp", "ucomis", "comis", "cvtsi2", "cvtusi2", "cvtss2", "cvttss2",
                "cvtsd2", "cvttsd2", "cvtdq2", "cvtudq2")  # fmt: skip

REASONS: Mapping[str, str] = {
    "frame-escape": "a call out is passed a pointer into the function's own frame, to an object "
    "that gcc does not name or that holds such a pointer",
    "no-inputs": "gcc's own code fails, or runs for too long, on every input that was made up",
    "noise-dependent": "gcc's own result depends on registers or memory that no caller defines",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Surroundings:
    """What running needs to know about a function besides its code.

    `misaligned`: callers in the unit may enter it with an unaligned stack (design 5.4).
    """

    shape: Shape
    masks: Masks
    floating: bool
    misaligned: bool


class Bench(Closing):
    """Everything fixed about one target.  Use as a context manager: it owns a scratch folder.

    Raises Ineligible (with the counted reason) when the function cannot be tested.
    """

    def __init__(
        self, job: Job, unit: Unit | None = None, rules: Sequence[Rule] = RULES,
        addresses: Addresses | None = None,
    ) -> None:  # fmt: skip
        """`addresses` are chosen by chance unless given."""
        self.job = job
        self.unit = unit or parse_unit(job.unit_text)
        for refusal in text_reasons(self.unit, self.unit.function(job.name)):
            raise Ineligible(refusal.reason, refusal.detail)
        facts = job.facts
        self.locations = abi.assign(facts.types, [p.type for p in facts.parameters])
        check_types(facts.types, [p.type for p in facts.parameters])
        self.screener = Screener(job, self.unit, rules)
        self._addresses = addresses or Addresses.random(random.SystemRandom())
        self._scratch = tempfile.TemporaryDirectory(prefix="superopt-verify-")
        self._frames = NO_FRAMES
        try:
            self.image = self.link(())
            self.decoder = Decoder(self.image)
            self.around = self._surroundings(self.image, self.decoder.functions[job.name])
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Remove the scratch folder; safe to call twice."""
        self._scratch.cleanup()

    def fragment(self, rewrite: Rewrite) -> Fragment | Rejection:
        """The rewrite as a fragment that passed the static rules, or why it did not."""
        fragment = self.parse(rewrite)
        return fragment if isinstance(fragment, Rejection) else self._screened(fragment)

    def parse(self, rewrite: Rewrite) -> Fragment | Rejection:
        """The rewrite as a fragment, not screened yet."""
        try:
            return parse_fragment(rewrite.text, self.job.name, self.unit)
        except FragmentError as error:
            return Rejection(error.reason, str(error))

    def _screened(self, fragment: Fragment) -> Fragment | Rejection:
        return self.screener.check(fragment) or fragment

    def link(self, fragments: Sequence[Fragment], *, traced: bool = True) -> Image:
        """The image of target and rewrites; rewrite i gets the label `body_label(i)`.

        Without `traced` there are no copies to be followed.

        Raises Ineligible or ToolchainError as `build_image` does.
        """
        bodies = [
            Body(body_label(i), fragment, -1, wrap_local_calls=True)
            for i, fragment in enumerate(fragments)
        ]
        return self.link_bodies(bodies, traced=traced)

    def link_bodies(self, bodies: Sequence[Body], *, traced: bool = False) -> Image:
        """The image of the target and other bodies; as `link`."""
        folder = Path(tempfile.mkdtemp(dir=self._scratch.name))
        options = self.job.as_options
        image = build_image(
            self.unit, self.job.facts, bodies, self._addresses, folder, options, traced=traced
        )
        return image.with_frames(self._frames, self.job.name) if self._frames.objects else image

    def elsewhere(self, image: Image) -> Iterator[Image]:
        """The image at other addresses: all bits turned round, and once more by chance.

        Raises ToolchainError when ld refuses.
        """
        for addresses in (image.addresses.opposite(), Addresses.random(random.SystemRandom())):
            yield moved(image, addresses, self.job.facts, self.job.name)

    def show_frames(self) -> bool:
        """From now on callees may read and change what gcc's code shows them of its frame; False
        where that is so already or nothing is known of the frame."""
        facts, name = self.job.facts, self.job.name
        found = [each for each in facts.frame if _can_be_made(facts, each.type)]
        if self._frames.objects or not found or not self.image.answers:
            return False
        body = self.decoder.functions[name]
        self._frames = frames_of(found, facts.types, self.unit.function(name), body)
        self.image = self.image.with_frames(self._frames, name)
        roots = tuple((symbol(i), each.type) for i, each in enumerate(found) if not each.fixed)
        shape = dataclasses.replace(self.around.shape, frames=roots)
        self.around = dataclasses.replace(self.around, shape=shape)
        return bool(self._frames.objects)

    def check_calls(self, called: Collection[tuple[int, int]]) -> None:
        """See that calls of gcc's code through pointers go to stubs that record what these calls
        use; `called` are addresses of its instructions and numbers of stubs.

        Raises Ineligible where calls differ and a pointer of one type was used as another.
        """
        facts, name = self.job.facts, self.job.name
        known = pointers.shapes(facts)
        if len(known) < 2:
            return
        body = self.decoder.body(name)
        if name not in self.image.traced:
            raise Ineligible("call-arguments", "calls through pointers differ in their registers")
        sites = pointers.sites(self.unit.function(name).code)
        own = dict.fromkeys(i.address for i in body)
        if any(use.callee is None for use in facts.calls):
            own |= {body[n].address: use for n, use in zip(sites, facts.calls, strict=True)}
        inner = pointers.shapes(dataclasses.replace(facts, calls=()))
        for address, stub in called:
            use = own.get(address)
            if stub not in self.image.pointed or (address in own and (not use or use.callee)):
                continue
            wanted = tuple(sorted(use.registers)) if use else inner[0] if len(inner) == 1 else None
            if self.image.pointed[stub] != wanted:
                raise Ineligible("call-arguments", "a function pointer is used as another type's")

    def _surroundings(self, image: Image, body: Sequence[Instruction]) -> Surroundings:
        facts = self.job.facts
        writable = (*image.harness.writable, *image.harness.undefined_data)
        roots = []
        for name in writable:
            if name not in facts.globals:
                raise Ineligible("global-untyped", name)
            if not size_of(facts.types, facts.globals[name]):
                raise Ineligible("type-flexible", name)
            roots.append((name, facts.globals[name]))
        check_types(facts.types, [index for _, index in roots])
        returns = tuple(_returned_type(facts, index) for index in image.answers)
        promises = read(self.job.contract.clauses)
        shape = Shape(
            facts.types,
            tuple(p.type for p in facts.parameters),
            self.locations,
            tuple(roots),
            returns,
            "-fno-strict-aliasing" not in facts.options,
            constants_of(image, body, promises.numbers),
            private(self.unit, writable),
            nans_in(i for each in self.decoder.functions.values() for i in each),
            pointers.pointed(facts, {image.callees[n].name for n in image.pointed}),
            any(callee.orders is not None for callee in image.callees),
            promises,
        )
        check_promises(shape)
        masks = dict(abi.returned(facts.types, facts.returns))
        first = masks.get("ymm0", masks.get("xmm0", 0))
        floating = any(effects(i).category in _COMPUTING for i in body) or any(
            holds(facts.types, p.type, Float) for p in facts.parameters
        )
        counted = Masks(
            rax=masks.get("rax", 0),
            rdx=masks.get("rdx", 0),
            xmm0=(first & _FULL, first >> 64 & _FULL),
            xmm1=(masks.get("xmm1", 0) & _FULL, masks.get("xmm1", 0) >> 64),
            mxcsr=0x3F if facts.trapping_math else 0,
            x87=abi.x87_results(facts.types, facts.returns),
            ymm0=(first >> 128 & _FULL, first >> 192),
        )
        return Surroundings(shape, counted, floating, self.screener.entered_misaligned)


def _can_be_made(facts: Facts, index: int) -> bool:
    try:
        check_types(facts.types, [index])
    except Ineligible:
        return False
    return True


def body_label(number: int) -> str:
    """The symbol of rewrite `number` in an image."""
    return f"superopt.b{number}"


def start_runner(image: Image) -> Runner:
    """A runner process for an image."""
    return Runner(
        image.path, image.arena, image.callees, image.gate, image.text, image.tracer,
        image.frames, image.target,
    )  # fmt: skip


def _returned_type(facts: Facts, index: int | None) -> int | None:
    """What functions of a type return.  Raises Ineligible when stubs cannot make it up."""
    if index is None:
        return None
    kind = facts.types[index]
    assert isinstance(kind, Function)
    results = abi.returned(facts.types, kind.returns)
    if any(name == "ymm0" for name, _ in results):
        raise Ineligible("vector", "a callee returns one of 32 bytes")
    if kind.returns is None:
        return None
    inner = facts.types[kind.returns]
    if isinstance(inner, Struct) and holds(facts.types, kind.returns, Pointer):
        raise Ineligible("struct-by-value", "a callee returns one with pointers")
    if isinstance(inner, Pointer):
        check_types(facts.types, [kind.returns])
    return kind.returns


def nans_in(code: Iterable[Instruction]) -> NaNs:
    """What code does with NaNs."""
    found = NaNs.MOVED
    for instruction in code:
        name = instruction.name.removeprefix("v")
        if name.startswith(_CONVERTING) or effects(instruction).category == "x87":
            return NaNs.CONVERTED
        if effects(instruction).category == "float" and not name.startswith(_NAN_KEEPING):
            found = NaNs.COMPUTED
    return found


# Between two floats or doubles, and between two floats once they are doubles.
_HALFWAY = frozenset({(1 << 24) + 1, (1 << 53) + 1, ((1 << 24) + 1) << 38, ((1 << 24) + 1) << 39})


def constants_of(
    image: Image, body: Sequence[Instruction], known: Iterable[int] = ()
) -> Dictionary:
    """Constants of the target's own instructions and of the read-only data it reads."""
    integers = {value & _FULL for value in known}
    words: list[bytes] = []
    low, high = image.readonly_range
    for instruction in body:
        if instruction.name.removeprefix("v").startswith(("cvtsi2", "fild")):
            integers |= _HALFWAY
        for operand in instruction.operands:
            if isinstance(operand, Imm) and instruction.destination is None:
                integers.add(operand.value & _FULL)
            elif isinstance(operand, Mem) and operand.disp and not operand.rip:
                integers.add(operand.disp & _FULL)
            if isinstance(operand, Mem) and low <= operand.disp < high:
                words += image.words_at(operand.disp, max(operand.size, 8))
    for word in words:
        if len(word) <= 8:
            integers.add(int.from_bytes(word, "little"))
    return dictionary(integers, words)
