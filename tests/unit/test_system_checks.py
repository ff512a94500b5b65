"""Parts of the installation that hang are asked once, and hold back nothing else."""

import asyncio
import subprocess
import sys
import textwrap
from pathlib import Path
from threading import Event

import pytest

from control import system
from control.errors import ServerAwayError
from control.stored import Stored
from control.system import Installation, system_health
from control.system_documents import Part, PartState

HANGS_S = 20.0


async def nobody() -> None:
    raise ServerAwayError("it is away", next_step="start it")


async def part_of(installation: Installation, id_: str) -> Part:
    return next(part for part in (await system_health(installation)).parts if part.id == id_)


def installed(tmp_path: Path, **fields: object) -> Installation:
    stored = Stored(f"sqlite:///{tmp_path}/assay.db", in_use=lambda: False)
    return Installation(**{"data_dir": tmp_path, "stored": stored, "connect": nobody, **fields})  # pyright: ignore[reportArgumentType]


async def test_a_part_that_hangs_is_asked_once_until_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(system, "LIMIT_S", 0.05)
    asked, goes_on = list[int](), Event()

    def engine() -> str:
        asked.append(1)
        goes_on.wait(HANGS_S)
        return "an engine"

    installation = installed(tmp_path, engine=engine)
    for _ in range(10):
        assert (await part_of(installation, "engine")).state is PartState.AWAY
    assert await asyncio.wait_for(asyncio.to_thread(lambda: "free"), 5) == "free"
    assert len(asked) == 1

    goes_on.set()
    async with asyncio.timeout(5):
        while (await part_of(installation, "engine")).state is not PartState.OK:
            await asyncio.sleep(0.01)


async def test_a_disk_that_hangs_under_the_store_does_not_stop_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(system, "LIMIT_S", 0.05)
    goes_on = Event()

    class Hangs(Stored):
        def exists(self) -> bool:
            return goes_on.wait(HANGS_S / 4)

    stored = Hangs(f"sqlite:///{tmp_path}/assay.db", in_use=lambda: False)
    store = await part_of(installed(tmp_path, stored=stored), "store")
    goes_on.set()

    assert store.detail.startswith("no answer within")


def test_the_process_ends_without_what_hangs():
    program = """
        import asyncio, time
        from control.checks import Checks

        async def main():
            Checks().start("disk", lambda: time.sleep(600))

        asyncio.run(main())
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, timeout=20)
