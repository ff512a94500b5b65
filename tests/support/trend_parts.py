"""Figures of an app over pipelines, as the store would hand them out, and what is said of them."""

import json
from datetime import UTC, datetime, timedelta

from contract.analyzers import AnalyzerKind
from contract.figures import AppFigures, FiguresPart, PipelineAt
from contract.role import AppRole
from contract.roles import repeat_ref
from contract.spec import AppRef
from reports.trends.judge import Judge
from reports.trends.points import apps_of

REF = AppRef(model="openai/gpt-4o", app_number=3)
CALM = [20.1, 19.8, 20.4, 20.0, 19.9, 20.2, 20.3, 19.7, 20.1, 20.0]
SLOW = [30.2, 29.9, 30.5]


def load(p95: float | None = None, **more) -> dict:
    figures = {} if p95 is None else {"latency_p95": {"GET /": p95, "GET /b": p95 * 2}}
    rates = {"GET /": 20, "GET /b": 20}
    return {"v": "3 abc", "s": "measured", "f": figures, "r": rates, "h": 5000.0, **more}


def scan(found: int | None, **more) -> dict:
    told = {"v": "1.7", "s": "measured" if found is not None else "infra_failed", **more}
    return told if found is None else {**told, "n": found}


def figures(pipeline_id: str, ref: AppRef, tools: dict, source: str = "s1") -> AppFigures:
    load = {name: tool for name, tool in tools.items() if name.startswith("performance")}
    scans = {name: tool for name, tool in tools.items() if name not in load}
    role = AppRole.SUBJECT if ref.model == REF.model else AppRole.REPEAT
    texts = json.dumps(load), json.dumps([*scans.items()]), json.dumps(scans)
    return AppFigures(pipeline_id, ref, role, source, "process", *texts)


def part(runs, ref=REF, repeats=(), conditions=None, sources=None) -> FiguresPart:
    """One pipeline for each run: the tools of the app by name."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    conditions = conditions or ["c"] * len(runs)
    pipelines = [
        PipelineAt(f"p{at}", start + timedelta(days=at), dict.fromkeys(AnalyzerKind, told))
        for at, told in enumerate(conditions)
    ]
    sources = sources or ["s1"] * len(runs)
    rows = [figures(f"p{at}", ref, run, sources[at]) for at, run in enumerate(runs)]
    again = repeat_ref(ref, 1)
    rows += [figures(f"p{at}", again, run) for at, run in repeats]
    return FiguresPart(pipelines, rows)


def judged(*parts: FiguresPart, whole: bool = True):
    judge = Judge(whole=whole)
    for one in parts:
        judge.add(apps_of(one))
    return judge.result()


def of_load(values, **more):
    (trend,) = judged(part([{"performance/openloop": load(value)} for value in values], **more))
    return trend


def of_runs(runs, **more):
    (trend,) = judged(part([{"performance/openloop": run} for run in runs], **more))
    return trend
