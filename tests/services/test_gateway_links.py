"""Links that break, stall or never open, and folders that are shared: each result arrives once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from analyzers.runtime.wire import connection
from clients.analyzers import http, pool, transfer
from clients.analyzers.archive import ArchiveReceiver
from contract.analysis import MeasurementState
from contract.errors import ErrorCode
from contract.protocol import Completed, Progress
from tests.support.gateway_bench import STATIC, Bench, fault_of, ignore, until


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        yield Bench(tmp_path, stack)


@pytest.fixture(autouse=True)
def no_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "RECONNECT_DELAYS_S", (0.01, 0.01, 0.01, 0.01))
    monkeypatch.setattr(http, "POLL_S", 0.02)


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
    monkeypatch.setattr(pool, "CLOSE_LIMIT_S", 0.1)
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


async def test_a_link_that_dies_after_each_first_frame_is_given_up_for_http(bench: Bench):
    service = await bench.service()
    proxy = await bench.proxy(service, *[600] * 100)  # the handshake and a frame, never a chunk
    gateway = bench.gateway(proxy.port)
    result = await gateway.analyze(bench.request(), ignore)
    assert result.report.tools[0].state is MeasurementState.MEASURED
    assert gateway.handshakes == len(transfer.RECONNECT_DELAYS_S)
    assert bench.tool.runs == 1


async def test_a_kept_result_is_read_over_http_where_websocket_never_opens(bench: Bench):
    service = await bench.service()
    await bench.gateway(service.port).analyze(bench.request(), ignore)
    proxy = await bench.proxy(service)
    proxy.refuse_upgrades = True
    gateway = bench.gateway(proxy.port)
    result = await gateway.analyze(bench.request(), ignore)
    assert result.report.tools[0].state is MeasurementState.MEASURED
    other = bench.request(options={"another": 1})  # same subtask, but not what was asked then
    fault = await fault_of(gateway.analyze(other, ignore))
    assert (fault.code, "no WebSocket there" in fault.message) == (ErrorCode.UNAVAILABLE, True)
    assert bench.tool.runs == 1


async def test_when_only_the_last_frame_was_lost_nothing_is_read_again(bench: Bench):
    service = await bench.service()
    kept = await bench.gateway(service.port).analyze(bench.request(), ignore)
    receiver = ArchiveReceiver(bench.folder / "copy.tar")
    receiver.add(kept.archive.read_bytes())
    proxy = await bench.proxy(service)
    proxy.cut_http_after = [2_000]  # the answer that says so, and no whole archive
    client = http.AnalyzerHttp(STATIC, f"ws://127.0.0.1:{proxy.port}", None)
    await client.fetch(bench.request(), receiver, ignore)
    await client.close()
    receiver.close()
    assert (bench.folder / "copy.tar").read_bytes() == kept.archive.read_bytes()
    assert proxy.connections == 1


async def test_a_broken_http_body_goes_on_from_the_last_byte(bench: Bench):
    service = await bench.service()
    request = bench.request(options={"attach_bytes": 6_000_000})
    await bench.gateway(service.port).analyze(request, ignore)
    proxy = await bench.proxy(service)
    proxy.refuse_upgrades = True
    proxy.cut_http_after = [2_500_000, 2_500_000]
    result = await bench.gateway(proxy.port).analyze(request, ignore)
    assert result.archive.stat().st_size > 6_000_000
    assert proxy.connections == 3


async def test_a_large_result_is_read_from_the_folder_of_an_analyzer_on_this_machine(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(connection, "DIRECT_MIN_BYTES", 1_000_000)
    service = await bench.service()
    proxy = await bench.proxy(service, 500_000)  # no room for the bytes on this connection
    request = bench.request(options={"attach_bytes": 2_000_000})
    gateway = bench.gateway(proxy.port)
    result = await gateway.analyze(request, ignore)
    assert result.archive.stat().st_size > 2_000_000
    assert (proxy.connections, gateway.handshakes) == (1, 1)
    (kept,) = (bench.folder / "data/static/results").glob("*.tar")
    await gateway.acknowledge(request.subtask_id, STATIC)
    await until(lambda: not kept.exists())


async def test_the_bytes_are_sent_where_the_analyzers_folder_cannot_be_read(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(connection, "DIRECT_MIN_BYTES", 1_000_000)
    service = await bench.service()
    request = bench.request(options={"attach_bytes": 2_000_000})

    def elsewhere(_self: ArchiveReceiver, path: Path) -> None:
        raise FileNotFoundError(path)

    monkeypatch.setattr(ArchiveReceiver, "adopt", elsewhere)
    gateway = bench.gateway(service.port)
    result = await gateway.analyze(request, ignore)
    assert result.archive.stat().st_size > 2_000_000
    assert (gateway.handshakes, bench.tool.runs) == (1, 1)


async def test_what_lies_at_the_path_must_be_the_archive(tmp_path: Path):
    receiver = ArchiveReceiver(tmp_path / "own.tar")
    (tmp_path / "file").write_bytes(b"other")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for name in ("link", "missing", "."):
        with pytest.raises(OSError, match=name):
            receiver.adopt(tmp_path / name)
    receiver.adopt(tmp_path / "file")
    fault = await fault_of(
        asyncio.to_thread(receiver.finish, Completed(subtask_id="s", size_bytes=5, sha256="0"))
    )
    assert (fault.code, receiver.received) == (ErrorCode.DATA_LOSS, 0)
    assert (tmp_path / "file").read_bytes() == b"other"
    receiver.close()
