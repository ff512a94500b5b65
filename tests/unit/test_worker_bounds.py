"""What a worker keeps does not grow with the apps it has seen, and what hangs holds up nobody."""

import asyncio
import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from clients.host_look import HostWatch
from clients.named_locks import NamedLocks
from contract.errors import PlatformError
from worker import use_many_threads

ROOT = Path(__file__).parents[2]


async def test_one_at_a_time_for_each_name_and_no_lock_stays_behind():
    locks = NamedLocks()
    inside, most = 0, 0

    async def work(name: str) -> None:
        nonlocal inside, most
        async with locks.of(name):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(work("same") for _ in range(5)))
    assert most == 1
    await asyncio.gather(*(work(f"app{number}") for number in range(100)))
    assert most > 1, "others do not wait"
    gc.collect()
    assert len(locks) == 0


def test_an_engine_that_hangs_in_many_calls_leaves_threads_for_others():
    async def run() -> str:
        use_many_threads()
        over = threading.Event()
        hung = [asyncio.create_task(asyncio.to_thread(over.wait, 30)) for _ in range(100)]
        await asyncio.sleep(0)
        try:
            return await asyncio.wait_for(asyncio.to_thread(lambda: "recorded"), 10)
        finally:
            over.set()
            await asyncio.gather(*hung)

    assert asyncio.run(run()) == "recorded"


async def test_a_disk_that_hangs_is_named_and_takes_one_thread_however_often_it_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked, goes_on = list[str](), threading.Event()

    def hung(_: str, path: Path) -> None:
        asked.append(path.name)
        goes_on.wait(20)

    async def nobody(_: Any) -> Any:
        raise AssertionError("no analyzers here")

    monkeypatch.setattr("clients.host_look._ASK_S", 0.05)
    monkeypatch.setattr("clients.host_look._disk", hung)
    watch = HostWatch("h", {"data": tmp_path / "nfs"}, nobody, {})
    for _ in range(3):
        with pytest.raises(PlatformError, match=f"no answer within 0.05 s, one of {tmp_path}/nfs"):
            await watch.look(None)
    assert asked == ["nfs"]

    goes_on.set()
    monkeypatch.undo()
    assert (await watch.look(None)).disks == (), "the folder is not there, and the watch goes on"


def test_a_worker_that_waits_for_its_server_stops_at_once(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as nobody, socket.create_server(("", 0)) as free:
        server, shown = nobody.getsockname()[1], free.getsockname()[1]
    env = {
        "ASSAY_DATA": str(tmp_path),
        "ASSAY_METRICS_ADDRESS": f"127.0.0.1:{shown}",
        "TEMPORAL_ADDRESS": f"127.0.0.1:{server}",
        "PATH": os.environ["PATH"],
    }
    worker = subprocess.Popen([sys.executable, "worker.py"], cwd=ROOT, env=env)
    try:
        until_s = time.monotonic() + 40
        while time.monotonic() < until_s:
            with suppress(OSError), socket.create_connection(("127.0.0.1", shown), 1):
                break
            time.sleep(0.05)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(15) == 0
    finally:
        worker.kill()
        worker.wait()
