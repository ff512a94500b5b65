"""Whether an app does what was asked of it: what nobody saw is missing."""

import pytest

from contract.analysis import Coverage, MeasurementState, Skipped
from contract.analyzers import AnalyzerKind
from contract.template import Endpoint, Requirement, TemplateSpec
from reports.functional import functional
from reports.model import CellReport, RequirementVerdict
from reports.statistics.shares import Judged
from tests.unit import report_samples as samples

RUNS, BROKEN, UNSEEN = Judged("pass", False, True), Judged("fail", True, False), Judged("missing")
DYNAMIC, AI = frozenset({AnalyzerKind.DYNAMIC}), frozenset({AnalyzerKind.AI})
NOTES, NOTE = Endpoint(method="GET", path="/notes"), Endpoint(method="DELETE", path="/notes/{id}")


def asked_for(*endpoints: Endpoint, requirements: int = 0) -> TemplateSpec:
    texts = tuple(Requirement(id=f"R{number}", text="it works") for number in range(requirements))
    return TemplateSpec(slug="notes", endpoints=endpoints, requirements=texts)


def discovery(
    *operations: tuple[str, str, str],
    items: tuple[str, ...] = ("app GET /",),
    skipped: tuple[Skipped, ...] = (),
    state: MeasurementState = MeasurementState.MEASURED,
    skipped_total: int = 0,
    errors: dict[str, object] | None = None,
    **surface: object,
) -> list[CellReport]:
    """What discovery saw; an operation is method, path and who named it."""
    service = {
        "service": "app",
        "operations": [
            {"method": method, "path": path, "origins": [origin]}
            for method, path, origin in operations
        ],
    }
    measured = state is MeasurementState.MEASURED
    coverage = Coverage(
        unit="urls",
        reached=len(items),
        items=items,
        skipped=skipped,
        skipped_total=max(skipped_total, len(skipped)),
    )
    told = {"server_errors": errors} if errors is not None else {}
    cell = samples.cell(
        "m",
        1,
        AnalyzerKind.DYNAMIC,
        "discovery",
        state,
        "" if measured else "its quota was spent",
        data={"surface": {"services": [service], **surface}, **told},
        coverage=coverage if measured else None,
    )
    return [CellReport(record=cell)]


def verdict(template: TemplateSpec | None, cells: list[CellReport], runs: Judged = RUNS) -> str:
    return functional(template, runs, cells, (), DYNAMIC).verdict


def test_an_app_of_which_nothing_is_declared_is_not_judged() -> None:
    assert verdict(None, discovery()) == "not applicable"
    assert verdict(asked_for(), discovery()) == "not applicable"


def test_an_app_that_does_not_run_does_not_work() -> None:
    assert verdict(asked_for(NOTES), [], BROKEN) == "fail"
    assert verdict(asked_for(NOTES), discovery(("GET", "/notes", "source")), UNSEEN) == "missing"


@pytest.mark.parametrize("origin", ["source", "openapi", "form", "crawl"])
def test_an_endpoint_that_the_app_itself_names_is_there(origin: str) -> None:
    assert verdict(asked_for(NOTE), discovery(("DELETE", "/notes/{note}", origin))) == "pass"


def test_an_endpoint_that_answered_is_there() -> None:
    assert verdict(asked_for(NOTES), discovery(items=("app GET /notes?page=2",))) == "pass"
    wanted = asked_for(Endpoint(method="GET", path="/notes/{id}"))
    assert verdict(wanted, discovery(items=("app GET /notes/7",))) == "pass"
    assert verdict(wanted, discovery(items=("app GET /notes",))) == "fail"
    assert verdict(asked_for(Endpoint(method="get", path="/")), discovery()) == "pass"


def test_the_template_itself_proves_nothing() -> None:
    assert verdict(asked_for(NOTES), discovery(("GET", "/notes", "template"))) == "fail"


@pytest.mark.parametrize("unread", [{"routes_unread": "a router that nobody reads"}])
def test_an_absence_needs_all_routes(unread: dict[str, str]) -> None:
    assert verdict(asked_for(NOTES), discovery(**unread)) == "missing"


def test_an_endpoint_that_answers_with_a_server_error_does_not_hold() -> None:
    broken = Skipped(what="app GET /notes", reason="answered 500")
    cells = discovery(("GET", "/notes", "source"), skipped=(broken,))

    assert verdict(asked_for(NOTES), cells) == "fail"


def test_an_endpoint_may_be_among_the_server_errors_that_are_not_named() -> None:
    named = Skipped(what="app GET /other", reason="answered 500")
    there = ("GET", "/notes", "source")

    cut = discovery(there, skipped=(named,), skipped_total=80)
    assert verdict(asked_for(NOTES), cut) == "missing"
    seen = discovery(there, skipped=(named,), skipped_total=80, items=("app GET /notes",))
    assert verdict(asked_for(NOTES), seen) == "pass"


@pytest.mark.parametrize(
    ("requests", "total", "expected"),
    [
        (["app GET /notes"], 1, "fail"),
        (["app GET /notes"], 2_000, "fail"),
        (["app GET /other"], 1, "pass"),
        (["app GET /other"], 2_000, "missing"),
        ([], 0, "pass"),
        ("odd", "odd", "missing"),
    ],
)
def test_a_page_besides_a_server_error_is_no_excuse(
    requests: object, total: object, expected: str
) -> None:
    cells = discovery(
        ("GET", "/notes", "source"),
        items=("app GET /notes",),
        skipped_total=900,
        errors={"requests": requests, "total": total},
    )

    assert verdict(asked_for(NOTES), cells) == expected


def test_without_discovery_nobody_knows() -> None:
    lost = discovery(state=MeasurementState.INFRA_FAILED)

    assert verdict(asked_for(NOTES), lost) == "missing"
    assert verdict(asked_for(NOTES), []) == "missing"


@pytest.mark.parametrize(
    "surface", [{"services": 7}, {"services": [{"operations": "x"}, 3]}, "odd"]
)
def test_odd_data_is_no_proof(surface: object) -> None:
    (cell,) = discovery()
    record = samples.changed(cell.record, data={"surface": surface})
    endpoint = asked_for(Endpoint(method="GET", path="/other"))

    assert verdict(endpoint, [CellReport(record=record)]) == "missing"


@pytest.mark.parametrize(
    ("said", "expected", "known_to_fail"),
    [
        (("met", "met"), "pass", False),
        (("met", "not_met"), "fail", True),
        (("met", "cannot_tell"), "missing", False),
        (("not_met", "cannot_tell"), "missing", True),
        (("not_met",), "missing", True),
        ((), "missing", False),
    ],
)
def test_requirements_hold_if_the_judges_say_so(
    said: tuple[str, ...], expected: str, known_to_fail: bool
) -> None:
    verdicts = [
        RequirementVerdict(tool="requirements", id=f"R{number}", text="", verdict=one)
        for number, one in enumerate(said)
    ]

    found = functional(asked_for(requirements=2), RUNS, [], verdicts, AI)

    assert (found.verdict, found.fails) == (expected, known_to_fail)


def test_what_no_analyzer_of_the_pipeline_looks_for_does_not_make_an_app_missing() -> None:
    both = asked_for(NOTES, requirements=1)
    cells = discovery(("GET", "/notes", "source"))

    assert functional(both, RUNS, cells, (), DYNAMIC).verdict == "pass"
    assert functional(both, RUNS, cells, (), DYNAMIC | AI).verdict == "missing"
    assert functional(both, RUNS, cells, (), frozenset()).verdict == "missing"
