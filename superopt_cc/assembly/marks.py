"""The `.superopt` section: which functions of an object or binary are ours (design 9).

One NUL-terminated record a function: name, key, origin and level, separated by tabs.  The section
is not loaded and holds no relocations.
"""

from __future__ import annotations

import dataclasses

from superopt_cc.errors import AssemblyError

SECTION = ".superopt"


@dataclasses.dataclass(frozen=True, slots=True)
class Mark:
    """What is recorded about one replaced function."""

    key: str
    origin: str
    level: str


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """A mark as read back, with its function's name."""

    name: str
    mark: Mark


def mark_text(name: str, mark: Mark, group: str | None) -> str:
    """Assembler text of one record; in the function's COMDAT group if it has one."""
    fields = (name, mark.key, mark.origin, mark.level)
    if any(c in field for field in fields for c in '\t\n\0"\\'):
        raise AssemblyError(f"`{name}`: a mark's fields must be plain words")
    flags = f'"G",@progbits,{group},comdat' if group else '"",@progbits'
    record = "\\t".join(fields)
    return f'\t.section\t{SECTION},{flags}\n\t.ascii\t"{record}\\000"\n'


def read_marks(section_bytes: bytes) -> tuple[Record, ...]:
    """Records of a `.superopt` section, padding skipped; AssemblyError if it is none of ours."""
    records = []
    for raw in section_bytes.split(b"\0"):
        if not raw:
            continue
        fields = raw.decode("utf-8", "replace").split("\t")
        if len(fields) != 4:
            raise AssemblyError("the `.superopt` section does not hold our records")
        records.append(Record(fields[0], Mark(*fields[1:])))
    return tuple(records)
