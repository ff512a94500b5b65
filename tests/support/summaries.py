"""Fleets of made-up app summaries, for tests of the study and for its bench."""

from collections.abc import Iterator, Sequence

import numpy as np

from contract.analysis import MeasurementState, Severity
from contract.analyzers import Category
from contract.spec import AppRef, AppRole
from reports.counts import FindingTally, StateCounts
from reports.summary import AppSummary, LoadSummary, WeaknessCount

MEASURED = MeasurementState.MEASURED


def app(model: str = "m", number: int = 1, **more) -> AppSummary:
    """One app that was looked at whole and is sound, unless `more` says otherwise."""
    grave, minor = more.pop("grave", 0), more.pop("minor", 0)
    weaknesses = [
        WeaknessCount(category=Category.SECURITY, severity=severity, cwe=89, count=count)
        for severity, count in ((Severity.HIGH, grave), (Severity.LOW, minor))
        if count
    ]
    total = grave + minor
    tally = FindingTally(
        category=Category.SECURITY, cells=StateCounts(measured=3), total=total, counted="fused"
    )
    sound = {
        "ref": AppRef(model=model, app_number=number),
        "source_digest": f"{model}-{number}",
        "state": MEASURED,
        "started": True,
        "runs": "pass",
        "functional": "pass",
        "secure": "fail" if grave else "pass",
        "known_insecure": bool(grave),
        "findings": (tally,),
        "weaknesses": tuple(weaknesses),
        "kloc": 1.0,
    }
    return AppSummary.model_validate({**sound, **more})


def missing(model: str, number: int, **more) -> AppSummary:
    """An app that no live analyzer could look at, through no fault of its own."""
    tally = FindingTally(category=Category.SECURITY, cells=StateCounts(measured=1, infra_failed=2))
    lost = {"runs": "missing", "functional": "missing", "secure": "missing", "started": None}
    return app(model, number, **{**lost, "findings": (tally,), "weaknesses": (), **more})


def load(latency: float, *, tool: str = "k6", contended: bool = False, **more) -> LoadSummary:
    """A load test's figures around one latency, in milliseconds."""
    figures = {
        "latency_p50": latency / 2,
        "latency_p95": latency,
        "latency_p99": latency * 2,
        "error_ratio": 0.0,
        "throughput_at_objective": 10_000 / latency,
    }
    units = {name: "ms" if "latency" in name else "1/s" for name in figures}
    return LoadSummary(
        tool=tool, state=MEASURED, contended=contended, figures=figures, units=units, **more
    )


def fleet(
    models: Sequence[str],
    templates: int = 20,
    samples: int = 1,
    *,
    seed: int = 0,
    ability: Sequence[float] | None = None,
    lost: float = 0.0,
    repeats: int = 0,
) -> list[AppSummary]:
    """Apps of models on templates of different difficulty.

    Args:
        models: names.
        templates: how many.
        samples: apps per model and template.
        seed: of all that is drawn.
        ability: by model, added to the log odds to work.
        lost: share of apps that are not measured.
        repeats: apps whose load test is made twice more.
    """
    rng = np.random.default_rng(seed)
    hard = rng.normal(0, 1.2, templates)
    made = list(_drawn(rng, models, hard, samples, ability or [0.0] * len(models), lost))
    for one in [app for app in made if app.runs == "pass"][:repeats]:
        latency = one.load[0].figures["latency_p95"]
        for number in (1, 2):
            again = load(latency * float(rng.normal(1, 0.05)))
            made.append(
                one.model_copy(
                    update={
                        "role": AppRole.REPEAT,
                        "ref": AppRef(model=f"repeat-{number}", app_number=len(made) + 1),
                        "load": (again,),
                    }
                )
            )
    return made


def _drawn(rng, models, hard, samples, ability, lost) -> Iterator[AppSummary]:
    for model, skill in zip(models, ability, strict=True):
        for index, difficulty in enumerate(hard):
            for sample in range(samples):
                number = index * samples + sample + 1
                template = f"t{index:02d}"
                if rng.random() < lost:
                    yield missing(model, number, template=template)
                    continue
                works = rng.random() < 1 / (1 + np.exp(-(skill - difficulty)))
                yield app(
                    model,
                    number,
                    template=template,
                    grave=int(rng.poisson(np.exp(-skill) * 0.6)),
                    minor=int(rng.negative_binomial(2, 0.3)),
                    functional="pass" if works else "fail",
                    kloc=float(rng.uniform(0.4, 2.5)),
                    load=(load(float(rng.lognormal(3 - skill / 4, 0.6))),),
                    scores={"quality_mean": float(rng.normal(6 + skill, 1))},
                    requirements={"met": int(rng.integers(5, 12)), "not_met": 3, "cannot_tell": 1},
                    cost_usd=0.02,
                    duration_s=float(rng.lognormal(5, 0.3)),
                )
