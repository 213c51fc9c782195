"""csrc/mutate.c on its own: hostile code ends a run, at worst the helper, never more."""

from __future__ import annotations

import pytest

from superopt_cc.errors import RunnerError
from superopt_cc.propose.mutate import child
from superopt_cc.propose.mutate.pool import encoded
from superopt_cc.propose.mutate.wire import Bounds, Entry, Inputs, Kind, search_job

STATES = tuple(tuple(16 * test + i for i in range(16)) for test in range(48))
RAX = (("rax", (1 << 64) - 1),)
RETURN = b"\xc3"


def inputs_for(expected: int) -> Inputs:
    """rax shall be rdi plus `expected`."""
    wanted = tuple((state[7] + expected,) for state in STATES)
    return Inputs(STATES, RAX, wanted, 32)


def code(*lines: str) -> bytes:
    return b"".join(encoded(lines)) + RETURN


def test_registers_go_in_and_come_out() -> None:
    (ends,) = child.run(inputs_for(0), [code("leaq 5(%rdi), %rax", "movq %r11, %rdx")])
    assert [end[0] for end in ends if end] == [state[7] + 5 for state in STATES]
    assert [end[2] for end in ends if end] == [state[11] for state in STATES]


@pytest.mark.parametrize(
    "lines",
    [
        ["ud2"],
        ["movq (%rax), %rax"],
        ["movq %rax, (%rax)"],
        ["xorl %ecx, %ecx", "divq %rcx"],
        ["xorl %esp, %esp", "pushq %rax"],
        ["1: jmp 1b"],
        ["xorl %eax, %eax", "jmp *%rax"],
        ["int3"],
    ],
)
def test_a_program_that_fails_ends_its_own_runs_only(lines: list[str]) -> None:
    bad, good = child.run(inputs_for(0), [code(*lines), code("movl $7, %eax")])
    assert all(end is None for end in bad)
    assert [end[0] for end in good if end] == [7] * len(good)


def test_a_kept_register_that_is_lost_does_not_harm_the_helper() -> None:
    lines = [f"xorl %{r}d, %{r}d" for r in ("r12", "r13", "r14", "r15")]
    (ends,) = child.run(inputs_for(0), [code(*lines, "xorl %ebx, %ebx", "xorl %ebp, %ebp", "std")])
    assert len(ends) == len(STATES)
    assert None not in ends


@pytest.mark.parametrize("number", [2, 57, 59, 41])
def test_a_system_call_ends_the_helper(number: int) -> None:
    """open, fork, execve, socket: none is made."""
    (ends,) = child.run(inputs_for(0), [code(f"movl ${number}, %eax", "syscall")])
    assert all(end is None for end in ends)


def test_memory_of_the_tests_is_read_only() -> None:
    states = (tuple([0x10000000] * 16),) * 48
    tests = Inputs(states, RAX, address=0x10000000, arena=(99).to_bytes(8, "little") * 8)
    read, written = child.run(
        tests, [code("movq 8(%rdi), %rax"), code("movq %rax, (%rdi)", "movq (%rdi), %rax")]
    )
    assert [end[0] for end in read if end] == [99] * 48
    assert all(end is None for end in written)


def pool(*lines: str) -> list[Entry]:
    codes = encoded(lines)
    return [
        Entry(n, 0xFFFFFF, 3, text, line)
        for n, (line, text) in enumerate(zip(lines, codes, strict=True))
    ]


def test_hostile_proposals_cost_a_proposal_and_not_the_search() -> None:
    entries = pool(
        "leaq 5(%rdi), %rax", "ud2", "movq (%rdi), %rax", "divq %rdi", "nop", "negq %rax"
    )
    job = search_job(inputs_for(5), entries, [], 4, 1000, 4, Bounds(20_000, 3000), 1)
    records = child.ask(job, 60.0)
    end = records[-1]
    assert end.kind is Kind.END
    assert end.words[1] == 20_000
    assert end.words[3] > 1000  # faults
    found = [r for r in records if r.kind is Kind.FOUND]
    assert [entries[i].text for i in found[-1].words[2:]] == ["leaq 5(%rdi), %rax"]


def test_endless_loops_do_not_stop_a_search() -> None:
    entries = pool("leaq 5(%rdi), %rax", "1: jmp 1b")
    job = search_job(inputs_for(5), entries, [], 2, 1000, 1, Bounds(40, 3000), 1)
    assert child.ask(job, 60.0)[-1].words[1] == 40


def test_a_search_keeps_to_its_time() -> None:
    entries = pool("incq %rax", "decq %rax")
    job = search_job(inputs_for(5), entries, [], 4, 1000, 1, Bounds(1 << 60, 20), 1)
    end = child.ask(job, 60.0)[-1]
    assert end.kind is Kind.END
    assert end.words[0] == 2


def test_a_job_that_is_none_is_refused() -> None:
    with pytest.raises(RunnerError, match="nothing can be searched"):
        child.ask(b"\0" * 4096, 10.0)
