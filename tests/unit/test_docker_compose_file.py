"""What docker-compose.yml and the Dockerfiles promise, without an engine."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml

from clients.appfolder.composer import brought_along
from clients.docker.context import IgnoreRules
from contract.analyzers import AnalyzerKind
from contract.doors import DashboardSettings
from contract.ids import resource_name
from contract.quiet import LOAD_LOCK, work_lock
from queues import GRACE
from settings import Settings
from tests.support.compose_file import ROOT, load, sdk_options

FILE = load()
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
DOCKERFILES = [
    ROOT / "Dockerfile",
    ROOT / "dashboard/Dockerfile",
    *sorted(ROOT.glob("analyzers/*/Dockerfile")),
]
WORKER_CODE = (
    "worker.py",
    "queues.py",
    "settings.py",
    "contract",
    "workflows",
    "activities",
    "clients",
)
LOCKS = {
    "analyzers/requirements.lock": ("contract", "analyzers"),
    "deploy/worker.lock": (*WORKER_CODE, "store", "reports", "control"),
    "deploy/dashboard.lock": (
        *(*WORKER_CODE[1:], "store", "reports", "analyzers"),
        *("control", "dashboard", "cli", "starter.py"),
    ),
}
# Runs in a tool's own environment.
TOOL_PROGRAMS = {"analyzers/dynamic/browser_program.py"}


@pytest.mark.parametrize("kind", list(AnalyzerKind))
def test_an_analyzer_is_confined_bounded_and_watched(kind: AnalyzerKind):
    service = SERVICES[kind]
    port = kind.row.port

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert service["mem_limit"]
    assert service["cpus"]
    assert service["pids_limit"] > 0
    assert service["tmpfs"]
    assert service["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert service["healthcheck"]["test"][-1] == str(port)
    assert sdk_options(service)["command"][:2] == ["--token-file", "/run/secrets/analyzer-token"]
    assert set(service["secrets"]) - {"ai-api-key"} == {"analyzer-token"}
    assert not any("docker.sock" in volume for volume in service["volumes"])


@pytest.mark.parametrize("kind", list(AnalyzerKind))
def test_an_analyzer_has_a_place_for_each_slot_of_the_worker(kind: AnalyzerKind):
    command = SERVICES[kind]["command"]
    given = kind.row.slots
    if "--capacity" in command:
        given = int(command[command.index("--capacity") + 1])

    assert given >= Settings().analyzer_slots[kind]


@pytest.mark.parametrize("kind", list(AnalyzerKind))
def test_an_analyzers_image_listens_where_the_table_says(kind: AnalyzerKind):
    lines = (ROOT / "analyzers" / kind / "Dockerfile").read_text().splitlines()

    assert f"EXPOSE {kind.row.port}" in lines
    assert any("healthcheck.py" in line and f'"{kind.row.port}"' in line for line in lines)


def test_logs_of_what_lasts_are_bounded_and_a_worker_has_the_time_to_stop():
    lasting = {name: one for name, one in SERVICES.items() if "restart" in one}
    options = {name: one.get("logging", {}).get("options", {}) for name, one in lasting.items()}

    assert {name for name, one in options.items() if not one.get("max-size")} == set()
    assert len(lasting) > 10
    assert int(SERVICES["worker"]["stop_grace_period"][:-1]) > 2 * GRACE.total_seconds()


def test_only_live_analyzers_join_the_networks_of_apps():
    peers = {name for name, one in SERVICES.items() if "dev.assay.peer" in one.get("labels", {})}

    assert peers == {kind for kind in AnalyzerKind if kind.is_live}


def test_live_analyzers_have_no_way_out_and_keep_their_gateway_beside_the_networks_of_apps():
    for kind in AnalyzerKind:
        assert SERVICES[kind]["networks"] == (["quiet"] if kind.is_live else ["assay"])
    quiet = FILE["networks"]["quiet"]

    assert quiet["driver_opts"] == {"com.docker.network.bridge.enable_ip_masquerade": "false"}
    assert quiet["name"] < resource_name("0", "pipeline/0/0/app1", "net")[: len(quiet["name"])]


@pytest.mark.parametrize("lock", [LOAD_LOCK, work_lock(LOAD_LOCK)])
@pytest.mark.parametrize("service", ["performance", "static", "dynamic", "worker"])
def test_load_tests_and_who_gives_way_to_them_share_the_hosts_locks(service: str, lock: Path):
    assert f"{lock}:{lock}:ro" in SERVICES[service]["volumes"]


def test_the_hosts_command_line_finds_the_workers_reports():
    volumes = SERVICES["worker"]["volumes"]

    assert "${ASSAY_DATA:-./.assay}/reports:/data/reports" in volumes
    assert "install -d -m 1777 .assay/reports" in (ROOT / "docker-compose.yml").read_text()
    assert Settings.model_fields["data"].default == ROOT / ".assay"


def test_nothing_is_published_beyond_loopback():
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert len(published) >= 7
    assert all(port.startswith("127.0.0.1:") for port in published)
    on_the_hosts = [n for n, s in SERVICES.items() if s.get("network_mode") == "host"]
    assert on_the_hosts == ["worker", "dashboard", "prometheus", "alertmanager"]
    listens = [
        next(part for part in SERVICES[name]["command"] if part.startswith("--web.listen-address="))
        for name in ("prometheus", "alertmanager")
    ]
    assert all("=127.0.0.1:" in listen for listen in listens)
    assert SERVICES["dashboard"]["environment"]["ASSAY_DASHBOARD_HOST"].endswith(":-127.0.0.1}")


def test_the_dashboard_is_confined_and_has_no_engine():
    service = SERVICES["dashboard"]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "group_add" not in service
    assert not any("docker.sock" in volume for volume in service["volumes"])


def test_dashboard_and_worker_call_fleets_and_control_apps_by_the_same_names():
    of_dashboard, of_worker = (
        {volume.removesuffix(":ro").partition(":")[2] for volume in SERVICES[name]["volumes"]}
        for name in ("dashboard", "worker")
    )

    assert of_dashboard <= of_worker
    assert "/srv/assay/controls" in str(sorted(of_dashboard))


def test_docker_compose_hands_on_every_setting_of_the_dashboard():
    known = {f"ASSAY_{name.upper()}" for name in DashboardSettings.model_fields}

    assert SERVICES["dashboard"]["environment"].keys() >= known


@cache
def resolved(*variables: tuple[str, str]) -> dict[str, Any]:
    """The file as Docker Compose itself reads it."""
    program = brought_along()
    assert program is not None
    env = {"ASSAY_APPS": "/srv/fleet", "DOCKER_GID": "998", "HOME": "/nowhere", **dict(variables)}
    done = subprocess.run(
        [program, "--project-directory", str(ROOT), "config", "--format", "json"],
        cwd=ROOT,
        env={**env, "COMPOSE_DISABLE_ENV_FILE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "level=warning" not in done.stderr  # a variable that is not set
    return json.loads(done.stdout)


def test_docker_compose_reads_it_without_a_warning_and_each_lasting_service_is_watched():
    services = resolved()["services"]

    once = {name for name, one in services.items() if one.get("restart") != "unless-stopped"}
    assert once == {"temporal-schema", "temporal-namespace"}
    assert {name for name, one in services.items() if "healthcheck" not in one} == once


def test_no_secret_is_a_variable_or_needs_one():
    hidden = re.compile("PASSWORD|PWD|TOKEN|API_KEY|PAYLOAD_KEY|DB_URL")
    for name, service in resolved()["services"].items():
        for variable, value in service.get("environment", {}).items():
            if hidden.search(variable) and value:
                assert variable.endswith("_FILE"), (name, variable)
                assert value.startswith("/run/secrets/"), (name, variable)


def test_a_service_finds_each_secret_that_its_variables_name():
    given = {
        "ASSAY_PAYLOAD_KEY_FILE": "./secrets/keys",
        "ASSAY_AI_API_KEY_FILE": "./secrets/ai",
    }
    document = resolved(*given.items())
    for name, service in document["services"].items():
        text = json.dumps([service.get(part) for part in ("environment", "command")])
        named = set(re.findall(r"/run/secrets/([\w-]+)", text))
        mounted = {Path(one["target"]).name for one in service.get("secrets", ())}
        mounted |= {Path(one["target"]).name for one in service.get("volumes", ())}
        assert named <= mounted, name
    files = {name: one["file"] for name, one in document["secrets"].items()}
    assert files["payload-keys"] == str(ROOT / "secrets/keys")
    assert resolved()["secrets"]["payload-keys"]["file"] == "/dev/null"


def test_the_secrets_that_must_be_there_are_made_once(tmp_path: Path):
    script = [str(ROOT / "deploy/secrets.sh"), str(tmp_path / "s")]
    subprocess.run(
        script, check=True, capture_output=True, env={**os.environ, "PG_PASSWORD": "a@b/c"}
    )
    made = {path.name: path.read_text() for path in (tmp_path / "s").iterdir() if path.is_file()}
    again = subprocess.run(script, check=True, capture_output=True, text=True)

    assert made.keys() == {n for n, one in FILE["secrets"].items() if one["file"][0] == "."}
    assert made["db-url"] == "postgresql+asyncpg://assay:a%40b%2Fc@127.0.0.1:5433/assay\n"
    assert len(made["analyzer-token"]) == 49
    assert again.stdout == ""
    assert made == {n: (tmp_path / "s" / n).read_text() for n in made}
    assert (tmp_path / "s").stat().st_mode & 0o077 == 0


def test_prometheus_sends_the_token_and_is_else_as_without():
    folder = ROOT / "deploy/prometheus"
    plain, own = (
        yaml.safe_load((folder / name).read_text()) for name in ("prometheus.yml", "with-token.yml")
    )
    sent = {job["job_name"]: job.pop("authorization", None) for job in own["scrape_configs"]}

    assert own == plain
    token = {"credentials_file": "/run/secrets/analyzer-token"}
    assert {job: given for job, given in sent.items() if given} == {
        "assay-analyzer": token,
        "assay-dashboard": token,
    }
    assert "analyzer-token" in SERVICES["prometheus"]["secrets"]


def test_a_release_with_a_build_id_makes_itself_current_unless_that_is_done_by_hand():
    given = SERVICES["worker"]["environment"]

    assert given["ASSAY_BUILD_ID"] == "${ASSAY_BUILD_ID:-}"
    assert given["ASSAY_MAKE_CURRENT"] == "${ASSAY_MAKE_CURRENT:-true}"
    assert Settings.model_fields["make_current"].default is True


def test_every_image_has_a_version_and_ours_have_the_projects():
    for name, service in SERVICES.items():
        image, _, tag = service["image"].rpartition(":")
        assert image, f"{name}: {service['image']} has no tag"
        assert re.match(r"v?\d", tag), f"{name}: {service['image']}"
        if "build" in service:
            assert tag == VERSION
            assert (ROOT / service["build"]["dockerfile"]).is_file()


def test_what_services_refer_to_exists():
    for name, service in SERVICES.items():
        depends = service.get("depends_on", {})
        assert set(depends) <= set(SERVICES), name
        for other, rule in depends.items():
            if rule["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other], f"{name} waits for the health of {other}"
        assert set(service.get("networks", [])) <= set(FILE["networks"]), name
        assert set(service.get("secrets", [])) <= set(FILE["secrets"]), name
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source[0] in "/.$" or source in FILE["volumes"], f"{name}: {volume}"


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_dockerfile_ends_as_nobody_on_a_base_of_choice(path: Path):
    lines = path.read_text().replace("\\\n", " ").splitlines()
    froms = [line for line in lines if line.startswith("FROM ")]
    installs = [line for line in lines if "pip install" in line]

    assert all(line.startswith("FROM ${BASE}") for line in froms)
    assert any(re.match(r"ARG BASE=python:3\.1\d-slim$", line) for line in lines)
    assert [line for line in lines if line.startswith("USER ")][-1] == "USER 10001:10001"
    assert installs
    assert all("--require-hashes" in line for line in installs)
    assert "http://" not in "".join(lines)
    assert "https://" not in "".join(lines)


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_build_context_holds_what_is_copied(path: Path):
    left_out = IgnoreRules.read(ROOT).match
    for line in path.read_text().splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                found = [file.relative_to(ROOT).as_posix() for file in ROOT.glob(source)]
                assert found, source
                assert not any(map(left_out, found)), source


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_agrees_with_the_projects(lock: str):
    whole = pins(ROOT / "requirements.lock")

    for name, pin in pins(ROOT / lock).items():
        assert pin == whole[name], f"{lock} and requirements.lock differ in {name}: make lock"


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_every_package_that_is_imported(lock: str):
    locked = set(pins(ROOT / lock))
    providers = distributions()

    for file, module in third_party(LOCKS[lock]):
        names = {normal(name) for name in providers.get(module, [])}
        assert names & locked, f"{file} imports {module}, which {lock} does not hold"


def pins(path: Path) -> dict[str, str]:
    """Version and hashes by package."""
    entries = re.split(r"\n(?=\S)", path.read_text())
    found = (re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==(\S+)", entry) for entry in entries)
    return {
        normal(match[1]): match[2] + "".join(sorted(re.findall(r"sha256:\w+", entry)))
        for entry, match in zip(entries, found, strict=True)
        if match
    }


@cache
def distributions() -> Mapping[str, list[str]]:
    """Packages by importable module; reads every installed package, hence once."""
    return packages_distributions()


def normal(name: str) -> str:
    """A package's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def third_party(folders: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """File and module of each import that is neither ours nor the standard library's."""
    ours = {path.stem for path in ROOT.iterdir()}
    for folder in folders:
        path = ROOT / folder
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            name = str(file.relative_to(ROOT))
            if name in TOOL_PROGRAMS:
                continue
            for module in imports(ast.parse(file.read_text())):
                if module not in ours and module not in sys.stdlib_module_names:
                    yield name, module


def imports(tree: ast.AST) -> Iterator[str]:
    """Top-level names of absolute imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]
