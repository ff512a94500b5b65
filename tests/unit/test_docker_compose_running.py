"""docker-compose.yml while it runs: what its scripts do, what fills the disk, how it ends."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from queues import GRACE
from settings import Settings
from tests.support.compose_file import ROOT
from tests.unit.test_docker_compose_file import resolved

PROMETHEUS = ROOT / "deploy/prometheus"
PORTS = {
    "ASSAY_METRICS_PORT": ("workers", "9464"),
    "ASSAY_DASHBOARD_PORT": ("dashboards", "8240"),
    "ASSAY_PROMETHEUS_PORT": ("prometheus", "9090"),
    "ASSAY_ALERTMANAGER_PORT": ("alertmanagers", "9093"),
}


def program(folder: Path, name: str, text: str) -> None:
    """A stand-in for a program of an image."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def started(tmp_path: Path, **variables: str) -> Path:
    """Prometheus's folder after its start, with the environment that docker compose gives it."""
    service = resolved(*variables.items())["services"]["prometheus"]
    program(tmp_path / "bin", "prometheus", f'echo "$@" >{tmp_path}/arguments')
    words = [
        word.replace("/tmp/prometheus", str(tmp_path / "run")) for word in service["entrypoint"]
    ]
    words = [word.replace("/etc/prometheus", str(PROMETHEUS)) for word in words]
    env = {**service["environment"], "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    subprocess.run([*words, *service["command"]], env=env, check=True)
    return tmp_path / "run"


def targets(folder: Path, name: str) -> list[str]:
    (one,) = yaml.safe_load((folder / "targets" / f"{name}.yml").read_text())
    return one["targets"]


def test_prometheus_asks_where_the_installation_listens(tmp_path: Path):
    moved = {name: str(20_000 + number) for number, name in enumerate(PORTS)}
    folder = started(tmp_path, **moved)

    for name, (file, _) in PORTS.items():
        assert targets(folder, file) == [f"127.0.0.1:{moved[name]}"]
    services = resolved(*moved.items())["services"]
    assert services["worker"]["environment"]["ASSAY_METRICS_ADDRESS"] == "127.0.0.1:20000"
    assert services["dashboard"]["environment"]["ASSAY_DASHBOARD_PORT"] == "20001"
    said = (tmp_path / "arguments").read_text()
    assert f"--config.file={folder}/prometheus.yml " in said
    assert "--web.listen-address=127.0.0.1:20002" in said
    checked = subprocess.run(
        ["promtool", "check", "config", "--syntax-only", folder / "prometheus.yml"],
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    config = yaml.safe_load((folder / "prometheus.yml").read_text())
    assert [path.name for path in folder.glob(config["rule_files"][0])]


@pytest.mark.parametrize(
    ("listens", "asked"),
    [
        ("0.0.0.0", "127.0.0.1:8240"),
        ("192.0.2.3", "192.0.2.3:8240"),
        ("2001:db8::3", "[2001:db8::3]:8240"),
        ("", "127.0.0.1:8240"),
    ],
)
def test_prometheus_asks_the_dashboard_at_the_address_it_has(
    tmp_path: Path, listens: str, asked: str
):
    folder = started(tmp_path, ASSAY_DASHBOARD_HOST=listens)

    assert targets(folder, "dashboards") == [asked]
    for file, port in PORTS.values():
        assert targets(folder, file)[0].endswith(f":{port}")


@pytest.mark.parametrize(("refused", "code"), [(0, 0), (3, 0), (500, 1)])
def test_the_namespace_is_made_as_soon_as_the_server_lets_it(
    tmp_path: Path, refused: int, code: int
):
    service = resolved()["services"]["temporal-namespace"]
    program(tmp_path / "bin", "sleep", "")
    program(
        tmp_path / "bin",
        "temporal",
        f"""
echo x >>{tmp_path}/asked
[ $(wc -l <{tmp_path}/asked) -gt {refused} ] || exit 1
[ "$3" = create ] && touch {tmp_path}/made
[ -e {tmp_path}/made ]""",
    )
    script = service["command"][-1].replace("$$", "$")
    env = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    done = subprocess.run([*service["entrypoint"], script], env=env, capture_output=True)

    assert done.returncode == code
    assert (tmp_path / "made").exists() is (code == 0)


def test_nothing_grows_until_the_disk_is_full():
    services = resolved()["services"]
    for name, service in services.items():
        assert service["logging"]["driver"] == "json-file", name
        options = service["logging"]["options"]
        assert re.fullmatch(r"\d+m", options["max-size"]), name
        assert 1 < int(options["max-file"]) <= 10, name
    kept = [word for word in services["prometheus"]["command"] if "retention" in word]
    assert kept == ["--storage.tsdb.retention.time=30d", "--storage.tsdb.retention.size=10GB"]


def test_what_works_has_time_to_end():
    for name in ("worker", "dashboard", "static", "dynamic", "performance", "ai"):
        stop_s = int(resolved()["services"][name]["stop_grace_period"].removesuffix("s"))
        assert stop_s >= GRACE.total_seconds() * 3


def test_who_is_told_of_alerts_is_read_from_a_folder_with_its_secrets(
    monkeypatch: pytest.MonkeyPatch,
):
    file = "secrets/alerts/alerts.yaml"
    services = resolved(("ASSAY_ALERTS_FILE", file))["services"]
    monkeypatch.setenv(
        "ASSAY_ALERTS_FILE", resolved()["services"]["worker"]["environment"]["ASSAY_ALERTS_FILE"]
    )
    for name in ("worker", "dashboard"):
        # One variable for the command line in the checkout and for the images' working folder.
        assert services[name]["environment"]["ASSAY_ALERTS_FILE"] == file
        mounted = {one["target"]: one for one in services[name]["volumes"]}
        folder = mounted["/srv/assay/secrets/alerts"]
        assert folder["source"] == str(ROOT / "secrets/alerts")
        assert folder["read_only"] is True
    assert Settings().alerts_file is None
    for image in ("Dockerfile", "dashboard/Dockerfile"):
        assert "WORKDIR /srv/assay" in (ROOT / image).read_text()


def test_alertmanager_tells_nobody_until_somebody_is_named():
    config = yaml.safe_load((ROOT / "deploy/alertmanager/alertmanager.yml").read_text())
    routes = [config["route"], *config["route"]["routes"]]

    assert {route["receiver"] for route in routes} == {"nobody", "watchdog"}
    assert config["receivers"] == [{"name": "nobody"}, {"name": "watchdog"}]
    shown = (ROOT / "deploy/alertmanager/alertmanager.yml").read_text().partition("# Examples")[2]
    examples = yaml.safe_load(
        "\n".join(line.replace("  # ", "", 1) for line in shown.splitlines()[1:])
    )
    assert [one["name"] for one in examples] == ["operators", "on-call"]
    assert "127.0.0.1" not in json.dumps(examples)


def test_commands_of_docker_compose_that_pages_tell_name_services_that_are_there():
    services = set(resolved()["services"])
    pages = [ROOT / "docs" / name for name in ("deploy.md", "backup.md", "alerts.md", "runbook.md")]
    text = "\n".join(page.read_text() for page in pages)
    told = re.findall(r"docker compose (up -d|stop|restart|ps|logs|exec|run)((?: [\w./-]+)*)", text)
    takes = {
        "restart": None,
        "stop": None,
        "ps": None,
        "up -d": None,
        "exec": 1,
        "run": 1,
        "logs": 1,
    }
    for verb, words in told:
        named = [word for word in words.split() if word[0] != "-" and not word.isdigit()]
        assert set(named[: takes[verb]]) <= services, (verb, words)
    assert len(told) >= 10


def test_a_store_is_taken_back_by_the_newer_image_before_the_older_code_is_built():
    way = (ROOT / "docs/deploy.md").read_text().partition("## systemd")[0]
    block = re.findall(r"```bash\n(.*?)```", way.partition("**Roll back.**")[2], re.DOTALL)[0]
    steps = ["compose-backup.sh", "stop worker dashboard", "store downgrade", "git checkout OLDER"]
    environment = resolved()["services"]["dashboard"]["environment"]

    assert [block.index(step) for step in steps] == sorted(block.index(step) for step in steps)
    assert "--no-deps dashboard python starter.py store downgrade SCHEMA --no-backup" in block
    # Without a server it would look for one of its own, which the image does not have.
    assert environment["TEMPORAL_ADDRESS"] and environment["ASSAY_DB_URL_FILE"]
