"""Intel syntax into AT&T: assembled by GNU as, printed again, and assembled once more to compare.

Only instructions pass through the assembler.  Labels, directives and branches to names read the
same in both, so names stay names: every other use of one is a relocation, which is put back.
"""

from __future__ import annotations

import dataclasses
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import capstone

from superopt_cc.assembly.decode import Instruction, Relocation, decode_function
from superopt_cc.assembly.registers import part
from superopt_cc.errors import AssemblyError, ToolchainError
from superopt_cc.propose.csource import OfferError
from superopt_cc.toolchain.tools import assemble

_REGISTER = re.compile(
    r"(?<![\w%.@])(?:[re]?(?:[abcd]x|[sd]i|[sb]p)|[abcd][lh]|[sd]il|[sb]pl|r(?:8|9|1[0-5])[dwb]?"
    r"|[xyz]mm\d+|rip)(?![\w])",
    re.IGNORECASE,
)
_BRANCH = re.compile(
    r"\s*(j\w+|call)\s+(?:short\s+|near\s+)?([A-Za-z_.$][\w.$]*(?:@PLT)?)\s*$", re.IGNORECASE
)
_SIZE = re.compile(r"\b([bdq]?word|byte|[xyzo]mm?word|tbyte)\s+(?=\[|rel\b)", re.IGNORECASE)
_HEX = re.compile(r"(?<![\w.])(\d[0-9a-fA-F]*)[hH](?!\w)")
_MAGIC = 0x1BADCAFE
_NAME = "intel.answer"
_GOT = {"R_X86_64_GOTPCREL", "R_X86_64_GOTPCRELX", "R_X86_64_REX_GOTPCRELX"}
_PLAIN = {"R_X86_64_32": 4, "R_X86_64_32S": 4, "R_X86_64_64": 8}


def is_intel(statements: Sequence[str]) -> bool:
    """Is this Intel syntax?  Where nothing tells, it is AT&T."""
    if any(s.split()[:1] == [".intel_syntax"] for s in statements):
        return True
    code = [s.partition('"')[0] for s in statements if is_instruction(s)]
    return not any("%" in s for s in code) and any(_REGISTER.search(_operands(s)) for s in code)


def is_instruction(statement: str) -> bool:
    """Neither a label nor a directive."""
    text = statement.strip()
    return bool(text) and not text.startswith(".") and not text.endswith(":")


def to_att(statements: Sequence[str]) -> list[str]:
    """The same statements in AT&T syntax.  Raises OfferError with the assembler's words."""
    places = [i for i, s in enumerate(statements) if is_instruction(s) and not _branch(s)]
    texts = [_spelt(statements[i]) for i in places]
    decoded = _assembled([".intel_syntax noprefix", *texts])
    if len(decoded) != len(places):
        raise OfferError("is in Intel syntax that cannot be read line by line")
    printed = [_printed(item) for item in decoded]
    if not _same(decoded, _assembled(printed)):
        raise OfferError("is in Intel syntax that has no exact AT&T form; write AT&T syntax")
    result = list(statements)
    for i, statement in enumerate(result):
        branch = _branch(statement)
        if branch is not None:
            result[i] = f"\t{branch.group(1)}\t{branch.group(2)}"
    for i, text in zip(places, printed, strict=True):
        result[i] = text
    return [s for s in result if s.split()[:1] != [".intel_syntax"]]


def _branch(statement: str) -> re.Match[str] | None:
    """A jump or call to a name."""
    found = _BRANCH.fullmatch(statement) if is_instruction(statement) else None
    return None if found is None or part(found.group(2).lower()) else found


def _operands(statement: str) -> str:
    return statement.strip().partition(" ")[2] or statement.strip().partition("\t")[2]


def _spelt(statement: str) -> str:
    """What assemblers other than GNU's would write, in GNU's Intel syntax."""
    text = _SIZE.sub(r"\1 ptr ", statement)
    text = re.sub(r"\[\s*rel\s+([\w.$]+)\s*\]", r"\1[rip]", text)
    return _HEX.sub(lambda m: f"0x{m.group(1)}", text)


def _assembled(lines: Sequence[str]) -> tuple[Instruction, ...]:
    text = "\n".join(
        ("\t.text", f"\t.type\t{_NAME}, @function", f"{_NAME}:", *lines,
         f"\t.size\t{_NAME}, .-{_NAME}", "")
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="superopt-") as folder:
        out = Path(folder) / "answer.o"
        try:
            assemble(text, out)
            return decode_function(out, _NAME)
        except (ToolchainError, AssemblyError) as error:
            raise OfferError(f"is in Intel syntax, and {error}") from error


def _printed(item: Instruction) -> str:
    """One instruction in AT&T syntax, with its symbol if it has one."""
    code = bytearray(item.code)
    symbol = ""
    if item.relocations:
        entry = item.relocations[0]
        size = _PLAIN.get(entry.kind, 4)
        code[entry.offset : entry.offset + size] = _MAGIC.to_bytes(size, "little")
        symbol = _expression(entry, len(item.code))
    engine = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    engine.syntax = capstone.CS_OPT_SYNTAX_ATT
    _, _, mnemonic, operands = next(engine.disasm_lite(bytes(code), 0))
    if symbol:
        operands = re.sub(rf"{_MAGIC:#x}", symbol, operands)
    return f"\t{mnemonic}\t{operands}".rstrip()


def _expression(entry: Relocation, length: int) -> str:
    """What a relocation stands for, as it is written."""
    if entry.kind in _GOT:
        return f"{entry.symbol}@GOTPCREL"
    addend = entry.addend + (0 if entry.kind in _PLAIN else length - entry.offset)
    return entry.symbol + (f"{addend:+d}" if addend else "")


def _same(one: Sequence[Instruction], other: Sequence[Instruction]) -> bool:
    def meaning(item: Instruction) -> object:
        return item.code, [dataclasses.astuple(entry) for entry in item.relocations]

    return list(map(meaning, one)) == list(map(meaning, other))
