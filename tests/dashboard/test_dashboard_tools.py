"""Tools: what they looked with, what they can see, and where they were blind."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from analyzers.runtime.service import Service, ServiceOptions
from analyzers.runtime.tool import Canary
from contract.analysis import MeasurementState, Provenance, ToolReport
from contract.analyzers import AnalyzerKind
from contract.spec import AppsSpec, PipelineSpec
from store.results import SqlResultStore
from tests.support.dashboard_site import browsing, site_of
from tests.support.demo_analyzer import DemoTool
from tests.support.store_folder import store_in
from tests.support.two_pipelines import finding, looked, lost, record, write_report

STATIC = AnalyzerKind.STATIC
SPEC = PipelineSpec(apps=AppsSpec(root="fleet"), analyzers=(STATIC,))
NOTHING = ToolReport(
    tool="npm-audit", version="9", state=MeasurementState.NOT_APPLICABLE, reason="no package.json"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tools")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def store(folder: Path) -> AsyncIterator[SqlResultStore]:
    store = await store_in(folder)
    apps = {1: (looked(finding("a")), NOTHING), 2: (lost(), NOTHING)}
    await record(store, "void", apps, SPEC, blind="bandit")
    await record(store, "told", apps, SPEC)
    await write_report(store, folder, "told")
    yield store
    await store.close()


@pytest.fixture
async def client(folder: Path, store: SqlResultStore) -> AsyncIterator[httpx.AsyncClient]:
    async with browsing(site_of(folder)) as client:
        yield client


async def tool(client: httpx.AsyncClient, pipeline: str, name: str) -> dict[str, Any]:
    answer = (await client.get(f"/api/v1/pipelines/{pipeline}/tools")).json()
    return next(one for one in answer["tools"] if f"{one['analyzer']}/{one['tool']}" == name)


@pytest.mark.parametrize("pipeline", ["told", "void"])
async def test_what_a_tool_did_is_the_same_with_and_without_a_report(
    client: httpx.AsyncClient, pipeline: str
):
    npm = await tool(client, pipeline, "static/npm-audit")
    bandit = await tool(client, pipeline, "static/bandit")

    assert npm["cells"]["not_applicable"] == 2
    assert npm["lost"] == []
    assert bandit["lost"] == [{"reason": "killed at its limit", "cells": 1}]
    assert [use["version"] for use in bandit["versions"]] == ["1.0"]


async def test_what_a_void_tool_measured_counts_as_not_measured(client: httpx.AsyncClient):
    bandit = await tool(client, "void", "static/bandit")
    page = (await client.get("/pipelines/void/tools")).text

    assert (bandit["cells"]["measured"], bandit["cells"]["infra_failed"]) == (0, 2)
    assert bandit["void"]
    assert bandit["score"]["recall"] == 0.0
    assert "static/bandit is void" in page
    assert "Of what is recorded until" in page


async def test_a_void_tools_cells_of_control_apps_are_measured_in_counts_as_in_the_matrix(
    client: httpx.AsyncClient,
):
    matrix = (await client.get("/api/v1/pipelines/void/matrix")).json()
    told = (await client.get("/api/v1/pipelines/void")).json()

    cells = [cell for row in matrix["rows"] for cell in row["cells"]]
    shown = Counter(cell["state"] for cell in cells if cell["tool"] == "bandit")
    counted = {row["state"]: row["cells"] for row in told["cells"] if row["tool"] == "bandit"}
    assert counted == shown == {"measured": 1, "infra_failed": 2}


async def test_the_report_speaks_until_the_pipeline_goes_on(
    client: httpx.AsyncClient, store: SqlResultStore
):
    first = (await client.get("/api/v1/pipelines/told/tools")).json()
    await store.record_pipeline_state("told", "running", {})
    then = (await client.get("/api/v1/pipelines/told/tools")).json()
    await store.record_pipeline_state("told", "completed", {})

    assert (first["told_by"], first["stale"]) == ("report", "")
    assert (then["told_by"], then["stale"]) == ("store", "the pipeline has not ended")
    assert "has no control apps" in then["why_no_controls"]


async def test_a_damaged_report_does_not_hide_what_is_recorded(folder: Path, store: SqlResultStore):
    await record(store, "damaged", {1: (looked(finding("a")),)}, SPEC)
    path = folder / "reports" / "damaged" / "report.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"schema_version": "3.0", "apps": [')
    async with browsing(site_of(folder)) as client:
        answer = await client.get("/pipelines/damaged/tools")

    assert answer.status_code == 200
    assert "Of what is recorded until" in answer.text


async def test_a_pipeline_that_nobody_knows_is_a_page_with_a_next_step(client: httpx.AsyncClient):
    answer = await client.get("/pipelines/nobody/tools")

    assert answer.status_code == 404
    assert "list the pipelines there are" in answer.text


@pytest.fixture
async def analyzer(tmp_path: Path) -> AsyncIterator[str]:
    """A real analyzer with a tool that sees and one that is blind; its address."""
    sightless = Canary(files={"a.py": "1\n"}, expect=frozenset({"eval"}))
    tools = (DemoTool("sees"), DemoTool("dull", canary=sightless))
    options = ServiceOptions(data=tmp_path / "analyzer", tools_dir=tmp_path, port=0)
    service = Service(STATIC, tools, options)
    await service.start()
    for one in tools:
        await service.canaries.proven(one.name)
    yield f"ws://127.0.0.1:{service.port}"
    await service.stop()


async def test_the_installation_tells_who_is_blind_now(
    folder: Path, store: SqlResultStore, analyzer: str
):
    urls = {STATIC: analyzer, AnalyzerKind.DYNAMIC: "ws://127.0.0.1:9"}
    async with browsing(site_of(folder, analyzer_urls=urls)) as client:
        answer = (await client.get("/api/v1/tools")).json()
        page = (await client.get("/tools")).text

    static, dynamic = answer["analyzers"]
    assert [(t["name"], t["ok"], t["reason"]) for t in static["tools"]] == [
        ("sees", True, ""),
        ("dull", False, "canary not seen: eval not among its 0 findings"),
    ]
    assert (static["answers"], dynamic["answers"]) == (True, False)
    assert "refused the connection" in dynamic["reason"]
    assert "Blind: dull." in page


async def test_an_analyzer_that_never_answers_costs_little_time(
    folder: Path, store: SqlResultStore
):
    held: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    urls = dict.fromkeys(AnalyzerKind, f"ws://127.0.0.1:{port}")
    async with browsing(site_of(folder, analyzer_urls=urls)) as client:
        began = time.monotonic()
        answer = (await client.get("/api/v1/tools")).json()
        took_s = time.monotonic() - began
    for writer in held:
        writer.close()
    server.close()

    assert {one["answers"] for one in answer["analyzers"]} == {False}
    assert all("did not answer" in one["reason"] for one in answer["analyzers"])
    assert took_s < 5.0  # without the limit, as long as it is held


async def test_recall_of_a_recent_pipeline_is_beside_the_tool(
    folder: Path, store: SqlResultStore, analyzer: str
):
    await record(store, "seen", {1: (looked(tool="sees"),)}, SPEC, blind="sees")
    await write_report(store, folder, "seen")
    async with browsing(site_of(folder, analyzer_urls={STATIC: analyzer})) as client:
        (static,) = (await client.get("/api/v1/tools")).json()["analyzers"]

    sees, dull = static["tools"]
    assert sees["seen"]["pipeline_id"] == "seen"
    assert sees["seen"]["score"]["versions"] == ["1.0"]
    assert dull["seen"] is None


async def test_time_a_cell_is_of_cells_that_were_measured_anew(
    folder: Path, store: SqlResultStore, analyzer: str
):
    """A cell of the cache takes no time: what the others took would be shared among too many."""
    now = datetime.now(UTC)
    took = looked(tool="sees").model_copy(update={"provenance": Provenance(duration_s=4.0)})
    reused = took.model_copy(update={"provenance": Provenance(duration_s=4.0, cached_from=now)})
    async with browsing(site_of(folder, analyzer_urls={STATIC: analyzer})) as client:
        (before,) = (await client.get("/api/v1/tools")).json()["analyzers"]
        await record(store, "reused", {1: (took,), 2: (reused,)}, SPEC)
        await record(store, "anew", {1: (took,), 2: (took,)}, SPEC)
        for name in ("reused", "anew"):
            await write_report(store, folder, name)
        (after,) = (await client.get("/api/v1/tools")).json()["analyzers"]
        reused_tools = (await client.get("/api/v1/pipelines/reused/tools")).json()["tools"]

    earlier, sees = before["tools"][0], after["tools"][0]
    measured = sees["measured"] - earlier["measured"]
    assert (sees["duration_s"] - (earlier["duration_s"] or 0.0)) / measured == pytest.approx(4.0)
    assert (reused_tools[0]["duration_s"], reused_tools[0]["versions"][0]["saved_s"]) == (4.0, 4.0)
