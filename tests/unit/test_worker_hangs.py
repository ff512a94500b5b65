"""A worker whose event loop hangs: it shows so, shows no old figure, and ends."""

import asyncio
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from urllib.request import urlopen

import pytest

from clients.monitoring.loop import HUNG_EXIT_CODE
from clients.monitoring.watching import Watched
from clients.usage import AppUsage
from settings import Settings
from tests.support.expositions import total

ROOT = Path(__file__).parents[2]


async def usage() -> list[AppUsage]:
    return [AppUsage("pipeline/p/m/app1", 5.0, 4096, 1.5)]


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    watched = Watched("127.0.0.1:0")
    port = watched.open(process_wide=False)
    client = SimpleNamespace(list_workflows=nothing)
    watched.work_begins(client, (), usage, {}, {"data": tmp_path})  # type: ignore[arg-type]
    yield f"http://127.0.0.1:{port}/metrics"
    await watched.close()


async def nothing(*_: object, **__: object):
    return
    yield


def ask(url: str) -> str:
    with urlopen(url, timeout=20) as answer:
        return answer.read().decode()


async def test_what_was_found_before_the_loop_hung_is_missing_and_comes_back_with_it(
    url: str, monkeypatch: pytest.MonkeyPatch
):
    well = await asyncio.to_thread(ask, url)
    with monkeypatch.context() as patched:
        patched.setattr("clients.monitoring.endpoint._REFRESH_LIMIT_S", 0.3)
        hung = ask(url)  # in the loop's own thread: nothing of it goes on meanwhile
    back = await asyncio.to_thread(ask, url)

    for text, up in ((well, 1), (hung, 0), (back, 1)):
        assert total(text, "assay_loop_up") == up
        assert total(text, "assay_sampler_up", sampler="disks") == up
        assert ("assay_disk_free_bytes{" in text) == bool(up)
        assert ("assay_app_memory_bytes{" in text) == bool(up)
    assert total(hung, "assay_build_info", part="worker") == 1


def program(body: str, margin_s: float) -> subprocess.Popen[str]:
    """A process that begins to watch itself with short limits, and then does something else."""
    text = f"""
        import asyncio, re, threading, time
        from clients.monitoring.loop import Watchdog
        async def main():
            Watchdog(0.4, {margin_s}).start()
            {body}
        asyncio.run(main())
    """
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(text)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def ended() -> Iterator[dict[str, tuple[int, str, float]]]:
    """Exit code, what it said, and seconds, of each kind of process; they run side by side."""
    began_s = time.monotonic()
    bodies = {
        "asleep": "time.sleep(30)",
        "held": "re.match(r'(a+)+$', 'a' * 40 + 'b')",
        "ending": "threading.Thread(target=time.sleep, args=(30,)).start()",
        "well": "await asyncio.sleep(1.5)",
    }
    running = {name: program(body, 0.6 if name == "held" else 30) for name, body in bodies.items()}
    try:
        yield {
            name: (each.wait(20), each.communicate()[1], time.monotonic() - began_s)
            for name, each in running.items()
        }
    finally:
        for each in running.values():
            each.kill()
            each.wait()


@pytest.mark.parametrize(
    ("kind", "code", "said"),
    [
        ("asleep", HUNG_EXIT_CODE, "not turned for 0.4 s"),
        ("ending", HUNG_EXIT_CODE, "not turned for 0.4 s"),
        ("held", 1, "Timeout"),
        ("well", 0, ""),
    ],
)
def test_a_process_that_hangs_ends_and_says_where(
    ended: dict[str, tuple[int, str, float]], kind: str, code: int, said: str
):
    found, text, seconds = ended[kind]

    assert (found, said in text) == (code, True), text
    assert seconds < 15
    assert ("main" in text) == (kind in ("asleep", "held")), "the place where it stands"
    assert text == "" or kind != "well"


@pytest.mark.parametrize("value", ["-1", "1", "nan", "1e9"])
def test_a_limit_that_would_end_a_worker_that_works_is_refused(
    value: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ASSAY_LOOP_LIMIT_S", "0")
    assert Settings().loop_limit_s == 0
    monkeypatch.setenv("ASSAY_LOOP_LIMIT_S", value)

    with pytest.raises(ValueError, match="loop_limit_s"):
        Settings()
