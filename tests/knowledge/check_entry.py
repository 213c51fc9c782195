"""Run one entry's implementations beside its reference: `check_entry.py ENTRY FOLDER`.

A process of its own: an implementation that reads beyond a page's end ends it.
"""

from __future__ import annotations

import array
import ctypes
import dataclasses
import itertools
import mmap
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from superopt_cc.propose.recall.adapters import Adapter
from superopt_cc.propose.recall.entries import INTEGERS, Entry, Implementation, all_entries
from superopt_cc.propose.recall.matching import Match
from superopt_cc.propose.recall.references import (
    Call,
    Reference,
    packed,
    references,
    renamed,
    shims,
)
from superopt_cc.propose.recall.signature import Binding
from superopt_cc.propose.recall.wrapping import definitions, prelude
from superopt_cc.toolchain.command import CompileCommand
from superopt_cc.toolchain.tools import find_compiler, run

PAGE = 4096
LENGTHS = (*range(71), 127, 128, 129, 255, 256, 300, 1000)
EDGES = [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 25, 48, 49, 99, 100, 121, 127, 128, 255, 256, 999, 1000,
         65520, 65521, 65535, 65536, 99999, 1 << 31, 2**31 - 1, 2**32 - 1]  # fmt: skip
SETS = tuple(
    bytes(byte in some for byte in range(256))
    for some in (b"\n", b"0123456789", range(128, 256), b" \t\r\n", range(1, 255))
)
CPU = set(Path("/proc/cpuinfo").read_text().split())
_FLAGS = {"PCLMUL": "pclmulqdq", "SSE4.1": "sse4_1", "SSE4.2": "sse4_2", "BMI": "bmi1"}


def maps() -> Iterator[bytes]:
    yield bytes(b - 32 if 97 <= b <= 122 else b for b in range(256))
    yield bytes((b + 13 - 65) % 26 + 65 if 65 <= b <= 90 else b for b in range(256))
    yield bytes((b + 1) % 256 for b in range(256))


def given(entry: Entry) -> Iterator[tuple[dict[str, int], bytes]]:
    """Numbers and bytes to test with."""
    some = []
    for name in entry.macros:
        literal = [int(t, 0) for t in entry.numbers[name] if t.lstrip("-")[:1].isdigit()]
        some.append(entry.samples.get(name, tuple(literal[:2])))
    kinds: Sequence[bytes] = {"set": SETS, "map": tuple(maps())}.get(entry.bytes, (bytes(256),))
    for values in itertools.zip_longest(*some):
        numbers = {
            name: each[0] if value is None else value
            for name, each, value in zip(entry.macros, some, values, strict=True)
        }
        for told in kinds:
            yield numbers, told
    if not some:
        for told in kinds:
            yield {}, told


class Memory:
    """Pages between inaccessible ones; objects lie flush against either end, or inside."""

    def __init__(self, pages: int = 4) -> None:
        self.size = pages * PAGE
        self._map = mmap.mmap(-1, self.size + 2 * PAGE)
        base = ctypes.addressof(ctypes.c_char.from_buffer(self._map))
        self.base = base + PAGE
        protect = ctypes.CDLL(None).mprotect
        for guard in (base, self.base + self.size):
            assert protect(ctypes.c_void_p(guard), PAGE, 0) == 0

    def put(self, data: bytes, where: str, align: int) -> int:
        at = {"end": self.size - len(data), "start": 0, "inside": 64 + align}[where]
        at -= at % align
        ctypes.memmove(self.base + at, data, len(data))
        return self.base + at


def build(
    entry: Entry, implementation: Implementation, numbers: Mapping[str, int], told: bytes,
    made: Reference, folder: Path, number: int,
) -> ctypes.CDLL:  # fmt: skip
    """All variants of one implementation."""
    parts = [prelude(entry, told)]
    words = (*(0 for _ in entry.arguments), *(numbers[name] for name in entry.macros))
    for variant, choice in enumerate(entry.variants):
        match = Match(
            entry, variant, Binding(()), Adapter("", lambda r, p: r), numbers, words, told
        )
        names = renamed(entry, implementation.text, variant)
        parts += [f"#define {name} {text}" for name, text in names.items()]
        parts += [definitions(match, implementation, made), shims(entry, variant, numbers=False)]
        defined = (*names, *choice, *entry.macros)
        parts += [f"#undef {name}" for name in defined]
        for table in entry.tables:
            parts[-1] += f"\n#define {table} {table}_{variant + 1}"
    source, out = folder / f"{number}.c", folder / f"{number}.so"
    source.write_text("\n".join(parts))
    flags = [f"-m{need.lower()}" for need in implementation.needs]
    options = ["-O2", "-fwrapv", "-fno-strict-aliasing", *implementation.options, *flags]
    argv: list[str | Path] = [
        find_compiler(None, "c"),
        *options,
        "-w",
        "-shared",
        "-fPIC",
        source,
        "-o",
        out,
    ]
    done = run(argv)
    assert done.status == 0, done.stderr
    return ctypes.CDLL(str(out))


def inputs(entry: Entry, choice: Mapping[str, str]) -> Iterator[tuple[list[int | bytes], str]]:
    """Arguments (bytes for buffers) and where the buffers lie."""
    numbers = random.Random(7)
    buffers = [a for a in entry.arguments if a.role in ("in", "out")]
    if not buffers:
        values = [
            *EDGES,
            *(numbers.getrandbits(numbers.choice((8, 16, 24, 32))) for _ in range(400)),
        ]
        if any(INTEGERS[choice.get(a.type, a.type)][0] == 8 for a in entry.arguments):
            values += [numbers.getrandbits(64) for _ in range(200)]
        most = entry.samples.get("largest", (1 << 64,))[0]
        values = [value for value in values if value <= most]
        for value in values:
            yield [value, *(numbers.choice(values) for _ in entry.arguments[1:])], "end"
        return
    strings = not any(a.role == "count" for a in entry.arguments)
    least = entry.samples.get("smallest", (0,))[0]
    lengths = [length for length in LENGTHS if least <= length <= entry.most]
    for length, where in itertools.product(lengths, ("end", "start", "inside")):
        fill = numbers.choice(("any", "few", "full", "text", "same"))
        given: list[int | bytes] = []
        for argument in entry.arguments:
            size = INTEGERS[choice.get(argument.type, argument.type)][0]
            if argument.role == "count":
                given.append(length)
            elif argument.role == "value":
                known = next((g for g in given if isinstance(g, bytes) and g), b"\7")
                given.append(numbers.choice((known[0], 0, 10, numbers.getrandbits(32))))
            else:
                given.append(
                    contents(numbers, fill, length, size, given, strings, entry, argument.role)
                    if argument.type not in choice or choice[argument.type][0] != "f"
                    else floats(numbers, length * length if entry.squares else length, size)
                )
        yield given, where


def floats(numbers: random.Random, count: int, size: int) -> bytes:
    return array.array(
        "f" if size == 4 else "d", (numbers.uniform(-9, 9) for _ in range(count))
    ).tobytes()


def contents(
    numbers: random.Random, fill: str, length: int, size: int, before: Sequence[int | bytes],
    strings: bool, entry: Entry, role: str,
) -> bytes:  # fmt: skip
    count = length * size * (length if entry.squares else 1)
    if role == "out" and len(entry.arguments) > 2:
        return numbers.randbytes(entry.room * count + entry.room - 1)
    known = next((g for g in before if isinstance(g, bytes) and len(g) == count), None)
    if known is not None and fill in ("few", "same"):
        alike = bytearray(known)
        if alike and fill == "few":
            alike[numbers.randrange(count)] ^= 1
        return bytes(alike)
    data = {
        "any": numbers.randbytes(count),
        "few": bytes(numbers.randrange(3) for _ in range(count)),
        "full": b"\xff" * count,
        "text": bytes(numbers.choice(b"aZ09 \n\t~") for _ in range(count)),
        "same": bytes([numbers.randrange(256)]) * count,
    }[fill]
    if strings:
        data = data.replace(b"\0", b"\1") + bytes(size)
    return data


def check(entry: Entry, folder: Path) -> None:
    command = CompileCommand(find_compiler(None, "c"), (), folder, None, "c")
    made = references((entry,), command, folder)[entry.name]
    memories = [(Memory(), Memory()) for _ in entry.arguments]
    number = 0
    for numbers, told in given(entry):
        made.set_bytes(told)
        for implementation in entry.implementations:
            if not {_FLAGS.get(n, n.lower()) for n in implementation.needs} <= CPU:
                continue
            number += 1
            library = build(entry, implementation, numbers, told, made, folder, number)
            for variant, choice in enumerate(entry.variants):
                ours = Reference(entry, library).call(variant)
                compare(entry, choice, made.call(variant), ours, numbers, memories,
                        f"{implementation.name} {dict(choice)} {numbers}")  # fmt: skip


def compare(
    entry: Entry, choice: Mapping[str, str], theirs: Call, ours: Call, numbers: Mapping[str, int],
    memories: Sequence[tuple[Memory, Memory]], what: str,
) -> None:  # fmt: skip
    """Both on every input, each in memory of its own."""
    for given_, where in inputs(entry, choice):
        results = []
        for side, call in enumerate((theirs, ours)):
            words: list[int] = []
            spans: list[tuple[int, int]] = []
            for argument, value, memory in zip(entry.arguments, given_, memories, strict=True):
                if isinstance(value, bytes):
                    size = INTEGERS[choice.get(argument.type, argument.type)][0]
                    words.append(memory[side].put(value, where, size))
                    spans.append((words[-1], len(value)))
                else:
                    words.append(value)
            words += [numbers[name] for name in entry.macros]
            result = call(packed(words))
            results.append((result, [ctypes.string_at(at, n) for at, n in spans]))
        assert results[0] == results[1], f"{what}: {where} {given_} {results}"


def broken(entry: Entry) -> Entry:
    """The entry with an implementation that forgets the last of five or more elements."""
    wrong = [
        dataclasses.replace(
            each,
            text=each.text.replace("compute(", "all(")
            + "INLINE u64 compute(const ELEMENT *data, size_t length, ELEMENT wanted)"
            "{ return all(data, length - (length > 4), wanted); }",
        )
        for each in entry.implementations
    ]
    return dataclasses.replace(entry, implementations=tuple(wrong))


if __name__ == "__main__":
    name, where, *wrong = sys.argv[1:]
    found = next(entry for entry in all_entries() if entry.name == name)
    check(broken(found) if wrong else found, Path(where))
