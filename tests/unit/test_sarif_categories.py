"""What GitHub closes when the logs of one scan after another are uploaded: only what is gone.

GitHub keeps the last upload of each category, and an alert is open while any of them has it.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from contract.analysis import Category, Location, MeasurementState, Severity
from contract.record import AppRecord, PipelineRecord
from contract.spec import AppRef, SourceRef
from reports import sarif_fleet as of_fleet
from reports import sarif_github as of_app
from reports.model import AppReport
from reports.names import app_folder
from reports.sarif_category import MAX_RUNS, has_whole_fleet
from reports.sarif_fleet import FleetSarif
from reports.sarif_github import github_sarif
from tests.support.whole_report import whole
from tests.unit import report_samples as samples
from tests.unit.report_samples import DYNAMIC, INFRA_FAILED, NOT_APPLICABLE, NOW, STATIC

Alert = tuple[str, str]
MANY = [f"t{n:02d}" for n in range(27)]


class CodeScanning:
    """GitHub's memory of alerts."""

    def __init__(self) -> None:
        self._last: dict[str, set[Alert]] = {}

    def upload(self, data: bytes | None) -> None:
        for run in json.loads(data or b'{"runs": []}')["runs"]:
            category = run["automationDetails"]["id"].rpartition("/")[0]
            self._last[category] = {_alert(one) for one in run["results"][:5_000]}

    @property
    def open(self) -> set[Alert]:
        return set[Alert]().union(*self._last.values())


def _alert(result: dict[str, Any]) -> Alert:
    place = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    return result["ruleId"], place


def app_of(
    number: int,
    tools: Iterable[str],
    *,
    lost: Sequence[str] = (),
    clean: bool = False,
    main_file: str = "compose.yaml",
    idle: Sequence[str] = (),
    severity: Severity = Severity.HIGH,
) -> AppReport:
    """An app in which each tool finds a weakness, unless it is lost or the app is clean."""
    ref = AppRef(model="m", app_number=number)
    cells = [_cell(number, tool, clean or tool in idle, severity, tool in lost) for tool in tools]
    if "*" in lost:
        cells = [samples.cell("m", number, STATIC, "*", INFRA_FAILED, "is down")]
    source = SourceRef(path="", digest="", main_file=main_file)
    record = samples.fleet().model_copy(
        update={"apps": (AppRecord(ref=ref, source=source),), "cells": tuple(cells), "fused": ()}
    )
    return whole(record, NOW).app(ref)


def _cell(number: int, tool: str, clean: bool, severity: Severity, lost: bool):
    if lost:
        return samples.cell("m", number, STATIC, tool, INFRA_FAILED, "killed")
    place = Location(path="app.py", line=3)
    found = samples.finding(tool, f"R-{tool}", severity, location=place)
    return samples.cell("m", number, STATIC, tool, findings=() if clean else (found,))


def fleet_log(pipeline: str, *apps: AppReport, most: int = 100, part: bool = False) -> bytes | None:
    reducer = FleetSarif(pipeline, "study", most, whole=not part)
    for app in apps:
        reducer.add(app)
    return reducer.result()


def alerts(app: int, *tools: str) -> set[Alert]:
    return {(f"{tool}:R-{tool}", f"m/app{app}/app.py") for tool in tools}


def after(*logs: bytes | None) -> set[Alert]:
    github = CodeScanning()
    for log in logs:
        github.upload(log)
    return github.open


def test_what_is_gone_is_closed():
    tools = ["a", "b"]
    first = fleet_log("p1", app_of(1, tools), app_of(2, tools))
    second = fleet_log("p2", app_of(1, tools, clean=True), app_of(2, tools))

    assert after(first) == alerts(1, "a", "b") | alerts(2, "a", "b")
    assert after(first, second) == alerts(2, "a", "b")


@pytest.mark.parametrize("tools", [["a", "b"], MANY], ids=["few", "more than runs"])
def test_what_a_tool_did_not_look_at_again_stays_open(tools: list[str]):
    lost = tools[-1]
    first = fleet_log("p1", app_of(1, tools), app_of(2, tools))
    second = fleet_log("p2", app_of(1, tools, clean=True, lost=[lost]), app_of(2, tools))

    assert alerts(1, lost) <= after(first, second)
    third = fleet_log("p3", app_of(1, tools, clean=True), app_of(2, tools))
    assert not alerts(1, lost) & after(first, second, third)


@pytest.mark.parametrize("tools", [["a", "b"], MANY], ids=["few", "more than runs"])
def test_a_scan_that_lost_another_app_closes_nothing_of_an_earlier_one(tools: list[str]):
    lost = tools[-1]
    first = fleet_log("p1", app_of(1, tools, lost=[lost]), app_of(2, tools))
    second = fleet_log("p2", app_of(1, tools), app_of(2, tools, lost=[lost]))

    assert alerts(2, lost) <= after(first, second)


def test_a_tool_that_is_lost_on_the_same_app_each_time_closes_what_is_gone_elsewhere():
    tools = ["a", "b"]
    first = fleet_log("p1", app_of(1, tools, lost=["a"]), app_of(2, tools))
    second = fleet_log("p2", app_of(1, tools, lost=["a"]), app_of(2, tools, clean=True))

    assert after(first, second) == alerts(1, "b")


def test_an_analyzer_that_was_down_for_an_app_looked_at_nothing_of_it():
    tools = ["a", "b"]
    first = fleet_log("p1", app_of(1, tools), app_of(2, tools))
    second = fleet_log("p2", app_of(1, tools), app_of(2, tools, lost=["*"]))

    assert alerts(2, "a", "b") <= after(first, second)
    assert "a has no run" not in (second or b"").decode()
    assert "did not measure 1 apps, whose alerts stay as they are: 1 is down" in str(second)


@pytest.mark.parametrize("most", [3, 100])
def test_what_is_cut_stays_open(most: int, monkeypatch: pytest.MonkeyPatch):
    tools = ["a", "b", "c"]
    first = fleet_log("p1", app_of(1, tools))
    worse = app_of(2, tools, severity=Severity.CRITICAL)
    if most > 3:
        monkeypatch.setattr(of_app, "MAX_GZIP_BYTES", 1_200)
    second = fleet_log("p2", app_of(1, tools), worse, most=most)

    assert sum(len(run["results"]) for run in json.loads(second or b"")["runs"]) < 6
    assert alerts(1, *tools) <= after(first, second)


def test_what_github_does_not_show_has_a_category_of_its_pipeline(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(of_fleet, "SHOWN_RESULTS", 1)
    monkeypatch.setattr(of_app, "SHOWN_RESULTS", 0)
    app = app_of(1, ["a"])
    logs = fleet_log("p1", app, app_of(2, ["a"])), github_sarif(app)
    ids = [json.loads(log or b"")["runs"][0]["automationDetails"]["id"] for log in logs]

    assert ids[0] == "assay/study/static/a/p1/p1"
    assert ids[1] == f"assay/m/app1/static/a/{app.pipeline_id}/{app.pipeline_id}"


def test_a_pipeline_over_some_apps_closes_nothing_of_the_others():
    tools = ["a", "b"]
    first = fleet_log("p1", app_of(1, tools), app_of(2, tools))
    second = fleet_log("p2", app_of(1, tools), part=True)
    third = fleet_log("p3", app_of(1, tools, clean=True), part=True)

    assert alerts(2, *tools) <= after(first, second, third)
    assert after(second, third) == set()


@pytest.mark.parametrize(
    ("apps", "state", "is_whole"),
    [
        ({"root": "fleet"}, "completed", True),
        ({"root": "fleet", "models": None}, "completed", True),
        ({"root": "fleet"}, "cancelled", False),
        ({"root": "fleet", "models": ["m"]}, "completed", False),
        ({"root": "fleet", "only": ["m/app1"]}, "completed", False),
        ({"root": "fleet", "numbers": [1]}, "completed", False),
    ],
)
def test_a_fleet_is_whole_if_no_app_of_its_folder_is_left_out(
    apps: dict[str, Any], state: str, is_whole: bool
):
    outline = PipelineRecord(pipeline_id="p", state=state, spec={"apps": apps})

    assert has_whole_fleet(outline) is is_whole


def test_what_has_no_file_this_time_stays_open():
    def scan(pipeline: str, main_file: str) -> bytes | None:
        app = app_of(1, ["a"], main_file=main_file)
        (found,) = app.weaknesses
        nowhere = found.finding.model_copy(update={"location": Location(url="/x")})
        changed = {"weaknesses": (found.model_copy(update={"finding": nowhere}),)}
        return fleet_log(pipeline, app.model_copy(update=changed))

    first, second = scan("p1", "compose.yaml"), scan("p2", "")

    assert after(first, second) == after(first) != set()


def test_in_the_log_of_an_app_what_tools_share_a_run_with_does_not_depend_on_what_they_found():
    first = github_sarif(app_of(1, MANY))
    some = github_sarif(app_of(1, MANY, idle=MANY[10:24]))
    lost = github_sarif(app_of(1, MANY, lost=[MANY[-1]], idle=MANY[10:24]))

    left = {f"{tool}:R-{tool}" for tool in (*MANY[:10], *MANY[24:])}
    assert {rule for rule, _ in after(first, some)} == left
    assert f"{MANY[-1]}:R-{MANY[-1]}" in {rule for rule, _ in after(first, lost)}
    assert len(json.loads(lost or b"")["runs"]) <= MAX_RUNS


def test_in_the_log_of_an_app_what_is_cut_stays_open(monkeypatch: pytest.MonkeyPatch):
    first = github_sarif(app_of(1, ["a"]))
    monkeypatch.setattr(of_app, "MAX_RESULTS", 0)
    second = github_sarif(app_of(1, ["a"]).model_copy(update={"pipeline_id": "p2"}))

    assert after(first, second) == after(first) != set()


def test_linters_share_a_run_before_tools_for_security_do():
    app = app_of(1, MANY)
    cells = [
        cell.model_copy(update={"looks_for": (Category.QUALITY,)}) if index < 10 else cell
        for index, cell in enumerate(app.cells)
    ]
    log = json.loads(github_sarif(app.model_copy(update={"cells": tuple(cells)})) or b"")
    (shared,) = [run for run in log["runs"] if len(run["tool"]["extensions"]) > 1]

    assert {one["name"] for one in shared["tool"]["extensions"]} == {*MANY[1:10]}


def test_what_does_not_apply_to_an_app_was_looked_at():
    states = (MeasurementState.MEASURED, NOT_APPLICABLE)
    ids = []
    for state in states:
        record = samples.fleet().model_copy(
            update={
                "apps": tuple(AppRecord(ref=AppRef(model="m", app_number=n)) for n in (1, 2)),
                "cells": (
                    samples.cell("m", 1, DYNAMIC, "zap"),
                    samples.cell("m", 2, DYNAMIC, "zap", state, "no page"),
                ),
                "fused": (),
            }
        )
        log = json.loads(fleet_log("p1", *whole(record, NOW).apps) or b"")
        ids.append(log["runs"][0]["automationDetails"]["id"])

    assert ids == ["assay/study/dynamic/zap/p1"] * 2


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("/fleet/a b: ü #1/app2", "a b: ü #1/app2"),
        ("/fleet/a%20b%3A%20%C3%BC%20%231/app2", "a%20b%3A%20%C3%BC%20%231/app2"),
        ("/elsewhere/unpacked", "a%20b%3A%20%C3%BC%20%231/app2"),
        ("", "a%20b%3A%20%C3%BC%20%231/app2"),
    ],
)
def test_an_app_lies_where_its_folder_is_called(path: str, folder: str):
    """A folder may be called as the model is, or in the form that every system takes."""
    assert app_folder(AppRef(model="a b: ü #1", app_number=2), path) == folder
