"""The target's side of screening, worked out once for all rewrites (design 5.1 to 5.4)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from superopt_cc.assembly import flow
from superopt_cc.assembly.canonical import fragment_canonical
from superopt_cc.assembly.clobbers import clobber_set
from superopt_cc.assembly.closure import direct_callee
from superopt_cc.assembly.code import branch_of
from superopt_cc.assembly.decode import Mem
from superopt_cc.assembly.effects import Effects
from superopt_cc.assembly.fragment import own_fragment
from superopt_cc.assembly.reasons import Refusal, text_reasons
from superopt_cc.assembly.unit import Function, Unit
from superopt_cc.errors import AssemblyError, ToolchainError
from superopt_cc.verify.job import Job
from superopt_cc.verify.screening.screen_view import (
    OWN_CODE,
    OWN_DATA,
    SELF,
    Reference,
    View,
    passes_uppers,
)

_ALIGNED_MOVES = ("movaps", "movapd", "movdqa", "vmovaps", "vmovapd", "vmovdqa", "vmovdqa32",
                  "vmovdqa64")  # fmt: skip
# What else a callee's text may hold either decodes or makes the table refuse it.
_UNREADABLE = frozenset({"inline-asm", "fence", "weird-directive", "intel-syntax"})


class Target:
    """gcc's code of one function with the local functions that it reaches by direct calls."""

    def __init__(self, job: Job, unit: Unit) -> None:
        self.facts = job.facts
        self.as_options = job.as_options
        self.unit = unit
        self.function = unit.function(job.name)
        self.fragment = own_fragment(self.function)
        self.view = View(self.fragment, job.facts, job.as_options)
        self.canonical = fragment_canonical(self.fragment)

    # What makes the target ineligible

    def refusals(self) -> Iterator[Refusal]:
        """Counted reasons against replacing this function at all."""
        try:
            self.view.object  # noqa: B018 - evaluated for its error
        except ToolchainError as error:
            yield Refusal("no-assembly", str(error))
            return
        problem = _unknown_code(self.view)
        if problem:
            yield Refusal("instruction", problem)
            return
        if self.view.x87.problem:
            yield Refusal("x87", self.view.x87.problem)
        if isinstance(self.view.gated, ToolchainError):
            yield Refusal("isa", str(self.view.gated))
        for callee in self.local_callees:
            found = text_reasons(self.unit, callee)
            reasons = [r for r in found if r.reason in _UNREADABLE]
            if reasons:
                yield Refusal("callee-asm", f"{callee.name}: {reasons[0].detail}")
                continue
            problem = _unknown_code(self._callee_view(callee.name))
            if problem:
                yield Refusal("callee-asm", f"{callee.name}: {problem}")

    # Local callees

    @cached_property
    def local_callees(self) -> tuple[Function, ...]:
        """Functions of the unit reached by direct calls or jumps, itself left out."""
        found: dict[str, Function] = {}
        todo = [self.function]
        while todo:
            for callee in _callees(self.unit, todo.pop()):
                if callee.name != self.function.name and callee.name not in found:
                    found[callee.name] = callee
                    todo.append(callee)
        return tuple(found.values())

    def _callee_view(self, name: str) -> View:
        return self._callee_views[name]

    @cached_property
    def _callee_views(self) -> dict[str, View]:
        return {f.name: View(own_fragment(f), self.facts, self.as_options)
                for f in self.local_callees}  # fmt: skip

    @cached_property
    def _views(self) -> tuple[View, ...]:
        return (self.view, *self._callee_views.values())

    # Symbols

    @cached_property
    def callees(self) -> frozenset[str]:
        """Names that the target calls or jumps to, with those of the local code it reaches."""
        names = {n for v in self._views for n in (*v.calls.values(), *v.tail_jumps.values())}
        calls_itself = self.view.calls.values()
        names.discard(SELF)
        if SELF in calls_itself or self.recursive:
            names.add(SELF)
        return frozenset(names)

    @cached_property
    def _kinds(self) -> dict[tuple[str, bool], frozenset[str]]:
        kinds: dict[tuple[str, bool], frozenset[str]] = {}
        for view in self._views:
            for use in view.references:
                key = (self._class_of(use.symbol), use.code)
                kinds[key] = kinds.get(key, frozenset()) | {use.kind}
        return kinds

    def _class_of(self, symbol: str) -> str:
        """Read-only data without linkage is all alike, wherever it stands."""
        return OWN_DATA if self._is_constant(symbol) else symbol

    def _is_constant(self, name: str) -> bool:
        symbol = self.unit.symbols.get(name)
        return (
            symbol is not None
            and symbol.kind in ("object", "label")
            and symbol.linkage == "local"
            and not symbol.writable
            and not symbol.tls
        )

    def kinds(self, use: Reference) -> frozenset[str]:
        """Relocation kinds in which a rewrite may refer to a symbol (design 4.3)."""
        name = self._class_of(use.symbol)
        known = self._kinds.get((name, use.code), frozenset())
        if name == OWN_DATA or (name == OWN_CODE and not use.code):
            return known | {"pc"}
        if not known and not self.knows(use.symbol):
            return frozenset({use.kind})  # the symbol itself is what is wrong
        return known

    def knows(self, symbol: str) -> bool:
        """May a rewrite refer to this symbol at all?"""
        if symbol in (OWN_DATA, OWN_CODE) or self._is_constant(symbol):
            return True
        return any(symbol == use.symbol for view in self._views for use in view.references)

    # Callers and clobbers

    @cached_property
    def called_locally(self) -> bool:
        """Does other code of the unit refer to the function by any of its names (design 5.4)?"""
        return self.unit.used_by_others(self.function)

    @cached_property
    def clobbers(self) -> frozenset[str]:
        return self.clobbers_of(self.view)

    def clobbers_of(self, view: View) -> frozenset[str]:
        """What a body and the local functions that it reaches write."""
        effects: list[Effects] = []
        todo, seen = [view], {SELF}
        calls_out = False
        while todo:
            here = todo.pop()
            effects += here.effects
            for name in (*here.calls.values(), *here.tail_jumps.values()):
                resolved = SELF if name in self.function.names else name
                if resolved in seen:
                    continue
                seen.add(resolved)
                callee = self._local(resolved)
                if callee is None:
                    calls_out = True
                else:
                    todo.append(callee)
        return clobber_set(effects, calls_out=calls_out)

    def _local(self, name: str) -> View | None:
        function = self.unit.resolve(name)
        if function is None or function.linkage == "weak":
            return None
        return self._callee_views.get(function.name)

    @cached_property
    def recursive(self) -> bool:
        """Can the function be active twice through calls inside this unit?"""
        if SELF in self.view.calls.values():
            return True
        names = {n for v in self._callee_views.values()
                 for n in (*v.calls.values(), *v.tail_jumps.values())}  # fmt: skip
        return bool(names.intersection(self.function.names))

    # The stack

    @cached_property
    def frame_bytes(self) -> int:
        """The target's frame; 0, the strictest, where its code is not understood."""
        return 0 if self.view.frame_error else self.view.frame.frame_bytes

    @cached_property
    def calls_aligned(self) -> bool:
        """Does the target align the stack at its calls?  Not understood counts as yes."""
        return self.view.frame_error is not None or self.view.frame.aligned_calls

    @cached_property
    def assumes_alignment(self) -> bool:
        """Does the target rely on a stack aligned by its callers?"""
        return self.needs_alignment(self.view)

    def needs_alignment(self, view: View) -> bool:
        """Does a body rely on an aligned stack at entry, itself or in what it calls?"""
        todo, seen = [view], {SELF}
        while todo:
            here = todo.pop()
            if _aligned_stack_access(here):
                return True
            for name in (*here.calls.values(), *here.tail_jumps.values()):
                resolved = SELF if name in self.function.names else name
                if resolved in seen:
                    continue
                seen.add(resolved)
                callee = self._local(resolved)
                if callee is None:
                    return True
                todo.append(callee)
        return False

    def callee_needs_alignment(self, name: str) -> bool:
        """Must the stack be aligned when `name` is called?"""
        if name == SELF:
            return self.assumes_alignment
        callee = self._local(name)
        return callee is None or self.needs_alignment(callee)

    @cached_property
    def makes_frame_pointer(self) -> bool:
        return any(
            i.name == "mov" and i.text.replace(" ", "") == "movrbp,rsp"
            for i in self.view.instructions
        )

    # Vector state

    @cached_property
    def dirty(self) -> tuple[bool, bool]:
        return self.dirty_in(self.view)

    def dirty_in(self, view: View) -> tuple[bool, bool]:
        """Are upper vector halves in use where a body leaves, and where it calls?"""
        dirty = flow.upper_dirty(view.graph, passed=passes_uppers(self.facts))
        return bool(dirty & view.graph.exits), bool(dirty & frozenset(view.calls))


def _callees(unit: Unit, function: Function) -> Iterator[Function]:
    code = function.code
    for statement in code.statements:
        branch = branch_of(statement)
        if branch is not None:
            callee = direct_callee(unit, branch)
            if callee is not None:
                yield callee


def _unknown_code(view: View) -> str | None:
    try:
        view.graph  # noqa: B018 - evaluated for its error
    except (AssemblyError, ToolchainError) as error:
        return str(error)
    return None


def _aligned_stack_access(view: View) -> bool:
    """An access that faults on a misaligned stack; unknown places are re-aligned."""
    for i, state in view.stack.items():
        item, effect = view.instructions[i], view.effects[i]
        for operand in item.operands:
            if not isinstance(operand, Mem) or operand.base not in state:
                continue
            legacy = item.encoding == "legacy" and operand.size >= 16
            unaligned = item.name in ("movups", "movupd", "movdqu", "lddqu")
            aligned = item.name in _ALIGNED_MOVES or (legacy and not unaligned)
            if aligned and effect.memory:
                return True
    return False
