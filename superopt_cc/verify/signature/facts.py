"""The facts run: what gcc itself says about the functions of one unit (design 4.1, 4.2).

The user's command is run once more on its own preprocessed text with `-g` and dumps; a function
whose code does not come out the same again keeps gcc's code, for then the facts might be about
something else.
"""

from __future__ import annotations

import dataclasses
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from elftools.dwarf.die import DIE

from superopt_cc.assembly.canonical import canonical
from superopt_cc.assembly.unit import Unit, parse_unit
from superopt_cc.errors import AssemblyError, Ineligible, ToolchainError, UsageError
from superopt_cc.toolchain.command import (
    CompileCommand,
    FactsFiles,
    compile_facts,
    effective_options,
    isa_macros,
    predefined_macros,
    preprocess,
)
from superopt_cc.toolchain.options import lookup
from superopt_cc.verify.job import CallUse, Facts, Parameter
from superopt_cc.verify.signature import abi, dumps, pointers
from superopt_cc.verify.signature.ctype import Function, Pointer, TypeTable
from superopt_cc.verify.signature.dwarf import (
    Debug,
    attribute,
    children,
    declared_at,
    link_for_debug,
    origin,
    signature_die,
    text_of,
    type_die,
)
from superopt_cc.verify.signature.frames import frame_objects
from superopt_cc.verify.signature.libgcc import with_prototypes
from superopt_cc.verify.signature.results import in_frame, with_places
from superopt_cc.verify.signature.typereader import TypeReader, is_prototyped, is_variadic

# design 4.2: what is not named here makes a function ineligible.  These change neither the
# convention of the call nor what the optimiser may assume beyond what its code shows.
_ALLOWED_ATTRIBUTES = frozenset(
    {
        "abi_tag",
        "access",
        "alias",
        "aligned",
        "alloc_align",
        "alloc_size",
        "always_inline",
        "artificial",
        "assume_aligned",
        "cold",
        "const",
        "constructor",
        "copy",
        "deprecated",
        "destructor",
        "error",
        "externally_visible",
        "flatten",
        "fn spec",
        "format",
        "format_arg",
        "gnu_inline",
        "hot",
        "leaf",
        "malloc",
        "no_icf",
        "no_instrument_function",
        "no_profile_instrument_function",
        "no_reorder",
        "no_sanitize",
        "no_sanitize_address",
        "no_sanitize_thread",
        "no_sanitize_undefined",
        "no_split_stack",
        "no_stack_limit",
        "no_stack_protector",
        "noclone",
        "nodiscard",
        "noinline",
        "noipa",
        "nonnull",
        "noplt",
        "nothrow",
        "pure",
        "retain",
        "returns_nonnull",
        "section",
        "sentinel",
        "sysv_abi",
        "type generic",
        "unavailable",
        "unused",
        "used",
        "visibility",
        "warn_unused_result",
        "warning",
        "weak",
    }
)
# Attributes of function types change calls through them without a trace in text, DWARF or dump.
_CALL_ATTRIBUTES = re.compile(
    rb"\b_*(?:ms_abi|no_caller_saved_registers|no_callee_saved_registers)_*\b"
)
# gcc's own defaults may turn on what no word of the command line says.
_REFUSED_DEFAULTS = (
    "ftrapv",
    "fnon-call-exceptions",
    "fsignaling-nans",
    "fsplit-stack",
    "mstackrealign",
    "mcld",
    "m32",
    "mx32",
    "mgeneral-regs-only",
    "msoft-float",
)
_FLOAT_MODES = {
    "frounding-math": True,
    "fsigned-zeros": False,
    "ffinite-math-only": True,
    "fassociative-math": True,
    "freciprocal-math": True,
    "funsafe-math-optimizations": True,
    "fmath-errno": False,
    "fcx-limited-range": True,
    "fcx-fortran-rules": True,
}
_ORDERED_EFFECTS = frozenset({"volatile", "atomic", "fence", "setjmp", "builtin"})
_CLONE = re.compile(
    r"\.(?:isra|part|constprop|cold|lto_priv|localalias|simdclone|resolver|\w+clone)\b"
)
_TARGET = re.compile(r"^target \((.*)\)$")


_WORD = re.compile(r"[A-Za-z_.$][\w.$]*")


class Reach:
    """Which symbols a function's code reaches by name, through code and data of the unit."""

    def __init__(self, unit: Unit, outside: Iterable[str]) -> None:
        """`outside` are names beyond the unit's own that matter."""
        self._blocks = {f.name: f.lines for f in unit.functions}
        for symbol in unit.symbols.values():
            self._blocks.setdefault(symbol.name, (*symbol.lines, symbol.target))
        self._matter = {*self._blocks, *outside}
        self._words: dict[str, set[str]] = {}

    def of(self, name: str) -> frozenset[str]:
        """The names, its own included."""
        found: set[str] = set()
        pending = {name}
        while pending:
            one = pending.pop()
            found.add(one)
            pending |= self._named(one) - found
        return frozenset(found)

    def _named(self, name: str) -> set[str]:
        if name not in self._words:
            lines = self._blocks.get(name, ())
            text = " ".join(line for line in lines if not line.lstrip().startswith(".file"))
            self._words[name] = self._matter.intersection(_WORD.findall(text))
        return self._words[name]


@dataclasses.dataclass(frozen=True, slots=True)
class UnitFacts:
    """The facts run of one unit; `function` answers for each of its functions.

    `preprocessed` is the unit's preprocessed text.
    """

    command: CompileCommand
    preprocessed: bytes
    _unit: Unit
    _facts_unit: Unit
    _trees: Mapping[str, str]
    _rtls: Mapping[str, str]
    _debug: Debug
    _convention: str
    _reach: Reach
    _same: dict[str, bool] = dataclasses.field(default_factory=dict, compare=False, repr=False)
    _effects: dict[str, tuple[str, str] | None] = dataclasses.field(
        default_factory=dict, compare=False, repr=False
    )

    def function(self, name: str) -> Facts:
        """Facts about the function with assembler name `name`.

        Raises Ineligible with a name from `REASONS` or the option table.
        """
        self._check_options()
        self._check_name(name)
        self._check_same_code(name)
        tree, rtl, die = self._trees[name], self._rtls[name], self._debug.functions[name]
        written = dumps.attributes(tree)
        extra = self._check_attributes(written)
        _check_declaration(die)
        for found in (dumps.tree_reason(tree), dumps.rtl_reason(rtl)):
            if found:
                raise Ineligible(*found)
        self._check_callees(name)
        return self._facts(name, die, written, extra)

    def _check_options(self) -> None:
        for reason, word in self.command.refusals():
            raise Ineligible(reason, word)
        effective = effective_options(self.command)
        for name in _REFUSED_DEFAULTS:
            if effective.get(name):
                raise Ineligible("option", f"-{name} is gcc's default here")
        if self._debug.register_variable:
            raise Ineligible("global-register")

    def _check_name(self, name: str) -> None:
        if _CLONE.search(name):
            raise Ineligible("clone", name)
        if re.search(r"\.\d+$", name):
            raise Ineligible("static-chain", f"{name} is a nested function")
        known = name in self._trees and name in self._rtls and name in self._debug.functions
        if not known:
            raise Ineligible("no-facts", f"gcc's dumps do not mention {name}")

    def _check_same_code(self, name: str) -> None:
        """design 4.1: the facts count only if the same code came out again."""
        reached = self._reach.of(name)
        for one in sorted(reached & set(self._trees)):
            if one not in self._same:
                self._same[one] = self._is_same(one)
            if not self._same[one]:
                raise Ineligible("no-facts", f"another code for {one} when compiled again")

    def _check_callees(self, name: str) -> None:
        """What a local callee does beyond memory and calls has an order that tests cannot see."""
        for one in sorted((self._reach.of(name) - {name}) & set(self._trees)):
            if one not in self._effects:
                self._effects[one] = dumps.tree_reason(self._trees[one])
            found = self._effects[one]
            if found and found[0] in _ORDERED_EFFECTS:
                raise Ineligible("callee-effects", f"{one}: {found[0]}: {found[1]}")

    def _is_same(self, name: str) -> bool:
        try:
            theirs, ours = self._unit.function(name), self._facts_unit.function(name)
            return canonical(theirs, name) == canonical(ours, name)
        except AssemblyError:
            return False

    def _check_attributes(self, written: Sequence[str]) -> tuple[str, ...]:
        """Refuse what the table does not name; the -m options that target() stands for."""
        extra: list[str] = []
        for one in written:
            target = _TARGET.match(one)
            if target:
                extra += _target_options(target.group(1))
            elif re.split(r" ?\(", one)[0] not in _ALLOWED_ATTRIBUTES:
                raise Ineligible("attribute", one)
        return tuple(extra)

    def _facts(
        self, name: str, die: DIE, written: tuple[str, ...], extra: tuple[str, ...]
    ) -> Facts:
        isa = isa_macros(self.command, extra)
        reader = TypeReader(32 if "__AVX__" in isa else 16)
        signature = signature_die(die)
        parameters = tuple(
            Parameter(text_of(attribute(child, "DW_AT_name")), _known(reader.read(type_die(child))))
            for child in children(signature, "DW_TAG_formal_parameter")
        )
        returns = reader.read(type_die(die))
        reached = self._reach.of(name) - {name}
        callees: Mapping[str, int] = {
            one: reader.function(signature_die(self._debug.functions[one]))
            for one in sorted(reached & set(self._debug.functions))
        }
        variables = {
            one: _known(reader.read(type_die(self._debug.variables[one])))
            for one in sorted(reached & set(self._debug.variables))
        }
        calls = dumps.calls(self._rtls[name])
        types = with_places(reader.table, callees)
        results = tuple(in_frame(calls, types, callees))
        code = self._unit.function(name).code
        frame = frame_objects(die, self._trees[name], code, reader, results)
        types = with_places(reader.table, callees)
        if abi.in_memory(types, returns):
            # The caller passes its address and gets it back; nothing else can point there yet.
            types = (*types, Pointer(_known(returns), restrict=True))
            returns = len(types) - 1
            parameters = (Parameter("(result)", returns), *parameters)
        abi.assign(types, [p.type for p in parameters])
        abi.returned(types, returns)
        of_others = {one: dumps.calls(self._rtls[one]) for one in sorted(reached & set(self._rtls))}
        inner = tuple(call for made in of_others.values() for call in made)
        types, callees = with_prototypes(types, callees, (call.callee for call in (*calls, *inner)))
        for one, made in ((name, calls), *of_others.items()):
            pointers.check_sites(one, self._unit.function(one).code, made)
        self._check_calls((*calls, *inner), types, callees)
        source, line = declared_at(die)
        facts = Facts(
            name=name,
            types=types,
            parameters=parameters,
            returns=returns,
            globals=variables,
            aligned=self._declared_alignments(variables),
            callees=callees,
            calls=calls,
            isa=isa,
            attributes=written,
            external=attribute(die, "DW_AT_external") is not None,
            source=source,
            line=line,
            options=self.command.code_options(),
            local_calls=inner,
            source_name=text_of(attribute(die, "DW_AT_name")),
            frame=frame,
        )
        return self._with_modes(facts, extra)

    def _with_modes(self, facts: Facts, extra: tuple[str, ...]) -> Facts:
        """The facts that come from the options in effect, gcc's own defaults included."""
        effective = effective_options(self.command)
        macros = {line.split(" ", 1)[0] for line in predefined_macros(self.command, extra)}
        return dataclasses.replace(
            facts,
            trapping_math=effective.get("ftrapping-math", True),
            red_zone=effective.get("mred-zone", False),
            wrapv=effective.get("fwrapv", False),
            pic="pie" if "__PIE__" in macros else "pic" if "__PIC__" in macros else "",
            cet="__CET__" in macros,
            frame_pointer=not effective.get("fomit-frame-pointer", False),
            jump_tables=effective.get("fjump-tables", False),
            float_modes=tuple(
                ("" if on else "no-") + name[1:]
                for name, on in _FLOAT_MODES.items()
                if effective.get(name) is on
            ),
        )

    def _declared_alignments(self, names: Iterable[str]) -> dict[str, int]:
        found = {n: attribute(self._debug.variables[n], "DW_AT_alignment") for n in names}
        return {name: align for name, align in found.items() if isinstance(align, int)}

    def _check_calls(
        self, calls: Iterable[CallUse], types: TypeTable, callees: Mapping[str, int]
    ) -> None:
        """A call by another convention (ms_abi) shows in its registers, or in the source."""
        for call in calls:
            if self._convention:
                raise Ineligible("attribute", f"calls, where {self._convention} is in use")
            index = callees.get(call.callee) if call.callee else None
            kind = None if index is None else types[index]
            if isinstance(kind, Function) and kind.prototyped and not kind.variadic:
                _check_registers(call, types, kind)


def _check_registers(call: CallUse, types: TypeTable, kind: Function) -> None:
    try:
        locations = abi.assign(types, kind.parameters)
    except Ineligible:
        return  # a structure by value: the RTL alone tells its registers
    allowed = {word.register for location in locations for word in location.words}
    odd = [register for register, _ in call.registers if register not in allowed]
    if odd:
        raise Ineligible("odd-call", f"{call.callee} is passed {odd[0]}")


def _check_declaration(die: DIE) -> None:
    signature = signature_die(die)
    if is_variadic(signature) or any(children(die, "DW_TAG_unspecified_parameters")):
        raise Ineligible("varargs")
    parameters = any(children(signature, "DW_TAG_formal_parameter"))
    if parameters and not is_prototyped(origin(die)) and not is_prototyped(signature):
        raise Ineligible("unprototyped")
    if attribute(die, "DW_AT_noreturn") is not None:
        raise Ineligible("noreturn")
    if attribute(die, "DW_AT_static_link") is not None:
        raise Ineligible("static-chain")


def _target_options(arguments: str) -> list[str]:
    """`"avx2,no-fma"` as -m options; only plain ISA names that the option table allows."""
    options = [f"-m{word}" for word in arguments.replace('"', "").replace(" ", "").split(",")]
    for option in options:
        row = lookup(option)
        if row.refused or "=" in option or row.argument != "none" or not row.changes_code:
            raise Ineligible("attribute", f"target({arguments})")
    return options


def _known(index: int | None) -> int:
    if index is None:
        raise Ineligible("opaque", "void as the type of an object")
    return index


def facts_for_unit(
    cmd: CompileCommand, unit_text: str, as_options: Sequence[str] = ()
) -> UnitFacts:
    """Run the facts run for the unit whose assembler text is `unit_text`.

    Nothing is written outside a temporary folder.  Raises Ineligible("no-facts") when the unit
    cannot be compiled again, ToolchainError when there is no room for that.
    """
    del as_options  # the assembler's own options change no code
    try:
        preprocessed = preprocess(cmd)
        with tempfile.TemporaryDirectory(prefix="superopt-facts-") as folder:
            files: FactsFiles = compile_facts(cmd, preprocessed, Path(folder))
            debug = Debug(link_for_debug(files.object, Path(folder) / "facts"))
        convention = _CALL_ATTRIBUTES.search(preprocessed)
        unit = parse_unit(files.text)
        return UnitFacts(
            cmd,
            preprocessed,
            parse_unit(unit_text),
            unit,
            dumps.split_dump(files.tree),
            dumps.split_dump(files.rtl),
            debug,
            convention.group().decode() if convention else "",
            Reach(unit, (*debug.functions, *debug.variables)),
        )
    except OSError as error:  # our own trouble, a full disk perhaps
        raise ToolchainError(f"the facts of {cmd.source} cannot be had: {error}") from error
    except (ToolchainError, UsageError, AssemblyError) as error:
        raise Ineligible("no-facts", str(error)) from error
