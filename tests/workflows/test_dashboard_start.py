"""Pipelines started from the browser and over the API, on a real server."""

import asyncio
from pathlib import Path

from temporalio.client import Client

from contract.ids import pipeline_workflow_id
from contract.progress import PipelinePhase
from tests.support.dashboard_site import operating, site_of
from tests.support.new_store import new_store
from tests.workflows.fake_platform import FakePlatform, finished
from workflows.pipeline import PipelineWorkflow


async def test_a_start_that_is_sent_twice_is_one_pipeline_by_its_starter(
    client: Client, tmp_path: Path
):
    app = tmp_path / "fleets" / "study" / "m" / "app1"
    app.mkdir(parents=True)
    (app / "app.py").write_text("1\n")
    (tmp_path / "data").mkdir()

    async def connected() -> Client:
        return client

    site = site_of(tmp_path / "data", fleets=tmp_path / "fleets", connect=connected)
    await new_store(site.stored.url)
    platform = FakePlatform(apps=1, analyzers="s")
    order = {"spec": {"apps": {"root": "study"}, "parallelism": 9}, "id": platform.id}
    form = {"root": "study", "seen": "analyzers", "analyzer": "static", "do": "start"}
    form |= {"name": "it", "id": platform.id}
    async with operating(site, name="ann") as web:
        platform.queue = asyncio.Event()
        first = await web.post("/new", data=form)
        again = await web.post("/new", data=form)
        other = await web.post("/api/v1/pipelines", json=order)
        platform.queue.set()
        handle = client.get_workflow_handle_for(
            PipelineWorkflow.run, pipeline_workflow_id(platform.id)
        )
        ended = await finished(handle)
        after = await web.post("/new", data=form | {"name": "late"})
        shown = await web.get(first.headers["location"])

    assert first.status_code == again.status_code == 303
    assert other.status_code == 409 and "different spec" in other.json()["detail"]
    assert platform.count("run m/app1") == 1 and ended.phase is PipelinePhase.COMPLETED
    assert after.status_code == 409 and "already ran" in after.text
    assert not list(tmp_path.glob("data/**/late.yaml")), "refused, and written all the same"
    assert f'href="/pipelines/{platform.id}"' in shown.text and "it.yaml" in shown.text
    assert platform.store.header and platform.store.header.started_by == "ann"
