"""Models side by side: of a report with all that it says, without one in counts that are known."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from contract.analysis import Coverage, MeasurementState, Severity, ToolReport
from contract.analyzers import AnalyzerKind
from contract.cells import CellsQuery
from contract.spec import AppRef, AppsSpec, PipelineSpec
from control.cells import matrix
from control.changes_page import changes_page
from control.comparison import Comparison
from control.errors import WrongInputError
from dashboard.paging import sealed
from dashboard.urls import app_url
from store.results import SqlResultStore
from tests.support.dashboard_site import browsing, site_of
from tests.support.large_report import large_fleet
from tests.support.new_store import new_store
from tests.support.report_on_disk import write_report as write_from
from tests.support.store_folder import store_in, stored_in, url_in
from tests.support.two_pipelines import MODEL, finding, looked, looking, lost, record, write_report

SPEC = PipelineSpec(apps=AppsSpec(root="fleet"), analyzers=(AnalyzerKind.STATIC,))


COUNTER = ToolReport(
    tool="loc",
    version="1",
    state=MeasurementState.MEASURED,
    coverage=Coverage(unit="files", reached=3),
    looks_for=(),
)
SEEN = looking(looked(finding("a"), finding("b", Severity.LOW)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def store(folder: Path) -> AsyncIterator[SqlResultStore]:
    store = await store_in(folder)
    yield store
    await store.close()


@pytest.fixture
async def client(folder: Path, store: SqlResultStore) -> AsyncIterator[httpx.AsyncClient]:
    async with browsing(site_of(folder)) as client:
        yield client


async def only(client: httpx.AsyncClient, pipeline: str) -> dict[str, Any]:
    """The one model of a pipeline without a report."""
    answer = (await client.get(f"/api/v1/pipelines/{pipeline}/models")).json()
    assert answer["told_by"] == "store"
    (one,) = answer["so_far"]
    return one


async def test_what_every_tool_saw_is_a_number(client: httpx.AsyncClient, store: SqlResultStore):
    await record(store, "whole", {1: (SEEN, COUNTER), 2: (SEEN, COUNTER)}, SPEC)

    one = await only(client, "whole")

    assert (one["model"], one["security"], one["at_least"]) == (MODEL, 4, False)
    assert one["by_severity"] == {"high": 2, "low": 2}
    assert one["cells"]["measured"] == 4
    assert one["security_cells"]["measured"] == 2


async def test_what_a_tool_did_not_see_makes_it_a_lower_bound(
    client: httpx.AsyncClient, store: SqlResultStore
):
    await record(store, "part", {1: (SEEN,), 2: (looking(lost()),)}, SPEC)

    one = await only(client, "part")
    page = (await client.get("/pipelines/part/models")).text

    assert (one["security"], one["at_least"]) == (2, True)
    assert "<b>≥ 2</b>" in page
    assert "write the report of what is recorded" in page


async def test_a_tool_that_counts_lines_is_no_proof_of_no_weakness(
    client: httpx.AsyncClient, store: SqlResultStore
):
    await record(store, "unseen", {1: (looking(lost()), COUNTER)}, SPEC)

    one = await only(client, "unseen")
    page = (await client.get("/pipelines/unseen/models")).text

    assert (one["security"], one["by_severity"]) == (None, None)
    assert "none of 1 cells that look for them was measured" in one["security_unknown"]
    assert "unknown: none of 1 cells" in page


async def test_a_void_tool_leaves_no_number(client: httpx.AsyncClient, store: SqlResultStore):
    other = looking(looked(finding("c"), tool="opengrep"))
    await record(store, "blind", {1: (SEEN, other)}, SPEC, blind="bandit")

    one = await only(client, "blind")

    assert one["security"] is None
    assert "static/bandit" in one["security_unknown"]
    assert (one["security_cells"]["measured"], one["security_cells"]["infra_failed"]) == (1, 1)


async def test_a_report_agrees_with_its_matrix(
    client: httpx.AsyncClient, store: SqlResultStore, folder: Path
):
    apps = {1: (SEEN, COUNTER), 2: (looking(lost()), COUNTER), 3: (SEEN, COUNTER)}
    await record(store, "told", apps, SPEC)
    before = await only(client, "told")
    await write_report(store, folder, "told")
    answer = (await client.get("/api/v1/pipelines/told/models")).json()
    report = json.loads((folder / "reports/told/report.json").read_bytes())

    (one,) = answer["models"]
    matrix = Counter(state for row in report["matrix"].values() for state in row.values())
    assert answer["told_by"] == "report"
    assert {k: n for k, n in one["totals"]["cells"].items() if n} == dict(matrix)
    assert one["totals"]["cells"] == before["cells"]
    assert one["totals"]["apps"] == before["apps"]
    tally = next(t for t in one["totals"]["findings"] if t["category"] == "security")
    assert tally["total"] == before["security"]
    assert answer["study"]["models"] == report["study"]["models"]


async def test_a_report_that_the_pipeline_left_behind_is_not_shown_as_now(
    client: httpx.AsyncClient, store: SqlResultStore, folder: Path
):
    await record(store, "again", {1: (SEEN,)}, SPEC)
    await write_report(store, folder, "again")
    await store.record_pipeline_state("again", "running", {})

    answer = (await client.get("/api/v1/pipelines/again/models")).json()
    page = (await client.get("/pipelines/again/models")).text

    assert (answer["told_by"], answer["stale"]) == ("store", "the pipeline has not ended")
    assert "There is a report, but the pipeline has not ended." in page


async def test_a_large_fleet_has_pictures_sets_and_pages_of_pairs(tmp_path: Path):
    """Of a report alone: the store does not know the pipeline any more."""
    fleet = large_fleet(models=5, apps=12)
    write_from(tmp_path, fleet)
    await new_store(url_in(tmp_path))
    async with browsing(site_of(tmp_path)) as client:
        page = await client.get(f"/pipelines/{fleet.pipeline_id}/models")
        url = f"/api/v1/pipelines/{fleet.pipeline_id}/study/comparisons"
        first = (await client.get(url, params={"limit": "7"})).json()
        second = await client.get(url, params={"limit": "7", "after": first["after"]})
        other = url.replace("comparisons", "templates")
        wrong = await client.get(other, params={"after": first["after"]})

    assert page.status_code == 200
    assert "Tied sets, best first" in page.text
    assert "<svg" in page.text
    assert " style=" not in page.text
    assert page.text.count("<h1") == 1
    assert first["rows"]["total"] > 7
    assert second.json()["rows"]["rows"][0] not in first["rows"]["rows"]
    assert wrong.status_code == 400
    assert "belongs to another question" in wrong.json()["detail"]


async def test_rows_of_a_study_that_nobody_wrote_say_so(
    client: httpx.AsyncClient, store: SqlResultStore
):
    await record(store, "unwritten", {1: (SEEN,)}, SPEC)
    answer = await client.get("/api/v1/pipelines/unwritten/study/comparisons")

    assert answer.status_code == 409
    assert answer.json()["next_step"] == "write the report, and ask again"


async def test_what_was_skipped_leaves_a_line_counter_a_line_counter(
    client: httpx.AsyncClient, store: SqlResultStore, folder: Path
):
    """The cells that the platform wrote in place of the tools are the newest, and tell nothing."""
    skipped = (lost(), lost("loc"))
    await record(store, "cut", {1: (looking(lost()), COUNTER), 2: skipped}, SPEC)

    one = await only(client, "cut")
    app = (await client.get("/api/v1" + app_url("cut", AppRef(model=MODEL, app_number=2)))).json()
    cells = {cell["record"]["report"]["tool"]: cell["looks_for"] for cell in app["report"]["cells"]}
    columns = (await matrix(stored_in(folder), CellsQuery(pipeline_id="cut"))).tools

    assert "none of 2 cells that look for them was measured" in one["security_unknown"]
    assert cells == {"bandit": ["security"], "loc": []}
    assert {c.tool: c.looks_for_findings for c in columns} == {"bandit": True, "loc": False}


async def test_a_cursor_that_somebody_made_is_wrong_input(client: httpx.AsyncClient):
    url = "/api/v1/pipelines/forged/study/comparisons"
    question = {"pipeline": "forged", "part": "comparisons"}
    for place in ("x", "2026 ab", "2026-01-01 -1", "2026-01-01 " + "9" * 900):
        answer = await client.get(url, params={"after": sealed(place, question) or ""})

        assert answer.status_code == 400
        assert answer.json()["next_step"] == "begin with the first page again"


@pytest.mark.parametrize("place", ["[" * 100_000, "[1e999, 0, 0, 0, 0, 0]", "[1, 2]", "null"])
def test_a_place_in_a_comparison_that_somebody_made_is_wrong_input(place: str):
    with pytest.raises(WrongInputError, match="no place in a comparison"):
        changes_page(Comparison.model_construct(changes=()), place, 1)
