"""From the store to the report: what was recorded is what a person reads."""

import json
from datetime import UTC, datetime

from contract.analysis import MeasurementState
from reports.export import render_json
from store.results import SqlResultStore
from tests.store import samples
from tests.support.facts import ALL_FACTS
from tests.support.new_store import new_store
from tests.support.whole_report import whole


async def test_recorded_cells_reach_the_report(tmp_path):
    url = f"sqlite:///{tmp_path / 'assay.db'}"
    await new_store(url)
    store = SqlResultStore.from_url(url)
    await samples.register(store, samples.plan(apps=2))
    recorded = samples.report(samples.measured("bandit", 2), samples.failed("semgrep"))
    await store.record_subtask("p1", samples.app(), samples.outcome(recorded), recorded)
    await store.record_app(samples.app(), samples.app_outcome(MeasurementState.INFRA_FAILED))
    await store.record_pipeline_state("p1", "cancelled", {})

    report = whole(await store.load_pipeline("p1"), generated_at=datetime.now(UTC))
    await store.close()

    cells = [cell.model_dump(mode="json") for cell in report.cells]
    static = [cell for cell in cells if cell["record"]["analyzer"] == "static"]
    told = [cell["record"]["report"] for cell in static]
    assert [(cell["tool"], cell["state"]) for cell in told] == [
        ("bandit", "measured"),
        ("semgrep", "infra_failed"),
        ("*", "infra_failed"),
    ]
    assert [cell["finding_count"] for cell in static] == [2, None, None]
    assert told[2]["reason"] == "not run: pipeline cancelled"
    assert "exit code 2: out of memory" in report.page


async def test_each_fact_of_an_app_goes_from_its_outcome_to_report_json(tmp_path):
    """Between them no code names a fact: neither workflow, nor activity, nor table."""
    url = f"sqlite:///{tmp_path / 'assay.db'}"
    await new_store(url)
    store = SqlResultStore.from_url(url)
    await samples.register(store, samples.plan(apps=1))
    outcome = samples.app_outcome().model_copy(update={"facts": ALL_FACTS})
    await store.record_app(samples.app(), outcome)

    report = whole(await store.load_pipeline("p1"), generated_at=datetime.now(UTC))
    await store.close()

    (app,) = report.apps
    assert json.loads(render_json(app))["facts"] == ALL_FACTS.model_dump(mode="json")
    assert "web ran <code>assay/apps:ab</code>, 45.78 MiB" in report.app_page()
