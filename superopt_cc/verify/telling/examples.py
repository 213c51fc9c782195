"""Counterexamples as data: what `superopt replay` needs to run the difference again."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from superopt_cc.cases import Case, case_from_json, case_to_json
from superopt_cc.types import Counterexample
from superopt_cc.verify.gathering.plans import Plan
from superopt_cc.verify.job import Job
from superopt_cc.verify.judging.compare import Difference
from superopt_cc.verify.running.image import Addresses, Image
from superopt_cc.verify.running.layout import Arena, Style, encode_batch
from superopt_cc.verify.running.runner import Mode
from superopt_cc.verify.signature.abi import Location
from superopt_cc.verify.telling.render import render_call
from superopt_cc.verify.telling.telling import tell


def counterexample(
    job: Job,
    locations: Sequence[Location],
    plan: Plan,
    found: Difference,
    image: Image | None = None,
) -> Counterexample:
    """The differing case of a plan, in words and as a value that replays.

    With the image that it was found in, callees and globals are named too.
    """
    case = plan.batch.cases[found.index]
    call = render_call(job.facts, locations, case)
    told = tell(job.facts, locations, case, found, image)
    style = plan.styles[found.index % len(plan.styles)]
    if found.other is not None:
        second = render_call(job.facts, locations, plan.batch.cases[found.other])
        text = f"{call} and {second} {_TRACES}"
    else:
        text = f"{told.given}{call} {told.got}, gcc's code {told.expected}"
    other = None if found.other is None else case_to_json(plan.batch.cases[found.other])
    return Counterexample(
        text,
        told.expected,
        told.got,
        {
            "input": case_to_json(case),
            "other": other,
            "style": dataclasses.asdict(style),
            "noise": plan.mode.noise,
            "clean_upper": plan.mode.clean_upper,
            "flags": plan.mode.flags,
            "seed": plan.seed,
            "addresses": None if image is None else dataclasses.asdict(image.addresses),
        },
    )


_TRACES = "leave different traces; with gcc's code their traces are the same"


def addresses_of(value: Mapping[str, Any]) -> Addresses | None:
    """Where things lay when a counterexample was found, if its `case` tells.

    Raises TypeError or ValueError when it was not made by `counterexample`.
    """
    given = value.get("addresses")
    if given is None:
        return None
    found = Addresses(**given)
    if not found.possible():
        raise ValueError("addresses that no test image has")
    return found


def replay_plan(value: Mapping[str, Any], arena: Arena) -> Plan:
    """The plan of a counterexample's `case`: one input, or two that should look alike.

    Raises KeyError, TypeError or ValueError when it was not made by `counterexample`.
    """
    cases: list[Case] = [
        case_from_json(value[name]) for name in ("input", "other") if value[name] is not None
    ]
    given = dict(value["style"])
    given["unused"] = tuple(given["unused"])
    style = Style(**given)
    mode = Mode(
        noise=int(value["noise"]),
        clean_upper=bool(value["clean_upper"]),
        flags=bool(value.get("flags", True)),
        ticks=20,
    )
    seed = int(value["seed"])
    return Plan(encode_batch(cases, arena, (style,), seed), (style,), seed, mode)
