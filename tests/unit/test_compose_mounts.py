"""The app's own files reach its containers as they would be mounted; nothing of the host does."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from clients import blame
from clients.appfolder import AppFault, AppPlan, read_plan
from clients.appfolder.model import OwnFile
from clients.appfolder.ownfiles import digest_of, pack
from clients.blame import PlatformFault
from tests.support.cases import case_app
from tests.support.compose_app import app_of, plan_of


def unpacked(plan: AppPlan, limit: int = 10**6) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(pack(plan.services[0].files, limit))) as archive:
        return {
            member.name: stream.read()
            for member in archive
            if member.isreg() and (stream := archive.extractfile(member))
        }


def test_nested_defaults_reach_the_app():
    (web,) = read_plan(case_app("01")).services

    assert web.environment == {"SITE_TITLE": "Plant Diary", "LISTEN_ON": "8000"}
    assert web.ports == (8000,)


def test_own_configuration_and_pages_reach_the_container():
    plan = read_plan(case_app("07"))

    files = unpacked(plan)
    assert b"Content-Security-Policy" in files["etc/nginx/conf.d/default.conf"]
    assert b"Herb catalogue" in files["usr/share/nginx/html/index.html"]
    assert "site: volumes ./public (copied into the container, not mounted)" in plan.dropped
    assert plan.needed == ()


def test_own_code_reaches_the_container():
    assert b"ThreadingHTTPServer" in unpacked(read_plan(case_app("08")))["srv/app/app.py"]


def test_own_secrets_and_configs_reach_the_container():
    files = unpacked(read_plan(case_app("18")))

    assert files["run/secrets/session_key"].strip() == b"not-a-real-key"
    assert files["etc/shop/settings.json"].strip() == b'{"title": "Shop"}'


MOUNTS = {
    "short": "[./src:/app]",
    "read-only": "['./src:/app:ro']",
    "with a slash": "[./src/:/app/]",
    "long": "[{type: bind, source: ./src, target: /app}]",
    "by the working folder": "['${PWD}/src:/app']",
    "by a variable": "['${HERE:-./src}:/app']",
    "behind what it is not": "['./gone/../src:/app']",
}


@pytest.mark.parametrize("volumes", MOUNTS.values(), ids=MOUNTS)
def test_each_way_to_mount_an_own_folder_copies_it(tmp_path: Path, volumes: str):
    plan = plan_of(
        tmp_path,
        f"services: {{a: {{image: 'python:3', ports: [80], volumes: {volumes}}}}}",
        src__app__main_py="code",
        src__node_modules__x="left out",
    )

    assert unpacked(plan) == {"app/app/main_py": b"code"}


MASKS = {
    "without a name": ("[.:/app, /app/dist]", ""),
    "with a name": ("[.:/app, 'dist:/app/dist']", "volumes: {dist: {}}"),
    "before": ("[/app/dist, .:/app]", ""),
    "in memory": ("[.:/app, {type: tmpfs, target: /app/dist}]", ""),
}


@pytest.mark.parametrize(("volumes", "top"), MASKS.values(), ids=MASKS)
def test_what_a_volume_hides_of_a_mounted_folder_is_the_images(tmp_path: Path, volumes, top):
    """Development style: the source is mounted over the image, all but what the image built."""
    plan = plan_of(
        tmp_path,
        f"services: {{a: {{build: ., ports: [80], volumes: {volumes}}}}}\n{top}",
        src__main_py="code",
        dist__index_html="of the host",
        node_modules__x="of the host",
    )

    names = set(unpacked(plan))
    assert {"app/src/main_py", "app/Dockerfile"} <= names
    assert not [name for name in names if "dist" in name or "node_modules" in name]


def test_what_one_service_may_write_for_another_is_said_to_be_a_copy(tmp_path: Path):
    plan = plan_of(
        tmp_path,
        """
services:
  a: {build: ., ports: [80], volumes: ["./data:/data", "./conf:/etc/a:ro"]}
  b: {build: ., volumes: ["./data:/in:ro", "./conf:/etc/b:ro"]}
""",
        data__x="x",
        conf__x="x",
    )

    assert plan.needed == (
        "a: volumes ./data (each service has a copy of its own)",
        "b: volumes ./data (each service has a copy of its own)",
    )


def test_an_inner_mount_comes_after_the_outer_one(tmp_path: Path):
    plan = plan_of(
        tmp_path,
        "services: {a: {build: ., ports: [80], volumes: ['./b:/x/y', './a:/x']}}",
        a__y="outer",
        b="inner",
    )

    assert [one.target for one in plan.services[0].files] == ["/x", "/x/y"]


def test_a_mount_of_nothing_is_an_empty_folder_as_docker_makes_it(tmp_path: Path):
    plan = plan_of(tmp_path, "services: {a: {build: ., ports: [80], volumes: ['./data:/data']}}")

    assert plan.services[0].files == (OwnFile("/data", folder=True),)
    with tarfile.open(fileobj=io.BytesIO(pack(plan.services[0].files, 10**4))) as archive:
        assert [(one.name, one.isdir()) for one in archive] == [("data", True)]


def test_a_mount_that_makes_no_folder_fails_for_docker_too(tmp_path: Path):
    compose = """
services:
  a: {build: ., ports: [80], volumes: [
    {type: bind, source: ./gone, target: /x, bind: {create_host_path: false}}]}
"""
    with pytest.raises(AppFault, match="there is no such folder"):
        plan_of(tmp_path, compose)


VOLUMES = """
services:
  a: {build: ., ports: [80], volumes: ["own:/a", "both:/b", /c, "bound:/d"]}
  b: {build: ., volumes: ["both:/x"]}
volumes:
  own: {}
  both: {}
  bound: {driver_opts: {type: none, o: bind, device: "${PWD}/src"}}
"""


def test_a_volume_of_one_service_is_part_of_its_container(tmp_path: Path):
    """A volume of ours is in memory, and would hide what the image has in its place."""
    plan = plan_of(tmp_path, VOLUMES, src__x="own")

    first = plan.services[0]
    assert first.volumes == (("both", "/b"),)
    assert first.folders == ("/a", "/c")
    assert [(one.target, one.source) for one in first.files] == [("/d", tmp_path / "src")]


def test_a_volume_of_a_read_only_service_is_in_memory(tmp_path: Path):
    plan = plan_of(
        tmp_path,
        "services: {a: {build: ., ports: [80], read_only: true, volumes: [/x, 'own:/y']}}\n"
        "volumes: {own: {}}",
    )

    (service,) = plan.services
    assert [one.target for one in service.tmpfs] == ["/x", "/y"]
    assert (service.read_only, service.folders) == (True, ())


SECRETS = {
    "of a file": ("{file: ./key}", "key", b"text"),
    "of the environment": ("{environment: KEY}", "dot_env", b"va$ue"),
}


@pytest.mark.parametrize(("secret", "file", "content"), SECRETS.values(), ids=SECRETS)
def test_secrets_reach_the_container(tmp_path: Path, secret: str, file: str, content: bytes):
    texts = {"key": "text", "dot_env": "KEY='va$ue'\n"}
    plan = plan_of(
        tmp_path,
        f"services: {{a: {{build: ., ports: [80], secrets: [s]}}}}\nsecrets: {{s: {secret}}}",
        **{file: texts[file]},
    )

    assert unpacked(plan) == {"run/secrets/s": content}


def test_links_out_of_a_mounted_folder_are_left_out_and_its_size_is_bounded(tmp_path: Path):
    plan = plan_of(
        tmp_path, "services: {a: {build: ., ports: [80], volumes: [./src:/app]}}", src__a="x"
    )
    (tmp_path / "src" / "out").symlink_to("/etc/passwd")
    (tmp_path / "src" / "up").symlink_to("../Dockerfile")
    (tmp_path / "src" / "in").symlink_to("a")
    os.mkfifo(tmp_path / "src" / "pipe")
    before = digest_of(plan.services[0].files)

    with tarfile.open(fileobj=io.BytesIO(pack(plan.services[0].files, 10**6))) as archive:
        assert sorted(archive.getnames()) == ["app", "app/a", "app/in"]
        assert archive.getmember("app").mode & 0o777 == 0o777
    (tmp_path / "src" / "a").write_text("y")
    assert digest_of(plan.services[0].files) != before


def test_a_mounted_file_above_the_limit_is_not_read_at_all(tmp_path: Path):
    root = app_of(tmp_path, "services: {a: {build: ., ports: [80], volumes: [.:/app]}}")
    with (root / "sparse").open("wb") as stream:
        stream.truncate(10 * 1024**3)

    with pytest.raises(PlatformFault, match="exceed") as caught:
        pack(read_plan(root).services[0].files, 10**6)

    assert caught.value.row == blame.BEYOND_LIMITS.key
