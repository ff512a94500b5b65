"""Figures of many apps, judged together as numbers, say what each says of itself by its points."""

import json
import random
from datetime import UTC, datetime, timedelta

import pytest

from contract.figures import AppFigures, FiguresPart, PipelineAt
from contract.role import AppRole
from contract.roles import repeat_ref
from contract.spec import AppRef
from reports.trends.judge import Judge
from reports.trends.model import TrendState
from reports.trends.points import apps_of
from reports.trends.series import Series

START = datetime(2026, 1, 1, tzinfo=UTC)
FIGURES = {"latency_p95": 40.0, "throughput_at_objective": 300.0, "error_ratio": 0.1}
ODD = (
    {"s": "infra_failed", "f": {}},
    {"c": 1},
    {"u": 1},
    {"v": "2"},
    {"h": 1000.0},
    {"x": ["GET /1"]},
    {"r": {"GET /1": 5.0}},
    {"f": {}},
    {"f": {"latency_p95": {"GET /1": 0.0, "GET /2": 40.0}}},
    {"f": {"latency_p95": {"GET /2": 40.0}}},
)


def load(rng: random.Random, operations: list[str], level: float, steady: bool) -> dict:
    noise = (lambda: 1.0) if steady else (lambda: rng.lognormvariate(0, 0.03))
    figures = {
        name: {key: float(f"{value * level * noise():.5g}") for key in operations}
        for name, value in FIGURES.items()
    }
    told = {"v": "3", "s": "measured", "f": figures, "r": dict.fromkeys(operations, 20.0)}
    told["h"] = 5000.0
    return told | (rng.choice(ODD) if rng.random() < 0.08 else {})


def scans(rng: random.Random, counts: list[int]) -> dict:
    found = {f"static/t{at}": {"v": "1", "s": "measured", "n": n} for at, n in enumerate(counts)}
    if rng.random() < 0.2:
        odd = ({"u": 1}, {"p": 1}, {"v": "2"}, {"n": 9}, {"n": 0})
        found["static/t1"] |= rng.choice(odd)
    if rng.random() < 0.05:
        found["static/*"] = {"v": "", "s": "app_failed"}
        del found["static/t2"]
    return found


def fleet(seed: int, apps: int = 12) -> FiguresPart:
    """Apps with histories of their own lengths; in some of them, levels change."""
    rng = random.Random(seed)
    pipelines = [PipelineAt(f"p{at}", START + timedelta(days=at)) for at in range(14)]
    other = rng.choice(("performance", "static", "ai"))
    pipelines[8] = pipelines[8]._replace(conditions={other: "another"})
    rows: dict[str, list[AppFigures]] = {at.pipeline_id: [] for at in pipelines}
    for number in range(1, apps + 1):
        ref = AppRef(model="m", app_number=number)
        length, steady = rng.choice((2, 4, 6, 9, 14)), rng.random() < 0.2
        operations = [f"GET /{n}" for n in range(1, rng.randint(2, 4))]
        counts, jump = [rng.randint(0, 20) for _ in range(4)], rng.random() < 0.4
        for behind, at in enumerate(reversed(pipelines[-length:])):
            level = 1.6 if jump and behind < 3 else 1.0
            text = scans(rng, counts)
            figures = [json.dumps({"performance/o": load(rng, operations, level, steady)})]
            figures += [json.dumps(text), json.dumps(text)]
            if behind and (newest := rows["p13"][-1]) and figures[1] == newest.scanned:
                figures[2] = ""
            row = AppFigures(at.pipeline_id, ref, AppRole.SUBJECT, "s", "process", *figures)
            rows[at.pipeline_id].append(row)
            if rng.random() < 0.02:
                again = row._replace(ref=repeat_ref(ref, 1), role=AppRole.REPEAT)
                rows[at.pipeline_id].insert(0, again)
    return FiguresPart(pipelines, [row for found in rows.values() for row in found])


def by_points(part: FiguresPart) -> Judge:
    judge = Judge(whole=True)
    for app in apps_of(part):
        for series in (*app.loads(), *app.scans()):
            judge.add_series([Series(series.ref, series.cell, series.figure, series._make)])
    return judge


@pytest.mark.parametrize("seed", range(6))
def test_many_together_are_judged_as_each_alone(seed):
    part = fleet(seed)
    fast, plain = Judge(), by_points(part)
    fast.add(apps_of(part))

    changes = {(one.app, one.cell, one.figure): one for one in fast.result()}
    told = {(one.app, one.cell, one.figure): one for one in plain.result()}

    assert (fast.states, fast.reasons) == (plain.states, plain.reasons)
    assert fast.states[TrendState.CHANGED] > 0
    assert fast.states.total() == len(told)
    assert changes.keys() == {key for key, one in told.items() if one.state is TrendState.CHANGED}
    for key, one in changes.items():
        same, numbers = told[key], {"p", "corrected", "before", "after", "ratio", "low", "high"}
        assert one.model_dump(exclude=numbers) == same.model_dump(exclude=numbers)
        assert one.model_dump(include=numbers) == pytest.approx(same.model_dump(include=numbers))
