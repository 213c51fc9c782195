"""Outcomes back from their JSON: the inverse of `types.to_json` for what the store keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from superopt_cc.types import (
    Attempt,
    Counterexample,
    Covered,
    Evidence,
    Killed,
    Level,
    Measurement,
    Origin,
    Outcome,
    Reason,
    Rewrite,
    Verdict,
)


def outcome_from_json(value: Mapping[str, Any]) -> Outcome:
    """Decode an outcome.  Raises KeyError, TypeError or ValueError on anything else."""
    rewrite, verdict, measurement = value["rewrite"], value["verdict"], value["measurement"]
    return Outcome(
        name=str(value["name"]),
        outcome=str(value["outcome"]),
        reason=str(value["reason"]),
        detail=str(value["detail"]),
        rewrite=None if rewrite is None else _rewrite(rewrite),
        verdict=None if verdict is None else verdict_from_json(verdict),
        measurement=None if measurement is None else _measurement(measurement),
        attempts=tuple(Attempt(**attempt) for attempt in value["attempts"]),
        candidates=int(value["candidates"]),
        seconds=float(value["seconds"]),
        key=str(value["key"]),
    )


def verdict_from_json(value: Mapping[str, Any]) -> Verdict:
    """Decode a verdict.  Raises KeyError, TypeError or ValueError on anything else."""
    counterexample, evidence = value["counterexample"], value["evidence"]
    return Verdict(
        verdict=str(value["verdict"]),
        level=None if value["level"] is None else Level(value["level"]),
        reason=None if value["reason"] is None else Reason(value["reason"]),
        detail=str(value["detail"]),
        counterexample=None if counterexample is None else Counterexample(**counterexample),
        evidence=None if evidence is None else _evidence(evidence),
    )


def _rewrite(value: Mapping[str, Any]) -> Rewrite:
    return Rewrite(**{**value, "origin": Origin(value["origin"])})


def _evidence(value: Mapping[str, Any]) -> Evidence:
    edges, mutants = Covered(**value["edges"]), Killed(**value["mutants"])
    lists = {name: tuple(value.get(name, ())) for name in ("survivors", "assumed")}
    return Evidence(**{**value, "edges": edges, "mutants": mutants, **lists})


def _measurement(value: Mapping[str, Any]) -> Measurement:
    low, high = value["interval"]
    strata = {
        str(name): (float(at), float(least), float(most))
        for name, (at, least, most) in value["strata"].items()
    }
    return Measurement(
        **{
            **value,
            "interval": (float(low), float(high)),
            "strata": strata,
            "slower_in": tuple(value["slower_in"]),
        }
    )
