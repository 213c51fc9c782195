"""The whole corpus: nothing wrong is accepted, nothing right is rejected."""

from __future__ import annotations

from pathlib import Path

import pytest
from corpus import Offer, Target, beyond, judge, load
from known import GAPS, OVERSTRICT, UNDECIDED

from superopt_cc.types import Verdict

TARGETS = load()
LISTED = {**GAPS, **OVERSTRICT}


def _fault(offer: Offer, answer: Verdict) -> str:
    """How the answer fails the corpus; "" if it does not."""
    said = f"{offer.title}: {answer.verdict} {answer.reason} {answer.detail}"
    if offer.reasons is None:
        return "" if answer.accepted else said
    if answer.accepted or (answer.verdict == "rejected" and answer.reason not in offer.reasons):
        return said
    return ""


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: t.name)
def test_wrong_rewrites_fall_and_right_ones_pass(tmp_path: Path, target: Target) -> None:
    faults = []
    for offer, answer in zip(target.offers, judge(tmp_path, target), strict=True):
        key, fault = (target.name, offer.title), _fault(offer, answer)
        if key in UNDECIDED:
            fault = (
                "" if answer.verdict == "undecided" else f"decided, take it out of known.py: {key}"
            )
        elif key in LISTED:
            fault = "" if fault else f"closed, no longer known: {key}"
        faults += [fault] if fault else []
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("target", beyond(), ids=lambda t: t.name)
def test_what_only_a_proof_could_find_is_accepted_today(tmp_path: Path, target: Target) -> None:
    assert all(offer.reasons is not None for offer in target.offers), "right ones are no limit"
    found = [a.verdict for a in judge(tmp_path, target)]
    assert set(found) == {"accepted"}, "a limit fell: make it a test of the corpus"


def test_lists_of_exceptions_name_rewrites_that_exist() -> None:
    keys = {(t.name, o.title) for t in TARGETS for o in t.offers}
    assert sorted({*LISTED, *UNDECIDED} - keys) == []


def test_corpus_is_large_and_its_names_are_unique() -> None:
    offers = [((t.name, o.title), o) for t in TARGETS for o in t.offers]
    assert len({key for key, _ in offers}) == len(offers)
    assert len({t.name for t in TARGETS}) >= 60
    assert sum(o.reasons is not None for _, o in offers) >= 150
    assert sum(o.reasons is None for _, o in offers) >= 60
