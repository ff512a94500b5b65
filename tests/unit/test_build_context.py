import io
import ipaddress
import os
import socket
import tarfile
from pathlib import Path

import pytest

from clients import blame
from clients.appfolder import ServicePlan
from clients.blame import PlatformFault
from clients.docker.context import DOCKERFILE_NAME, IgnoreRules, pack_context
from clients.docker.network import free_subnets
from clients.docker.ports import WELL_KNOWN_PORTS, candidate_ports


def names(data: bytes) -> set[str]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return set(archive.getnames())


def contents(data: bytes) -> set[bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {
            stream.read() for one in archive if one.isreg() and (stream := archive.extractfile(one))
        }


def test_nothing_outside_the_app_folder_gets_into_an_image(tmp_path: Path):
    (tmp_path / "secret").write_text("out")
    root = tmp_path / "app"
    for folder in ("src", "node_modules/x", ".git"):
        (root / folder).mkdir(parents=True)
    (root / "src/app.py").write_text("1")
    (root / "node_modules/x/index.js").write_text("1")
    (root / "out").symlink_to("../secret")
    (root / "absolute").symlink_to(root / "src/app.py")
    (root / "within").symlink_to("src/app.py")

    packed = pack_context(root, "FROM x\n", 10_000_000)

    links = {"out", "absolute", "within"}
    assert names(packed.data) == {DOCKERFILE_NAME, ".dockerignore", "src", "src/app.py", *links}
    assert b"out" not in contents(packed.data)
    assert packed == pack_context(root, "FROM x\n", 10_000_000)
    assert sorted(path.name for path in root.iterdir()) == [
        ".git", "absolute", "node_modules", "out", "src", "within",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rules", "path", "ignored"),
    [
        (["*.log"], "a.log", True),
        (["*.log"], "sub/a.log", False),
        (["**/*.log"], "sub/deep/a.log", True),
        (["docs"], "docs/a/b.md", True),
        (["*.md", "!README.md"], "README.md", False),
        (["/tmp/"], "tmp/x", True),
        (["# comment", ""], "x", False),
    ],
)
def test_dockerignore_rules(rules: list[str], path: str, ignored: bool):
    assert IgnoreRules(rules).match(path) is ignored


@pytest.mark.parametrize("size", [200_000, 10 * 1024**3])
def test_a_file_above_the_limit_is_named_and_not_read(tmp_path: Path, size: int):
    (tmp_path / "small").write_bytes(b"0" * 1_000)
    with (tmp_path / "big.bin").open("wb") as sparse:
        sparse.truncate(size)

    with pytest.raises(PlatformFault, match=f"'big.bin' of {size} bytes") as caught:
        pack_context(tmp_path, "FROM x\n", 100_000)
    assert caught.value.row == blame.UNSUPPORTED.key


def test_many_small_files_count_with_what_the_archive_says_of_them(tmp_path: Path):
    for number in range(100):
        (tmp_path / str(number)).touch()

    with pytest.raises(PlatformFault, match="larger than the 50000 bytes"):
        pack_context(tmp_path, "FROM x\n", 50_000)


def test_what_no_archive_can_hold_is_left_out_and_named(tmp_path: Path):
    (tmp_path / "app.py").write_text("1")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "sock"))
        packed = pack_context(tmp_path, "FROM x\n", 100_000)

    assert names(packed.data) == {DOCKERFILE_NAME, ".dockerignore", "app.py"}
    assert packed.notes == ("build context: no pipes, sockets or devices (pipe, sock)",)


def test_ports_are_tried_in_order_of_likelihood():
    image = {"ExposedPorts": {"9000/tcp": {}, "5000/tcp": {}}, "Env": ["PORT=7000"]}

    assert candidate_ports(ServicePlan("a", ports=(5000, 80)), image) == (5000, 9000, 80, 7000)
    assert candidate_ports(ServicePlan("a", environment={"PORT": "1234"}), {}) == (1234,)
    assert candidate_ports(ServicePlan("a"), {}) == WELL_KNOWN_PORTS


def test_subnets_are_distinct_and_avoid_what_is_used():
    pool = ipaddress.IPv4Network("10.9.0.0/24")
    used = [ipaddress.IPv4Network("10.9.0.0/25")]

    found = list(free_subnets(pool, used, "name"))

    assert len(set(found)) == len(found) == 8
    assert all(subnet.subnet_of(ipaddress.IPv4Network("10.9.0.128/25")) for subnet in found)
    assert list(free_subnets(pool, [pool], "name")) == []
