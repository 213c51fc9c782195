"""Making and reading traces: memory accesses, edges taken, and a data-independent signature.

A trace row is rip and the sixteen general registers *before* the instruction (runner.Run).
Rows with rip 1 and 2 are reads and writes of library functions that ran for real, 3 is a stub
that was called, 4 what a stub looked at (STEP_* of csrc/runner.h).
"""

from __future__ import annotations

import bisect
import dataclasses
from collections.abc import Iterator, Mapping, Sequence, Set

import numpy as np
import numpy.typing as npt

from superopt_cc.assembly.closure import STUB, TRACED
from superopt_cc.assembly.decode import Instruction, decode_image
from superopt_cc.assembly.effects import effects
from superopt_cc.assembly.instructions import InstructionError
from superopt_cc.assembly.instrument import TRACE
from superopt_cc.assembly.registers import GPR
from superopt_cc.errors import Ineligible
from superopt_cc.verify.proofs.infeasible import Infeasible, infeasible
from superopt_cc.verify.running.image import DIVIDING, Image
from superopt_cc.verify.running.layout import Batch
from superopt_cc.verify.running.runner import Masks, Mode, Run, Runner

Words = npt.NDArray[np.uint64]
_COLUMN = {name: i + 1 for i, name in enumerate(GPR)}
_READ_ROW, _WRITE_ROW, _CALL_ROW, _LOOK_ROW = 1, 2, 3, 4
_DIVISIONS = ("div", "idiv", "divss", "divsd", "divps", "divpd", "sqrtss", "sqrtsd", "sqrtps",
              "sqrtpd")  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class Accesses:
    """Loads and stores in trace order: `row` of the trace, `address`, `size` in bytes, `write`."""

    row: npt.NDArray[np.int64]
    address: Words
    size: Words
    write: npt.NDArray[np.bool_]

    def between(self, first: int, last: int) -> Accesses:
        """Those of trace rows first <= row < last."""
        low, high = np.searchsorted(self.row, (first, last))
        part = slice(int(low), int(high))
        return Accesses(self.row[part], self.address[part], self.size[part], self.write[part])


@dataclasses.dataclass(frozen=True, slots=True)
class _Operand:
    """One memory operand of every instruction, as columns.

    `repeated` marks string instructions with any repeat prefix, `whole` those that always run to
    the end of their count.
    """

    present: npt.NDArray[np.bool_]
    base: npt.NDArray[np.int64]
    index: npt.NDArray[np.int64]
    scale: Words
    disp: Words
    size: Words
    write: npt.NDArray[np.bool_]
    repeated: npt.NDArray[np.bool_]
    whole: npt.NDArray[np.bool_]


class Decoder:
    """The instructions of an image and what each touches.

    Raises Ineligible("instruction") when the image holds an instruction that our table does not
    know: its accesses could not be logged.
    """

    def __init__(self, image: Image) -> None:
        self._image = image
        self.functions: Mapping[str, tuple[Instruction, ...]] = decode_image(image.path)
        self._stepped = False
        self._proved: dict[str, Infeasible] = {}
        self._tell([i for body in self._copies() for i in body])

    def _copies(self) -> Iterator[Sequence[Instruction]]:
        """What stands behind the reports of every instrumented function."""
        labels = set(self._image.traced.values())
        for name, body in self.functions.items():
            if name in labels or name.startswith(TRACED):
                yield _instrumented(body, self._image.symbols[TRACE])

    def _tell(self, instructions: Sequence[Instruction]) -> None:
        """Know what these touch."""
        ordered = sorted(instructions, key=lambda i: i.address)
        self._address = np.array([i.address for i in ordered], dtype=np.uint64)
        self._operands = _columns(ordered)

    def flow(self, label: str) -> Flow:
        """Control flow of a function as `follow` reports it."""
        body = self.functions[self._image.traced.get(label, label)]
        flow = Flow.of(body, self._image.symbols[TRACE] if label in self._image.traced else None)
        stubs = {self._image.symbols.get(STUB + name) for name in DIVIDING}
        divides = flow.divides or any(i.destination in stubs - {None} for i in body)
        return dataclasses.replace(flow, divides=divides)

    def proved(self, label: str) -> Infeasible:
        """What of a function nothing can take or reach; worked out when it is first asked for."""
        if label not in self._proved:
            self._proved[label] = infeasible(self.body(label), self.start(label))
        return self._proved[label]

    def start(self, label: str) -> int:
        """The address of the first byte of a function as `follow` reports it."""
        return self.functions[self._image.traced.get(label, label)][0].address

    def body(self, label: str) -> Sequence[Instruction]:
        """The instructions of a function at the addresses that `follow` reports."""
        copy = self._image.traced.get(label)
        if copy is None:
            return self.functions[label]
        return _instrumented(self.functions[copy], self._image.symbols[TRACE])

    def follow(self, runner: Runner, label: str, batch: Batch, mode: Mode, masks: Masks) -> Run:
        """Run a batch with a trace: over the instrumented copy, else by single steps."""
        copy = self._image.traced.get(label)
        if copy is None:
            if not self._stepped:
                self._stepped = True
                every = {i.address: i for body in self.functions.values() for i in body}
                self._tell(list(every.values()))
            mode = dataclasses.replace(mode, step=True)
            return runner.run(batch, self._image.symbols[label], mode, masks)
        mode = dataclasses.replace(mode, trace=True)
        return runner.run(batch, self._image.symbols[copy], mode, masks)

    def accesses(self, trace: Words) -> Accesses:
        """Every load and store of a trace, stack included."""
        at = np.searchsorted(self._address, trace[:, 0])
        at = np.minimum(at, max(len(self._address) - 1, 0))
        known = self._address[at] == trace[:, 0]
        parts = [_evaluate(trace, at, known, operand) for operand in self._operands]
        real = np.nonzero((trace[:, 0] == _READ_ROW) | (trace[:, 0] == _WRITE_ROW))[0]
        parts.append(Accesses(real, trace[real, 1], trace[real, 2], trace[real, 0] == _WRITE_ROW))
        row = np.concatenate([p.row for p in parts])
        order = np.argsort(row, kind="stable")
        return Accesses(
            row[order],
            np.concatenate([p.address for p in parts])[order],
            np.concatenate([p.size for p in parts])[order],
            np.concatenate([p.write for p in parts])[order],
        )


def _columns(instructions: Sequence[Instruction]) -> tuple[_Operand, ...]:
    touched = []
    for i in instructions:
        try:
            touched.append(effects(i).memory)
        except InstructionError as error:
            raise Ineligible("instruction", f"{i.text}: {error}") from error
    columns: list[_Operand] = []
    for nth in range(max((len(t) for t in touched), default=0)):
        for write in (False, True):
            rows = [
                t[nth] if nth < len(t) and (t[nth].writes if write else t[nth].reads) else None
                for t in touched
            ]
            columns.append(
                _Operand(
                    np.array([r is not None for r in rows]),
                    np.array([_column(r.base) if r else 0 for r in rows], dtype=np.int64),
                    np.array([_column(r.index) if r else 0 for r in rows], dtype=np.int64),
                    np.array([r.scale if r else 0 for r in rows], dtype=np.uint64),
                    np.array([r.disp % (1 << 64) if r else 0 for r in rows], dtype=np.uint64),
                    np.array([r.size if r else 0 for r in rows], dtype=np.uint64),
                    np.full(len(rows), write),
                    np.array([any(p.startswith("rep") for p in i.prefixes) for i in instructions]),
                    np.array(["rep" in i.prefixes for i in instructions]),
                )
            )
    return tuple(columns)


def _column(register: str | None) -> int:
    if register is None:
        return 0
    if register not in _COLUMN:
        raise Ineligible("instruction", f"an address is formed from {register}")
    return _COLUMN[register]


def _evaluate(
    trace: Words, at: npt.NDArray[np.int64], known: npt.NDArray[np.bool_], operand: _Operand
) -> Accesses:
    here = known & operand.present[at]
    # A repeated string instruction that has nothing left to do touches nothing.
    here &= ~(operand.repeated[at] & (trace[:, _COLUMN["rcx"]] == 0))
    rows = np.nonzero(here)[0]
    which = at[rows]
    base, index = operand.base[which], operand.index[which]
    zero = np.uint64(0)
    address = (
        np.where(base > 0, trace[rows, base], zero)
        + np.where(index > 0, trace[rows, index], zero) * operand.scale[which]
        + operand.disp[which]
    )
    # One report, or each single step, of `rep movs` stands for all that is left to do.
    times = np.where(operand.whole[which], trace[rows, _COLUMN["rcx"]], np.uint64(1))
    return Accesses(rows, address, operand.size[which] * times, operand.write[which])


Edge = tuple[int, int]


@dataclasses.dataclass(frozen=True, slots=True)
class Flow:
    """Control flow of one function: instruction addresses and conditional edges (from, to).

    `infeasible` edges were proved never to be taken and left out.
    """

    addresses: frozenset[int]
    edges: frozenset[Edge]
    divides: bool
    infeasible: int = 0

    @staticmethod
    def of(body: Sequence[Instruction], reports: int | None = None) -> Flow:
        """The flow of a body; `reports` is the address of the routine that an instrumented copy
        calls, whose calls do not count."""
        real = list(body) if reports is None else _instrumented(body, reports)
        ordered = [i.address for i in real]
        inside = set(ordered) - (_padding(body) if reports is None else set())
        edges: set[Edge] = set()
        for i in real:
            if i.name.startswith("j") and i.name != "jmp" and i.destination is not None:
                for to in (i.end, i.destination):
                    at = bisect.bisect_left(ordered, to)
                    edges |= {(i.address, ordered[at])} if at < len(ordered) else set()
        return Flow(
            frozenset(inside),
            frozenset(e for e in edges if e[1] in inside),
            any(i.name.removeprefix("v") in _DIVISIONS for i in real),
        )

    def without(self, proved: Infeasible, taken: Set[Edge], reached: Set[int]) -> Flow:
        """What is left to test.  A proof that runs contradict counts for nothing."""
        if proved.edges & taken or proved.addresses & reached:
            return self
        edges = self.edges - proved.edges
        addresses = self.addresses - proved.addresses
        return Flow(addresses, edges, self.divides, len(self.edges) - len(edges))

    def taken(self, trace: Words) -> frozenset[Edge]:
        """The conditional edges that a trace (of one or many cases) takes."""
        if len(trace) < 2 or not self.edges:
            return frozenset()
        # Addresses lie below 2 GiB, so that a pair fits one 64-bit word.
        pairs = np.unique(trace[:-1, 0] << np.uint64(32) | trace[1:, 0])
        wanted = {a << 32 | b: (a, b) for a, b in self.edges}
        return frozenset(wanted[p] for p in pairs.tolist() if p in wanted)

    def reached(self, trace: Words) -> frozenset[int]:
        """The instructions of the function that a trace executes."""
        return frozenset(int(a) for a in np.unique(trace[:, 0])) & self.addresses


def _instrumented(body: Sequence[Instruction], reports: int) -> list[Instruction]:
    """The instructions that stand behind a report: all that are not reports themselves."""
    return [
        body[at + 2]
        for at, i in enumerate(body[:-2])
        if i.name == "call" and i.destination == reports
    ]


def _padding(body: Sequence[Instruction]) -> set[int]:
    """No-ops behind a jump or return: never executed, there for alignment only."""
    found: set[int] = set()
    dead = False
    for i in body:
        if i.name == "nop" and dead:
            found.add(i.address)
        else:
            dead = i.name in ("jmp", "ret", "ud2")
    return found


def with_looks(accesses: Accesses, trace: Words) -> Accesses:
    """The accesses and, behind them, what stubs looked at."""
    row = np.nonzero(trace[:, 0] == _LOOK_ROW)[0]
    return Accesses(
        np.concatenate([accesses.row, row]),
        np.concatenate([accesses.address, trace[row, 1]]),
        np.concatenate([accesses.size, trace[row, 2]]),
        np.concatenate([accesses.write, np.zeros(len(row), dtype=np.bool_)]),
    )


def calls_of(trace: Words) -> frozenset[tuple[int, int]]:
    """The calls of stubs in a trace: address of the calling instruction, number of the stub."""
    rows = np.nonzero(trace[1:, 0] == _CALL_ROW)[0]
    if not len(rows):
        return frozenset()
    pairs = np.unique(np.stack([trace[rows, 0], trace[rows + 1, 1]], axis=1), axis=0)
    return frozenset((int(at), int(number)) for at, number in pairs)


def rows_of(run: Run, index: int) -> tuple[int, int]:
    """The trace rows [first, last) of one case."""
    first = int(run.diags[index][3])
    return first, first + int(run.diags[index][4])
