"""What the source shows and a request proves is one weakness; what only looks alike stays two."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from contract.analysis import (
    Category,
    Confidence,
    Coverage,
    Finding,
    Location,
    MeasurementState,
    Severity,
    ToolReport,
)
from contract.analyzers import AnalyzerKind
from contract.families import old_path_key, path_key
from contract.record import CellRecord
from reports.model import CellReport
from reports.together import together
from tests.unit import report_samples as samples

HANDLERS = (
    {"file": "app.py", "line": 11, "spans": [["app.py", 10, 20], ["db.py", 5, 9]]},
    {"file": "app.py", "line": 31, "spans": [["app.py", 30, 40], ["db.py", 5, 9]]},
    {"file": "web/page.js", "line": 3, "spans": [["web/page.js", 3, 9]]},
)


def source(rule: str, line: int, cwe: int, path: str = "app.py", **more: Any) -> Finding:
    return Finding(
        tool="fused",
        rule_id=rule,
        message=f"{rule} in the source",
        severity=more.pop("severity", Severity.MEDIUM),
        cwe=(cwe,),
        location=Location(path=path, line=line, column=3),
        fingerprint=f"{rule}{line}",
        witnesses=(f"opengrep:{rule}",),
        **more,
    )


def request(
    rule: str, handler: int | None, cwe: int, parameter: str | None = None, **more: Any
) -> Finding:
    url = more.pop("url", f"/at{handler}")
    return Finding(
        tool="fused",
        rule_id=rule,
        message=f"{rule} by a request",
        severity=more.pop("severity", Severity.HIGH),
        confidence=more.pop("confidence", Confidence.HIGH),
        cwe=(cwe,),
        location=Location(
            path=more.pop("path", "app.py") if handler else None,
            line=handler,
            method="GET",
            url=url,
            parameter=parameter,
        ),
        fingerprint=f"{rule}{url}{parameter}",
        witnesses=(f"injection:{rule}",),
        **more,
    )


def cells(
    paths: dict[str, list[int]] | None = None,
    names: dict[str, list[str]] | None = None,
    services: Sequence[dict[str, str]] = (),
) -> list[CellReport]:
    def cell(analyzer: AnalyzerKind, tool: str, data: dict[str, Any]) -> CellReport:
        measured, files = MeasurementState.MEASURED, Coverage(unit="files", reached=1)
        report = ToolReport(tool=tool, state=measured, coverage=files, data=data)
        return CellReport(record=CellRecord(ref=samples.M_1, analyzer=analyzer, report=report))

    surface = {"surface": {"handlers": list(HANDLERS), "services": list(services)}}
    found = {"paths": paths or {}, "path_names": names or {}}
    return [
        cell(AnalyzerKind.DYNAMIC, "discovery", surface),
        cell(AnalyzerKind.STATIC, "opengrep", found),
    ]


def test_a_line_within_the_handler_is_what_the_request_has_shown():
    sink = source("sql", 15, 89, evidence="db.execute(query)")

    (one,) = together([sink, request("sqli", 11, 89, "q", evidence="GET /at11?q=%27")], cells())

    assert one.witnesses == ("opengrep:sql", "injection:sqli")
    assert (one.severity, one.confidence) == (Severity.HIGH, Confidence.HIGH)
    place = one.location
    assert (place.path, place.line, place.column) == ("app.py", 15, 3)
    assert (place.method, place.url, place.parameter) == ("GET", "/at11", "q")
    assert one.message == "sql in the source. Shown: sqli by a request"
    assert one.evidence == "db.execute(query)\n\nGET /at11?q=%27"
    assert (one.rule_id, one.fingerprint) == ("sql", "sql15")


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(source("sql", 35, 89), id="in another handler"),
        pytest.param(source("sql", 21, 89), id="a line below it"),
        pytest.param(source("sql", 15, 89, path="other.py"), id="in another file"),
        pytest.param(source("xss", 15, 79), id="of another family"),
        pytest.param(source("lint", 15, 89, category=Category.QUALITY), id="of another category"),
    ],
)
def test_what_does_not_run_for_it_stays_another_weakness(found: Finding):
    assert len(together([found, request("sqli", 11, 89)], cells())) == 2


@pytest.mark.parametrize("key_of", [path_key, old_path_key], ids=["now", "in older reports"])
def test_a_path_that_leads_through_the_handler_is_its_own(key_of: Callable[[Finding], str]):
    sink = source("sql", 60, 89)
    key = key_of(sink)

    (one,) = together(
        [sink, request("sqli", 11, 89, "q")], cells({key: [12, 60]}, {key: ["request", "q"]})
    )

    assert one.location.line == 60


def test_one_line_in_a_helper_is_one_weakness_however_many_routes_call_it():
    helper = source("sql", 7, 89, path="db.py")
    requests = [request("sqli", line, 89, "q") for line in (11, 31)]

    (one,) = together([helper, *requests], cells())

    assert one.message.endswith("Also at GET /at31 (q)")


def test_which_of_two_helpers_was_shown_cannot_be_told_so_all_stay():
    helpers = [source("sql", line, 89, path="db.py") for line in (6, 8)]

    assert len(together([*helpers, request("sqli", 11, 89, "q")], cells())) == 3


def test_two_inputs_of_one_handler_are_two_weaknesses_where_the_source_names_one():
    sink = source("sql", 15, 89, evidence="db.execute('... ' + request.args['name'])")
    requests = [request("sqli", 11, 89, parameter) for parameter in ("name", "order")]

    fused = together([sink, *requests], cells())

    assert {(one.location.line, one.location.parameter) for one in fused} == {
        (15, "name"),
        (11, "order"),
    }


def test_each_of_two_places_gets_the_request_that_names_its_input():
    name = source("sql", 13, 89, evidence="f('name')")
    order = source("sql", 15, 89, evidence="f('order')")

    fused = together(
        [name, order, *(request("sqli", 11, 89, f"body.{one}") for one in ("order", "name"))],
        cells(),
    )

    assert [(one.location.line, one.location.parameter) for one in fused] == [
        (13, "body.name"),
        (15, "body.order"),
    ]


def test_what_a_page_keeps_is_not_what_it_echoes():
    echoed = source("echo", 15, 79)
    key = path_key(echoed)
    told = cells({key: [12, 15]}, {key: ["q"]})

    fused = together([echoed, request("stored-xss", 11, 79), request("xss", 11, 79, "q")], told)

    assert [len(one.witnesses) for one in fused] == [2, 1]
    assert fused[1].rule_id == "stored-xss"


def test_a_setting_of_the_service_is_shown_by_any_of_its_operations():
    debug = source("debug", 90, 489)
    requests = [request("debugger", line, 489) for line in (11, 31)]

    (one,) = together([debug, *requests], cells())

    assert one.location.line == 90


@pytest.mark.parametrize(
    ("setting", "services"),
    [
        pytest.param(source("debug", 35, 489), (), id="within a handler"),
        pytest.param(
            source("debug", 90, 489, path="web/page.js"), ({"folder": "web"},), id="another service"
        ),
        pytest.param(source("hash", 90, 328), (), id="no setting"),
    ],
)
def test_what_decides_for_one_handler_or_service_decides_for_no_other(
    setting: Finding, services: tuple[dict[str, str], ...]
):
    shown = request("debugger", 11, setting.cwe[0])

    assert len(together([setting, shown], cells(services=services))) == 2


def test_a_guess_that_a_request_proves_is_named_and_graded_by_the_request():
    guess = source("fs-name", 15, 22, confidence=Confidence.LOW, severity=Severity.CRITICAL)

    (one,) = together([guess, request("traversal", 11, 22, "name")], cells())

    assert (one.rule_id, one.severity, one.confidence) == (
        "traversal",
        Severity.HIGH,
        Confidence.HIGH,
    )
    assert (one.location.line, one.fingerprint) == (15, "fs-name15")


def test_a_request_without_a_handler_or_an_older_record_without_lines_stays_alone():
    unplaced = request("sqli", None, 89)
    findings = [source("sql", 15, 89), request("sqli", 11, 89)]

    assert len(together([findings[0], unplaced], cells())) == 2
    assert len(together(findings, [])) == 2
    data = {"surface": {"handlers": [{"file": 1}, 2]}}
    odd = CellReport(record=samples.changed(cells()[0].record, data=data))
    assert len(together(findings, [odd])) == 2


def test_a_place_that_names_no_input_is_shown_by_one():
    places = [source("sql", line, 89) for line in (13, 15)]
    requests = [request("sqli", 11, 89, name) for name in ("a", "b", "c")]

    fused = together([*places, *requests], cells())

    assert [(one.location.line, one.location.parameter) for one in fused] == [
        (13, "a"),
        (15, "b"),
        (11, "c"),
    ]


def seen_by(tool: str, line: int, cwe: int = 89, **more: Any) -> Finding:
    found = source("r", line, cwe, **more)
    return found.model_copy(update={"witnesses": (f"{tool}:r",)})


def test_a_retry_of_one_tool_tells_no_weakness_twice():
    first = seen_by("opengrep", 15, confidence=Confidence.HIGH)
    retried = seen_by("bandit", 14, confidence=Confidence.LOW)

    (one,) = together([retried, first], cells())

    assert (one.location.line, one.witnesses) == (15, ("opengrep:r", "bandit:r"))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(seen_by("opengrep", 16), id="the same tool told them apart"),
        pytest.param(seen_by("bandit", 18), id="further away"),
        pytest.param(seen_by("bandit", 15, 79), id="another family"),
        pytest.param(seen_by("bandit", 15, path="b.py"), id="another file"),
        pytest.param(
            seen_by("bandit", 15).model_copy(update={"tool": "bandit"}), id="a tool's own"
        ),
    ],
)
def test_what_one_fusion_told_apart_stays_apart(other: Finding):
    assert len(together([seen_by("opengrep", 15), other], cells())) == 2


def test_a_joined_finding_keeps_the_identities_of_both_looks():
    code, shown = source("sql", 15, 89, shape="s"), request("sqli", 11, 89, "q")

    (one,) = together([code, shown], cells())

    assert (one.fingerprint, one.shape) == (code.fingerprint, "s")
    assert shown.fingerprint in one.aliases
