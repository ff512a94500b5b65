"""Against an earlier pipeline: a place that a tool did not look at again is not mended."""

import json
from pathlib import Path

import pytest

from analyzers.dynamic.findings import make_finding
from analyzers.dynamic.surface import ServiceSurface
from analyzers.dynamic.tools.wapiti import Scan, fold
from analyzers.dynamic.wapiti_report import parse_report
from contract.analysis import Coverage, Finding, Severity, SkipCause, Skipped, Target
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


def part(name: str, reason: str, cause: SkipCause = SkipCause.OTHER) -> Skipped:
    return Skipped(what=f"module {name}", reason=reason, cause=cause)


STOPPED = part("exec", "stopped by itself after 4 s", SkipCause.PARTIAL)
STOPPED_BEFORE_CAUSES = STOPPED.model_copy(update={"cause": SkipCause.OTHER})
NO_INPUT, NO_HOST = part("exec", "no parameter and no form"), part("ssrf", "no callback host")
UPLOAD = part("upload", "stopped by itself after 4 s", SkipCause.PARTIAL)
SHOP = "api GET /"


@pytest.mark.parametrize(
    ("one", "other", "changed"),
    [
        # What saw the finding was stopped in both runs: each got as far as chance would have it.
        (urls(NOTES, skipped=(STOPPED,)), urls(NOTES, skipped=(STOPPED,)), False),
        (
            urls(NOTES, skipped=(STOPPED_BEFORE_CAUSES,)),
            urls(NOTES, skipped=(STOPPED_BEFORE_CAUSES,)),
            False,
        ),
        (urls(NOTES, SHOP, skipped=(STOPPED,)), urls(NOTES, SHOP, skipped=(STOPPED,)), False),
        (urls(NOTES, SHOP, skipped=(NO_INPUT,)), urls(NOTES, SHOP, skipped=(STOPPED,)), False),
        # It had nothing to do at another service, in both.
        (urls(NOTES, SHOP, skipped=(NO_INPUT,)), urls(NOTES, SHOP, skipped=(NO_INPUT,)), True),
        # Another part was left out in both.
        (urls(NOTES, skipped=(NO_HOST, UPLOAD)), urls(NOTES, skipped=(NO_HOST, UPLOAD)), True),
    ],
)
def test_what_a_part_saw_that_was_stopped_in_both_is_neither_new_nor_fixed(
    one: Coverage, other: Coverage, changed: bool
):
    by_exec = xss().model_copy(update={"witnesses": ("wapiti:exec", "probe:upload")})
    cells = [[cell("m", 1, DYNAMIC, "wapiti", coverage=each)] for each in (one, other)]

    (new,) = compared(seen(by_exec, cells=cells[0]), seen(cells=cells[1])).now
    (fixed,) = compared(seen(cells=cells[1]), seen(by_exec, cells=cells[0])).gone

    assert (new.baseline, fixed.baseline) == ((NEW, FIXED) if changed else (UNKNOWN, UNKNOWN))
    if not changed:
        assert new.baseline_reason == (
            "dynamic/wapiti left out module exec then, at least in part: "
            "stopped by itself after 4 s"
        )


@pytest.mark.parametrize(
    ("then", "state"),
    [
        (urls(HOME, skipped=missed("web: further pages")), UNKNOWN),
        (urls(HOME, NOTES, skipped=missed("web: further pages")), NEW),
        (urls(HOME, skipped=missed("web GET /b")).model_copy(update={"skipped_total": 9}), UNKNOWN),
        (urls(HOME, skipped=missed("web GET /b")), NEW),
    ],
)
def test_what_a_crawl_that_was_cut_did_not_reach_is_not_new(then: Coverage, state: BaselineState):
    now = urls(HOME, NOTES, skipped=missed("web: further pages"))
    cells = [[cell("m", 1, DYNAMIC, "wapiti", coverage=each)] for each in (now, then)]

    assert compared(seen(xss(), cells=cells[0]), seen(cells=cells[1])).now[0].baseline is state


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
