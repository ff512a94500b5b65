"""The systemd units: systemd itself reads them, and finds them confined."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from contract.analyzers import AnalyzerKind
from queues import GRACE

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "deploy/systemd/install.sh"
ANALYZERS = [f"assay-analyzer@{kind}.service" for kind in AnalyzerKind]
# What systemd calls exposed, 0 to 10; sandboxes of tools need namespaces and mounts.
EXPOSED = {"assay-worker.service": 3.4, "assay-dashboard.service": 1.5} | dict.fromkeys(
    ANALYZERS, 3.3
)


def install(root: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [SCRIPT, "--prefix", ROOT, "--root", root, *more]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("root")
    assert install(root).returncode == 0
    return root


@pytest.fixture(scope="module")
def units(root: Path) -> Path:
    return root / "etc/systemd/system"


def test_systemd_finds_nothing_wrong(units: Path):
    paths = [units / name for name in ("assay.target", *EXPOSED)]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *paths], capture_output=True, text=True
    )

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", EXPOSED)
def test_a_unit_is_confined(units: Path, name: str):
    threshold = f"--threshold={EXPOSED[name] * 10:.0f}"
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", threshold, units / name],
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout[-200:]


def test_the_target_starts_every_part(units: Path):
    wanted = set(re.findall(r"assay-\S+\.service", (units / "assay.target").read_text()))

    assert wanted == set(EXPOSED)


def test_only_the_worker_is_of_the_engines_group(units: Path):
    grouped = [path.name for path in units.rglob("*") if "Groups=docker" in _text(path)]

    assert grouped == ["assay-worker.service"]


def test_a_dry_run_says_all_and_does_nothing(tmp_path: Path, root: Path):
    done = install(tmp_path / "dry", "--dry-run")

    assert done.returncode == 0
    assert not (tmp_path / "dry").exists()
    written = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    assert {line.partition("/dry/")[2] for line in done.stdout.splitlines()} >= written


def test_secrets_that_are_there_stay_and_reach_the_parts_that_need_them(tmp_path: Path):
    secrets, system = tmp_path / "etc/assay/secrets", tmp_path / "etc/systemd/system"
    assert install(tmp_path).returncode == 0
    token = (secrets / "analyzer-token").read_text()
    assert secrets.stat().st_mode & 0o077 == 0
    assert (secrets / "analyzer-token").stat().st_mode & 0o077 == 0
    (tmp_path / "etc/assay/assay.env").write_text("TEMPORAL_ADDRESS=here:7233\n")
    (secrets / "ai-api-key").write_text("sk\n")

    assert install(tmp_path).returncode == 0

    drop_in = (system / "assay-analyzer@ai.service.d/ai-api-key.conf").read_text()
    assert "Environment=ASSAY_AI_API_KEY_FILE=%d/ai-api-key\n" in drop_in
    assert (secrets / "analyzer-token").read_text() == token
    assert (tmp_path / "etc/assay/assay.env").read_text() == "TEMPORAL_ADDRESS=here:7233\n"
    (secrets / "ai-api-key").unlink()
    assert install(tmp_path).returncode == 0
    assert not (system / "assay-analyzer@ai.service.d/ai-api-key.conf").exists()


def test_who_is_told_of_alerts_has_its_secrets_beside_it(tmp_path: Path):
    folder, system = tmp_path / "etc/assay/secrets/alerts", tmp_path / "etc/systemd/system"
    folder.parent.mkdir(parents=True)
    folder.write_text("receivers: []\n")
    refused = install(tmp_path)
    assert refused.returncode == 2
    assert "has to be a folder" in refused.stderr
    assert not system.exists()

    folder.unlink()
    receivers = [{"name": "chat", "type": "slack", "url_file": "slack-url"}]
    folder.mkdir()
    (folder / "alerts.yaml").write_text(yaml.safe_dump({"receivers": receivers}))
    (folder / "slack-url").write_text("http://127.0.0.1:9/x\n")
    assert install(tmp_path).returncode == 0

    for unit in ("assay-worker", "assay-dashboard"):
        drop_in = (system / f"{unit}.service.d/alerts.conf").read_text()
        assert "Environment=ASSAY_ALERTS_FILE=%d/alerts.yaml\n" in drop_in
        assert re.findall("LoadCredential=(.*):/etc/assay/secrets/alerts/(.*)", drop_in) == [
            ("alerts.yaml", "alerts.yaml"),
            ("slack-url", "slack-url"),
        ]
    assert not (system / "assay-analyzer@static.service.d/alerts.conf").exists()
    verify = ["systemd-analyze", "verify", "--man=no", system / "assay-worker.service"]
    assert subprocess.run(verify, capture_output=True, text=True).stderr == ""
    (folder / "db-url").write_text("x")
    assert "this name is taken" in install(tmp_path).stderr
    (folder / "db-url").unlink()
    (folder / "alerts.yaml").unlink()
    assert install(tmp_path).returncode == 0
    assert not (system / "assay-worker.service.d/alerts.conf").exists()


@pytest.mark.parametrize("name", EXPOSED)
def test_a_killed_child_does_not_end_a_unit_and_all_have_time_to_end(units: Path, name: str):
    template = re.sub(r"@\w+", "@", name)
    shown = dict(line.split("=", 1) for line in _text(units / template).splitlines() if "=" in line)

    assert shown["OOMPolicy"] == "continue"
    assert int(shown["TimeoutStopSec"]) >= GRACE.total_seconds() * 3


def test_a_prefix_without_an_installation_is_refused_before_anything_is_written(tmp_path: Path):
    command = [SCRIPT, "--prefix", tmp_path, "--root", tmp_path / "root"]
    done = subprocess.run(command, capture_output=True, text=True)

    assert done.returncode == 2
    assert f"next: make setup in {tmp_path}" in done.stderr
    assert not (tmp_path / "root").exists()


def _text(path: Path) -> str:
    return path.read_text() if path.is_file() else ""
