"""What the process runtime does when disk or host let it down; no sandbox is needed for that."""

import signal
import subprocess
from pathlib import Path

import pytest

from clients.process import ProcessRuntime
from clients.process.sandbox import Confined, sandbox_refusal
from clients.process.state import Record, StateFolder
from contract.errors import ErrorCode
from contract.running import RunningApp, RunningService
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

    assert report.facts.notes == ("app-web.log is not kept: the disk is full",)
    assert list(await runtime.owned_workflows()) == []


def running() -> RunningApp:
    service = RunningService(service="web", container_id="pid:1:1", host_port=1, container_port=1)
    return RunningApp(workflow_id=WORKFLOW, host="here", engine="process", services=(service,))


@pytest.mark.parametrize(
    ("status", "taken", "killed", "reason"),
    [
        ('{"child-pid": 999999999}\n', True, False, "gone without an exit code"),
        ('{"child-pid": 999999999}\n{"exit-code": 137}\n', False, True, "not on record"),
        ('{"child-pid": 999999999}\n{"exit-code": 143}\n', False, True, "not on record"),
        ('{"child-pid": 999999999}\n{"exit-code": 3}\n', False, False, "exited with 3"),
    ],
    ids=["rebooted", "killed", "terminated", "crashed"],
)
async def test_only_an_app_that_ended_by_itself_is_at_fault(
    tmp_path: Path, status: str, taken: bool, killed: bool, reason: str
):
    (service_folder(tmp_path) / "status").write_text(status)
    runtime = ProcessRuntime(host="here", artifacts=MemoryArtifacts(), data_dir=tmp_path)

    check = await runtime.check(running())

    assert (check.alive, check.taken, check.killed) == (False, taken, killed)
    assert reason in check.reason


def test_a_sandbox_that_has_told_nothing_yet_is_found_and_killed(tmp_path: Path):
    command = ["sh", "-c", "read never", str(tmp_path / "src")]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as launcher:
        assert Confined(tmp_path).kill()
        assert launcher.wait() == -signal.SIGKILL
        assert not Confined(tmp_path).kill()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("bwrap: No permissions to create new namespace", ErrorCode.FAILED_PRECONDITION),
        ("bwrap: setting up uid map: Permission denied", ErrorCode.FAILED_PRECONDITION),
        ("bwrap: Can't mkdir /newroot: No space left on device", ErrorCode.UNAVAILABLE),
    ],
)
def test_a_host_that_makes_no_sandbox_is_at_fault(said: str, code: ErrorCode):
    fault = sandbox_refusal(said)

    assert fault is not None
    assert fault.code is code


@pytest.mark.parametrize("said", ["Traceback", "bwrap: execvp nosuch: No such file or directory"])
def test_an_apps_own_last_words_are_not_its_sandboxs(said: str):
    assert sandbox_refusal(said) is None
