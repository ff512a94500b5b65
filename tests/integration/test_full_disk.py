"""A disk that is really full: what was there stays, it is named, and work goes on with room."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from clients.artifacts import FileArtifactStore
from contract.backup import BACKUP_MANIFEST
from contract.errors import ErrorCode, PlatformError
from control.backing import back_up
from control.installed import Installation as Place
from control.restoring import restore
from store.migrate import upgrade
from store.results import SqlResultStore
from tests.store import samples
from tests.support.installation import Installation, analysed, write_fleet

_BYTES = 4 * 1024**2


class SmallDisk:
    """A file system of a few megabytes."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def fill(self) -> None:
        """Leave not a byte."""
        with (self.place / "ballast").open("wb", buffering=0) as ballast, suppress(OSError):
            while True:
                ballast.write(bytes(4_096))

    def free(self) -> None:
        """Give the room back."""
        (self.place / "ballast").unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_BYTES}", "assay-test", str(place)]
    subprocess.run(mount, check=True)  # as root
    yield SmallDisk(place)
    subprocess.run(["umount", str(place)], check=True)


@pytest.fixture
async def here(tmp_path: Path) -> Place:
    """An installation that is larger than the small disk."""
    write_fleet(tmp_path / "fleet")
    data = tmp_path / "data"
    data.mkdir()
    await analysed(Installation(data), tmp_path / "fleet")
    (data / "reports").mkdir()
    (data / "reports" / "large.bin").write_bytes(os.urandom(_BYTES))
    return place_of(data)


def place_of(data: Path) -> Place:
    return Place(
        data_dir=data,
        store_url=f"sqlite:///{data}/assay.db",
        host="h",
        scope="s",
        assay="assay 1",
        encrypted=False,
        temporal="1",
        ports={},
        token_file=data / "token",
        logins=data / "logins",
    )


def silent(_text: str) -> None:
    """Nobody listens."""


@pytest.mark.parametrize("name", ["backup", "backup.zip"])
async def test_a_backup_that_does_not_fit_leaves_nothing_half(
    here: Place, disk: SmallDisk, name: str
):
    target = disk.place / name
    with pytest.raises(PlatformError) as full:
        await back_up(here, target, secrets=False, say=silent)

    assert full.value.code is ErrorCode.RESOURCE_EXHAUSTED
    assert "disk full" in full.value.message
    assert not target.is_file() and not (target / BACKUP_MANIFEST).exists()
    (here.data_dir / "reports" / "large.bin").write_bytes(b"small now")
    assert (await back_up(here, target, secrets=False, say=silent)).files > 0


async def test_a_restore_that_does_not_fit_is_refused_before_it_writes(
    here: Place, disk: SmallDisk, tmp_path: Path
):
    await back_up(here, tmp_path / "backup", secrets=False, say=silent)
    with pytest.raises(PlatformError, match="bytes are needed below") as full:
        await restore(place_of(disk.place / "data"), tmp_path / "backup", force=False, say=silent)

    assert full.value.code is ErrorCode.RESOURCE_EXHAUSTED
    assert not (disk.place / "data").exists(), "a refused restore leaves nothing"


async def test_store_and_artifacts_keep_what_they_had_and_go_on(disk: SmallDisk):
    url = f"sqlite:///{disk.place}/assay.db"
    await upgrade(url)
    store, artifacts = SqlResultStore.from_url(url), FileArtifactStore(disk.place / "artifacts")
    try:
        await samples.register(store, samples.plan("before"))
        kept = await artifacts.put_bytes(b"before", "a.log")
        disk.fill()
        for write in (
            lambda: samples.register(store, samples.plan("full", apps=500)),
            lambda: artifacts.put_bytes(os.urandom(100_000), "b.log"),
        ):
            with pytest.raises(PlatformError, match="disk full") as full:
                await write()
            assert full.value.retryable
        assert [one.pipeline_id for one in await store.list_pipelines()] == ["before"]
        assert await artifacts.get(kept) == b"before"

        disk.free()
        await samples.register(store, samples.plan("after"))
        assert await artifacts.get(await artifacts.put_bytes(b"after", "c.log")) == b"after"
    finally:
        await store.close()


def test_programs_of_the_stack_outlive_a_full_disk_for_their_logs(disk: SmallDisk, tmp_path: Path):
    """supervisord goes on, also at the rotation of a log, and writes again when there is room."""
    line = "print('x' * 999, flush=True)"
    talk = f"import time\nwhile True:\n    {line}\n    time.sleep(0.002)\n"
    (tmp_path / "talk.py").write_text(talk)
    log, config = disk.place / "talk.log", tmp_path / "supervisord.conf"
    config.write_text(
        f"[supervisord]\nnodaemon=true\nlogfile={disk.place}/supervisord.log\n"
        f"pidfile={tmp_path}/pid\n[program:talk]\ncommand={sys.executable} {tmp_path}/talk.py\n"
        f"startsecs=0\nredirect_stderr=true\nstdout_logfile={log}\n"
        "stdout_logfile_maxbytes=100KB\nstdout_logfile_backups=1\n"
    )
    argv = [sys.executable, "-m", "supervisor.supervisord", "-c", str(config)]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: log.exists() and log.stat().st_size > 10_000)
            disk.fill()
            time.sleep(2)  # several rotations
            assert process.poll() is None
            disk.free()
            freed = time.time_ns()
            wait_for(lambda: log.exists() and log.stat().st_mtime_ns > freed + 500_000_000)
        finally:
            process.terminate()


def wait_for(happened) -> None:
    give_up = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < give_up
        time.sleep(0.05)
