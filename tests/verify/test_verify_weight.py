"""Inputs of large objects come in batches that memory and the runner hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from verifying import job_for

from superopt_cc.cases import Answer, Blob, Case, Store, parts, weight
from superopt_cc.verify.gathering.bench import Bench, start_runner
from superopt_cc.verify.judging import outrun
from superopt_cc.verify.running.runner import CASES_BYTES

HOLDER = """struct s { char table[250000]; int used; };
struct h { struct s *a, *b, *c, *d; };
int f(struct h *p, char *data, int n, long m) {
    int sum = p->a->used + p->b->used + p->c->used + p->d->used + (int)m;
    for (int i = 0; i < n; i++) sum += data[i];
    return sum;
}
"""


def test_what_callees_write_weighs_as_much_as_objects() -> None:
    written = Answer(stores=(Store(0, 0, bytes(600)),))
    case = Case(objects=(Blob(bytes(100)),), answers=(written, written))
    assert weight(case) == 1300
    assert [len(part) for part in parts([case] * 5, most=3000)] == [2, 2, 1]


def test_lengths_beyond_large_objects_fit_the_runner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    plan_of = outrun._plan

    def noted(*args: object) -> object:
        made = plan_of(*args)  # type: ignore[arg-type]
        sizes.append(len(made.batch.encoded))
        return made

    monkeypatch.setattr(outrun, "_plan", noted)
    with Bench(job_for(tmp_path, HOLDER, "f")) as bench, start_runner(bench.image) as runner:
        around = bench.around
        outrun.find(around.shape, runner, bench.image, "f", around.masks, 1)
    assert sizes
    assert max(sizes) < CASES_BYTES / 2
