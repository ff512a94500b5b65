"""What a container uses, read from the files of both versions of cgroups."""

from pathlib import Path

import pytest

from clients.docker.cgroup_usage import Used, read_cgroup
from clients.docker.usage import memory_of

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
