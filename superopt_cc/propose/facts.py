"""What a model must know about a function beside its text, a line each."""

from __future__ import annotations

import re
from collections.abc import Iterator

from superopt_cc.errors import SuperoptError
from superopt_cc.propose.base import Context
from superopt_cc.verify.job import Job
from superopt_cc.verify.screening.screen_target import Target
from superopt_cc.verify.signature import abi
from superopt_cc.verify.signature.ctype import Float

# Sets of which a rewrite can use nothing (design 5.2).
_USELESS = frozenset(("FXSR", "MMX", "XSAVE", "XSAVEC", "XSAVEOPT", "XSAVES", "RDRND", "RDSEED"))
_BY_POSITION = re.compile(r"\$(\d+)")


def isa_words(job: Job) -> str:
    """The instruction sets that a rewrite may use."""
    return ", ".join(sorted({macro.strip("_") for macro in job.facts.isa} - _USELESS))


def facts_for(context: Context, *, assembly: bool) -> list[str]:
    """Instruction sets, promises of the author and, for `assembly`, the calling convention."""
    job = context.job
    lines = [f"Instruction sets: {isa_words(job)}; no others."]
    lines += [f"Callers promise {_named(clause, job)}." for clause in job.contract.clauses]
    if job.facts.trapping_math and not job.facts.float_modes:
        lines += ["Floating-point results must be equal bit by bit."] if _floats(job) else []
    if assembly:
        lines += _convention(context)
    return lines


def _named(clause: str, job: Job) -> str:
    """A promise in the parameters' own names."""

    def name(match: re.Match[str]) -> str:
        number = int(match.group(1))
        known = job.facts.parameters[number].name if number < len(job.facts.parameters) else ""
        return known or match.group()

    return _BY_POSITION.sub(name, clause)


def _floats(job: Job) -> bool:
    return any(isinstance(kind, Float) for kind in job.facts.types)


def _convention(context: Context) -> Iterator[str]:
    job = context.job
    try:
        places = abi.assign(job.facts.types, [p.type for p in job.facts.parameters])
        result = abi.returned(job.facts.types, job.facts.returns)
    except SuperoptError:
        return
    given = [
        f"{p.name or 'an argument'} in {_place(place)}"
        for p, place in zip(job.facts.parameters, places, strict=True)
    ]
    if given:
        yield f"Arguments: {', '.join(given)}; bits above an argument's type are noise."
    if result:
        yield f"Result: {', '.join(f'%{register}' for register, _ in result)}."
    yield from _registers(context)
    callees = sorted({c.callee for c in job.facts.calls if c.callee})
    if callees:
        yield f"It may call {', '.join(callees)} and nothing else."
    else:
        yield "It may call nothing."
    if not job.facts.red_zone:
        yield "There is no red zone below %rsp."
    if job.facts.pic:
        yield "Position-independent code: data through (%rip), external calls through @PLT."


def _registers(context: Context) -> Iterator[str]:
    try:
        target = Target(context.job, context.unit)
        restricted, clobbers = target.called_locally, target.clobbers
    except SuperoptError:
        return
    kept = "%rbx, %rbp, %rsp and %r12 to %r15 must be kept"
    if not restricted:
        yield f"All other registers may be changed; {kept}."
        return
    names = sorted(name for name in clobbers if "-high" not in name and "flags" not in name)
    # design 5.4: callers in the same file rely on what gcc's code spares.
    yield f"Only these registers may be changed: {', '.join(f'%{n}' for n in names) or 'none'}."


def _place(place: abi.Location) -> str:
    if place.register is not None:
        return f"%{'y' * (place.bits > 128) or place.register[0]}{place.register[1:]}"
    if place.kind == "stack":
        return f"{8 * place.number + 8}(%rsp)"
    return " and ".join(_place(part) for part in place.words)
