"""Gateway and analyzer over real sockets: no run twice, no result lost, every error named."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from analyzers.runtime import sources
from analyzers.runtime.service import Service, ServiceOptions
from clients.analyzers import pool
from clients.analyzers.gateway import WebSocketGateway
from contract.analysis import AnalyzerKind, MeasurementState
from contract.errors import ErrorCode, PlatformError
from contract.protocol import Progress
from tests.support.demo_analyzer import DemoTool, request_for
from tests.support.proxy import FaultyProxy

STATIC = AnalyzerKind.STATIC


def ignore(_progress: Progress) -> None:
    pass


class Bench:
    """Services and gateways of one test, stopped at its end."""

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self.folder = folder
        self.tool = DemoTool()
        self._stack = stack

    async def service(self, *tools: Any, **options: Any) -> Service:
        known: dict[str, Any] = {"data": self.folder / "data", "tools_dir": self.folder}
        service = Service(STATIC, tools or (self.tool,), ServiceOptions(**{**known, **options}))
        await service.start()
        self._stack.push_async_callback(self.stop, service)
        return service

    async def stop(self, service: Service) -> None:
        if service.jobs is not None and not getattr(service, "stopped", False):
            service.stopped = True  # type: ignore[attr-defined]
            await service.stop()

    def gateway(self, port: int, token: str | None = None) -> WebSocketGateway:
        urls = {STATIC: f"ws://127.0.0.1:{port}"}
        gateway = WebSocketGateway(urls, token=token, workdir=self.folder / "incoming")
        self._stack.push_async_callback(gateway.close)
        return gateway

    async def proxy(self, service: Service, *cut_after: int) -> FaultyProxy:
        return await self._stack.enter_async_context(FaultyProxy(service.port, cut_after))

    def request(self, **over: Any) -> Any:
        return request_for(self.folder / "app", **over)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        yield Bench(tmp_path, stack)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


async def fault_of(awaitable: Any) -> PlatformError:
    with pytest.raises(PlatformError) as caught:
        await awaitable
    return caught.value


async def test_round_trip_then_nothing_is_left(bench: Bench):
    service = await bench.service()
    gateway = bench.gateway(service.port)
    seen: list[Progress] = []
    result = await gateway.analyze(bench.request(), seen.append)
    (cell,) = result.report.tools
    assert (cell.tool, cell.version, cell.state) == ("demo", "1.0", MeasurementState.MEASURED)
    assert [finding.rule_id for finding in cell.findings] == ["eval"]
    assert cell.provenance.argv[0][0] == "wc"
    assert seen
    await gateway.acknowledge(result.report.subtask_id, STATIC)
    await until(lambda: service.jobs.kept == 0)
    assert not result.archive.exists()
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


async def test_broken_transfer_goes_on_from_the_last_byte(bench: Bench):
    service = await bench.service()
    proxy = await bench.proxy(service, 3_500_000, 2_500_000)
    gateway = bench.gateway(proxy.port)
    result = await gateway.analyze(bench.request(options={"attach_bytes": 6_000_000}), ignore)
    assert result.archive.stat().st_size > 6_000_000
    assert result.report.tools[0].attachments == ("big-file.bin",)
    assert (proxy.connections, bench.tool.runs) == (3, 1)


async def test_a_half_open_connection_is_noticed(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pool, "PING_INTERVAL_S", 0.3)
    monkeypatch.setattr(pool, "PING_LIMIT_S", 0.3)
    service = await bench.service()
    proxy = await bench.proxy(service, 3_500_000)
    proxy.stall = True
    gateway = bench.gateway(proxy.port)
    result = await gateway.analyze(bench.request(options={"attach_bytes": 6_000_000}), ignore)
    assert result.archive.stat().st_size > 6_000_000
    assert (proxy.connections, bench.tool.runs) == (2, 1)


async def test_detach_ends_the_reading_over_http_too(bench: Bench):
    service = await bench.service()
    proxy = await bench.proxy(service, 100_000)
    gateway = bench.gateway(proxy.port)
    request = bench.request(options={"sleep_s": 30})

    def break_off(_progress: Progress) -> None:
        proxy.refuse_upgrades = True
        proxy.drop()

    call = asyncio.create_task(gateway.analyze(request, break_off))
    await until(lambda: proxy.connections >= 3)  # WebSocket, then HTTP polls
    await gateway.detach(request)
    assert "detached" in (await fault_of(call)).message
    assert service.jobs.running == 1


async def test_http_is_read_where_websocket_stays_down(bench: Bench):
    service = await bench.service()
    proxy = await bench.proxy(service, 3_500_000)
    gateway = bench.gateway(proxy.port)

    def refuse_from_now_on(_progress: Progress) -> None:
        proxy.refuse_upgrades = True

    request = bench.request(options={"attach_bytes": 6_000_000})
    result = await gateway.analyze(request, refuse_from_now_on)
    assert result.archive.stat().st_size > 6_000_000
    assert bench.tool.runs == 1


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


async def test_twenty_subtasks_one_after_another_make_one_handshake(bench: Bench):
    service = await bench.service()
    gateway = bench.gateway(service.port)
    for number in range(20):
        subtask_id = f"pipe/m/app{number}/static"
        await gateway.analyze(bench.request(subtask_id=subtask_id), ignore)
        await gateway.acknowledge(subtask_id, STATIC)
    assert gateway.handshakes == 1


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
