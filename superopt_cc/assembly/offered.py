"""Taking one function out of offered text: `gcc -S` output, a bare function, an LLM's answer.

Nothing of the offered text survives but tidied instructions and read-only data that the function
needs; every other name comes to mean a symbol of the unit, matched by content where it is local
(design 5.7), or the text is refused (design 5.2).
"""

from __future__ import annotations

import dataclasses
import re

from superopt_cc.assembly.canonical import closure_identity, object_identity
from superopt_cc.assembly.code import (
    Code,
    Constant,
    branch_of,
    labels_of,
    references,
    retarget,
    split_code,
    without_unused_labels,
)
from superopt_cc.assembly.fragment import Fragment, FragmentError
from superopt_cc.assembly.sections import SectionTracker
from superopt_cc.assembly.statements import ALIGN_DIRECTIVES, separate, split_statement
from superopt_cc.assembly.unit import Function, Symbol, Unit, parse_unit
from superopt_cc.errors import AssemblyError
from superopt_cc.types import Reason

_NUMERIC = re.compile(r"(?<![\w.$%])(\d+)([fb])(?![\w.])")
_OWN = ".Lown."


def parse_fragment(text: str, name: str, unit: Unit, target: str | None = None) -> Fragment:
    """The body that `text` offers under `name` for the unit's function `target` (same by default).

    FragmentError says why it cannot be used: `assembler` for text that is no such function,
    `symbol` for data or callees that the unit does not have, `instruction` for directives and asm
    blocks among the instructions.
    """
    goal = unit.function(target or name)
    function, offered = _compiled(text, name) or _locate(text, name)
    if offered.intel:
        raise FragmentError(Reason.ASSEMBLER, "Intel syntax; AT&T syntax is needed")
    code = split_code(name, function.section, function.lines)
    _check_directives(code)
    body, constants = _Adopter(unit, offered, goal, function, code).adopt()
    body = _with_landing_pad(body, goal)
    if not any(s[0] == "\t" and s[1] != "." for s in body):
        raise FragmentError(Reason.ASSEMBLER, f"`{name}` holds no instruction")
    return Fragment(goal.name, body, constants)


def _named_labels(statements: list[str]) -> list[str]:
    """Numeric labels (`1:`, `jne 1b`) given names."""
    if not any(s.endswith(":") and s[:-1].isdigit() for s in statements):
        return statements
    places = [(i, s[:-1]) for i, s in enumerate(statements) if s.endswith(":") and s[0].isdigit()]

    def place(number: str, direction: str, here: int) -> str:
        near = [i for i, n in places if n == number and (i > here) == (direction == "f")]
        if not near:
            raise FragmentError(Reason.ASSEMBLER, f"no label `{number}{direction}`")
        return f".Lnumber{min(near) if direction == 'f' else max(near)}"

    result = []
    for i, statement in enumerate(statements):
        if statement.endswith(":") and statement[0].isdigit():
            result.append(f".Lnumber{i}:")
        elif '"' in statement:
            result.append(statement)
        else:
            line = ""
            end = 0
            for match in _NUMERIC.finditer(statement):
                line += statement[end : match.start()] + place(match.group(1), match.group(2), i)
                end = match.end()
            result.append(line + statement[end:])
    return result


def _compiled(text: str, name: str) -> tuple[Function, Unit] | None:
    """The function in a compiler's own output, which needs no tidying first."""
    if not text.startswith("\t.file\t") or f"\n{name}:" not in text:
        return None
    try:
        offered = parse_unit(text)
    except (AssemblyError, ValueError, IndexError):
        return None
    function = offered.index.get(name)
    if function is None or sum(f.name == name for f in offered.functions) != 1:
        return None
    lines = _named_labels(list(separate("\n".join(function.lines))))
    return dataclasses.replace(function, lines=tuple(lines)), offered


def _locate(text: str, name: str) -> tuple[Function, Unit]:
    """The function in free-form text; perhaps it has only a label and instructions."""
    statements = _named_labels(list(separate(text)))
    if sum(s == f"{name}:" for s in statements) != 1:
        raise FragmentError(Reason.ASSEMBLER, f"the text must define `{name}` exactly once")
    try:
        offered = parse_unit("\n".join(statements))
        if name not in offered.index:
            offered = parse_unit("\n".join(_with_bounds(statements, name)))
        return offered.function(name), offered
    except (AssemblyError, ValueError, IndexError) as error:
        raise FragmentError(Reason.ASSEMBLER, str(error)) from error


def _with_bounds(statements: list[str], name: str) -> list[str]:
    """The statements with `.type` and `.size` around the function, where they are missing."""
    first = statements.index(f"{name}:")
    tracker = SectionTracker()
    end = first + 1
    for i, statement in enumerate(statements):
        head, rest = split_statement(statement.strip())
        if head.startswith(".") and not statement.endswith(":"):
            tracker.switch(head, rest)
        if i <= first or not tracker.current.code:
            continue
        sized = head == ".size" and rest.split(",")[0].strip() == name
        foreign = statement.endswith(":") and not statement.startswith(".L")
        if sized or foreign or head in (".globl", ".global", ".weak"):
            break
        if not statement.startswith("\t.") or head not in (".text", ".section"):
            end = i + 1
    bounds = (f"\t.type\t{name}, @function", f"\t.size\t{name}, .-{name}")
    tail = [s for s in statements[end:] if not s.startswith(f"\t.size\t{name},")]
    body = statements[first:end]
    return [*statements[:first], bounds[0], *body, bounds[1], *tail]


def _check_directives(code: Code) -> None:
    if code.asm:
        raise FragmentError(Reason.INSTRUCTION, "inline asm in the offered function")
    if code.exceptions:
        raise FragmentError(Reason.INSTRUCTION, "an exception table in the offered function")
    if code.other:
        raise FragmentError(Reason.SYMBOL, f"directive not allowed: {code.other[0][:60]}")
    for statement in code.statements:
        if statement.startswith("\t."):
            head, _ = split_statement(statement.strip())
            if head not in ALIGN_DIRECTIVES:
                raise FragmentError(Reason.INSTRUCTION, f"`{head}` among the instructions")


def _with_landing_pad(body: tuple[str, ...], target: Function) -> tuple[str, ...]:
    """The body starting with `endbr64` exactly where the target does (design 4.3)."""
    own = target.code.hot
    wanted = next((s for s in own if not s.endswith(":")), "") == "\tendbr64"
    first = next((i for i, s in enumerate(body) if s[0] == "\t" and s[1] != "."), len(body))
    present = first < len(body) and body[first] == "\tendbr64"
    if present and not wanted:
        return body[:first] + body[first + 1 :]
    if wanted and not present:
        return ("\tendbr64", *body)
    return body


class _Adopter:
    """Renames what an offered function refers to, so that it means the unit's symbols."""

    def __init__(
        self, unit: Unit, offered: Unit, target: Function, function: Function, code: Code
    ) -> None:
        self.unit = unit
        self.offered = offered
        self.target = target
        self.function = function
        self.code = code
        self.own = labels_of(code.statements, code.tables)
        self.names = {label: _OWN + label.lstrip(".") for label in self.own}
        self.carried: dict[str, Symbol] = {}

    def adopt(self) -> tuple[tuple[str, ...], tuple[Constant, ...]]:
        if len(set(self.own)) != len(self.own):
            raise FragmentError(Reason.ASSEMBLER, "a label is defined twice")
        tables = [line for table in self.code.tables for line in table.lines]
        for statement in (*self.code.statements, *tables):
            self._statement(statement)
        for symbol in (queue := list(self.carried.values())):
            for line in symbol.lines:
                self._statement(line)
            queue.extend(s for s in self.carried.values() if s not in queue)
        constants = [*self.code.tables]
        # A table of jumps may stand behind the function (clang's) and be carried like other data.
        constants += [Constant(s.name, s.align, s.lines) for s in self.carried.values()]
        used = without_unused_labels(self.code.statements, constants)
        body = tuple(self._rename(s) for s in used)
        return body, tuple(
            Constant(self.names[c.name], c.align, tuple(self._rename(s) for s in c.lines))
            for c in constants
        )

    def _rename(self, statement: str) -> str:
        return retarget(statement, self.names, lambda _: None)

    def _statement(self, statement: str) -> None:
        branch = branch_of(statement)
        for name in references(statement):
            if name == "." and not statement.startswith("\t."):
                raise FragmentError(Reason.INSTRUCTION, f"`.` as an operand: {statement.strip()}")
            if name != "." and name not in self.names:
                new = self._match(name, branch is not None)
                if new != name:
                    self.names[name] = new

    def _match(self, name: str, branch: bool) -> str:
        """What a name outside the body is called in the unit."""
        symbol = self.offered.symbols.get(name)
        if symbol is None:
            return self._absent(name)
        if symbol.kind == "ifunc":
            raise FragmentError(Reason.SYMBOL, f"`{name}` is an ifunc")
        if symbol.kind == "function":
            return self._function(name, symbol)
        if symbol.linkage != "local":
            return self._global_object(name, symbol)
        return self._local_object(name, symbol)

    def _absent(self, name: str) -> str:
        """Not defined in the offered text: it must mean the unit's symbol, or an outside one."""
        if name in self.unit.symbols or not name.startswith(".L"):
            return name
        raise FragmentError(Reason.SYMBOL, f"`{name}` is defined nowhere")

    def _function(self, name: str, symbol: Symbol) -> str:
        if name in self.function.names:
            return self._own_name(name, symbol)
        theirs = self.offered.resolve(name)
        ours = self.unit.resolve(name)
        if ours is None or theirs is None or self.unit.symbols[name].linkage != symbol.linkage:
            raise FragmentError(Reason.SYMBOL, f"the unit has no such function `{name}`")
        # Seen: a clone's name is another function under other options, so its code decides.
        if symbol.linkage == "local" and closure_identity(self.unit, ours) != closure_identity(
            self.offered, theirs
        ):
            raise FragmentError(Reason.SYMBOL, f"local function `{name}` has other code here")
        return name

    def _own_name(self, name: str, symbol: Symbol) -> str:
        """The function itself, perhaps under a local alias that the unit does not have."""
        if name in self.target.names and self.unit.symbols[name].linkage == symbol.linkage:
            return name
        if symbol.linkage == "local" or name == self.function.name:
            return self.target.name
        raise FragmentError(Reason.SYMBOL, f"the unit has no alias `{name}`")

    def _global_object(self, name: str, symbol: Symbol) -> str:
        ours = self.unit.symbols.get(name)
        if ours is not None and ours.linkage == symbol.linkage and ours.kind == symbol.kind:
            return name
        raise FragmentError(Reason.SYMBOL, f"new global symbol `{name}`")

    def _local_object(self, name: str, symbol: Symbol) -> str:
        if symbol.tls:
            raise FragmentError(Reason.SYMBOL, f"`{name}` is thread-local")
        match = self._same_content(name, symbol)
        if match is not None:
            return match
        if symbol.writable or not symbol.section.loaded:
            raise FragmentError(Reason.SYMBOL, f"the unit has no data like writable `{name}`")
        self._carry(name, symbol)
        return _OWN + name.lstrip(".")

    def _carry(self, name: str, symbol: Symbol) -> None:
        if symbol.target:
            raise FragmentError(Reason.SYMBOL, f"`{name}` is an alias of other data")
        if not symbol.lines:
            raise FragmentError(Reason.SYMBOL, f"`{name}` has no content")
        self.names[name] = _OWN + name.lstrip(".")
        self.carried[name] = symbol

    def _same_content(self, name: str, symbol: Symbol) -> str | None:
        """The unit's local symbol with this content; for writable data the one with its base name.

        Several writable objects of one base name and content cannot be told apart: None.
        """
        identity = object_identity(self.offered, symbol)
        base = _base(name)
        found = [
            s.name
            for s in self.unit.symbols.values()
            if s.linkage == "local"
            and s.kind not in ("function", "ifunc")
            and (s.size, s.writable, s.offset) == (symbol.size, symbol.writable, symbol.offset)
            and (not symbol.writable or _base(s.name) == base)
            and object_identity(self.unit, s) == identity
        ]
        if not symbol.writable:
            return next((n for n in found if _base(n) == base), found[0] if found else None)
        twins = [
            s
            for s in self.offered.symbols.values()
            if s.linkage == "local" and s.writable and _base(s.name) == base
        ]
        return found[0] if len(found) == 1 and len(twins) == 1 else None


def _base(name: str) -> str:
    """A static's source name: `x.0` and `x.12` are both `x`."""
    return "" if name.startswith(".") else re.sub(r"(\.\d+)+$", "", name)
