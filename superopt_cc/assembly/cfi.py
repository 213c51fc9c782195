"""Stack-pointer tracking: unwind directives derived from a body, or a refusal (design 4.3).

The state before every instruction is found over all paths; a directive is put where that state
differs from what the unwinder believes there, so unwinding is right at each instruction whatever
the order of the blocks.  Understood are push, pop, add/sub/lea on %rsp, %rbp as frame pointer,
`leave`, a re-aligned %rsp under a frame pointer, and callee-saved registers stored to and loaded
from the frame.  Anything else that moves %rsp is refused, as are paths that disagree.
"""

from __future__ import annotations

import dataclasses
import re

from superopt_cc.assembly.code import Constant, branch_of, is_dispatch, references
from superopt_cc.assembly.fragment import Fragment, FragmentError
from superopt_cc.assembly.operands import (
    CALLEE_SAVED,
    Parsed,
    immediate,
    indexed,
    only_reads,
    parse,
    register,
    slot,
    width,
    written,
)
from superopt_cc.types import Reason

_DWARF = {"rbx": 3, "rbp": 6, "r12": 12, "r13": 13, "r14": 14, "r15": 15, "rsp": 7}
_RED_ZONE = 128
# The C library's and C++ runtime's functions that never return, whoever defines them.
_NO_RETURN = re.compile(
    r"abort|_?exit|_Exit|quick_exit|__assert(_fail)?|__stack_chk_fail|longjmp|_Unwind_Resume"
    r"|__cxa_(re)?throw|__cxa_throw_bad_array_new_length|_ZSt9terminatev|_ZSt\d+__throw_\w+"
)
_MAX_FRAME = 1 << 20


@dataclasses.dataclass(frozen=True, slots=True)
class Frame:
    """A body's stack use.

    `lines` is the body with its unwind directives (without startproc and endproc).
    `frame_bytes` is the largest distance of %rsp below the return address, `red_zone` the bytes
    used below %rsp (through a plain displacement), `saved` the callee-saved registers that the
    body stores.  `aligned_calls`: %rsp is a multiple of 16 at every call if the caller kept to
    the ABI.
    """

    lines: tuple[str, ...]
    frame_bytes: int
    red_zone: int
    saved: tuple[str, ...]
    aligned_calls: bool


@dataclasses.dataclass(frozen=True, slots=True)
class _State:
    """Machine state before an instruction, as distances below the CFA (entry %rsp + 8).

    `depth`: CFA - %rsp, an upper bound where `exact` is False; `residue`: -%rsp modulo 16 for
    a caller that keeps to the ABI;
    `frame`: CFA - %rbp while %rbp is a frame pointer; `slots`: where originals are stored;
    `changed`: callee-saved registers that no longer hold the caller's value.
    """

    depth: int = 8
    exact: bool = True
    residue: int = 8
    frame: int | None = None
    slots: tuple[tuple[str, int], ...] = ()
    changed: frozenset[str] = frozenset()

    @property
    def cfa(self) -> tuple[str, int]:
        if self.exact:
            return "rsp", self.depth
        if self.frame is None:
            raise _unknown("the frame cannot be found from a register")
        return "rbp", self.frame

    def with_slot(self, name: str, place: int | None) -> _State:
        kept = [(n, p) for n, p in self.slots if n != name]
        if place is not None:
            kept.append((name, place))
        return dataclasses.replace(self, slots=tuple(sorted(kept)))

    def with_changed(self, name: str, changed: bool) -> _State:
        names = self.changed | {name} if changed else self.changed - {name}
        return dataclasses.replace(self, changed=names)


def _unknown(detail: str) -> FragmentError:
    return FragmentError(Reason.FRAME, detail)


def derive(fragment: Fragment) -> Frame:
    """Track the stack over a body; FragmentError (`frame`, `abi`) where it is not certain."""
    return _Tracker(fragment).run()


class _Tracker:
    def __init__(self, fragment: Fragment) -> None:
        self.body = fragment.body
        self.labels = {s[:-1]: i for i, s in enumerate(self.body) if s.endswith(":")}
        self.table_targets = _table_targets(fragment.constants, self.labels)
        self.tables = _tables(fragment.constants, self.labels)
        last = [s for s in self.body if s[0] == "\t" and s[1] != "."][-1:]
        self.ends_with_call = bool(last) and parse(last[0]).mnemonic == "call"
        self.states: dict[int, _State] = {}
        self.deepest = 8
        self.red_zone = 0
        self.saved: set[str] = set()
        self.aligned = True

    def run(self) -> Frame:
        self.states[0] = _State()
        todo = [0]
        while todo:
            i = todo.pop()
            if i >= len(self.body):
                continue
            after, successors = self._step(i, self.states[i])
            if after.depth > _MAX_FRAME:
                raise _unknown("the stack grows without a bound")
            self.deepest = max(self.deepest, after.depth)
            for j in successors:
                merged = self._merge(self.states.get(j), after)
                if merged != self.states.get(j):
                    self.states[j] = merged
                    todo.append(j)
        return Frame(
            self._directives(),
            self.deepest - 8,
            self.red_zone,
            tuple(r for r in CALLEE_SAVED if r in self.saved),
            self.aligned,
        )

    def _merge(self, old: _State | None, new: _State) -> _State:
        """Paths must agree; a slot that only one path filled is forgotten if it is not needed."""
        if old is None or old == new:
            return new
        if (old.depth, old.exact, old.residue) != (new.depth, new.exact, new.residue):
            raise _unknown("two paths meet with different stack pointers")
        frame = old.frame if old.frame == new.frame else None
        slots = tuple(s for s in old.slots if s in new.slots)
        changed = old.changed | new.changed
        if not changed <= {name for name, _ in slots}:
            raise _unknown("two paths keep a saved register in different places")
        return dataclasses.replace(old, frame=frame, slots=slots, changed=changed)

    def _step(self, i: int, state: _State) -> tuple[_State, list[int]]:
        """State after statement `i`, and the statements that may follow."""
        statement = self.body[i]
        if statement.endswith(":") or statement.startswith("\t."):
            return state, self._next(i)
        parsed = parse(statement)
        self._note_red_zone(parsed, state)
        if parsed.mnemonic in ("ret", "ud2", "hlt", "int3"):
            if parsed.mnemonic == "ret":
                if parsed.operands:
                    raise _unknown("`ret` with an operand")
                self._check_exit(state)
            return state, []
        if parsed.mnemonic.startswith("j") or parsed.mnemonic.startswith("loop"):
            return state, self._jump(i, statement, parsed, state)
        if parsed.mnemonic == "call":
            branch = branch_of(statement)
            ends = branch is not None and _NO_RETURN.fullmatch(branch.name) is not None
            return self._call(state), [] if ends else self._next(i)
        return self._effect(parsed, state), self._next(i)

    def _next(self, i: int) -> list[int]:
        """The next statement; only a call may be the last instruction on a path to the end."""
        if i + 1 == len(self.body) and not self.ends_with_call:
            raise _unknown("control runs past the end of the function")
        return [i + 1]

    def _jump(self, i: int, statement: str, parsed: Parsed, state: _State) -> list[int]:
        falls = [] if parsed.mnemonic == "jmp" else self._next(i)
        branch = branch_of(statement)
        if branch is not None and branch.name in self.labels:
            return [self.labels[branch.name], *falls]
        if branch is None and not parsed.last.startswith("*"):
            raise _unknown(f"unknown jump `{statement.strip()}`")
        if branch is None and is_dispatch(self.body, i, self.tables):
            return self.table_targets
        self._check_exit(state)
        return falls

    def _check_exit(self, state: _State) -> None:
        if not state.exact or state.depth != 8:
            raise _unknown("it leaves with a stack pointer that is not its caller's")
        if state.changed:
            lost = sorted(state.changed)[0]
            raise FragmentError(Reason.ABI, f"%{lost} is not restored on a path that leaves")

    def _call(self, state: _State) -> _State:
        if state.residue != 0:
            self.aligned = False
        for name, place in state.slots:
            if state.exact and place > state.depth:
                if name in state.changed:
                    raise _unknown(f"%{name} is kept below the stack pointer across a call")
                state = state.with_slot(name, None)
        return state

    def _note_red_zone(self, parsed: Parsed, state: _State) -> None:
        for operand in parsed.operands:
            place = slot(operand)
            if place is None or parsed.mnemonic == "lea":
                continue
            if place.base == "rsp" and place.displacement < 0:
                self.red_zone = max(self.red_zone, -place.displacement)
            elif place.base == "rbp" and state.frame is not None and state.exact:
                below = state.frame - place.displacement - state.depth
                self.red_zone = max(self.red_zone, below)

    def _effect(self, parsed: Parsed, state: _State) -> _State:
        """An instruction that is not a branch."""
        if parsed.mnemonic in ("push", "pushf"):
            return self._push(parsed, state)
        if parsed.mnemonic in ("pop", "popf"):
            return self._pop(parsed, state)
        if parsed.mnemonic == "leave":
            return self._leave(state)
        if "rsp" in written(parsed):
            return self._move_stack(parsed, state)
        restored = self._restore(parsed, state)
        if restored is not None:
            return restored
        stored = self._save(parsed, state)
        if stored is not None:
            return stored
        state = self._overwrite(parsed, state)
        if parsed.mnemonic == "mov" and parsed.operands == ("%rsp", "%rbp") and state.exact:
            state = self._change("rbp", state)
            return dataclasses.replace(state, frame=state.depth)
        if parsed.mnemonic == "enter":
            raise _unknown("`enter` is not understood")
        for name in written(parsed):
            state = self._change(name, state)
        return state

    def _change(self, name: str, state: _State) -> _State:
        """A callee-saved register gets another value: its old one must be in the frame."""
        if name == "rbp":
            if not state.exact:
                raise _unknown("%rbp changes while the frame is found through it")
            state = dataclasses.replace(state, frame=None)
        if name in state.changed:
            return state
        if name not in dict(state.slots):
            raise FragmentError(
                Reason.ABI, f"%{name} is overwritten and its value is not on the stack"
            )
        return state.with_changed(name, True)

    def _grow(self, state: _State, amount: int) -> _State:
        depth = state.depth + amount
        if depth < 8:
            raise _unknown("the stack pointer rises above the return address")
        state = dataclasses.replace(state, depth=depth, residue=(state.residue + amount) % 16)
        for name, place in state.slots:
            if state.exact and place > depth + _RED_ZONE:
                if name in state.changed:
                    raise _unknown(f"the saved %{name} is lost below the stack pointer")
                state = state.with_slot(name, None)
        return state

    def _push(self, parsed: Parsed, state: _State) -> _State:
        if parsed.raw in ("pushw", "pushfw"):
            raise _unknown("a 2-byte push")
        state = self._clear(state, state.depth + 8, 8) if state.exact else state
        state = self._grow(state, 8)
        name = register(parsed.last)
        if name in CALLEE_SAVED and parsed.last == f"%{name}" and state.exact:
            return self._saved(name, state.depth, state)
        return state

    def _saved(self, name: str, place: int, state: _State) -> _State:
        if name in state.changed or name in dict(state.slots):
            return state
        self.saved.add(name)
        return state.with_slot(name, place)

    def _pop(self, parsed: Parsed, state: _State) -> _State:
        if parsed.raw in ("popw", "popfw"):
            raise _unknown("a 2-byte pop")
        name = register(parsed.last)
        if name == "rsp":
            raise _unknown("`pop %rsp`")
        place, exact = state.depth, state.exact
        if name is not None and exact and dict(state.slots).get(name) == place:
            state = state.with_slot(name, None).with_changed(name, False)
            if name == "rbp":
                state = dataclasses.replace(state, frame=None)
        elif name is not None:
            state = self._change(name, state)
        return self._grow(state, -8)

    def _leave(self, state: _State) -> _State:
        if state.frame is None:
            raise _unknown("`leave` without a frame pointer")
        depth = state.frame
        state = dataclasses.replace(state, depth=depth, exact=True, residue=depth % 16)
        return self._pop(parse("\tpop\t%rbp"), state)

    def _move_stack(self, parsed: Parsed, state: _State) -> _State:
        """add, sub, lea, and, mov with %rsp as destination."""
        source = parsed.operands[0] if parsed.operands else ""
        number = immediate(source)
        if parsed.last == "%rsp" and len(parsed.operands) == 2:
            if parsed.mnemonic in ("add", "sub") and number is not None:
                return self._grow(state, number if parsed.mnemonic == "sub" else -number)
            place = slot(source)
            if parsed.mnemonic == "mov" and source == "%rbp":
                return self._to_frame(state, 0)
            if parsed.mnemonic == "lea" and place is not None:
                if place.base == "rsp":
                    return self._grow(state, -place.displacement)
                return self._to_frame(state, place.displacement)
            if parsed.mnemonic == "and" and number is not None:
                return self._realign(state, number)
        raise _unknown(f"`{parsed.raw} {', '.join(parsed.operands)}` moves %rsp")

    def _to_frame(self, state: _State, displacement: int) -> _State:
        if state.frame is None:
            raise _unknown("%rsp is set from %rbp, which is no frame pointer")
        depth = state.frame - displacement
        state = dataclasses.replace(state, depth=depth, exact=True, residue=depth % 16)
        return self._grow(state, 0)

    def _realign(self, state: _State, mask: int) -> _State:
        size = -mask
        if size < 16 or size & (size - 1) or size > 4096:
            raise _unknown("a mask on %rsp that is no alignment")
        if state.frame is None:
            raise _unknown("%rsp is re-aligned without a frame pointer")
        return dataclasses.replace(state, depth=state.depth + size - 1, exact=False, residue=0)

    def _place(self, operand: str, state: _State) -> int | None:
        """CFA minus the address of a stack slot operand."""
        found = slot(operand)
        if found is None:
            return None
        if found.base == "rsp":
            return state.depth - found.displacement if state.exact else None
        return None if state.frame is None else state.frame - found.displacement

    def _save(self, parsed: Parsed, state: _State) -> _State | None:
        """`movq %rbx, 8(%rsp)` of a register that still holds the caller's value."""
        if parsed.mnemonic != "mov" or len(parsed.operands) != 2:
            return None
        name = register(parsed.operands[0])
        place = self._place(parsed.last, state)
        if name not in CALLEE_SAVED or parsed.operands[0] != f"%{name}" or place is None:
            return None
        if name in state.changed or name in dict(state.slots) or place <= 8:
            return None
        return self._saved(name, place, self._clear(state, place, 8))

    def _restore(self, parsed: Parsed, state: _State) -> _State | None:
        if parsed.mnemonic != "mov" or len(parsed.operands) != 2:
            return None
        name = register(parsed.last)
        place = self._place(parsed.operands[0], state)
        if name is None or parsed.last != f"%{name}" or place is None:
            return None
        if dict(state.slots).get(name) != place:
            return None
        if name == "rbp":
            if not state.exact:
                raise _unknown("%rbp is restored while the frame is found through it")
            state = dataclasses.replace(state, frame=None)
        return state.with_slot(name, None).with_changed(name, False)

    def _overwrite(self, parsed: Parsed, state: _State) -> _State:
        """A store to a known slot must not hit a saved register."""
        if only_reads(parsed) or not parsed.operands:
            return state
        if indexed(parsed.last):
            return state
        place = self._place(parsed.last, state)
        return state if place is None else self._clear(state, place, width(parsed))

    def _clear(self, state: _State, place: int, size: int) -> _State:
        """Bytes from CFA - place on are overwritten."""
        if place - size < 8 and place > 0:
            raise _unknown("the return address may be overwritten")
        for name, kept in state.slots:
            if place - size < kept and kept - 8 < place:
                if name in state.changed:
                    raise _unknown(f"the saved %{name} is overwritten")
                state = state.with_slot(name, None)
        return state

    def _directives(self) -> tuple[str, ...]:
        """The body with a directive wherever the state differs from the unwinder's."""
        cfa: tuple[str, int] = ("rsp", 8)
        rules: dict[str, int] = {}
        lines: list[str] = []
        for i, statement in enumerate(self.body):
            state = self.states.get(i)
            # Padding runs as no-ops, so a directive may not wait behind it.
            if state is not None and not statement.endswith(":"):
                lines += _cfa_change(cfa, state.cfa)
                lines += _rule_changes(rules, dict(state.slots))
                cfa, rules = state.cfa, dict(state.slots)
            lines.append(statement)
        return tuple(lines)


def _cfa_change(old: tuple[str, int], new: tuple[str, int]) -> list[str]:
    if old == new:
        return []
    if old[0] == new[0]:
        return [f"\t.cfi_def_cfa_offset {new[1]}"]
    return [f"\t.cfi_def_cfa {_DWARF[new[0]]}, {new[1]}"]


def _rule_changes(old: dict[str, int], new: dict[str, int]) -> list[str]:
    lines = [f"\t.cfi_restore {_DWARF[n]}" for n in old if n not in new]
    return lines + [
        f"\t.cfi_offset {_DWARF[n]}, -{place}" for n, place in new.items() if old.get(n) != place
    ]


def _tables(constants: tuple[Constant, ...], labels: dict[str, int]) -> frozenset[str]:
    """Constants that name labels of the body."""
    return frozenset(
        c.name for c in constants if any(n in labels for line in c.lines for n in references(line))
    )


def _table_targets(constants: tuple[Constant, ...], labels: dict[str, int]) -> list[int]:
    names = {n for c in constants for line in c.lines for n in references(line)}
    return sorted(labels[n] for n in names if n in labels)
