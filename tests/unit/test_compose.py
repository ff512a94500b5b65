"""What compose files mean here is what they mean to Docker Compose."""

from pathlib import Path

import pytest

from clients import blame
from clients.appfolder import AppFault, read_plan
from clients.blame import PlatformFault
from tests.support.cases import case_app
from tests.support.compose_app import plan_of

DROPPED = """
services:
  web:
    build: .
    privileged: true
    network_mode: host
    cap_add: [SYS_ADMIN, CHOWN]
    container_name: my_web
    restart: always
    logging: {driver: none}
    labels: {a: b}
    deploy: {replicas: 1, resources: {limits: {cpus: "2"}}}
    cpu_shares: 512
    volumes:
      - /etc/localtime:/etc/localtime:ro
      - ./src:/app
    ports: ["8080:80"]
"""


def test_what_changes_nothing_that_is_measured_is_dropped_and_recorded(tmp_path: Path):
    plan = plan_of(tmp_path, DROPPED)

    (web,) = plan.services
    assert web.ports == (80,)
    assert web.aliases == ("my_web",)
    assert [(one.target, one.folder) for one in web.files] == [("/app", True)]
    dropped = "\n".join(plan.dropped)
    for key in (
        "privileged", "network_mode", "cap_add SYS_ADMIN", "restart", "container_name", "logging",
        "labels", "deploy", "cpu_shares",
    ):  # fmt: skip
        assert f"web: {key} (" in dropped
    assert "web: volumes /etc/localtime (no host path is mounted)" in plan.dropped
    assert "web: volumes ./src (not in the app folder: an empty folder)" in plan.dropped
    assert "web: ports 8080 (host port; a free one on 127.0.0.1 is used)" in plan.dropped
    needed = {line.partition(": ")[2].split(" ")[0] for line in plan.needed}
    assert needed == {"privileged", "network_mode", "cap_add"}


def test_variables_come_from_the_apps_env_file_never_from_the_host(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("SECRET", "of the host")
    plan = plan_of(
        tmp_path,
        "services: {web: {build: ., ports: [80], environment: {A: '${KNOWN}', B: '${SECRET:-none}',"
        " C: $$HOME, SECRET: null, D: '${LATER}'}}}",
        dot_env="KNOWN=yes\n",
    )

    assert plan.services[0].environment == {"A": "yes", "B": "none", "C": "$HOME", "D": ""}
    assert "web: environment.SECRET (the host's environment is not passed on)" in plan.needed
    assert "environment.LATER (.env does not set it, so it is blank)" in plan.needed


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${A:-x}", "x"),
        ("${A-x}", ""),
        ("${B:+x}", "x"),
        ("$B-b", "b-b"),
        ("${GONE}", ""),
        ("${GONE:-${B:-x}}", "b"),
        ("${GONE:-${GONE:-a$$b}}", "a$b"),
        ("$${A}", "${A}"),
        ("${D}", "${not}"),
        ("${E}", "b and b"),
        ("a$$$$b", "a$$b"),
    ],
)
def test_variables_and_dollar_signs(tmp_path: Path, text: str, value: str):
    plan = plan_of(
        tmp_path,
        f"services: {{a: {{build: ., ports: [80], environment: {{V: '{text}'}}}}}}",
        dot_env="A=\nB=b\nD='${not}'\nE=$B and ${B}\n",
    )

    assert plan.services[0].environment["V"] == value


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ('V="two words"', "two words"),
        ("V='$lit'", "$lit"),
        ("V=$OTHER/x", "of env/x"),
        ("export V=1 # comment", "1"),
        ("V=pa$$word", "pa$word"),
        ("V=", ""),
    ],
)
def test_env_files_are_quoted_as_docker_compose_reads_them(tmp_path: Path, line: str, value: str):
    plan = plan_of(
        tmp_path,
        "services: {a: {build: ., ports: [80], env_file: [{path: gone.env, required: false},"
        " conf/a.env]}}",
        conf__a_env="",
        dot_env="OTHER=of env\n",
        **{"conf__a.env": f"{line}\n"},
    )

    assert plan.services[0].environment == {"V": value}


def test_services_start_after_what_they_depend_on(tmp_path: Path):
    plan = plan_of(
        tmp_path,
        """
services:
  a-frontend: {build: ., ports: ["3000:3000"], depends_on: [backend]}
  backend:
    build: .
    ports: [{target: 5000, published: 5001}]
    depends_on:
      db: {condition: service_healthy}
      migrate: {condition: service_completed_successfully}
      cache: {condition: service_started, required: false}
      tracing: {condition: service_started, required: false}
  migrate: {build: ., command: ./migrate.sh, depends_on: [db]}
  cache: {image: "redis:7"}
  tracing: {image: jaeger, profiles: [debug]}
  db: {image: "postgres:16", ports: ["5432:5432"], healthcheck: {test: pg_isready, interval: 1m30s}}
""",
    )

    by_name = {service.name: service for service in plan.services}
    names = list(by_name)
    assert names.index("db") < names.index("migrate") < names.index("backend")
    assert names[-1] == "a-frontend"
    assert by_name["backend"].depends_on == {
        "db": "service_healthy",
        "migrate": "service_completed_successfully",
        "cache": "service_started",
    }
    assert by_name["backend"].optional == {"cache"}
    assert (by_name["migrate"].one_shot, by_name["migrate"].publishes) == (True, False)
    assert by_name["migrate"].command == ("./migrate.sh",)
    healthcheck = by_name["db"].healthcheck
    assert healthcheck is not None
    assert healthcheck.test == ("CMD-SHELL", "pg_isready")
    assert healthcheck.interval_s == 90.0


PROFILED = "services: {a: {build: ., ports: [80]}, b: {build: ., profiles: [debug]}}"


def test_what_a_service_is_has_nothing_to_do_with_its_name_or_image(tmp_path: Path):
    (tmp_path / "dist").mkdir()
    plan = plan_of(
        tmp_path,
        """
services:
  postgres: {build: ., ports: ["5432:5432"]}
  worker: {build: ., ports: [8000]}
  frontend: {build: .}
  web: {image: "nginx:1", volumes: ["./dist:/usr/share/nginx/html"]}
  cache: {image: "redis:7"}
""",
        **{"dist/page": "<p>"},
    )

    found = {one.name: (one.is_own, one.publishes) for one in plan.services}
    assert found == {
        "postgres": (True, True),
        "worker": (True, True),
        "frontend": (True, False),
        "web": (True, False),
        "cache": (False, False),
    }


@pytest.mark.parametrize(
    ("policy", "restarts"),
    [("always", True), ("unless-stopped", True), ("on-failure:3", True), ("'no'", False)],
)
def test_a_restart_policy_is_kept_for_the_start(tmp_path: Path, policy: str, restarts: bool):
    plan = plan_of(tmp_path, f"services: {{a: {{build: ., ports: [80], restart: {policy}}}}}")

    assert plan.services[0].restarts is restarts
    assert not plan_of(tmp_path, "services: {a: {build: .}}").services[0].restarts


@pytest.mark.parametrize(
    ("compose", "env", "services"),
    [
        (PROFILED, "", ["a"]),
        (PROFILED, "COMPOSE_PROFILES=debug,other\n", ["a", "b"]),
        (PROFILED, "COMPOSE_PROFILES=other\n", ["a"]),
        ("services: {a: {build: ., ports: [80]}, b: {build: ., deploy: {replicas: 0}}}", "", ["a"]),
    ],
)
def test_services_that_compose_does_not_start_are_left_out(tmp_path: Path, compose, env, services):
    plan = plan_of(tmp_path, compose, dot_env=env)

    assert [service.name for service in plan.services] == services


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("'3000:80'", ((3000, 80),)),
        ("'127.0.0.1:3000:80/tcp'", ((3000, 80),)),
        ("'[::1]:3000:80'", ((3000, 80),)),
        ("'3000-3001:80-81'", ((3000, 80), (3001, 81))),
        ("'3000-3005:80'", ((3000, 80),)),
        ("{target: 80, published: '3000'}", ((3000, 80),)),
        ("{target: 80, published: 3000}", ((3000, 80),)),
        ("'80'", ()),
        ("'127.0.0.1::80'", ()),
        ("'53:53/udp'", ()),
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
        ("10.0.0.1", "10.0.0.1"),
        ("8000", "8000"),
        ('"true"', "true"),
    ],
)
def test_what_a_plain_word_stands_for(tmp_path: Path, written: str, meant: str):
    plan = plan_of(
        tmp_path, f"services: {{a: {{build: ., ports: [80], environment: {{A: {written}}}}}}}"
    )

    assert plan.services[0].environment == {"A": meant}


REFUSED = {
    "a cycle": (
        "services: {a: {build: ., depends_on: [b]}, b: {build: ., depends_on: [a]}}",
        "dependency cycle detected: a -> b -> a",
    ),
    "an unknown dependency": ("services: {a: {build: ., depends_on: [c]}}", 'service "c"'),
    "a dependency that is off": (
        "services: {a: {build: ., depends_on: [c]}, c: {image: x, profiles: [p]}}",
        'undefined service "c"',
    ),
    "nothing to run": ("services: {a: {ports: [80]}}", "neither an image nor a build context"),
    "a port that is none": ("services: {a: {build: ., ports: [http]}}", "invalid containerPort"),
    "no entry": ("services: {db: {image: 'postgres:16'}}", "no service has a port"),
    "services that are a list": ("services: []", "services must be a mapping"),
    "a list": ("- just\n- a list", "compose file: "),
    "no YAML": ("services: {a: [}", "did not find expected"),
    "an unknown key": ("services: {a: {build: ., prots: [80]}}", "prots"),
    "a duration that is none": (
        "services: {a: {build: ., healthcheck: {test: x, interval: soon}}}",
        'invalid duration "soon"',
    ),
    "a required variable": (
        "services: {a: {build: ., environment: {X: '${Y:?needed}'}}}",
        "required variable Y is missing a value: needed",
    ),
    "a form that nobody reads": (
        "services: {a: {build: ., environment: {A: '${A/x/y}'}}}",
        "invalid interpolation format",
    ),
    "a missing env_file": ("services: {a: {build: ., env_file: gone.env}}", "./gone.env not found"),
    "a missing base": ("services: {a: {extends: {service: b}}}", "./docker-compose.yml"),
    "a missing include": ("include: [gone.yml]\nservices: {a: {build: .}}", "open ./gone.yml"),
    "an undefined volume": ("services: {a: {build: ., volumes: [data:/x]}}", "volume data"),
    "an undefined network": ("services: {a: {build: ., networks: [x]}}", "undefined network x"),
    "an undefined secret": ("services: {a: {build: ., secrets: [x]}}", "undefined secret x"),
    "a missing folder": ("services: {a: {build: ./gone, ports: [80]}}", "no folder 'gone'"),
    "a missing Dockerfile": (
        "services: {a: {build: {context: ., dockerfile: gone}, ports: [80]}}",
        "no file 'gone'",
    ),
    "a missing configuration": (
        "services: {a: {build: ., ports: [80], configs: [x]}}\nconfigs: {x: {file: ./gone.json}}",
        "no file 'gone.json'",
    ),
}


@pytest.mark.parametrize(("compose", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_docker_compose_refuses_is_the_apps_fault_in_one_sentence(
    tmp_path: Path, compose: str, reason: str
):
    with pytest.raises(AppFault) as caught:
        plan_of(tmp_path, compose)

    assert reason in caught.value.reason
    assert (caught.value.phase, caught.value.row) == ("build", blame.APP_FILES.key)
    assert "\n" not in caught.value.reason
    assert len(caught.value.reason) < 500
    assert "assay" not in caught.value.reason


def test_what_our_reader_does_not_know_of_a_resolved_document_is_our_gap(tmp_path: Path):
    with pytest.raises(PlatformFault) as caught:
        plan_of(
            tmp_path,
            "services: {a: {build: ., ports: [80], healthcheck: {test: x, interval: 3h}}}",
        )

    assert caught.value.row == blame.UNSUPPORTED.key
