"""What the process runtime does when disk or host let it down; no sandbox is needed for that."""

from pathlib import Path

from clients.process import ProcessRuntime
from clients.process.state import Record, StateFolder
from tests.support.memory_artifacts import MemoryArtifacts

WORKFLOW = "pipeline/p/m/app1"


def service_folder(data: Path, name: str = "web") -> Path:
    """State folder of a service whose sandbox is to be imagined."""
    folder = StateFolder(data / "processes").write(Record(WORKFLOW, "run", "digest", {name: 1}))
    home = folder / "services" / name
    home.mkdir(parents=True)
    return home


async def test_a_full_disk_does_not_keep_an_apps_processes(tmp_path: Path):
    service_folder(tmp_path)
    artifacts = MemoryArtifacts()
    artifacts.full = True
    runtime = ProcessRuntime(host="here", artifacts=artifacts, data_dir=tmp_path)

    report = await runtime.teardown(WORKFLOW)

    assert report.notes == ("app-web.log is not kept: the disk is full",)
    assert list(await runtime.owned_workflows()) == []
