"""Gateway and analyzer over real sockets: no run twice, no result lost, every error named."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from analyzers.runtime.tool import Parsed
from analyzers.runtime.wire import uploads as sources
from clients.analyzers.gateway import WebSocketGateway
from contract.analysis import AnalyzerKind, Coverage, Finding, MeasurementState, Severity
from contract.errors import ErrorCode
from contract.protocol import Progress
from tests.support.demo_analyzer import DemoTool
from tests.support.gateway_bench import STATIC, Bench, fault_of, ignore, until


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        yield Bench(tmp_path, stack)


async def test_round_trip_then_nothing_is_left(bench: Bench):
    service = await bench.service()
    gateway = bench.gateway(service.port)
    seen: list[Progress] = []
    result = await gateway.analyze(bench.request(), seen.append)
    (cell,) = result.report.tools
    assert (cell.tool, cell.version, cell.state) == ("demo", "1.0", MeasurementState.MEASURED)
    assert [finding.rule_id for finding in cell.findings] == ["eval"]
    assert cell.provenance.argv[0][0] == "wc"
    assert len(cell.provenance.code_digest) == 64
    assert seen
    await result.discard()
    assert not result.archive.exists()
    await gateway.acknowledge(result.report.subtask_id, STATIC)
    await until(lambda: service.jobs.kept == 0)
    assert list((bench.folder / "data/static/results").iterdir()) == []
    assert list((bench.folder / "data/static/work").glob("run-*")) == []


async def test_detached_run_goes_on_and_is_taken_up_without_a_second_run(bench: Bench):
    service = await bench.service()
    gateway = bench.gateway(service.port)
    request = bench.request(options={"sleep_s": 0.5})
    first = asyncio.create_task(gateway.analyze(request, ignore))
    await until(lambda: bench.tool.runs == 1)
    await gateway.detach(request)
    assert (await fault_of(first)).code is ErrorCode.UNAVAILABLE
    result = await gateway.analyze(request, ignore)
    assert result.report.tools[0].state is MeasurementState.MEASURED
    assert (bench.tool.runs, service.jobs.started) == (1, 1)


async def test_a_kept_result_that_is_broken_is_dropped_and_measured_anew(bench: Bench):
    service = await bench.service()
    request = bench.request()
    await bench.gateway(service.port).analyze(request, ignore)
    (archive,) = (bench.folder / "data/static/results").glob("*.tar")
    archive.write_bytes(b"x" * archive.stat().st_size)
    fault = await fault_of(bench.gateway(service.port).analyze(request, ignore))
    assert fault.code is ErrorCode.DATA_LOSS
    result = await bench.gateway(service.port).analyze(request, ignore)
    assert result.report.tools[0].state is MeasurementState.MEASURED
    assert service.jobs.started == 2


async def test_a_stale_call_that_detaches_leaves_the_newer_one_attached(bench: Bench):
    service = await bench.service()
    gateway = bench.gateway(service.port)
    stale = bench.request(options={"sleep_s": 1})
    newer = stale.model_copy()
    calls = [asyncio.create_task(gateway.analyze(r, ignore)) for r in (stale, newer)]
    await until(lambda: bench.tool.runs == 1)
    await gateway.detach(stale)
    assert "detached" in (await fault_of(calls[0])).message
    assert (await calls[1]).report.tools[0].state is MeasurementState.MEASURED
    assert service.jobs.started == 1


async def test_result_survives_the_restart_of_the_analyzer(bench: Bench):
    service = await bench.service()
    gateway = bench.gateway(service.port)
    await gateway.analyze(bench.request(), ignore)
    await bench.stop(service)
    again = await bench.service()
    result = await bench.gateway(again.port).analyze(bench.request(), ignore)
    assert result.report.tools[0].state is MeasurementState.MEASURED
    assert (bench.tool.runs, again.jobs.started) == (1, 0)


async def test_a_full_analyzer_says_when_to_come_again(bench: Bench):
    service = await bench.service(capacity=1)
    gateway = bench.gateway(service.port)
    request = bench.request(options={"sleep_s": 30})
    first = asyncio.create_task(gateway.analyze(request, ignore))
    await until(lambda: bench.tool.runs == 1)
    fault = await fault_of(gateway.analyze(bench.request(subtask_id="other"), ignore))
    assert fault.code is ErrorCode.RESOURCE_EXHAUSTED
    assert fault.retry_after_s
    first.cancel()
    await asyncio.wait([first])


async def test_a_subtask_id_that_is_too_long_is_refused_and_not_waited_for(bench: Bench):
    service = await bench.service()
    gateway = bench.gateway(service.port)
    async with asyncio.timeout(10):
        fault = await fault_of(gateway.analyze(bench.request(subtask_id="x" * 600), ignore))
    assert (fault.code, "512" in fault.message) == (ErrorCode.INVALID_ARGUMENT, True)
    assert (await gateway.analyze(bench.request(), ignore)).report.tools
    assert gateway.handshakes == 1


async def test_cancel_ends_every_process_of_the_run(bench: Bench):
    service = await bench.service()
    gateway = bench.gateway(service.port)
    request = bench.request(options={"sleep_s": 300})
    call = asyncio.create_task(gateway.analyze(request, ignore))
    pid_file = bench.folder / "pid"
    await until(lambda: pid_file.exists() and pid_file.read_text().strip() != "")
    grandchild = int(pid_file.read_text())
    assert psutil.pid_exists(grandchild)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert not psutil.pid_exists(grandchild)
    assert (service.jobs.running, service.jobs.kept) == (0, 0)


async def test_a_newer_request_replaces_the_run_of_an_older_one(bench: Bench):
    service = await bench.service(capacity=1)
    gateway = bench.gateway(service.port)
    old = asyncio.create_task(gateway.analyze(bench.request(options={"sleep_s": 300}), ignore))
    await until(lambda: bench.tool.runs == 1)
    result = await gateway.analyze(bench.request(), ignore)
    assert result.report.tools[0].state is MeasurementState.MEASURED
    fault = await fault_of(old)
    assert (fault.code, "newer request" in fault.message) == (ErrorCode.UNAVAILABLE, True)
    assert bench.tool.runs == 2, "the older caller does not ask again"


async def test_a_run_that_an_analyzer_ends_as_it_shuts_down_may_be_asked_for_again(bench: Bench):
    service = await bench.service()
    gateway = bench.gateway(service.port)
    call = asyncio.create_task(gateway.analyze(bench.request(options={"sleep_s": 300}), ignore))
    await until(lambda: bench.tool.runs == 1)
    await bench.stop(service)
    fault = await fault_of(call)
    assert (fault.code, fault.retryable) == (ErrorCode.UNAVAILABLE, True)


async def test_subtasks_one_after_another_share_one_handshake(bench: Bench):
    service = await bench.service()
    gateway = bench.gateway(service.port)
    for number in range(3):
        subtask_id = f"pipe/m/app{number}/static"
        await gateway.analyze(bench.request(subtask_id=subtask_id), ignore)
        await gateway.acknowledge(subtask_id, STATIC)
    assert gateway.handshakes == 1


class Quick(DemoTool):
    """Runs no process."""

    async def version(self, run: Any, execute: Any) -> str:
        return "1"

    async def run(self, run: Any, execute: Any) -> Parsed:
        finding = Finding(tool=self.name, rule_id="eval", message="m", severity=Severity.LOW)
        return Parsed(Coverage(unit="files", reached=1), findings=(finding,))


async def test_twenty_apps_at_four_analyzers_make_as_many_handshakes_as_are_in_flight(
    bench: Bench,
):
    in_flight, urls = asyncio.Semaphore(3), dict[AnalyzerKind, str]()
    for kind in AnalyzerKind:
        service = await bench.service(Quick(), kind=kind, capacity=3)
        urls[kind] = f"ws://127.0.0.1:{service.port}"
    gateway = bench.entered(WebSocketGateway(urls, workdir=bench.folder / "incoming"))

    async def app(number: int) -> None:
        async with in_flight:
            for kind in AnalyzerKind:
                subtask_id = f"pipe/m/app{number}/{kind}"
                request = bench.request(subtask_id=subtask_id, analyzer=kind)
                await gateway.analyze(request, ignore)
                await gateway.acknowledge(subtask_id, kind)

    await asyncio.gather(*(app(number) for number in range(20)))
    assert 4 <= gateway.handshakes <= 4 * 3


async def test_source_is_uploaded_once_where_the_folder_is_not_shared(bench: Bench):
    service = await bench.service()
    gateway = bench.gateway(service.port)
    request = bench.request()
    (bench.folder / "app/note.txt").write_text("later")  # same path, other content: not this source
    fault = await fault_of(gateway.analyze(request, ignore))
    assert fault.code is ErrorCode.FAILED_PRECONDITION
    assert "changed since" in fault.message
    (bench.folder / "app/link").symlink_to("/etc/passwd")
    (bench.folder / "app/sub").mkdir()
    (bench.folder / "app/sub/b.py").write_text("b = 1\n")
    request = bench.request()
    store = bench.folder / "data/static/sources"
    moved = request.source.model_copy(update={"path": "/nowhere"})
    assert await fault_of(gateway.analyze(request.model_copy(update={"source": moved}), ignore))
    await gateway._upload(request)  # pyright: ignore[reportPrivateUsage]
    assert [entry.name for entry in store.iterdir()] == [request.source.digest]
    result = await gateway.analyze(request.model_copy(update={"source": moved}), ignore)
    assert result.report.tools[0].coverage is not None
    assert result.report.tools[0].coverage.reached == 3


async def test_a_folder_the_analyzer_cannot_see_is_sent_within_the_call(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sources, "digest_folder", lambda _root: "")  # as on another host
    service = await bench.service()
    gateway = bench.gateway(service.port)
    request = bench.request()
    result = await gateway.analyze(request, ignore)
    assert result.report.tools[0].state is MeasurementState.MEASURED
    assert (bench.folder / "data/static/sources" / request.source.digest / "app.py").is_file()
    assert service.jobs.started == 2  # refused once for want of the source, then run


async def test_the_token_is_asked_for(bench: Bench):
    service = await bench.service(token="s3cret")
    fault = await fault_of(bench.gateway(service.port, "wrong").analyze(bench.request(), ignore))
    assert fault.code is ErrorCode.UNAUTHENTICATED
    result = await bench.gateway(service.port, "s3cret").analyze(bench.request(), ignore)
    assert result.report.tools


async def test_a_dead_analyzer_is_named_with_the_next_step(bench: Bench):
    gateway = bench.gateway(1)
    fault = await fault_of(gateway.analyze(bench.request(), ignore))
    assert fault.code is ErrorCode.UNAVAILABLE
    assert "analyzer static at ws://127.0.0.1:1 refused the connection" in fault.message
    health = await gateway.health(STATIC)
    assert (health.ok, "refused" in health.reason) == (False, True)
    assert not (await gateway.health(AnalyzerKind.AI)).ok


async def test_health_is_asked_once_for_all(bench: Bench):
    service = await bench.service()
    proxy = await bench.proxy(service)
    gateway = bench.gateway(proxy.port)
    answers = await asyncio.gather(*(gateway.health(STATIC) for _ in range(10)))
    assert {answer.analyzer for answer in answers} == {STATIC}
    assert proxy.connections == 1


async def test_health_names_the_wrong_analyzer(bench: Bench):
    service = await bench.service()
    kind = AnalyzerKind.AI
    gateway = WebSocketGateway(
        {kind: f"ws://127.0.0.1:{service.port}"}, workdir=bench.folder / "other"
    )
    health = await gateway.health(kind)
    assert "is the static analyzer" in health.reason
    fault = await fault_of(gateway.analyze(bench.request(analyzer=kind), ignore))
    assert fault.code is ErrorCode.INVALID_ARGUMENT
    await gateway.close()
