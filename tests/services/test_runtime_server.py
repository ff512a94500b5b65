"""The analyzer's port, spoken to without our client: frames good, bad and random; HTTP."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from analyzers.runtime.folders import StartupError, work_folder
from analyzers.runtime.service import Service, ServiceOptions
from analyzers.runtime.wire.jobs import Job
from contract.analyzers import AnalyzerKind
from contract.protocol import SUBPROTOCOL
from tests.support.demo_analyzer import DemoTool, request_for, sha
from tests.support.expositions import faults

STATIC = AnalyzerKind.STATIC


@pytest.fixture(scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("server")
    service = Service(STATIC, (DemoTool(),), ServiceOptions(data=folder, tools_dir=folder))
    await service.start()
    await service.canaries.proven("demo")
    yield service
    await service.stop()


def websocket(service: Service, subprotocol: str = SUBPROTOCOL) -> Any:
    url = f"ws://127.0.0.1:{service.port}"
    return connect(url, subprotocols=[subprotocol], proxy=None)  # type: ignore[list-item]


def analyze(folder: Path, resume_from: int = 0, **over: Any) -> str:
    request = request_for(folder / "app", **over).model_dump(mode="json")
    return json.dumps({"type": "analyze", "request": request, "resume_from": resume_from})


async def conversation(connection: ClientConnection) -> tuple[list[dict[str, Any]], bytes]:
    """Frames up to the terminal one, and the bytes of the chunks."""
    frames, data = list[dict[str, Any]](), b""
    while not frames or frames[-1]["type"] not in ("completed", "failed"):
        message = await asyncio.wait_for(connection.recv(), 20)
        if isinstance(message, bytes):
            assert sha(message) == frames[-1]["sha256"]
            data += message
        else:
            frames.append(json.loads(message))
    return frames, data


async def test_another_subprotocol_fails_the_handshake_with_400(service: Service):
    with pytest.raises(InvalidStatus) as caught:
        async with websocket(service, "assay.analyzer.v2"):
            pass
    assert caught.value.response.status_code == 400
    assert b"assay.analyzer.v1" in caught.value.response.body


async def test_chunks_resume_anywhere_and_exactly_one_frame_ends(service: Service, tmp_path: Path):
    big = {"attach_bytes": 2_500_000}
    async with websocket(service) as connection:
        await connection.send(analyze(tmp_path, options=big, subtask_id="resume"))
        frames, whole = await conversation(connection)
        assert frames[-1]["sha256"] == sha(whole)
        assert frames[-1]["size_bytes"] == len(whole)
        await connection.send(analyze(tmp_path, 1_500_000, options=big, subtask_id="resume"))
        frames, rest = await conversation(connection)
        assert rest == whole[1_500_000:]
        await connection.send(analyze(tmp_path, 10**9, options=big, subtask_id="resume"))
        frames, _ = await conversation(connection)
        assert (frames[-1]["type"], frames[-1]["code"]) == ("failed", "INVALID_ARGUMENT")
        await connection.send('{"type": "ack", "subtask_id": "resume"}')
        await connection.send('{"type": "cancel", "subtask_id": "resume"}')
        frames, _ = await conversation(connection)
        assert frames[-1]["code"] == "NOT_FOUND"


async def test_a_stream_that_is_replaced_leaves_no_chunk_without_its_bytes(
    service: Service, tmp_path: Path
):
    big = {"attach_bytes": 12_000_000}
    async with websocket(service) as connection:
        await connection.send(analyze(tmp_path, options=big, subtask_id="again"))
        while json.loads(await asyncio.wait_for(connection.recv(), 20))["type"] != "chunk":
            pass  # the first chunk's bytes are on their way
        await connection.send(analyze(tmp_path, 1, options=big, subtask_id="again"))
        assert isinstance(await connection.recv(), bytes)
        data, frame = b"", {"type": "chunk"}
        while frame["type"] != "completed" or not data:
            frame = json.loads(await asyncio.wait_for(connection.recv(), 20))
            if frame["type"] == "chunk":
                block = await connection.recv()
                assert isinstance(block, bytes)
                assert sha(block) == frame["sha256"]
                data = block if frame["offset"] == 1 else data and data + block
    assert len(data) == frame["size_bytes"] - 1


async def test_a_kept_result_of_another_size_is_lost_and_made_anew(
    service: Service, tmp_path: Path
):
    archive = service.jobs.archive(await service.jobs.submit(request_for(tmp_path / "app")))
    async with websocket(service) as connection:
        await connection.send(analyze(tmp_path))
        await conversation(connection)
        archive.write_bytes(archive.read_bytes()[:-512])
        await connection.send(analyze(tmp_path))
        frames, data = await conversation(connection)
        assert (frames[-1]["code"], data) == ("DATA_LOSS", b"")
        await connection.send(analyze(tmp_path))
        frames, _ = await conversation(connection)
        assert frames[-1]["type"] == "completed"


async def test_a_defect_while_a_result_is_sent_is_named_and_ends_the_subtask(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def broken(_job: Job) -> Path:
        raise ZeroDivisionError("no such shelf")

    async with websocket(service) as connection:
        with monkeypatch.context() as patch:
            patch.setattr(service.jobs, "archive", broken)
            await connection.send(analyze(tmp_path, subtask_id="defect"))
            frames, _ = await conversation(connection)
        assert frames[-1]["code"] == "INTERNAL"
        assert frames[-1]["message"] == "ZeroDivisionError: no such shelf"
        await connection.send(analyze(tmp_path, subtask_id="defect"))
        frames, _ = await conversation(connection)
        assert frames[-1]["type"] == "completed"


async def test_two_subtasks_interleave_on_one_connection(service: Service, tmp_path: Path):
    async with websocket(service) as connection:
        await connection.send(
            analyze(tmp_path, subtask_id="slow", options={"sleep_s": 0.6, "attach_bytes": 9})
        )
        await connection.send(analyze(tmp_path, subtask_id="quick"))
        order: list[str] = []
        while len(order) < 2:
            message = await asyncio.wait_for(connection.recv(), 20)
            frame = {} if isinstance(message, bytes) else json.loads(message)
            if frame.get("type") == "completed":
                order.append(frame["subtask_id"])
    assert order == ["quick", "slow"]


async def test_a_request_for_another_analyzer_ends_nothing_that_goes_on(
    service: Service, tmp_path: Path
):
    async with websocket(service) as connection:
        await connection.send(analyze(tmp_path, options={"sleep_s": 0.4}))
        await connection.send(analyze(tmp_path, analyzer=AnalyzerKind.DYNAMIC))
        refused, _ = await conversation(connection)
        ended, _ = await conversation(connection)
    assert (refused[-1]["code"], refused[-1]["subtask_id"]) == ("INVALID_ARGUMENT", "")
    assert ended[-1]["type"] == "completed"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "JSON"),
        ("[]", "object"),
        ('{"type": "analyse"}', "analyze"),
        ('{"type": "ack"}', "ack.subtask_id"),
        ('{"type": "analyze", "request": {"subtask_id": "x"}}', "analyze.request.analyzer"),
        ("[" * 100_000, "JSON"),
    ],
)
async def test_a_bad_frame_is_named_and_the_connection_goes_on(
    service: Service, text: str, named: str
):
    async with websocket(service) as connection:
        await connection.send(text)
        await connection.send(b"binary")
        (first,), _ = await conversation(connection)
        (second,), _ = await conversation(connection)
    assert first["code"] == second["code"] == "INVALID_ARGUMENT"
    assert named in first["message"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
frames = st.fixed_dictionaries(
    {"type": st.sampled_from(["analyze", "ack", "cancel", "x"])},
    optional={"request": json_values, "subtask_id": json_values, "resume_from": json_values},
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(message=st.one_of(frames.map(json.dumps), json_values.map(json.dumps), st.text()))
async def test_random_frames_never_close_the_connection(service: Service, message: str):
    async with websocket(service) as connection:
        await connection.send(message)
        await connection.send('{"type": "cancel", "subtask_id": "nobody"}')
        answers = [(await conversation(connection))[0][-1]]
        while answers[-1]["code"] != "NOT_FOUND":
            answers.append((await conversation(connection))[0][-1])
    assert all("Traceback" not in answer["message"] for answer in answers)
    assert len(answers) <= 2


async def test_http_serves_result_health_and_metrics(service: Service, tmp_path: Path):
    async with websocket(service) as connection:
        await connection.send(analyze(tmp_path, subtask_id="a/b%2Fc/app1"))
        _, archive = await conversation(connection)
    base = f"http://127.0.0.1:{service.port}"
    async with httpx.AsyncClient(base_url=base, trust_env=False) as client:
        whole = await client.get("/results/a%2Fb%252Fc%2Fapp1")
        part = await client.get("/results/a%2Fb%252Fc%2Fapp1", headers={"Range": "bytes=512-"})
        assert (whole.status_code, whole.content) == (200, archive)
        assert whole.headers["Repr-Digest"].startswith("sha-256=:")
        assert (part.status_code, part.content) == (206, archive[512:])
        missing = await client.get("/results/nobody")
        assert (missing.status_code, missing.json()["code"]) == (404, "NOT_FOUND")
        metrics = (await client.get("/metrics")).text
        assert 'assay_canary_blind{analyzer="static",tool="demo"} 0.0' in metrics
        assert 'assay_canary_no_source{analyzer="static",tool="demo"} 0.0' in metrics
        assert faults(metrics, "analyzers") == []
        assert (await client.get("/ready")).json() == {"ok": True, "reasons": {}}
        health = await client.get("/health")
        assert (health.status_code, health.json()["tools"][0]["ok"]) == (200, True)


@pytest.mark.parametrize("body", [b"", b"no tar at all" * 100, b"\0" * 10_240])
async def test_an_upload_that_is_not_the_source_is_refused(service: Service, body: bytes):
    async with httpx.AsyncClient(trust_env=False) as client:
        url = f"http://127.0.0.1:{service.port}/sources/{'ab' * 32}"
        answer = await client.put(url, content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_ARGUMENT")


async def test_a_port_in_use_and_a_data_folder_in_use_are_named(service: Service, tmp_path: Path):
    options = ServiceOptions(data=tmp_path, tools_dir=tmp_path, port=service.port)
    with pytest.raises(StartupError, match=r"cannot listen on 127.0.0.1:\d+.*--port"):
        await Service(STATIC, (DemoTool(),), options).start()
    holder = Service(STATIC, (DemoTool(),), options)
    with pytest.raises(StartupError, match="used by another analyzer"):
        Service(STATIC, (DemoTool(),), options)
    await holder.stop()


class Process:
    """The demo analyzer as a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = 0

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.support.demo_analyzer", "--port", "0"),
            *("--data", str(self._folder / "data"), "--tools-dir", str(self._folder)),
            stderr=asyncio.subprocess.PIPE,
        )
        assert self._process.stderr
        async with asyncio.timeout(30):
            while b"listens on" not in (line := await self._process.stderr.readline()):
                assert line
        self.port = int(json.loads(line)["message"].rpartition(":")[2])

    async def end(self, number: int) -> int:
        self._process.send_signal(number)
        await self._process.communicate()
        assert self._process.returncode is not None
        return self._process.returncode


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 0)])
async def test_an_ended_analyzer_leaves_no_process_and_keeps_results(
    tmp_path: Path, number: int, code: int
):
    analyzer = Process(tmp_path)
    await analyzer.start()
    url = f"ws://127.0.0.1:{analyzer.port}"
    async with connect(url, subprotocols=[SUBPROTOCOL], proxy=None) as one:  # type: ignore[list-item]
        await one.send(analyze(tmp_path, subtask_id="done"))
        done, _ = await conversation(one)
        await one.send(analyze(tmp_path, subtask_id="lost", options={"sleep_s": 300}))
        pid_file = tmp_path / "pid"
        while not pid_file.exists() or not pid_file.read_text().strip():
            await asyncio.sleep(0.02)
        assert await analyzer.end(number) == code
    async with asyncio.timeout(10):
        while psutil.pid_exists(int(pid_file.read_text())):
            await asyncio.sleep(0.02)
    await analyzer.start()
    runs = (tmp_path / "runs-demo").read_text().count("run")
    url = f"ws://127.0.0.1:{analyzer.port}"
    async with connect(url, subprotocols=[SUBPROTOCOL], proxy=None) as one:  # type: ignore[list-item]
        await one.send(analyze(tmp_path, subtask_id="done"))
        again, _ = await conversation(one)
    assert again[-1] == done[-1]
    assert (tmp_path / "runs-demo").read_text().count("run") == runs
    assert list(work_folder(tmp_path / "data/static").glob("run-*")) == []
    await analyzer.end(signal.SIGTERM)
