"""Disasters, rehearsed: a lost installation in the middle of a pipeline, and a full disk."""

import json
import mmap
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

import psutil
import pytest

from tests.e2e.conftest import ROOT, Assay
from tests.support.tools_folder import tools_folder
from tests.support.written_report import Written

# One after the other, so that one has ended and one has not.
SPEC = f"""
apps: {{root: {ROOT}/controls, models: [careful-1, careless-1], trusted: true}}
analyzers: [static, dynamic]
tools: {{static: [eslint], dynamic: [http-headers]}}
parallelism: 1
cache: false
"""
_BALLAST_BYTES = 2**28
APPS = {f"{model}/app{number}" for model in ("careful-1", "careless-1") for number in (1, 2)}


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assay]:
    """A stack whose data folder is on a small disk of its own, where that can be had."""
    folder = tmp_path_factory.mktemp("disaster")
    tools = tools_folder(folder / "tools", "static/node_modules")
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1g", "assay-test", str(disk)]
    is_small = subprocess.run(mount, capture_output=True).returncode == 0
    shell = Assay(disk / "data", (("ASSAY_ENGINE", "process"), ("ASSAY_TOOLS", str(tools))))
    yield shell
    shell.run("down")
    destroy(shell)
    if is_small:
        subprocess.run(["umount", str(disk)], check=True)


@contextmanager
def full(disk: Path) -> Generator[None]:
    """Nothing can be written to the disk inside of this, whatever others remove meanwhile."""
    stop = Event()

    def fill() -> None:
        """Halve what does not fit: an allocation that fails leaves all of it free."""
        step = _BALLAST_BYTES
        while step >= mmap.PAGESIZE:
            try:
                size = os.fstat(ballast.fileno()).st_size
                os.posix_fallocate(ballast.fileno(), size, step)
            except OSError:
                step //= 2

    def go_on() -> None:
        while not stop.wait(0.05):
            fill()

    with (disk / "ballast").open("wb", buffering=0) as ballast:
        fill()
        filling = Thread(target=go_on)
        filling.start()
        try:
            yield
        finally:
            stop.set()
            filling.join()
            (disk / "ballast").unlink()


def destroy(shell: Assay) -> None:
    """What a lost machine takes along: every process, its apps among them, and the data folder."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            of_stack = process.environ().get("ASSAY_STACK") == str(shell.data)
            if of_stack or any(str(shell.data) in part for part in process.cmdline()):
                process.kill()
    shutil.rmtree(shell.data, ignore_errors=True)
    shutil.rmtree(shell.data, ignore_errors=True)  # who was killed may have written meanwhile


def wait_until_one_ended(shell: Assay, name: str) -> None:
    """Asks the store itself: a command takes as long as an app."""
    give_up = time.monotonic() + 300
    question = "SELECT count(*) FROM apps WHERE pipeline_id = ? AND state IS NOT NULL"
    with closing(sqlite3.connect(shell.data / "assay.db")) as store:
        while not store.execute(question, (name,)).fetchone()[0]:
            assert time.monotonic() < give_up, "no app ended"
            time.sleep(0.1)


def cells_of(report: Written) -> dict[tuple[str, str], tuple[str, tuple[str, ...]]]:
    return {
        (cell.ref.label, cell.name): (
            str(cell.state),
            tuple(sorted(finding.rule_id for finding in cell.report.findings)),
        )
        for cell in report.cells
    }


def test_a_pipeline_goes_on_after_its_installation_was_lost(shell: Assay, tmp_path: Path):
    spec, backup = tmp_path / "spec.yaml", tmp_path / "backup"
    spec.write_text(SPEC)
    up = shell.run("up")
    assert up.returncode == 0, up.stderr
    assert shell.run("submit", str(spec), "--id", "lost").returncode == 0
    wait_until_one_ended(shell, "lost")
    saved = shell.run("backup", str(backup), "--json")
    destroy(shell)
    restored = shell.run("restore", str(backup), "--json")
    assert saved.returncode == 0, saved.stderr
    assert restored.returncode == 0, restored.stderr
    assert json.loads(restored.stdout)["unfinished"] == ["lost"]
    up = shell.run("up")
    assert up.returncode == 0, up.stderr
    watched = shell.run("watch", "lost")
    assert watched.returncode == 0, watched.stderr

    whole = cells_of(shell.report("lost"))
    assert [app.ref.label for app in shell.report("lost").apps] == sorted(APPS)
    assert {state for state, _ in whole.values()} <= {"measured", "not_applicable"}
    query = 'AssayPipeline="lost"'
    listed = json.loads(shell.temporal("workflow", "list", "--query", query, "-o", "json").stdout)
    ids = [one["execution"]["workflowId"] for one in listed]
    assert sorted(ids) == ["pipeline/lost", *(f"pipeline/lost/{app}" for app in sorted(APPS))]
    spec.write_text(SPEC.replace("parallelism: 1", "parallelism: 4"))
    assert shell.run("submit", str(spec), "--id", "again", "--wait").returncode == 0
    assert cells_of(shell.report("again")) == whole


def test_a_pipeline_goes_on_after_its_disk_was_full(shell: Assay, tmp_path: Path):
    """Of the server's database, the store, the results and the logs: all are on this disk."""
    disk = shell.data.parent
    assert disk.is_mount(), "needs root, to mount a small disk"
    spec = tmp_path / "spec.yaml"
    spec.write_text(SPEC)
    up = shell.run("up")
    assert up.returncode == 0, up.stderr
    assert shell.run("submit", str(spec), "--id", "full").returncode == 0
    wait_until_one_ended(shell, "full")

    with full(disk):
        room = shutil.disk_usage(disk).free
        time.sleep(8)
    watched = shell.run("watch", "full")

    assert room < 2**20, "others may free some meanwhile"
    assert watched.returncode == 0, watched.stderr
    cells = shell.report("full").cells
    whys = {cell.report.reason for cell in cells if cell.state == "infra_failed"}
    assert not any(cell.state == "app_failed" for cell in cells), [c.report.reason for c in cells]
    retried = shell.run("retry", "full")
    states = {state for state, _ in cells_of(shell.report("full")).values()}
    assert states <= {"measured", "not_applicable"}, (whys, retried.stderr)
    assert all("disk full" in why or "No space left" in why for why in whys), whys
