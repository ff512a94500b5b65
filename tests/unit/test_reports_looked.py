"""Against an earlier pipeline: a place that a tool did not look at again is not mended."""

import json
from pathlib import Path

import pytest

from analyzers.dynamic.findings import make_finding
from analyzers.dynamic.surface import ServiceSurface
from analyzers.dynamic.tools.wapiti import Scan, fold
from analyzers.dynamic.wapiti_report import parse_report
from contract.analysis import Coverage, Finding, Severity, Skipped, Target
from contract.weakness import BaselineState
from reports.operations import named
from tests.unit import report_samples as samples
from tests.unit.report_samples import DYNAMIC, STATIC, cell
from tests.unit.test_reports_baseline import NEW, compared, seen

_, _, FIXED, UNKNOWN = BaselineState
WEB = Target(service="web", base_url="http://127.0.0.1:18101")
RAW = json.loads((Path(__file__).parents[1] / "fixtures" / "wapiti" / "sql.json").read_bytes())


def xss(path: str = "/notes", service: str = "web") -> Finding:
    return make_finding("wapiti", "reflected-xss", "x", service=service, path=path, parameter="q")


def urls(*items: str, reached: int = 0, skipped: tuple[Skipped, ...] = ()) -> Coverage:
    return Coverage(
        unit="urls",
        reached=reached or len(items),
        items=items,
        skipped=skipped,
        skipped_total=len(skipped),
    )


def missed(*names: str) -> tuple[Skipped, ...]:
    return tuple(Skipped(what=name, reason="no answer") for name in names)


def gone(before: Coverage, now: Coverage, found: Finding | None = None) -> BaselineState | None:
    """What is said of a finding that a live tool does not have any more."""
    cells = [[cell("m", 1, DYNAMIC, "wapiti", coverage=each)] for each in (before, now)]
    told = compared(seen(cells=cells[1]), seen(found or xss(), cells=cells[0]))
    (weakness,) = told.gone
    return weakness.baseline


NOTES, HOME = "web GET /notes", "web GET /"
MANY = tuple(f"web GET /a{number}" for number in range(200))


def wapiti(*left_out: str, findings: bool = True) -> tuple[Coverage, tuple[Finding, ...]]:
    """What wapiti recorded of the app of the fixture, without its requests to these paths."""
    surface = ServiceSurface(service="web", role="backend")
    found, crawled = parse_report(json.dumps(RAW).encode(), WEB, surface)
    kept = [row for row in crawled if not any(path in row["url"] for path in left_out)]
    scan = Scan(target=WEB, findings=found if findings else [], crawled=kept)
    parsed = fold([scan])
    return parsed.coverage, parsed.findings


def test_a_recorded_scan_that_missed_an_operation_mends_nothing_there():
    before, found = wapiti()
    (sql,) = [
        each for each in found if (each.rule_id, each.location.url) == ("sql-injection", "/search")
    ]

    assert gone(before, wapiti(findings=False)[0], sql) is FIXED
    assert gone(before, wapiti("/search", findings=False)[0], sql) is UNKNOWN


@pytest.mark.parametrize(
    ("before", "now", "state"),
    [
        (urls(HOME, NOTES), urls(HOME, NOTES), FIXED),
        (urls(HOME, NOTES), urls(HOME), UNKNOWN),
        (urls(HOME, NOTES), urls(HOME, skipped=missed(NOTES)), UNKNOWN),
        (urls(HOME, NOTES), urls(HOME, NOTES, skipped=missed(NOTES)), UNKNOWN),
        # The browser names pages without a method; our probes write parameters and queries.
        (urls("web /notes"), urls("web /notes"), FIXED),
        (urls("web /notes"), urls("web /"), UNKNOWN),
        (urls(NOTES), urls("web GET /notes?page=1"), FIXED),
        # Of two services with this operation, both must be reached again.
        (urls(NOTES, "api GET /notes"), urls("api GET /notes"), UNKNOWN),
        # A list that was cut, or that names nothing.
        (urls(HOME, NOTES), urls(*MANY, reached=201), UNKNOWN),
        (urls(*MANY, reached=500), urls(HOME), UNKNOWN),
        (urls(*MANY, reached=500), urls(*MANY, reached=500), FIXED),
        (urls(*MANY, reached=500), urls(*MANY, reached=600, skipped=missed("web /b")), UNKNOWN),
        (urls(reached=4_000), urls(reached=1), UNKNOWN),
        (urls(reached=4_000), urls(reached=4_000), FIXED),
        # A part of the tool's work that it did then and not now.
        (urls(NOTES), urls(NOTES, skipped=missed("module xss")), UNKNOWN),
        (
            urls(NOTES, skipped=missed("module xss")),
            urls(NOTES, skipped=missed("module xss")),
            FIXED,
        ),
    ],
)
def test_only_an_operation_that_was_reached_again_is_mended(
    before: Coverage, now: Coverage, state: BaselineState
):
    assert gone(before, now) is state


def test_an_operation_with_a_parameter_is_reached_with_any_value():
    before = urls("web GET /notes/{note_id}/tags")

    assert gone(before, urls("web GET /notes/7/tags"), xss("/notes/3/tags")) is FIXED
    assert gone(before, urls("web GET /notes/7"), xss("/notes/3/tags")) is UNKNOWN


@pytest.mark.parametrize(
    ("left_out", "state"),
    [
        ("web /notes/8", FIXED),  # the browser opens one page of each kind
        ("GET /notes/8", FIXED),
        ("web /notes/7", UNKNOWN),
        ("GET /notes/7", UNKNOWN),
        ("api /notes/8", UNKNOWN),
    ],
)
def test_one_page_stands_for_those_that_are_like_it(left_out: str, state: BaselineState):
    before, now = urls("web /notes/7"), urls("web /notes/7", skipped=missed(left_out))

    assert gone(before, now, xss("/notes/1")) is state


def test_an_operation_that_was_left_out_then_is_not_new():
    now, then = urls(HOME, NOTES), urls(HOME, skipped=missed(NOTES))
    cells = [[cell("m", 1, DYNAMIC, "wapiti", coverage=each)] for each in (now, then, urls(HOME))]

    assert compared(seen(xss(), cells=cells[0]), seen(cells=cells[1])).now[0].baseline is UNKNOWN
    assert compared(seen(xss(), cells=cells[0]), seen(cells=cells[2])).now[0].baseline is NEW


def test_a_file_may_be_among_those_left_out_that_nobody_names():
    skipped = tuple(Skipped(what=f"x{n}.py", reason="larger than 1 MB") for n in range(50))
    partly = Coverage(unit="files", reached=10, skipped=skipped, skipped_total=60)
    named_all = partly.model_copy(update={"skipped_total": 50})
    sql = samples.finding("bandit", "B608", Severity.HIGH, 89)

    def state(coverage: Coverage) -> BaselineState | None:
        cells = [cell("m", 1, STATIC, "bandit", coverage=coverage)]
        return compared(seen(cells=cells), seen(sql, cells=cells)).gone[0].baseline

    assert state(partly) is UNKNOWN
    assert state(named_all) is FIXED


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("web GET /notes/7?page=1", ("web", "GET /notes/7")),
        ("web /notes", ("web", "GET /notes")),
        ("POST /notes", ("", "POST /notes")),
        ("web POST /notes: no schema", ("web", "POST /notes")),
        ("web: further pages", None),
        ("web 22/tcp open ssh", None),
    ],
)
def test_operations_are_read_as_tools_name_them(told: str, expected: tuple[str, str] | None):
    operation = named(told)

    assert (operation and (operation.service, operation.request)) == expected
