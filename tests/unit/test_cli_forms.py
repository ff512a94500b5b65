"""`report ID --format`: one document or one form on standard output, and one clear error."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.app import app
from cli.exits import Exit
from tests.support.new_store import new_store
from tests.support.report_on_disk import write_report
from tests.unit import report_samples as samples

ROOT = Path(__file__).parents[2]
ID = "demo-2026-03-04"


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    write_report(tmp_path / "data", samples.fleet())
    return tmp_path / "data"


def assay(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["report", ID, *arguments])


def test_a_form_is_written_and_its_files_are_named(tmp_path: Path):
    result = assay("--format", "junit", "--out", str(tmp_path / "out"))

    assert result.exit_code == Exit.OK
    assert "".join(result.stdout.split()) == str(tmp_path / "out/junit.xml")
    assert (tmp_path / "out/junit.xml").read_bytes().startswith(b"<?xml")


def test_with_json_there_is_one_document(tmp_path: Path):
    result = assay("--format", "csv", "--out", str(tmp_path / "out"), "--json")

    document: dict[str, Any] = json.loads(result.stdout)
    assert document["forms"] == ["csv"]
    assert all((Path(document["folder"]) / name).is_file() for name in document["files"])


def test_a_form_of_one_file_goes_to_standard_output():
    result = assay("--format", "markdown", "--out", "-")

    assert result.exit_code == Exit.OK
    assert result.stdout.startswith(f"# Assay: pipeline {ID}")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--format", "parquet", "--out", "-"), "parquet is several files"),
        (("--format", "excel"), "'excel' is not one of"),
        (("--out", "x"), "--out needs --format"),
    ],
)
def test_wrong_input_is_told(arguments: tuple[str, ...], told: str):
    result = assay(*arguments)

    assert result.exit_code == Exit.USAGE
    assert told in " ".join(result.output.split())
    assert "Traceback" not in result.output


def test_an_unknown_pipeline_is_told(data: Path):
    asyncio.run(new_store(f"sqlite+aiosqlite:///{data / 'assay.db'}"))

    result = CliRunner().invoke(app, ["report", "none", "--format", "csv"])

    assert result.exit_code == Exit.USAGE
    assert "no report of pipeline none" in " ".join(result.output.split())


def test_nothing_heavy_is_loaded_before_it_is_needed():
    heavy = {"duckdb", "typst", "scipy", "statsmodels", "pandas"}
    code = f"import sys, cli.app, control.forms; print({heavy!r} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "set()"
