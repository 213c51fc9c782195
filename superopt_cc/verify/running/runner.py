"""The native runner as a Python object: one process, one image, batches of cases (csrc/runner.h).

Expected results stay on this side: the results file is wiped before every run (design 5.8).
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import mmap
import os
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from superopt_cc.assembly.instrument import RETURN_TO_SITE
from superopt_cc.cases import Case
from superopt_cc.closing import Closing
from superopt_cc.errors import RunnerError
from superopt_cc.toolchain import tools
from superopt_cc.verify.running.frames import (
    NO_FRAMES,
    Frames,
    Words,
    addresses,
    each_input,
    merged,
    resolved,
)
from superopt_cc.verify.running.layout import (
    DIAG,
    RESULT,
    SLOT_BYTES,
    SLOT_GUARD,
    SLOTS,
    Arena,
    Batch,
)

_MAGIC = 0x53504F52
_SETUP = struct.Struct("<4Qq9Q")
_CALLEE = struct.Struct("<6Q8Q5Q")
_CALL_WORDS = struct.Struct("<16Q")
MAX_CALL_WORDS = 16
_REQUEST = struct.Struct("<25Q")
_REPLY = struct.Struct("<5Q")
STEP_WORDS = 17
_PAGE = np.uint64(4096)
CASES_BYTES = 96 << 20
RESULTS_BYTES = 96 << 20
TRACE_BYTES = 96 << 20
MAX_CALLEES = 64
_REPORT, _OPPOSITE, _FAR = 32, 64, 256
_REPORT_TICKS = 2
_BATCHES = 6  # whose views are kept


class Status(enum.IntEnum):
    """How a case ended (STATUS_* of runner.h)."""

    NONE = 0
    RETURNED = 1
    SIGNAL = 2
    TIMEOUT = 3
    NORETURN = 4
    STEPS = 5


class End(enum.IntEnum):
    """How a batch ended (END_*)."""

    FINISHED = 0
    DIED = 1
    WALL = 2
    STOPPED = 3


BROKEN_NAMES = (
    "%rbx", "%rbp", "%r12", "%r13", "%r14", "%r15", "%rsp", "direction flag",
    "MXCSR control bits", "x87 state", "upper vector halves", "the caller's frame",
    "stack alignment at a call",
)  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class Callee:
    """How a stub behaves: masks of the argument bits that count, and what it is.

    `orders` are the two integer arguments that a comparison function compares, `x87` how many
    registers of the x87 stack it returns in, `wide` whether in all of %ymm0.  Of the vector
    registers in `whole` (a bit each) all 16 bytes count, on the stack the bits in `stack`.  One
    with a `place` for its result returns its first argument.
    """

    name: str
    gpr: tuple[int, ...] = (0,) * 6
    xmm: tuple[int, ...] = (0,) * 8
    al: int = 0
    noreturn: bool = False
    wrap: bool = False
    real: bool = False
    target: int = 0
    orders: tuple[int, int] | None = None
    x87: int = 0
    wide: bool = False
    whole: int = 0
    stack: tuple[int, ...] = ()
    place: bool = False

    def packed(self) -> bytes:
        flags = self.noreturn * 1 | self.wrap * 2 | self.real * 4 | (0, 16, 48)[self.x87]
        flags |= self.wide * 64 | self.place * 128
        if self.orders is not None:
            flags |= 8 | self.orders[0] << 8 | self.orders[1] << 12
        numbers = self.al, flags, self.target, self.whole, len(self.stack)
        masks = _CALL_WORDS.pack(*self.stack, *[0] * (MAX_CALL_WORDS - len(self.stack)))
        return _CALLEE.pack(*self.gpr, *self.xmm, *numbers) + masks


@dataclasses.dataclass(frozen=True, slots=True)
class Masks:
    """Which result bits count: registers that the C type uses, exception flags.

    `x87` is how many registers of the x87 stack hold the result, `ymm0` counts in the upper half
    of the first vector register.
    """

    rax: int = 0
    rdx: int = 0
    xmm0: tuple[int, int] = (0, 0)
    xmm1: tuple[int, int] = (0, 0)
    mxcsr: int = 0
    x87: int = 0
    ymm0: tuple[int, int] = (0, 0)


@dataclasses.dataclass(frozen=True, slots=True)
class Mode:
    """How to run a batch: noise seed, single stepping, limits per case and batch.

    `step` single-steps; `trace` expects an instrumented copy as entry, which is far faster;
    `watch` one that reports what it compares.
    `stop` ends the batch at a crash or endless loop, `stop_loop` at an endless loop only.  Without
    `flags` the floating-point exception flags do not count.
    """

    noise: int = 1
    step: bool = False
    trace: bool = False
    watch: bool = False
    stop: bool = False
    stop_loop: bool = False
    clean_upper: bool = False
    flags: bool = True
    ticks: int = 10
    steps: int = 1 << 62
    wall: float = 20.0


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """What a batch did.

    `results` are the raw result bytes from `batch.outs[0]` on; `diags` an (n, 6) array of fault
    address, rip, 0, first step, steps, flags; `trace` an (m, 17) array of rip and the
    sixteen general registers (rax rcx rdx rbx rsp rbp rsi rdi r8..r15).
    """

    batch: Batch
    results: bytes
    diags: npt.NDArray[np.uint64]
    done: int
    end: End
    signal: int
    trace: npt.NDArray[np.uint64]

    def result(self, index: int) -> bytes:
        """All bytes of one case's result."""
        base = self.batch.outs[0]
        return self.results[self.batch.outs[index] - base : self.batch.outs[index + 1] - base]

    def fields(self, number: int) -> npt.NDArray[np.uint64]:
        """Word `number` of the fixed part of every finished case's result."""
        starts = np.array(self.batch.outs[: self.done], dtype=np.int64) - self.batch.outs[0]
        words = np.frombuffer(self.results, dtype=np.uint64)
        return words[starts // 8 + number]

    def status(self, index: int) -> Status:
        return Status(
            RESULT.unpack_from(self.results, self.batch.outs[index] - self.batch.outs[0])[0]
        )


class Runner(Closing):
    """One runner process over one image.  Use as a context manager.

    Raises RunnerError when the helper is missing, dies or answers nonsense.
    """

    def __init__(
        self,
        image: Path,
        arena: Arena,
        callees: Sequence[Callee],
        gate: int,
        text: tuple[int, int],
        tracer: int = 0,
        frames: Frames = NO_FRAMES,
        function: int = 0,
    ) -> None:
        """`frames` are those of gcc's code, which begins at `function`."""
        if len(callees) > MAX_CALLEES:
            raise RunnerError(f"more than {MAX_CALLEES} callees")
        self._files = [os.memfd_create(f"superopt-{n}") for n in ("cases", "results", "trace")]
        sizes = (CASES_BYTES, RESULTS_BYTES, TRACE_BYTES)
        for fd, size in zip(self._files, sizes, strict=True):
            os.ftruncate(fd, size)
        self._cases, self._results, self._trace = (
            mmap.mmap(fd, size) for fd, size in zip(self._files, sizes, strict=True)
        )
        self._dirty = 0
        self._sent: Batch | None = None  # whose cases the runner has
        self._frames, self._function = frames, function
        self._views: list[tuple[Batch, bytes]] = []
        self._process = subprocess.Popen(
            [tools.native("superopt-runner"), image, *map(str, self._files)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=self._files,
            env={},
        )
        setup = _SETUP.pack(
            _MAGIC,
            arena.base,
            SLOTS,
            SLOT_BYTES,
            arena.stride,
            SLOT_GUARD,
            arena.stack,
            gate,
            *text,
            tracer,
            len(callees),
            len(frames.objects),
            len(frames.sites),
        )
        try:
            packed = b"".join(c.packed() for c in callees) + frames.packed(function)
            self._send(setup + packed)
            self._receive()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the process and give the memory back; safe to call twice."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        for view in (self._cases, self._results, self._trace):
            view.close()
        for fd in self._files:
            os.close(fd)
        self._files = []

    @property
    def framed(self) -> bool:
        """Do callees see objects in the frame?"""
        return bool(self._frames.objects)

    def run(self, batch: Batch, entry: int, mode: Mode, masks: Masks) -> Run:
        """Run the function at `entry` on every case of the batch.

        Raises RunnerError when the batch does not fit or the runner is gone.
        """
        views = self._views_of(batch, mode) if self._frames.objects else b""
        flags = mode.step * 1 | mode.stop * 2 | mode.clean_upper * 4 | mode.stop_loop * 8
        flags |= mode.trace * 16 | mode.watch * 128
        done, how, signal, steps = self._ask(batch, entry, mode, masks, flags, views)
        return self._what_happened(batch, mode, done, how, signal, steps)

    def cases_with_frames(self, batch: Batch, mode: Mode) -> list[Case]:
        """The cases of the batch with answers that say what callees are given of the frame;
        without those of which that is not known."""
        names = addresses(self._frames)
        views = np.frombuffer(self._views_of(batch, mode), dtype=np.uint64)
        found = zip(batch.cases, each_input(views), strict=False)  # the runner may have died
        cases = (resolved(case, seen, names) for case, seen in found)
        return [case for case in cases if case is not None]

    def _views_of(self, batch: Batch, mode: Mode) -> bytes:
        """What gcc's code shows its callees of its frame, found out once for a batch."""
        for known, views in self._views:
            if known is batch:
                return views
        mode = dataclasses.replace(mode, ticks=min(mode.ticks, _REPORT_TICKS))
        one, other = (self._report(batch, mode, flags) for flags in (0, _OPPOSITE))
        room = CASES_BYTES - len(batch.encoded)
        views = merged(one, other, len(batch.cases)).tobytes()
        if len(views) > room:
            raise RunnerError("callees see too much of the frame for the runner")
        self._views = [*self._views[1 - _BATCHES :], (batch, views)]
        return views

    def _report(self, batch: Batch, mode: Mode, flags: int) -> Words:
        _, _, _, words = self._ask(batch, self._function, mode, Masks(), _REPORT | flags, b"")
        return np.frombuffer(self._trace[: 8 * words], dtype=np.uint64)

    def _ask(
        self, batch: Batch, entry: int, mode: Mode, masks: Masks, flags: int, views: bytes
    ) -> tuple[int, int, int, int]:
        count, size, end = len(batch.placed), len(batch.encoded), batch.outs[-1]
        if size > CASES_BYTES or end > RESULTS_BYTES:
            raise RunnerError("a batch is too large for the runner")
        if batch is not self._sent:  # what is run cannot change them
            self._cases[:size] = batch.encoded
            self._sent = batch
        self._cases[size : size + len(views)] = views
        self._wipe(end)
        flags |= batch.far * _FAR
        self._send(
            _REQUEST.pack(
                _MAGIC, entry, 0, count, mode.noise, flags, mode.ticks, mode.steps,
                int(mode.wall * 1000), 0, len(batch.encoded), end, batch.slots,
                masks.rax, masks.rdx, *masks.xmm0, *masks.xmm1, masks.mxcsr * mode.flags,
                masks.x87, size, len(views), *masks.ymm0,
            )
        )  # fmt: skip
        self._dirty = end
        return self._receive()

    def _what_happened(
        self, batch: Batch, mode: Mode, done: int, how: int, signal: int, steps: int
    ) -> Run:
        count, end = len(batch.placed), batch.outs[-1]
        diags = np.frombuffer(self._results[: DIAG.size * count], dtype=np.uint64)
        words = np.frombuffer(self._trace, dtype=np.uint64, count=steps * STEP_WORDS)
        trace = words.reshape(-1, STEP_WORDS).copy()
        del words  # the map cannot be closed under a view
        if mode.trace:
            # Reports carry their return address; library functions' rows have small numbers.
            trace[:, 0] += np.where(trace[:, 0] > _PAGE, np.uint64(RETURN_TO_SITE), np.uint64(0))
        return Run(
            batch=batch,
            results=self._results[batch.outs[0] : end],
            diags=diags.reshape(count, 6),
            done=done,
            end=End(how),
            signal=signal,
            trace=trace,
        )

    def _wipe(self, end: int) -> None:
        used = max(self._dirty, end)
        view = np.frombuffer(self._results, dtype=np.uint8, count=used)
        view[:] = 0
        del view  # the map cannot be closed under it
        self._dirty = 0

    def _send(self, data: bytes) -> None:
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except OSError as error:
            raise RunnerError(f"the runner is gone: {error}") from error

    def _receive(self) -> tuple[int, int, int, int]:
        assert self._process.stdout is not None
        data = self._process.stdout.read(_REPLY.size)
        if len(data) != _REPLY.size:
            raise RunnerError("the runner ended without an answer")
        magic, done, how, signal, steps = _REPLY.unpack(data)
        if magic != _MAGIC:
            raise RunnerError("the runner answered nonsense")
        return done, how, signal, steps
