from pathlib import Path

import pytest

from clients.appfolder import AppFault, AppPlan, read_plan
from clients.appfolder.document import interpolate, load_document
from tests.support.cases import case_app

HOSTILE = """
services:
  web:
    build: .
    privileged: true
    network_mode: host
    devices: ["/dev/kvm:/dev/kvm"]
    cap_add: [SYS_ADMIN]
    container_name: my_web
    restart: always
    volumes:
      - /var/run/docker.sock:/var/run/docker.sock
      - ./src:/app
      - data:/data
    ports: ["8080:80"]
volumes:
  data: {external: true}
networks:
  outer: {external: true}
"""


def plan_of(root: Path, compose: str, **files: str) -> AppPlan:
    (root / "docker-compose.yml").write_text(compose)
    (root / "Dockerfile").write_text("FROM python:3.11\n")
    for name, text in files.items():
        (root / name.replace("__", "/").replace("dot_", ".")).write_text(text)
    return read_plan(root)


def test_what_reaches_for_the_host_is_dropped_and_recorded(tmp_path: Path):
    plan = plan_of(tmp_path, HOSTILE)

    (web,) = plan.services
    assert web.volumes == (("data", "/data"),)
    assert web.ports == (80,)
    assert web.aliases == ("my_web",)
    dropped = "\n".join(plan.dropped)
    for key in ("privileged", "network_mode", "devices", "cap_add", "restart", "container_name"):
        assert f"web: {key} (" in dropped
    assert "web: volumes /var/run/docker.sock (no host path is mounted)" in plan.dropped
    assert "web: volumes ./src (there is no such file in the app folder)" in plan.dropped
    assert "web: ports 8080 (host port; a free one on 127.0.0.1 is used)" in plan.dropped
    assert any(line.startswith("networks (") for line in plan.dropped)
    assert any(line.startswith("volumes.data: options") for line in plan.dropped)


def test_variables_come_from_the_apps_env_file_never_from_the_host(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("SECRET", "of the host")
    plan = plan_of(
        tmp_path,
        "services: {web: {build: ., ports: [80], environment: {A: '${KNOWN}', B: '${SECRET:-none}',"
        " C: $$HOME, SECRET: null}}}",
        dot_env="KNOWN=yes\n",
    )

    assert plan.services[0].environment == {"A": "yes", "B": "none", "C": "$HOME"}
    assert "web: environment.SECRET (the host's environment is not passed on)" in plan.dropped


@pytest.mark.parametrize(
    ("text", "variables", "expected"),
    [
        ("${A:-x}", {"A": ""}, "x"),
        ("${A-x}", {"A": ""}, ""),
        ("${A:+x}", {"A": "1"}, "x"),
        ("$A-b", {"A": "1"}, "1-b"),
        ("${A}", {}, ""),
    ],
)
def test_interpolation_follows_the_compose_specification(text, variables, expected):
    assert interpolate(text, variables) == expected


def test_services_start_after_what_they_depend_on(tmp_path: Path):
    plan = plan_of(
        tmp_path,
        """
services:
  frontend: {build: ., ports: ["3000:3000"], depends_on: [backend]}
  backend:
    build: .
    ports: [{target: 5000, published: 5001}]
    depends_on: {db: {condition: service_healthy}}
  db: {image: "postgres:16", ports: ["5432:5432"], healthcheck: {test: pg_isready, interval: 1m30s}}
""",
    )

    assert [service.name for service in plan.services] == ["db", "backend", "frontend"]
    database, backend, frontend = plan.services
    assert (database.role, database.publishes) == ("support", False)
    assert (backend.role, frontend.role) == ("backend", "frontend")
    assert backend.depends_on == {"db": "service_healthy"}
    assert database.healthcheck is not None
    assert database.healthcheck.test == ("CMD-SHELL", "pg_isready")
    assert database.healthcheck.interval_s == 90.0


@pytest.mark.parametrize(
    ("compose", "reason"),
    [
        ("services: {a: {build: ../other}}", "leads out of the app folder"),
        ("services: {a: {build: {context: ., dockerfile: ../../etc/passwd}}}", "leads out of"),
        ("services: {a: {build: ., ports: [80], env_file: ../x.env}}", "leads out of"),
        ("services: {a: {build: ., depends_on: [b]}, b: {build: ., depends_on: [a]}}", "cycle"),
        ("services: {a: {build: ., depends_on: [c]}}", "unknown 'c'"),
        ("services: {a: {ports: [80]}}", "neither build nor image"),
        ("services: {a: {build: ., ports: [http]}}", "is no port"),
        ("services: {db: {image: 'postgres:16'}}", "no service has a port"),
        ("services: []", "expected `services`"),
        ("- just\n- a list", "expected a mapping"),
        ("services: {a: [}", "not valid YAML"),
        ("services: {a: {build: ., healthcheck: {test: x, interval: soon}}}", "duration"),
        ("services: {a: {build: ., environment: {X: '${Y:?needed}'}}}", "variable Y is required"),
        ("a: " + "[" * 500 + "]" * 500, "too deep"),
    ],
)
def test_what_cannot_be_run_is_the_apps_fault_in_one_sentence(tmp_path: Path, compose, reason):
    with pytest.raises(AppFault, match="(?s)" + reason.replace("(", r"\(")) as caught:
        plan_of(tmp_path, compose)
    assert caught.value.phase == "build"
    assert "\n" not in caught.value.reason


def test_an_alias_bomb_is_refused_before_it_expands(tmp_path: Path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 5)}]" for n in range(1, 10)]
    with pytest.raises(AppFault, match="alias"):
        plan_of(tmp_path, "\n".join([*lines, "services: {a: {build: .}}"]))


def test_a_link_out_of_the_app_folder_is_not_read(tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_text("SECRET=1\n")
    root = tmp_path / "app"
    root.mkdir()
    (root / ".env").symlink_to(secret)
    (root / "Dockerfile").symlink_to(secret)
    (root / "compose.yaml").write_text("services: {a: {build: ., ports: [80]}}")

    with pytest.raises(AppFault, match="leads out of the app folder"):
        read_plan(root)


def test_services_behind_a_profile_are_left_out(tmp_path: Path):
    plan = plan_of(
        tmp_path,
        "services: {a: {build: ., ports: [80]}, b: {build: ., profiles: [debug]}}",
    )

    assert [service.name for service in plan.services] == ["a"]
    assert "b: profiles (not started by default, so left out)" in plan.dropped


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("'3000:80'", ((3000, 80),)),
        ("'127.0.0.1:3000:80/tcp'", ((3000, 80),)),
        ("'[::1]:3000:80'", ((3000, 80),)),
        ("'3000-3001:80-81'", ((3000, 80),)),
        ("{target: 80, published: '3000'}", ((3000, 80),)),
        ("{target: 80, published: 3000}", ((3000, 80),)),
        ("'80'", ()),
        ("'127.0.0.1::80'", ()),
        ("'53:53/udp'", ()),
        ("'99999:80'", ()),
        ("{target: 80}", ()),
    ],
)
def test_under_which_port_of_its_authors_machine_a_service_is_published(
    tmp_path: Path, entry: str, expected: tuple[tuple[int, int], ...]
):
    plan = plan_of(tmp_path, f"services: {{web: {{build: ., ports: [{entry}]}}}}")

    assert plan.services[0].published == expected


def test_words_of_a_compose_file_are_those_that_are_written():
    """Case 17: the words of YAML 1.1 are words to Docker Compose."""
    (service,) = read_plan(case_app("17")).services

    assert service.environment == {
        "FEATURE_CART": "on",
        "SHIP_TO": "NO",
        "ALLOW_GUESTS": "yes",
        "STRICT": "true",
    }


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Off", "Off"),
        ("y", "y"),
        ("22:22", "22:22"),
        ("1:30:00", "1:30:00"),
        ("2024-01-01", "2024-01-01"),
        ("10.0.0.1", "10.0.0.1"),
        ("8000", 8000),
        ("-1.5e3", -1500.0),
        ("FALSE", False),
        ('"true"', "true"),
        ("~", None),
    ],
)
def test_what_a_plain_word_stands_for(written: str, meant: object):
    assert load_document(f"a: {written}\n", "x") == {"a": meant}
