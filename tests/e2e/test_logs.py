"""SARIF logs of apps as people write them, as consumers take them: static, so every app has one."""

from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, Assay
from tests.support.cases import CASES
from tests.support.uploads import refused

ODD_MODEL = "s08 odd names: 32b (ünï) #1"
ODD_NAMES = (
    *("with space.py", "per%2Fcent.py", "ünïcode/naïve.py", "c:drive.py", "quote'\".py", "-rf.py"),
    *("hash#tag?.py", "{0}.py", "back\\slash.py", "pages/[id]/[...slug].py", "a+b&c.py"),
)
SPEC = """
apps: {root: %s}
analyzers: [static]
parallelism: 3
tools: {static: [bandit, ruff, eslint, hadolint, detect-secrets, html-validate, container-files]}
"""


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All cases as one fleet, and an app whose files have names that no URI can hold."""
    folder = tmp_path_factory.mktemp("logs") / "apps"
    folder.mkdir()
    bundled = [ROOT / "controls" / name for name in ("broken-1", "empty-1")]  # others: the demo
    for model in (*CASES.glob("*/apps/*"), *bundled):
        (folder / model.name).symlink_to(model)
    for name in ODD_NAMES:
        path = folder / ODD_MODEL / "app1" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("import os\nos.system(input())\neval(input())\neval(input())\n")
    return folder


def test_consumers_take_the_logs_of_every_case(assay: Assay, apps: Path, tmp_path: Path):
    spec = tmp_path / "cases.yaml"
    spec.write_text(SPEC % apps)
    done = assay.run("submit", str(spec), "--id", "logs", "--wait")
    report = assay.data / "reports/logs/report.json"

    assert report.is_file(), done.stderr
    assert refused(report, apps, tmp_path) == []
    (odd,) = (app for app in assay.report("logs").apps if app.ref.model == ODD_MODEL)
    assert {weakness.finding.location.path for weakness in odd.weaknesses} == set(ODD_NAMES)
