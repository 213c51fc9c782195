"""The C text of a match: an implementation inside a function with the target's own prototype."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from superopt_cc.propose.recall.entries import Argument, Entry, Implementation, common
from superopt_cc.propose.recall.matching import Match
from superopt_cc.propose.recall.probing import runs_of_bytes
from superopt_cc.propose.recall.references import Reference
from superopt_cc.propose.recall.signature import (
    Address,
    Between,
    Fixed,
    Param,
    Place,
    Scalar,
    Signature,
    Source,
)


def wrapped(
    match: Match, implementation: Implementation, reference: Reference, told: Signature, name: str,
    *, ordered: bool,
) -> str:  # fmt: skip
    """A whole C text that defines the function with assembler name `name`.

    `ordered`: an end before the beginning is no data, nor is a count below 0, as `first < last` has
    it; else they are as far off as can be, as `first != last` and `n--` have it.
    """
    entry = match.entry
    choice = entry.variants[match.variant]
    # Nothing tests what happens where C says that pointers are apart.
    alone = any(isinstance(place, Address) and place.restrict for place in told.parameters)
    parts = ["#define RESTRICT"] if alone else []
    parts += [prelude(entry, match.bytes), definitions(match, implementation, reference)]
    result = "void" if told.result is None else _type(told.result)
    given = ", ".join(f"{_type(place)} a{i}" for i, place in enumerate(told.parameters))
    parts.append(f'{result} target({given}) __asm__("{name}");')
    body = " ".join(_body(match, told, choice, ordered))
    parts.append(f"{result} target({given}) {{ {body} }}")
    return "\n".join(parts) + "\n"


def prelude(entry: Entry, values: bytes) -> str:
    """What comes before an implementation, given the entry's set or map of bytes."""
    runs = [f"R({a}, {b}, {c})" for a, b, c in runs_of_bytes(values, entry.bytes)]
    ranges = [f"#define RANGES(R) {' '.join(runs)}"] if entry.bytes else []
    return "\n".join((*ranges, "#define FAST", common()))


def definitions(match: Match, implementation: Implementation, reference: Reference) -> str:
    """An implementation with its choices, numbers and tables."""
    entry = match.entry
    parts = [f"#define {name} {text}" for name, text in entry.variants[match.variant].items()]
    parts += [f"#define {name} {match.numbers[name]:#x}ul" for name in entry.macros]
    used = [table for table in entry.tables if table in implementation.text]
    parts += [reference.table(match.variant, table, match.words) for table in used]
    return "\n".join((*parts, implementation.text))


def _type(place: Place) -> str:
    if isinstance(place, Address):
        return "void *"
    return "bool" if place.truth else f"{'s' if place.signed else 'u'}{8 * place.size}"


def _body(match: Match, told: Signature, choice: Mapping[str, str], ordered: bool) -> Iterator[str]:
    entry, binding = match.entry, match.binding
    words = []
    count = "0"
    for argument, source in zip(entry.arguments, binding.sources, strict=True):
        word = _word(argument, source, match, told, choice, ordered)
        if argument.role == "count" and count == "0":
            yield f"size_t n = {word};"
            count = word = "n"
        words.append(word)
    call = f"compute({', '.join(words)})"
    if entry.returns == "void":
        yield f"{call};"
    else:
        kind = choice.get(entry.returns, entry.returns)
        yield f"{kind} r = {call};"
    if binding.out is not None:
        place = told.parameters[binding.out]
        yield f"*(u{8 * place.size} *)a{binding.out} = {match.adapter.c};"
    elif match.adapter.c:
        result = told.result
        cast = f"({_type(result)})" if result is not None else ""
        yield f"return {cast}({match.adapter.c});"


def _word(
    argument: Argument, source: Source, match: Match, told: Signature, choice: Mapping[str, str],
    ordered: bool,
) -> str:  # fmt: skip
    kind = choice.get(argument.type, argument.type)
    if isinstance(source, Fixed):
        return f"({kind}){match.numbers[source.name]:#x}ul"
    if isinstance(source, Between):
        place = told.parameters[source.first]
        first, last = f"a{source.first}", f"a{source.last}"
        length = f"(size_t)((u8 *){last} - (u8 *){first}) / {place.size}"
        return f"({last} > {first} ? {length} : 0)" if ordered else length
    assert isinstance(source, Param)
    place = told.parameters[source.number]
    if argument.role in ("in", "out"):
        return f"({kind} *)a{source.number}"
    if argument.role == "count" and isinstance(place, Scalar) and place.signed:
        length = f"(size_t)(u{8 * place.size})a{source.number}"
        return f"(a{source.number} > 0 ? {length} : 0)" if ordered else length
    return f"({kind})a{source.number}"
