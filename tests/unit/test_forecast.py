"""What `plan` says before the start: apps, time, cost, and the difference that could be shown."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cli.app import app as program
from cli.exits import Exit
from contract.analyzers import AnalyzerKind
from contract.history import History
from contract.role import AppRole
from contract.spec import AppRef, AppsSpec, PipelinePlan, PipelineSpec, PlannedApp, SourceRef
from control.planning import Layout, forecast
from reports.statistics import power
from reports.statistics.pairs import wilcoxon_zsplit
from reports.statistics.power import Population, detectable_gap, rate_spread
from reports.study.build import study_of
from tests.support.summaries import fleet

SOURCE = SourceRef(path="/apps", digest="0" * 64)
STATIC, DYNAMIC, PERFORMANCE, AI = (
    AnalyzerKind.STATIC,
    AnalyzerKind.DYNAMIC,
    AnalyzerKind.PERFORMANCE,
    AnalyzerKind.AI,
)


def planned(models: int, templates: int, samples: int = 1, *kinds: AnalyzerKind) -> PipelinePlan:
    apps = [
        PlannedApp(
            ref=AppRef(model=f"m{model}", app_number=1 + template * samples + sample),
            source=SOURCE,
            template=f"t{template}",
        )
        for model in range(models)
        for template in range(templates)
        for sample in range(samples)
    ]
    spec = PipelineSpec(apps=AppsSpec(root="/"), analyzers=kinds or (STATIC,), parallelism=4)
    return PipelinePlan(pipeline_id="p", spec=spec, apps=tuple(apps))


# Paired t test over templates, 50 % pass, spread 1.2 and 0.8 log odds, 80 % power (field notes).
@pytest.mark.parametrize(
    ("templates", "samples", "points"), [(20, 5, 23), (20, 10, 19), (30, 5, 19), (50, 5, 15)]
)
def test_power_agrees_with_an_independent_calculation(templates, samples, points):
    found = detectable_gap(templates, samples, Population())
    assert found is not None
    assert found * 100 == pytest.approx(points, abs=2)


def test_more_of_anything_shows_smaller_differences():
    by_templates = [detectable_gap(templates, 2, Population()) for templates in (20, 40, 80)]
    assert by_templates == sorted(by_templates, reverse=True)
    strict = detectable_gap(20, 5, Population(), level=0.05 / 45)
    assert strict > detectable_gap(20, 5, Population())


@pytest.mark.parametrize("samples", [1, 5, 50])
@pytest.mark.parametrize("templates", [0, 1, 5])
def test_a_handful_of_templates_shows_nothing(templates, samples):
    assert detectable_gap(templates, samples, Population()) is None


def test_a_strict_level_needs_more_pairs():
    assert detectable_gap(6, 50, Population()) is not None
    assert detectable_gap(6, 50, Population(), level=0.05 / 3) is None


def test_few_pairs_are_tested_as_in_a_study():
    rng = np.random.default_rng(3)
    differences = rng.integers(-2, 4, (20, 8)) / 3
    expected = [wilcoxon_zsplit(row).p for row in differences]
    assert power._enumerated(differences.round(12)) == pytest.approx(expected)


def test_templates_that_models_do_not_share_show_nothing():
    plan = planned(2, 60)
    apps = [app for app in plan.apps if (app.ref.app_number <= 30) == (app.ref.model == "m0")]
    found = forecast("s", plan.model_copy(update={"apps": tuple(apps)}), History())
    assert (found.templates, found.design.templates) == (60, 0)
    assert (found.design.one_pair, found.design.all_pairs) == (None, None)
    assert any("different templates" in text for text in found.advice)


def test_nothing_is_promised_of_models_that_no_report_compares():
    found = forecast("s", planned(25, 10), History())
    assert found.design is None
    assert found.instead == ()
    assert found.advice == ("more than 24 models: a report does not compare them in pairs",)


def test_the_spread_of_templates_is_found_again():
    rng = np.random.default_rng(5)
    chance = 1 / (1 + np.exp(-rng.normal(0, 0.8, 4_000)))
    samples = np.full(4_000, 10.0)
    assert rate_spread(rng.binomial(10, chance) / 10, samples) == pytest.approx(0.8, abs=0.05)
    assert rate_spread(np.array([0.5, 0.5]), np.array([4.0, 4.0])) == 0
    assert rate_spread(np.array([1.0, 1.0]), np.array([4.0, 4.0])) == 0


def test_without_history_time_and_cost_are_not_known():
    found = forecast("spec", planned(2, 4, 1, STATIC, AI), History())
    assert (found.time_s, found.cost_usd) == (None, None)
    assert len(found.unknown) == 2
    assert found.subtasks == 16


def test_time_is_bounded_by_apps_in_flight_and_by_what_runs_alone():
    history = History(
        pipelines=1,
        subtask_s={STATIC: (10.0,) * 20, PERFORMANCE: (30.0,) * 20, DYNAMIC: (100.0,) * 20},
        cost_usd=(0.5,) * 9,
    )
    assert forecast("s", planned(2, 4, 1, STATIC), history).time_s == (20.0, 20.0)
    # 8 apps, 4 at once, each 30 + 100 s; the load tests alone would take 8 * 30 s.
    live = forecast("s", planned(2, 4, 1, STATIC, PERFORMANCE, DYNAMIC), history)
    assert live.time_s == (260.0, 260.0)
    assert any("builds and starts" in text for text in live.unknown)
    assert forecast("s", planned(2, 4, 1, PERFORMANCE), history).time_s == (240.0, 240.0)


def test_nobody_is_asked_so_nothing_is_paid():
    assert forecast("s", planned(2, 4), History()).cost_usd == (0.0, 0.0)


def test_few_runs_are_no_history():
    history = History(pipelines=1, subtask_s={STATIC: (10.0,) * 4})
    found = forecast("s", planned(2, 4), history)
    assert found.time_s is None
    assert found.took[0].runs == 4


def test_more_templates_are_advised_over_more_samples():
    found = forecast("s", planned(3, 15, 2), History())
    templates, samples = found.instead[:2]
    assert (templates.templates, templates.samples) == (30, 2)
    assert (samples.templates, samples.samples) == (15, 4)
    assert templates.one_pair < samples.one_pair < found.design.one_pair
    assert found.design.all_pairs > found.design.one_pair
    assert any("more templates show more" in text for text in found.advice)


def test_one_model_has_nothing_to_compare():
    found = forecast("s", planned(1, 4), History())
    assert found.design is None
    assert found.advice == ("one model: there is nothing to compare",)


def test_controls_are_no_subjects():
    plan = planned(2, 3)
    control = plan.apps[0].model_copy(
        update={"role": AppRole.CONTROL, "ref": AppRef(model="x", app_number=1)}
    )
    plan = plan.model_copy(update={"apps": (*plan.apps, control)})
    assert Layout.of(plan.apps).models == 2
    assert forecast("s", plan, History()).beside == {"control": 1}


def test_an_earlier_pipeline_tells_the_spread():
    study = study_of(fleet(("a", "b", "c"), 20, 2, seed=4))
    found = forecast("s", planned(2, 10), History(), like=("earlier", study))
    assert found.assumed.source == "earlier"
    assert found.assumed.rate == pytest.approx(0.26, abs=0.2)
    assert found.assumed.template_sd > 0
    assert not any("earlier" in line for line in found.unknown)


def test_an_earlier_pipeline_without_a_spread_is_not_passed_over_in_silence():
    study = study_of(fleet(("a", "b"), 1, 1, seed=4))
    found = forecast("s", planned(2, 10), History(), like=("earlier", study))
    assert found.assumed.source == "assumed"
    assert any("spread: earlier shows none" in line for line in found.unknown)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith(("ASSAY_", "TEMPORAL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for model in ("alpha", "beta"):
        for number in (1, 2):
            place = tmp_path / "fleet" / model / f"app{number}"
            place.mkdir(parents=True)
            (place / "app.py").write_text("print(1)\n")
    (tmp_path / "spec.yaml").write_text("apps: {root: fleet}\nanalyzers: [static]\n")
    return tmp_path


def test_plan_prints_its_document_and_starts_nothing(folder: Path):
    result = CliRunner().invoke(program, ["plan", str(folder / "spec.yaml"), "--json"])
    assert result.exit_code == Exit.OK, result.stderr
    document = json.loads(result.stdout)
    assert (document["subjects"], document["models"], document["templates"]) == (4, 2, 2)
    assert document["time_s"] is None
    assert not (folder / "data" / "assay.db").exists()


def test_plan_of_a_wrong_spec_is_one_error(folder: Path):
    (folder / "spec.yaml").write_text("apps: {root: nowhere}\n")
    result = CliRunner().invoke(program, ["plan", str(folder / "spec.yaml")])
    assert result.exit_code not in (Exit.OK, 1)
    assert "no such folder" in result.stderr


def test_plan_like_a_pipeline_without_report_is_one_error(folder: Path):
    spec = str(folder / "spec.yaml")
    result = CliRunner().invoke(program, ["plan", spec, "--like", "nobody"])
    assert result.exit_code not in (Exit.OK, 1)
    assert "nobody" in result.stderr
