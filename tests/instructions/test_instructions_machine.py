"""The instruction table against this very CPU: nothing may change that the table does not name."""

from __future__ import annotations

import dataclasses
import struct
import subprocess
from pathlib import Path

import pytest
from instances import Instance, instances

from superopt_cc.assembly.decode import Mem, Reg
from superopt_cc.assembly.effects import Effects, effects
from superopt_cc.assembly.instructions import Form, InstructionError, lookup, table
from superopt_cc.assembly.registers import GPR, MASKS, PARTS, VECTORS

HERE = Path(__file__).parent
FLAG_BITS = {"c": 0, "p": 2, "a": 4, "z": 6, "s": 7, "o": 11}
BASELINE: frozenset[str] = frozenset()


@pytest.fixture(scope="module")
def cpu() -> frozenset[str]:
    """gcc's macros for the extensions of this CPU."""
    done = subprocess.run(
        ["gcc", "-march=native", "-dM", "-E", "-xc", "/dev/null"],
        capture_output=True,
        text=True,
        check=True,
    )
    return frozenset(line.split()[1] for line in done.stdout.splitlines())


@pytest.fixture(scope="module")
def spelled(tmp_path_factory: pytest.TempPathFactory) -> list[Instance]:
    forms = [form for forms in table().values() for form in forms]
    return instances(forms, tmp_path_factory.mktemp("spelled"))


def _decoded_forms(one: Instance) -> list[Form]:
    found = []
    for isa in (None, BASELINE):
        try:
            found.append(lookup(one.decoded, isa).form)
        except InstructionError:
            continue
    return found


def test_every_form_of_the_table_is_an_instruction_that_decodes_to_it(
    spelled: list[Instance],
) -> None:
    seen = {id(form) for one in spelled for form in _decoded_forms(one)}
    unused = [form for forms in table().values() for form in forms if id(form) not in seen]
    assert unused == []


def _mask(letters: frozenset[str]) -> int:
    return sum(1 << FLAG_BITS[letter] for letter in letters if letter in FLAG_BITS)


def _record(one: Instance, known: Effects) -> bytes:
    """`struct form` of machine.c."""
    decoded = one.decoded
    goes, target = 0, 0
    if known.category in ("jump", "call") and isinstance(decoded.operands[0], Reg):
        goes, target = 1, GPR.index(PARTS[decoded.operands[0].name][0])
    elif known.category == "ret" or (
        known.category in ("jump", "call") and isinstance(decoded.operands[0], Mem)
    ):
        goes = 2
    memory = [
        struct.pack("<bbBBB", GPR.index(m.base or ""), m.disp, m.size, m.reads, m.writes)
        for m in known.memory
    ]
    record = struct.pack(
        "<80s3H",
        one.text.encode()[:79],
        _mask(known.flags_read),
        _mask(known.flags_written),
        _mask(known.flags_kept | known.flags_undefined),
    )
    undefined = known.writes if known.undefined == "zero" else {}  # the old value, in practice
    record += bytes(known.reads.get(r, 0) | (0xFF if r in undefined else 0) for r in GPR)
    record += bytes(known.writes.get(r, 0) for r in GPR)
    record += bytes(
        sum(1 << n for n, k in enumerate(MASKS) if k in parts)
        for parts in (known.reads, known.writes)
    )
    record += bytes(["mxcsr" in known.writes])
    for parts in (known.reads, known.writes):
        record += struct.pack("<32Q", *(parts.get(z, 0) for z in VECTORS))
    record += bytes([len(memory)]) + b"".join(memory).ljust(10, b"\0")
    repeated = any(p.startswith("rep") for p in decoded.prefixes) and known.category == "string"
    record += bytes([goes, target, known.category == "div", repeated])
    # Storing to or classifying an empty register is no fault; the table forbids it.
    strict = decoded.name not in ("fst", "fstp", "fxam") or (
        known.depth == 1 and decoded.name != "fxam"
    )
    return record + struct.pack("<BBbB", known.category == "x87", known.depth, known.pushes, strict)


def _vector_bytes(cpu: frozenset[str]) -> int:
    return 64 if "__AVX512BW__" in cpu else 32 if "__AVX__" in cpu else 16


def _run_on_cpu(chosen: list[tuple[Instance, Effects]], width: int, folder: Path) -> str:
    lines = [".text"]
    for number, (one, _) in enumerate(chosen):
        lines += [
            f"s{number}:",
            ".byte " + ",".join(str(b) for b in one.decoded.code),
            "jmp machine_post",
        ]
    lines += [
        ".data",
        ".globl stubs, forms, forms_end",
        "stubs:",
        *(f".quad s{n}" for n in range(len(chosen))),
        "forms:",
        f'.incbin "{folder}/forms.bin"',
        "forms_end:",
        '.section .note.GNU-stack,"",@progbits',
        "",
    ]
    (folder / "stubs.s").write_text("\n".join(lines))
    (folder / "forms.bin").write_bytes(b"".join(_record(one, known) for one, known in chosen))
    count = 32 if width == 64 else 16
    subprocess.run(
        [
            "gcc",
            "-O2",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-no-pie",
            f"-DVECTOR_BYTES={width}",
            f"-DVECTOR_COUNT={count}",
            str(HERE / "machine.c"),
            str(HERE / "enter.S"),
            str(folder / "stubs.s"),
            "-o",
            str(folder / "machine"),
        ],
        check=True,
    )
    done = subprocess.run([str(folder / "machine")], capture_output=True, text=True)
    return done.stdout if done.returncode in (0, 1) else f"machine ended with {done.returncode}"


def _falsify(known: Effects, what: str) -> Effects:
    """The same effects with one fact left out."""
    if what == "register":
        return dataclasses.replace(known, writes={})
    if what == "half":
        return dataclasses.replace(known, writes={r: m & 0xF for r, m in known.writes.items()})
    if what == "flag":
        return dataclasses.replace(known, flags_written=known.flags_written - {"a", "c"})
    if what == "source":
        return dataclasses.replace(known, reads={})
    if what == "depth":
        return dataclasses.replace(known, depth=known.depth - 1)
    if what == "shallow":
        return dataclasses.replace(known, depth=known.depth + 1)
    if what == "pop":
        return dataclasses.replace(known, pushes=0)
    if what == "carry":
        return dataclasses.replace(known, flags_read=frozenset())
    size, writes = (1, True) if what == "extent" else (4, False)
    memory = tuple(dataclasses.replace(m, size=size, writes=writes) for m in known.memory)
    return dataclasses.replace(known, memory=memory)


WRONG = (
    ("add ebx, r9d", "register"),
    ("add ebx, r9d", "half"),
    ("add ebx, r9d", "flag"),
    ("add ebx, r9d", "source"),
    ("adc ebx, r9d", "carry"),
    ("mul rbx", "register"),
    ("movss xmm1, dword ptr [rsi]", "half"),
    ("mov dword ptr [rsi], r9d", "extent"),
    ("mov dword ptr [rsi], r9d", "direction"),
    ("mov ebx, dword ptr [rsi]", "extent"),
    ("pand xmm1, xmm2", "half"),
    ("push rbx", "extent"),
    ("fld tbyte ptr [rsi]", "extent"),
    ("fld tbyte ptr [rsi]", "pop"),
    ("faddp st(2)", "pop"),
    ("faddp st(2)", "depth"),
    ("fchs", "shallow"),
    ("fucomi st(2)", "flag"),
    ("fcmovb st(0), st(2)", "carry"),
    ("fistp qword ptr [rsi]", "direction"),
)


def test_a_wrong_entry_of_the_table_would_be_found(
    spelled: list[Instance], cpu: frozenset[str], tmp_path: Path
) -> None:
    by_text = {one.text: one for one in spelled}
    chosen = []
    for line, what in WRONG:
        one = by_text[line]
        wrong = _falsify(effects(one.decoded), what)
        chosen.append((dataclasses.replace(one, text=f"{what} of {line}"), wrong))
    report = _run_on_cpu(chosen, _vector_bytes(cpu), tmp_path)
    unnoticed = [one.text for one, _ in chosen if f"{one.text}: " not in report]
    assert unnoticed == []


def test_no_form_changes_or_depends_on_state_that_the_table_does_not_name(
    spelled: list[Instance], cpu: frozenset[str], tmp_path: Path
) -> None:
    chosen: list[tuple[Instance, Effects]] = []
    lacking: list[str] = []
    for one in spelled:
        try:
            known = effects(one.decoded)
        except InstructionError:
            continue
        if known.category == "trap":
            continue
        if known.needs <= cpu:
            chosen.append((one, known))
        else:
            lacking.append(one.text)
    report = _run_on_cpu(chosen, _vector_bytes(cpu), tmp_path)
    print(f"{len(lacking)} forms excluded: this CPU lacks their extensions")
    assert report.splitlines()[-1] == f"{len(chosen)} forms, 0 failures", report[:4000]
    assert len(chosen) > 3000
