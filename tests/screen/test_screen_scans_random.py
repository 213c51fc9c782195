"""Random code with scans, run on a small machine: what passes gives one answer only.

Whatever a scan of 0 leaves, code that the analysis calls defined must return the same.
"""

from __future__ import annotations

import random
from pathlib import Path

from scan_machine import Endless, Machine

from superopt_cc.assembly import flow
from superopt_cc.assembly.decode import Instruction, decode_function
from superopt_cc.assembly.defined import undefined_scans
from superopt_cc.assembly.effects import effects
from superopt_cc.toolchain.tools import assemble

NAMES = {"rax": ("al", "ax", "eax", "rax"), "rdx": ("dl", "dx", "edx", "rdx"),
         "rcx": ("cl", "cx", "ecx", "rcx"), "rdi": ("dil", "di", "edi", "rdi"),
         "rsi": ("sil", "si", "esi", "rsi")}  # fmt: skip
SUFFIX = "bwlq"
CONDITIONS = ("e", "ne", "e", "ne", "e", "ne", "b", "ae", "be", "a", "l", "ge", "le", "g", "s")
VALUES = (0, 1, 2, 7, 8, 0x80, 0x100, 0xFF00, 1 << 16, 1 << 32, (1 << 32) + 1, (1 << 32) - 1,
          1 << 63, (1 << 64) - 1)  # fmt: skip
UNDEFINED = (0, 0x5555AAAA12345677, (1 << 64) - 1)
PROGRAMS = 250
RAX = flow.pack({"rax": 0xFF})


class Writer:
    """Random instructions."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def register(self, width: int) -> str:
        return "%" + NAMES[self.random.choice(list(NAMES))][width]

    def condition(self) -> str:
        return self.random.choice(CONDITIONS)

    def line(self, number: int, places: int) -> str:
        pick, width = self.random.choice, self.random.choice((2, 2, 2, 3, 3, 0, 1))
        wide = max(width, 2)
        s, w, register = SUFFIX[width], SUFFIX[wide], self.register
        value = f"${pick((0, 1, 2, 7, -1))}"
        return pick((
            f"{pick(('bsf', 'bsr', 'rep bsf'))}{w} {register(wide)}, {register(wide)}",
            f"{pick(('test', 'cmp'))}{s} {pick((value, register(width)))}, {register(width)}",
            f"cmov{self.condition()}{w} {register(wide)}, {register(wide)}",
            f"j{self.condition()} .L{number}_{self.random.randrange(places)}",
            f"mov{s} {pick((register(width), value))}, {register(width)}",
            f"{pick(('movzb', 'movsb'))}{w} {register(0)}, {register(wide)}",
            f"{pick(('neg', 'not', 'inc', 'dec'))}{s} {register(width)}",
            f"lea{w} {pick((-1, 0, 1))}({register(3)},{register(3)},2), {register(wide)}",
            f"{pick(('shl', 'shr', 'sar'))}{s} ${pick((1, 3, 7))}, {register(width)}",
            f"set{self.condition()} {register(0)}",
            f"{pick(('add', 'sub', 'and', 'or', 'xor'))}{s} {register(width)}, {register(width)}",
        ))  # fmt: skip

    def program(self, number: int) -> list[str]:
        """Random instructions around a guard and a scan, more or less of the same register."""
        places = self.random.randrange(4, 11)
        lines = [self.line(number, places) for _ in range(places)]
        pick = self.random.choice
        one, other = pick(list(NAMES)), pick(list(NAMES))
        scanned = pick((2, 3))
        tested = pick((scanned, scanned, scanned, 0, 1, 2, 3))
        s, x, y = SUFFIX[tested], "%" + NAMES[one][tested], "%" + NAMES[other][tested]
        guard = pick((
            f"test{s} {x}, {x}", f"test{s} {x}, {x}", f"test{s} $127, {x}", f"or{s} $4, {x}",
            f"cmp{s} ${pick((0, 1, 2, -1))}, {x}", f"cmp{s} {y}, {x}", f"sub{s} {y}, {x}",
            f"and{s} ${pick((4, -8))}, {x}", f"{pick(('neg', 'dec'))}{s} {x}",
        ))  # fmt: skip
        w, source = SUFFIX[scanned], "%" + NAMES[one][scanned]
        accumulator = "%" + NAMES["rax"][scanned]
        scan = f"{pick(('bsf', 'bsr'))}{w} {source}, {accumulator}"
        jump = f"j{self.condition()} .L{number}_{self.random.randrange(places)}"
        move = f"cmov{self.condition()}{w} {self.register(scanned)}, {accumulator}"
        key = pick(([guard, jump, scan], [scan, guard, move], [scan, jump], [scan, move]))
        for at, line in zip(sorted(self.random.sample(range(places), len(key))), key, strict=True):
            lines[at] = line
        return lines


def programs(folder: Path, seed: int) -> list[tuple[Instruction, ...]]:
    """Random bodies, assembled together."""
    writer = Writer(seed)
    text = ["\t.text"]
    for n in range(PROGRAMS):
        text += [f"\t.type f{n}, @function", f"f{n}:"]
        for i, line in enumerate(writer.program(n)):
            text += [f".L{n}_{i}:", "\t" + line]
        text += ["\tret", f"\t.size f{n}, .-f{n}"]
    assemble("\n".join(text) + "\n", folder / "random.o")
    data = (folder / "random.o").read_bytes()
    return [decode_function(data, f"f{n}") for n in range(PROGRAMS)]


def is_open(code: tuple[Instruction, ...]) -> bool | None:
    """What the analysis says; None for code that has no scan or that other rules refuse."""
    known = tuple(effects(i, frozenset()) for i in code)
    graph = flow.build(code, known, frozenset(), lambda call: False)
    if flow.undefined_uses(graph) or not any(known[i].undefined for i in graph.reachable):
        return None
    return bool(undefined_scans(graph, dict.fromkeys(graph.exits, RAX), {}))


def depends(code: tuple[Instruction, ...], seed: int) -> bool:
    """Does some input show that the undefined results matter?"""
    chance = random.Random(seed)
    for _ in range(16):
        start = {name: chance.choice(VALUES) for name in NAMES}
        answers = set()
        for undefined in UNDEFINED:
            try:
                answers.add(Machine(dict(start), undefined).run(code, 60))
            except Endless:
                answers.add(-1)
        if len(answers) > 1:
            return True
    return False


def test_code_that_passes_returns_the_same_whatever_a_scan_of_0_leaves(tmp_path: Path) -> None:
    counts = {"defined": 0, "open": 0, "open and seen": 0}
    for n, code in enumerate(programs(tmp_path, 2)):
        answer = is_open(code)
        if answer is None:
            continue
        differs = depends(code, n)
        assert answer or not differs, "\n".join(i.text for i in code)
        counts["open" if answer else "defined"] += 1
        counts["open and seen"] += differs
    # The programs are of use: both answers are common, and most that are refused deserve it.
    assert min(counts["defined"], counts["open"]) > PROGRAMS // 16, counts
    assert counts["open and seen"] > counts["open"] // 2, counts
