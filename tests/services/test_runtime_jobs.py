"""Runs begin, end and are replaced at awkward moments: no place is lost, no result, no ping."""

import asyncio
import json
import shutil
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from analyzers.runtime.folders import work_folder
from analyzers.runtime.service import Service, ServiceOptions
from analyzers.runtime.wire.archive import ResultShelf, StoredResult
from analyzers.runtime.wire.jobs import Job, JobRegistry
from contract.analysis import AnalyzerKind, AnalyzerReport
from contract.protocol import SUBPROTOCOL
from tests.support.demo_analyzer import DemoTool, request_for

STATIC = AnalyzerKind.STATIC


class Clings(DemoTool):
    """Does not end when it is told to, until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.told, self.let_go = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def behave(self, run: Any, execute: Any) -> None:
        if run.request.options.get("cling"):
            self.begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.told.set()
                await self.let_go.wait()


@pytest.fixture
async def tool() -> Clings:
    return Clings()


@pytest.fixture
async def service(tmp_path: Path, tool: Clings) -> AsyncIterator[Service]:
    options = ServiceOptions(data=tmp_path / "data", tools_dir=tmp_path, capacity=1)
    service = Service(STATIC, (tool,), options)
    await service.start()
    await service.canaries.proven("demo")
    yield service
    tool.let_go.set()
    await service.stop()


async def ended(job: Job) -> Job:
    async with asyncio.timeout(20):
        while not job.ended:
            await job.wait_for_change(1)
    return job


def websocket(service: Service) -> Any:
    url = f"ws://127.0.0.1:{service.port}"
    return connect(url, subprotocols=[SUBPROTOCOL], proxy=None)  # type: ignore[list-item]


def analyze(folder: Path, **over: Any) -> str:
    request = request_for(folder / "app", **over).model_dump(mode="json")
    return json.dumps({"type": "analyze", "request": request})


async def terminal(connection: ClientConnection) -> dict[str, Any]:
    while True:
        message = await asyncio.wait_for(connection.recv(), 20)
        frame = {} if isinstance(message, bytes) else json.loads(message)
        if frame.get("type") in ("completed", "failed"):
            return frame


async def test_a_run_without_room_for_its_folder_fails_and_frees_its_place(
    service: Service, tmp_path: Path
):
    folder = work_folder(tmp_path / "data/static")
    shutil.rmtree(folder)
    request = request_for(tmp_path / "app")
    job = await ended(await service.jobs.submit(request))
    assert job.failure
    assert "no private folder for the run: No such file or directory" in job.failure.message
    assert service.jobs.running == 0
    folder.mkdir()
    assert (await ended(await service.jobs.submit(request))).result


async def test_a_cancel_in_the_same_breath_as_its_analyze_ends_the_run(
    service: Service, tmp_path: Path
):
    async with websocket(service) as connection:
        cancel = json.dumps(
            {"type": "cancel", "subtask_id": request_for(tmp_path / "x").subtask_id}
        )
        connection.protocol.send_text(analyze(tmp_path).encode())
        connection.protocol.send_text(cancel.encode())
        connection.send_data()  # both frames in one segment
        assert (await terminal(connection))["code"] == "CANCELLED"
        assert service.jobs.running == 0
        await connection.send(analyze(tmp_path, options={"another": 1}))
        assert (await terminal(connection))["type"] == "completed"


async def test_a_request_that_replaces_a_run_before_its_first_step_is_done(
    service: Service, tmp_path: Path
):
    first = await service.jobs.submit(request_for(tmp_path / "app"))
    second = await service.jobs.submit(request_for(tmp_path / "app", options={"another": 1}))
    assert first.failure
    assert (await ended(second)).result


async def test_pings_are_answered_while_a_cancelled_run_ends(
    service: Service, tool: Clings, tmp_path: Path
):
    async with websocket(service) as connection:
        text = analyze(tmp_path, options={"cling": True})
        await connection.send(text)
        await tool.begun.wait()
        await connection.send(
            json.dumps({"type": "cancel", "subtask_id": json.loads(text)["request"]["subtask_id"]})
        )
        await tool.told.wait()
        await asyncio.wait_for(await connection.ping(), 20)
        tool.let_go.set()
        assert (await terminal(connection))["code"] == "CANCELLED"


async def test_asked_again_while_a_cancelled_run_ends_it_is_run_anew(
    service: Service, tool: Clings, tmp_path: Path
):
    request = request_for(tmp_path / "app", options={"cling": True})
    first = await service.jobs.submit(request)
    await tool.begun.wait()
    cancelling = asyncio.create_task(service.jobs.cancel(request.subtask_id))
    await tool.told.wait()
    again = asyncio.create_task(service.jobs.submit(request))
    tool.let_go.set()
    await cancelling
    second = await again
    assert second is not first
    assert service.jobs.running == 1


async def test_a_late_ack_of_an_older_result_does_not_lose_the_newer_one(
    service: Service, tmp_path: Path
):
    old = await ended(await service.jobs.submit(request_for(tmp_path / "app")))
    assert old.result
    new = await ended(
        await service.jobs.submit(request_for(tmp_path / "app", options={"another": 1}))
    )
    assert new.result
    await service.jobs.acknowledge(old.subtask_id, old.result.sha256)
    assert service.jobs.archive(new).is_file()
    assert service.jobs.get(new.subtask_id) is new
    await service.jobs.acknowledge(new.subtask_id, new.result.sha256)
    assert list((tmp_path / "data/static/results").iterdir()) == []


async def test_a_run_cancelled_twice_while_it_writes_leaves_no_result(tmp_path: Path):
    writing, let_go = threading.Event(), threading.Event()

    class Slow(ResultShelf):
        def put(self, result: StoredResult) -> None:
            writing.set()
            assert let_go.wait(20)
            super().put(result)

    async def measure(request: Any, folder: Path, _on_progress: Any) -> Any:
        return AnalyzerReport(subtask_id=request.subtask_id, analyzer=STATIC, tools=()), folder

    (tmp_path / "work").mkdir()
    jobs = JobRegistry(measure, Slow(tmp_path / "results"), tmp_path / "work", 1)
    job = await jobs.submit(request_for(tmp_path / "app"))
    await asyncio.to_thread(writing.wait, 20)
    cancels = [asyncio.create_task(jobs.cancel(job.subtask_id)) for _ in range(2)]
    await asyncio.sleep(0)
    let_go.set()
    await asyncio.gather(*cancels)
    assert job.failure
    assert list((tmp_path / "results").iterdir()) == []


def test_of_two_results_of_a_subtask_the_newest_is_loaded(tmp_path: Path):
    shelf, now = ResultShelf(tmp_path), datetime.now(UTC)
    for key, age_s in (("new", 0), ("old", 60)):
        shelf.part(key).write_bytes(b"archive")
        shelf.put(
            StoredResult(
                key=key,
                subtask_id="s",
                request_digest="",
                size_bytes=7,
                sha256="",
                chunks=(),
                finished_at=now - timedelta(seconds=age_s),
            )
        )
    assert [result.key for result in shelf.load().values()] == ["new"]
    assert {file.stem for file in tmp_path.iterdir()} == {"new"}
