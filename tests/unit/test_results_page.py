"""The worked example of docs/results.md runs on a written report, and its commands exist."""

import re
from pathlib import Path
from typing import Any

import pytest

from control.forms import FORMS, Source, write_forms
from control.reports import read_report
from tests.support.large_report import large_fleet
from tests.support.report_on_disk import write_report

PAGE = Path(__file__).parents[2] / "docs/results.md"
TEXT = PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("example")
    source = Source(root, read_report(root, write_report(root, large_fleet(3, 3))), "assay")
    write_forms(source, ("parquet",), root / "study-1")
    return root


def test_the_worked_example_runs(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(folder)
    blocks = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names: dict[str, Any] = {}
    for block in blocks:
        exec(block, names)

    assert len(blocks) >= 8
    assert len(names["apps"]) == 9
    assert len(names["findings"]) > 100
    assert list(names["looked"].apps) == [3, 3, 3]
    assert len(names["grave"]) > 0 and len(names["latency"]) > 0
    assert set(names["shares"].model) == {f"vendor-{n}/model-{n}.5" for n in range(3)}


def test_every_form_is_on_the_page_and_no_other():
    rows = re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)

    assert set(rows) == {*FORMS, "all"}
    assert set(re.findall(r"--format (\w+)", TEXT)) <= {*FORMS, "FORM"}
