"""What running apps use: from the files of both versions of cgroups, and from processes."""

import os
from pathlib import Path

import pytest

from clients.docker.cgroup_usage import Used, read_cgroup
from clients.docker.usage import memory_of
from clients.process.sandbox import Confined
from clients.process.state import Record, StateFolder
from clients.process.usage import usage
from clients.usage import AppUsage, joined

ID = "ab" * 32


@pytest.fixture
def host(tmp_path: Path):
    """Writes files of a host, by path."""

    def write(files: dict[str, str]) -> Path:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path

    return write


def of(root: Path) -> Used | None:
    return read_cgroup(ID, 7, root / "cgroup", root / "proc")


def test_version_2(host):
    folder = f"cgroup/system.slice/docker-{ID}.scope"
    root = host(
        {
            "proc/7/cgroup": f"0::/system.slice/docker-{ID}.scope\n",
            f"{folder}/memory.current": "5000\n",
            f"{folder}/memory.stat": "anon 1\ninactive_file 1000\n",
            f"{folder}/cpu.stat": "usage_usec 2500000\nuser_usec 1\n",
        }
    )

    assert of(root) == Used(4000, 2.5)


def test_version_1(host):
    root = host(
        {
            "proc/7/cgroup": f"5:memory:/docker/{ID}\n2:cpu,cpuacct:/docker/{ID}\n0::/other\n",
            f"cgroup/memory/docker/{ID}/memory.usage_in_bytes": "5000\n",
            f"cgroup/memory/docker/{ID}/memory.stat": "cache 9\ntotal_inactive_file 1000\n",
            f"cgroup/cpuacct/docker/{ID}/cpuacct.usage": "2500000000\n",
        }
    )

    assert of(root) == Used(4000, 2.5)


@pytest.mark.parametrize("cgroup", ["0::/\n", "5:memory:/user\n2:cpuacct:/user\n", "nonsense\n"])
def test_a_process_that_is_not_of_the_container_says_nothing(host, cgroup: str):
    assert of(host({"proc/7/cgroup": cgroup})) is None


def test_a_container_that_has_ended_says_nothing(tmp_path: Path):
    assert of(tmp_path) is None


def test_the_engine_counts_cache_as_docker_stats_does():
    assert memory_of({"usage": 5000, "stats": {"inactive_file": 1000}}) == 4000
    assert memory_of({"usage": 5000, "stats": {"total_inactive_file": 1000}}) == 4000
    assert memory_of({}) == 0


def test_services_of_one_app_are_one_value_and_the_youngest_says_how_long_it_runs():
    parts = [AppUsage("a", 9.0, 10, 1.0), AppUsage("b", 1.0, 1, 1.0), AppUsage("a", 4.0, 5, 0.5)]

    assert joined(parts) == [AppUsage("a", 4.0, 15, 1.5), AppUsage("b", 1.0, 1, 1.0)]


def test_processes_of_a_sandbox_are_counted_while_they_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    states = StateFolder(tmp_path)
    for service, pid in (("web", os.getpid()), ("gone", 0)):
        home = states.write(Record("w", "r", "d")) / "services" / service
        home.mkdir(parents=True)
        (home / "pid").write_text(str(pid))

    def identity(confined: Confined) -> str:
        pid = (confined.folder / "pid").read_text()
        return f"pid:{pid}:1" if pid != "0" else ""

    monkeypatch.setattr(Confined, "identity", identity)
    (app,) = usage(states)

    assert app.workflow_id == "w"
    assert app.memory_bytes > 1_000_000
    assert app.cpu_s > 0
    assert app.uptime_s > 0


def test_no_more_sandboxes_than_the_limit_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    states = StateFolder(tmp_path)
    for number in range(5):
        (states.write(Record(f"w{number}", "r", "d")) / "services" / "web").mkdir(parents=True)
    monkeypatch.setattr(Confined, "identity", lambda _: f"pid:{os.getpid()}:1")
    monkeypatch.setattr("clients.process.usage._MAX_SERVICES", 3)

    assert len(usage(states)) == 3
