"""ELF sections as assembler text names them, and the current section while reading a text."""

from __future__ import annotations

import dataclasses

_DEFAULT_FLAGS = (
    (".text", "ax"),
    (".rodata", "a"),
    (".data", "aw"),
    (".bss", "aw"),
    (".tdata", "awT"),
    (".tbss", "awT"),
    (".init_array", "aw"),
    (".fini_array", "aw"),
    (".ctors", "aw"),
    (".dtors", "aw"),
    (".gcc_except_table", "a"),
)


_PAGE = 4096
_VECTOR = 64  # the most that any instruction wants


def no_better_aligned(align: int) -> list[str]:
    """Directives after which data lies at a multiple of `align`, but not of twice as much, and
    apart from what stands before it.

    What is tested must not owe anything to where data happens to lie.
    """
    if align >= _PAGE:
        return ["\t.skip\t1", f"\t.balign\t{align}"]
    return [f"\t.balign\t{max(2 * align, _VECTOR)}", f"\t.skip\t{align}"]


@dataclasses.dataclass(frozen=True, slots=True)
class Section:
    """A section; `directive` switches to it from anywhere, `group` is its COMDAT key if any."""

    name: str
    flags: str
    directive: str
    group: str | None = None

    @property
    def code(self) -> bool:
        return "x" in self.flags

    @property
    def tls(self) -> bool:
        return "T" in self.flags

    @property
    def loaded(self) -> bool:
        return "a" in self.flags

    @property
    def writable(self) -> bool:
        """Writable while the program runs: relocated read-only data does not count."""
        return "w" in self.flags and not self.name.startswith(".data.rel.ro")

    @property
    def debug(self) -> bool:
        return self.name.startswith((".debug_", ".gnu.debuglto_", ".zdebug_"))


TEXT = Section(".text", "ax", "\t.text")


class SectionTracker:
    """Follows section switches through a text."""

    def __init__(self) -> None:
        self.current = TEXT
        self._known: dict[str, Section] = {".text": TEXT}
        self._previous = TEXT
        self._stack: list[tuple[Section, Section]] = []

    def switch(self, directive: str, rest: str) -> bool:
        """Apply a directive; False when it is not about sections."""
        if directive in (".text", ".data", ".bss"):
            self._enter(self._named(directive, f"\t{directive}", []))
        elif directive == ".section":
            self._enter(self._parse(rest))
        elif directive == ".previous":
            self.current, self._previous = self._previous, self.current
        elif directive == ".pushsection":
            self._stack.append((self.current, self._previous))
            self._enter(self._parse(rest))
        elif directive == ".popsection":
            if self._stack:
                self.current, self._previous = self._stack.pop()
        elif directive != ".subsection":
            return False
        return True

    def _enter(self, section: Section) -> None:
        self._previous, self.current = self.current, section

    def _parse(self, rest: str) -> Section:
        parts = [p.strip() for p in rest.split(",")]
        return self._named(parts[0].strip('"'), f"\t.section\t{rest.strip()}", parts[1:])

    def _named(self, name: str, directive: str, details: list[str]) -> Section:
        if details and details[0].startswith('"'):
            flags = details[0].strip('"')
            group = None
            if "G" in flags:
                group = next((d for d in details[1:] if d[:1] not in "@%0123456789"), None)
            section = Section(name, flags, directive, group)
            self._known[name] = section
            return section
        if name in self._known:
            return self._known[name]
        flags = next((f for n, f in _DEFAULT_FLAGS if name == n or name.startswith(f"{n}.")), "")
        section = Section(name, flags, directive)
        self._known[name] = section
        return section
