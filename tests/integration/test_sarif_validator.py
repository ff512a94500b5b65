"""SARIF logs before the official validator, made from what is meant to break them."""

import json
from pathlib import Path

import pytest

from contract.analysis import Category, Confidence, Finding, Location, Provenance, Severity
from contract.ids import safe_model
from contract.record import AppRecord, FusedRecord
from contract.spec import AppRef, SourceRef
from contract.weakness import BaselineState, Suppression, Weakness
from reports.cwe import weakness
from reports.files import sarif_files
from reports.names import FLEET_SARIF_NAME, app_folder, github_sarif_name, sarif_name
from reports.sarif import to_sarif
from reports.sarif import written as log_written
from reports.sarif_fleet import FleetSarif
from reports.sarif_github import github_sarif
from tests.support.cwe_texts import FILE, cwe_json
from tests.support.multitool import errors_in, misfits_of
from tests.support.uploads import problems_of
from tests.support.whole_report import whole
from tests.unit import report_samples as samples
from tests.unit.report_samples import DYNAMIC, NOW, PERFORMANCE, STATIC

DECIDED_MODEL = "d: 100% [ünï] #?"  # its folder may have this very name
ODD_NAMES = (
    *("with space.py", "per%2Fcent.py", "ünïcode/naïve.py", "c:drive.py", "quote'\".py", "-rf.py"),
    *("hash#tag?.py", "{0}.py", "back\\slash.py", "日本.js", "pages/[id]/[...slug].js", "a+b&c.js"),
    *("new\nline.py", "line\u2028end.py", "http:/x.py", "~/.py", "%", "😀.py"),
)
ODD_TEXTS = (
    *(
        "",
        " ",
        "{0}",
        "{0} {1} {x}",
        "}{",
        "{{0}}",
        "[a](b)",
        "[a](1)",
        "]] [",
        "\\[x]",
        "a\u2028b",
    ),
    *("\0\x1b[31m", "'hunter2'", '"quoted"', "</script>", "x" * 4_000, "{" * 4_000),
    *(
        "line\r\nline",
        "\ufeff",
        "\u202ereversed",
        "😀",
        "%s %d",
        "http://a b",
        "a:b",
        "/",
        "..",
        "0",
    ),
)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("app")
    for name in ODD_NAMES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x = 1\n")
    return root


def odd(index: int) -> Finding:
    """One of many findings, each odd in its own way."""
    text = ODD_TEXTS[index % len(ODD_TEXTS)]
    path = ODD_NAMES[index % len(ODD_NAMES)]
    place = (
        Location(path=path, line=index % 90 + 1, end_line=1, column=2**33 if index % 2 else 1),
        Location(path=path, line=2**40),
        Location(path=path, line=7, method="POST", url=text or "/", parameter=text),
        Location(method=text, url=f"http://[{text}"),
        Location(path="../../etc/passwd", line=1),
        Location(),
    )[index % 6]
    return Finding(
        tool="bandit",
        rule_id=text[:300] if index % 3 else f"rule-{index % 40}",
        message=text,
        severity=list(Severity)[index % 5],
        confidence=list(Confidence)[index % 3],
        category=list(Category)[index % 4],
        cwe=(index % 1_500 + 1, -5)[: index % 3],
        location=place,
        fingerprint=text if index % 2 else "",
        witnesses=(f"bandit:{text}", "ruff:S1", text)[: index % 4],
    )


def written(folder: Path, cells: list, fused: tuple[Finding, ...], name: str) -> list[Path]:
    ref = AppRef(model=name, app_number=1)
    source = SourceRef(path="", digest="", main_file="with space.py")
    record = samples.fleet().model_copy(
        update={
            "apps": (AppRecord(ref=ref, source=source),),
            "cells": tuple(cells),
            "fused": (FusedRecord(ref=ref, analyzer=STATIC, findings=fused),) if fused else (),
        }
    )
    report = whole(record, generated_at=NOW)
    logs = dict(sarif_files(report.apps[0], report.facts))
    for path, data in logs.items():
        (folder / path).write_bytes(data)
    return [folder / path for path in logs]


def decided(folder: Path, findings: tuple[Finding, ...], name: str) -> list[Path]:
    """The logs of an app with a baseline and with decisions, and of the pipeline that has it."""
    states = [*BaselineState, None]
    decision = Suppression(fingerprint="x", who="{0} [a](b) \U0001f600", why="{1} \u2028 [x]")
    weaknesses = tuple(
        Weakness(
            finding=finding,
            family=finding.rule_id,
            owasp=("A03",) * (index % 2),
            baseline=states[index % 5],
            suppression=decision if index % 3 else None,
        )
        for index, finding in enumerate(findings)
    )
    now = [one for one in weaknesses if one.baseline is not BaselineState.FIXED]
    gone = [one for one in weaknesses if one.baseline in (BaselineState.FIXED, states[3])]
    made = whole(samples.fleet(), generated_at=NOW).app(samples.HAIKU_1)
    ref = AppRef(model=name, app_number=1)
    named = {"weaknesses": tuple(now), "gone": tuple(gone), "main_file": "~/.py"}
    app, other = (  # one in a folder of the safe form, one in a folder called as its model is
        made.model_copy(update={"ref": one, "folder": app_folder(one, path), **named})
        for one, path in ((ref, ""), (AppRef(model=name, app_number=2), f"/fleet/{name}/app2"))
    )
    fleet = FleetSarif("p1", "a fleet {0}")
    for one in (app, other):
        fleet.add(one)
    logs = {
        sarif_name(ref): log_written(to_sarif(app, "earlier")),
        github_sarif_name(ref): github_sarif(app) or b"",
        FLEET_SARIF_NAME: fleet.result() or b"",
    }
    for path, data in logs.items():
        (folder / path).write_bytes(data)
    return [folder / path for path in logs]


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("logs")
    odd_ones = tuple(odd(index) for index in range(360))
    fused = tuple(one.model_copy(update={"tool": "fused"}) for one in odd_ones)
    masked = Provenance(argv=(("venv/bin/x", "--a{0}", "\0", ""),), exit_codes=(0,))
    model = "s08 odd names: 32b (ünï) #1"
    told = [
        samples.cell(model, 1, STATIC, "bandit", findings=odd_ones, provenance=masked),
        samples.cell(model, 1, STATIC, "{0}[x]", findings=odd_ones[:30], version="{}"),
        samples.cell(model, 1, STATIC, "ruff", samples.INFRA_FAILED, "{0} [x](y) \0"),
        samples.cell(model, 1, DYNAMIC, "*", samples.APP_FAILED, "died: {", version=""),
        *(
            samples.cell(model, 1, DYNAMIC, f"t{n}", findings=odd_ones[n : n + 2])
            for n in range(30)
        ),
    ]
    many = tuple(
        samples.finding("bandit", "B1", Severity.LOW, location=Location(path=ODD_NAMES[0], line=n))
        for n in range(1, 1_001)  # the validator takes milliseconds for each
    )
    load = samples.cell("load", 1, PERFORMANCE, "openloop", metrics=samples.LOAD)
    return [
        *written(folder, told, fused, model),
        *written(folder, [samples.cell("m", 1, STATIC, "bandit", findings=many)], (), "m"),
        *written(folder, [samples.cell("n", 1, STATIC, "bandit")], (), "n"),
        *written(folder, [load], (), "load"),
        *decided(folder, odd_ones, DECIDED_MODEL),
    ]


def test_the_validator_finds_no_error_in_logs_for_github(logs: list[Path], tmp_path: Path):
    uploads = [log for log in logs if log.name.endswith(".github.sarif")]

    assert len(uploads) == 5  # a load test alone looks for nothing
    assert errors_in(uploads, tmp_path / "found.sarif") == []


def test_the_validator_finds_no_error_in_full_records(logs: list[Path], tmp_path: Path):
    full = [log for log in logs if not log.name.endswith(".github.sarif")]

    assert len(full) == 5
    assert errors_in(full, tmp_path / "found.sarif", kinds="Sarif") == []


def test_they_are_as_the_schema_wants_them(logs: list[Path]):
    small = [log for log in logs if not log.name.startswith("m-")]

    assert [misfit for log in small for misfit in misfits_of(log)] == []


def test_the_schema_sees_a_word_that_it_does_not_know(logs: list[Path], tmp_path: Path):
    path = next(log for log in logs if log.name == "n-app1.github.sarif")
    (tmp_path / "broken.sarif").write_text(path.read_text().replace('"unicodeCode', '"byteCode'))

    (misfit,) = misfits_of(tmp_path / "broken.sarif")
    assert "columnKind" in misfit


def test_github_takes_them(logs: list[Path], app: Path):
    uploads = [log for log in logs if log.name.endswith(".github.sarif")]
    fleet = app.parent / "fleet"
    for place in (f"{safe_model(DECIDED_MODEL)}/app1", f"{DECIDED_MODEL}/app2"):
        (fleet / place).parent.mkdir(parents=True)
        (fleet / place).symlink_to(app)

    assert FLEET_SARIF_NAME in {log.name for log in uploads}
    for log in uploads:
        root = fleet if log.name == FLEET_SARIF_NAME else app
        assert problems_of(log, root) == []


@pytest.mark.parametrize("flaw", ["location", "help", "runs", "json"])
def test_the_validator_sees_what_is_wrong(logs: list[Path], tmp_path: Path, flaw: str):
    path = next(log for log in logs if log.name == "m-app1.github.sarif")
    log = json.loads(path.read_text())
    run = log["runs"][0]
    run["results"] = run["results"][:3]
    match flaw:
        case "location":
            del run["results"][0]["locations"]
        case "help":
            del run["tool"]["driver"]["rules"][0]["help"]
        case "runs":
            log["runs"] = [run] * 21
        case _:
            log["runs"] = None
    broken = tmp_path / "broken.sarif"
    broken.write_text(json.dumps(log))

    assert errors_in([broken], tmp_path / "found.sarif") != []


def test_what_is_said_of_weaknesses_is_what_the_validator_carries():
    assert FILE.read_text(encoding="utf-8") == cwe_json()
    sql = weakness(89)
    assert sql is not None and sql.name == "SQL Injection"
