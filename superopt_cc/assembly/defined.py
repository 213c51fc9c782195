"""Which bit scans may leave a result that is undefined and used (design 5.2).

`bsf` and `bsr` of 0 have no defined result.  A scan is harmless where its source cannot be 0, by
what the branches before it tell, or where nobody looks at the result in that case: a conditional
move or a branch on the same question comes in between.  So results carry a *doubt*, the term that
must not be 0, until it is settled or the value has been used.
"""

from __future__ import annotations

import dataclasses
import heapq
from collections.abc import Iterator, Mapping

from superopt_cc.assembly import terms
from superopt_cc.assembly.decode import Mem, Reg
from superopt_cc.assembly.effects import Effects
from superopt_cc.assembly.flow import Graph, pack
from superopt_cc.assembly.meaning import FLAGS, OPPOSITE, Meaning, meaning, written
from superopt_cc.assembly.registers import FULL, PARTS, Parts
from superopt_cc.assembly.terms import Facts, Place, Term

# The position of a scan, and what must not be 0 there (None: no longer to be told).
Doubt = tuple[int, Term | None]
Doubts = frozenset[Doubt]
_NONE: Doubts = frozenset()
_WIDTHS = (1, 2, 4, 8)


@dataclasses.dataclass(frozen=True, slots=True)
class _State:
    """What is known, and the doubts of each register and of the flags."""

    facts: Facts
    doubts: Mapping[str, Doubts]


def undefined_scans(graph: Graph, uses: Mapping[int, int], results: Mapping[int, int]) -> set[int]:
    """Positions of scans of which an undefined result may be used.

    `uses` are register bytes (packed) that calls and exits read, `results` those that calls
    define.
    """
    scans = {i for i in graph.reachable if graph.effects[i].undefined == "zero"}
    if not scans:
        return set()
    return _Flow(graph, meaning(graph), uses, results).used()


class _Flow:
    """The states of one body."""

    def __init__(
        self, graph: Graph, meant: Meaning, uses: Mapping[int, int], results: Mapping[int, int]
    ) -> None:
        self.graph = graph
        self.meant = meant
        self._uses = uses
        self._results = results
        self._edges: dict[int, dict[int, _State]] = {i: {} for i in graph.reachable}
        self._edges[0][-1] = _State(frozenset(), {})

    def used(self) -> set[int]:
        """Positions of the scans whose doubt meets a use."""
        order = self.meant.order
        rank = {i: n for n, i in enumerate(order)}
        before: dict[int, _State] = {}
        todo, waiting = [0], {0}
        while todo:
            n = heapq.heappop(todo)
            waiting.discard(n)
            i = order[n]
            state = self._joined(i)
            if before.get(i) == state:
                continue
            before[i] = state
            for j, after in self._leaving(i, state):
                if self._edges[j].get(i) != after:
                    self._edges[j][i] = after
                    if rank[j] not in waiting:
                        heapq.heappush(todo, rank[j])
                        waiting.add(rank[j])
        return {scan for i, state in before.items() for scan, _ in self._uses_at(i, state)}

    # --- at one place

    def _joined(self, i: int) -> _State:
        """What holds on every edge into `i` seen so far; doubts of any of them."""
        edges = self._edges[i]
        here = [r for r, site in self.meant.sites[i].items() if site[:2] == ("join", i)]
        if len(edges) == 1 and not here:
            (state,) = edges.values()
            return state
        states = [_without(state, ("join", i)) for state in edges.values()]
        every = [state.facts for state in states]
        facts = set(every[0].intersection(*every))
        others = every[0].union(*every) - facts
        facts |= {f for f in others if all(terms.known(known, f) for known in every)}
        for register in here:
            facts |= self._joined_facts(i, register)
        doubts: dict[str, Doubts] = {}
        for state in states:
            for register, found in state.doubts.items():
                doubts[register] = doubts.get(register, _NONE) | found
        return _State(frozenset(facts), doubts)

    def _joined_facts(self, i: int, register: str) -> set[terms.Fact]:
        """A register that is not 0 on any edge is not 0 behind them."""
        facts: set[terms.Fact] = set()
        for width in _WIDTHS:
            if all(
                terms.is_never(s.facts, terms.low(width, self._brought(source, register)), 0)
                for source, s in self._edges[i].items()
            ):
                facts |= set(terms.nonzero(terms.low(width, self.meant.value(i, register))))
        return facts

    def _brought(self, source: int, register: str) -> Term:
        """The value of a register on the edge from `source`."""
        if source < 0:
            return self.meant.values[("entry", -1, register)]
        if register in written(self.graph, source):
            return self.meant.values[("new", source, register)]
        return self.meant.value(source, register)

    def _leaving(self, i: int, state: _State) -> Iterator[tuple[int, _State]]:
        """The state on each edge out of `i`."""
        after = self._after(i, state)
        following = self.graph.successors[i]
        item = self.graph.instructions[i]
        if self.graph.effects[i].category != "branch":
            yield from ((j, after) for j in following)
            return
        condition = item.name.removeprefix("j")
        goal = item.destination
        for j in following:
            taken = goal is not None and self.graph.instructions[j].address == goal
            if taken and j == i + 1:
                yield j, after
                continue
            held = condition if taken else OPPOSITE.get(condition, "")
            yield j, _settled(after, after.facts | self.meant.learned(i, held))

    def _after(self, i: int, state: _State) -> _State:
        """The state behind instruction `i`, whatever edge is taken."""
        effect = self.graph.effects[i]
        state = _without(state, ("new", i))
        made = self._made(i, state)
        doubts = dict(state.doubts)
        for register, found in made.items():
            kept = doubts.get(register, _NONE) if not _replaces(effect, register) else _NONE
            doubts[register] = kept | found
        if effect.category == "call":
            doubts.pop(FLAGS, None)
            for name in FULL:
                if self._results.get(i, 0) & pack({name: FULL[name]}):
                    doubts.pop(name, None)
        facts = set(state.facts)
        if self.graph.instructions[i].name.startswith("cmov"):
            facts |= self._chosen_facts(i, state)
        return _State(frozenset(facts), {r: d for r, d in doubts.items() if d})

    def _made(self, i: int, state: _State) -> dict[str, Doubts]:
        """Doubts of everything that the instruction writes."""
        item, effect = self.graph.instructions[i], self.graph.effects[i]
        if effect.category == "call":
            return {}
        if item.name.startswith("cmov"):
            target = item.operands[0]
            assert isinstance(target, Reg)
            return {PARTS[target.name][0]: self._chosen_doubts(i, state)}
        doubts = _of(state, effect.reads)
        if effect.flags_read:
            doubts |= state.doubts.get(FLAGS, _NONE)
        flags = doubts
        if effect.undefined == "zero":
            source = self.meant.source(i, item.operands[1])
            if not terms.is_never(state.facts, source, 0):
                doubts |= {(i, source)}
        made = dict.fromkeys(effect.writes, doubts)
        if effect.flags_written or effect.flags_undefined or effect.flags_kept:
            made[FLAGS] = flags
        return made

    def _chosen_doubts(self, i: int, state: _State) -> Doubts:
        """A conditional move: each value's doubts as far as its own condition leaves them."""
        item = self.graph.instructions[i]
        target, source = item.operands
        condition = item.name.removeprefix("cmov")
        assert isinstance(target, Reg)
        doubts = state.doubts.get(FLAGS, _NONE)
        moved = _of(state, {PARTS[source.name][0]: 1}) if isinstance(source, Reg) else _NONE
        kept = _of(state, {PARTS[target.name][0]: 1})
        for found, held in ((moved, condition), (kept, OPPOSITE.get(condition, ""))):
            doubts |= _left(found, state.facts | self.meant.learned(i, held))
        return doubts

    def _chosen_facts(self, i: int, state: _State) -> set[terms.Fact]:
        """What a conditional move chooses is not 0 when neither value is, each in its case."""
        item = self.graph.instructions[i]
        target, source = item.operands
        condition = item.name.removeprefix("cmov")
        assert isinstance(target, Reg)
        if isinstance(source, Mem) or target.size < 4:
            return set()
        for operand, held in ((source, condition), (target, OPPOSITE.get(condition, ""))):
            facts = state.facts | self.meant.learned(i, held)
            if not terms.is_never(facts, self.meant.source(i, operand), 0):
                return set()
        value = self.meant.values[("new", i, PARTS[target.name][0])]
        return set(terms.nonzero(terms.low(target.size, value)))

    # --- uses

    def _uses_at(self, i: int, state: _State) -> Doubts:
        """Doubts that meet a use: an address, memory, a condition, a caller or a callee."""
        effect = self.graph.effects[i]
        found = _NONE
        for register, doubts in state.doubts.items():
            if register != FLAGS and self._uses.get(i, 0) & pack({register: FULL[register]}):
                found |= doubts
        for access in effect.memory:
            places = [r for r in (access.base, access.index) if r is not None]
            found |= _of(state, {PARTS[r][0]: 1 for r in places})
        observed = any(a.writes for a in effect.memory) or effect.category in (
            "jump", "branch", "call", "div", "string",
        ) or "mxcsr" in effect.writes  # fmt: skip
        if observed:
            found |= _of(state, effect.reads)
            if effect.flags_read:
                found |= state.doubts.get(FLAGS, _NONE)
        return found


def _of(state: _State, registers: Parts) -> Doubts:
    found = _NONE
    for register in registers:
        found |= state.doubts.get(register, _NONE)
    return found


def _left(doubts: Doubts, facts: Facts) -> Doubts:
    """The doubts that the facts do not settle."""
    return frozenset(
        (n, term) for n, term in doubts if term is None or not terms.is_never(facts, term, 0)
    )


def _settled(state: _State, facts: Facts) -> _State:
    """The state under more facts."""
    doubts = {r: _left(found, facts) for r, found in state.doubts.items()}
    return _State(facts, {r: d for r, d in doubts.items() if d})


def _without(state: _State, place: Place) -> _State:
    """The state once the values of this place are others."""
    facts = state.facts
    gone = [f for f in facts if terms.speaks_of(f, place)]
    if gone:
        facts = facts.difference(gone)
    doubts = {
        register: frozenset((n, None if t and place in t.places else t) for n, t in found)
        for register, found in state.doubts.items()
    }
    return _State(facts, doubts)


def _replaces(effect: Effects, register: str) -> bool:
    """Does the instruction write all of the register, and surely?"""
    if register == FLAGS:
        return not effect.flags_kept and effect.flags_written | effect.flags_undefined >= set(
            "oszapc"
        )
    return register in effect.writes and effect.writes[register] == FULL[register]
