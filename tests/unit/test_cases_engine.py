"""What people write, and our readers do not know: honoured, or refused by name, never the app's."""

import io
import tarfile
from pathlib import Path

import pytest

from clients import blame
from clients.appfolder import AppFault, AppPlan, read_plan
from clients.appfolder.ownfiles import digest_of, pack
from contract.errors import ErrorCode, PlatformError
from tests.support.cases import case_app


def plan_of(root: Path, compose: str, **files: str) -> AppPlan:
    (root / "docker-compose.yml").write_text(compose)
    for name, text in {"Dockerfile": "FROM python:3.11\n", **files}.items():
        path = root / name.replace("__", "/").replace("dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return read_plan(root)


def unpacked(plan: AppPlan, limit: int = 10**6) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(pack(plan.services[0].files, limit))) as archive:
        return {
            member.name: stream.read()
            for member in archive
            if member.isreg() and (stream := archive.extractfile(member))
        }


@pytest.mark.parametrize(("case", "named"), [("11-extends", "!override"), ("19d", "`extends`")])
def test_what_compose_would_honour_is_refused_by_name(case: str, named: str):
    with pytest.raises(PlatformError) as caught:
        read_plan(case_app(case))

    assert caught.value.code is blame.fault(blame.UNSUPPORTED, "build", "").code
    assert named in caught.value.message


REFUSED = {
    "an own base": ("services: {a: {extends: {service: b}}, b: {build: .}}", {}, "`extends`"),
    "another file": ("include: [other.yml]\nservices: {a: {build: .}}", {}, "`include`"),
    "a reset": ("services: {a: {build: ., ports: !reset []}}", {}, "!reset"),
    "a build secret": (
        "services: {a: {build: {context: ., secrets: [token]}, ports: [80]}}",
        {},
        "`build.secrets`",
    ),
    "a second context": (
        "services: {a: {build: {context: ., additional_contexts: {x: ./x}}, ports: [80]}}",
        {},
        "`build.additional_contexts`",
    ),
    "volumes of another": (
        "services: {a: {build: ., ports: [80], volumes_from: [b]}, b: {build: .}}",
        {},
        "`volumes_from`",
    ),
    "an override file": (
        "services: {a: {build: ., ports: [80]}}",
        {"docker-compose.override.yml": "services: {}"},
        "docker-compose.override.yml",
    ),
    "other files by variable": (
        "services: {a: {build: ., ports: [80]}}",
        {"dot_env": "COMPOSE_FILE=a.yml:b.yml\n"},
        "COMPOSE_FILE",
    ),
    "profiles by variable": (
        "services: {a: {build: ., ports: [80]}}",
        {"dot_env": "COMPOSE_PROFILES=dev\n"},
        "COMPOSE_PROFILES",
    ),
    "a variable we cannot read": (
        "services: {a: {build: ., ports: [80], environment: {A: '${A/x/y}'}}}",
        {},
        "${A/x/y}",
    ),
    "a bound of ours": (
        "services: {a: {build: ., ports: [80], healthcheck: {test: x, interval: 3h}}}",
        {},
        "interval",
    ),
    "more services than we run": (
        "services: {" + ", ".join(f"s{n}: {{build: .}}" for n in range(13)) + "}",
        {},
        "more than 12 services",
    ),
}


@pytest.mark.parametrize(("compose", "files", "named"), REFUSED.values(), ids=REFUSED)
def test_variations_are_refused_by_name(tmp_path: Path, compose, files, named):
    with pytest.raises(PlatformError) as caught:
        plan_of(tmp_path, compose, **files)

    assert caught.value.code is ErrorCode.FAILED_PRECONDITION
    assert named in caught.value.message


@pytest.mark.parametrize(
    "compose",
    [
        "services: {a: {build: ., ports: [80], secrets: [x]}}",
        "services: {a: {build: ., ports: [80], configs: [x]}}\nconfigs: {x: {file: ./gone.json}}",
        "services: {a: {build: ., ports: [80], configs: [x]}}\nconfigs: {x: {file: ../gone.json}}",
    ],
)
def test_files_that_compose_does_not_find_either_are_the_apps_fault(tmp_path: Path, compose: str):
    with pytest.raises(AppFault) as caught:
        plan_of(tmp_path, compose)

    assert caught.value.row == blame.APP_FILES.key


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
    "without a dot": "[src/:/app]",
    "long": "[{type: bind, source: ./src, target: /app}]",
    "by the working folder": "['${PWD}/src:/app']",
    "by a variable": "['${HERE:-./src}:/app']",
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


@pytest.mark.parametrize(
    "source", ["/var/run/docker.sock", "~/.ssh", "../other", "/", "./link-out"]
)
def test_nothing_of_the_host_is_copied_and_a_failure_may_come_of_it(tmp_path: Path, source: str):
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "link-out").symlink_to("/etc")
    compose = f"services: {{a: {{build: ., ports: [80], volumes: ['{source}:/x']}}}}"

    plan = plan_of(tmp_path / "app", compose)

    assert plan.services[0].files == ()
    assert plan.needed == (f"a: volumes {source} (no host path is mounted)",)


def test_links_out_of_a_mounted_folder_are_left_out_and_its_size_is_bounded(tmp_path: Path):
    plan = plan_of(
        tmp_path, "services: {a: {build: ., ports: [80], volumes: [./src:/app]}}", src__a="x"
    )
    (tmp_path / "src" / "out").symlink_to("/etc/passwd")
    (tmp_path / "src" / "up").symlink_to("../Dockerfile")
    (tmp_path / "src" / "in").symlink_to("a")
    before = digest_of(plan.services[0].files)

    with tarfile.open(fileobj=io.BytesIO(pack(plan.services[0].files, 10**6))) as archive:
        assert sorted(archive.getnames()) == ["app", "app/a", "app/in"]
        assert archive.getmember("app").mode & 0o777 == 0o777
    with pytest.raises(AppFault, match="exceed"):
        pack(plan.services[0].files, 10)
    (tmp_path / "src" / "a").write_text("y")
    assert digest_of(plan.services[0].files) != before


def test_what_an_app_may_need_is_told_from_what_only_says_where_it_runs(tmp_path: Path):
    plan = plan_of(
        tmp_path,
        """
services:
  a:
    build: .
    ports: ["8080:80"]
    restart: always
    container_name: x
    labels: {a: b}
    deploy: {replicas: 2}
    networks: {inner: {aliases: [api]}}
    network_mode: host
    devices: ["/dev/video0"]
    environment: [TOKEN]
networks: {inner: {}}
""",
    )

    assert {line.partition(": ")[2].split(" ")[0] for line in plan.needed} == {
        "network_mode",
        "devices",
        "environment.TOKEN",
    }
    assert plan.services[0].aliases == ("api", "x")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${A:-${B:-x}}", "x"),
        ("${A:-${B}}", "b"),
        ("${C:-a$$b}", "a$b"),
        ("$${A}", "${A}"),
        ("${D}", "${not}"),
    ],
)
def test_defaults_may_be_nested_and_values_are_not_read_again(tmp_path: Path, text, value):
    env = "B=b\nD='${not}'\n" if "B:-x" not in text else ""
    plan = plan_of(
        tmp_path,
        f"services: {{a: {{build: ., ports: [80], environment: {{V: '{text}'}}}}}}",
        dot_env=env,
    )

    assert plan.services[0].environment["V"] == value


def test_nested_defaults_reach_the_app():
    (web,) = read_plan(case_app("01")).services

    assert web.environment == {"SITE_TITLE": "Plant Diary", "LISTEN_ON": "8000"}
    assert web.ports == (8000,)
