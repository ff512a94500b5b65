"""Every row of the analyzers' blame table: what is seen, and the state it becomes."""

import pytest

from analyzers.performance.nothing import Kind, Miss, miss_of, nothing_to_load
from analyzers.performance.pages import no_page
from analyzers.performance.probe import Answer
from analyzers.performance.tools.lighthouse import parse_lighthouse
from analyzers.runtime import blame
from analyzers.runtime.live.answers import Unseen
from analyzers.runtime.tool import AppFault, NotApplicable, ToolFault
from contract.analysis import MeasurementState

RAISED = {
    MeasurementState.APP_FAILED: AppFault,
    MeasurementState.INFRA_FAILED: ToolFault,
    MeasurementState.NOT_APPLICABLE: NotApplicable,
}


def misses(*kinds: Kind) -> list[Miss]:
    return [Miss(f"GET /{number}", kind, kind.value) for number, kind in enumerate(kinds)]


def test_every_row_has_one_key_and_a_verdict_of_its_state() -> None:
    keys = [row.key for row in blame.ROWS]

    assert len(set(keys)) == len(keys)
    for row in blame.ROWS:
        fault = blame.verdict(row.key, "why")
        assert type(fault) is RAISED[row.state]
        assert (fault.row, str(fault)) == (row.key, "why")


def test_a_verdict_that_is_not_in_the_table_cannot_be_passed() -> None:
    with pytest.raises(KeyError):
        blame.verdict("load-bad-luck", "why")


@pytest.mark.parametrize(
    ("kinds", "row"),
    [
        ([Kind.SERVER_ERROR], "load-server-errors"),
        ([Kind.SERVER_ERROR, Kind.MISSING, Kind.FALLBACK], "load-server-errors"),
        ([Kind.SERVER_ERROR, Kind.LOGIN], "load-nothing"),
        ([Kind.SERVER_ERROR, Kind.SILENT], "load-nothing"),
        ([Kind.SILENT], "load-silent"),
        ([Kind.SILENT, Kind.UNREACHABLE], "load-silent"),
        ([Kind.HTTPS, Kind.MISSING], "load-https-only"),
        ([Kind.MISSING, Kind.MISSING], "load-not-found"),
        ([Kind.MISSING, Kind.WRITES], "load-not-found"),
        ([Kind.LOGIN, Kind.MISSING], "load-login"),
        ([Kind.LIMITED, Kind.LOGIN], "load-rate-limited"),
        ([Kind.LIMITED], "load-rate-limited"),
        ([Kind.FALLBACK], "load-nothing"),
        ([Kind.OTHER, Kind.LOGIN], "load-nothing"),
        ([Kind.UNREACHABLE], "load-nothing"),
    ],
)
def test_what_everything_answers_decides_whose_fault_it_is(kinds: list[Kind], row: str) -> None:
    assert nothing_to_load(misses(*kinds), reached=True).row == row


def test_no_connection_at_all_is_load_unreachable() -> None:
    verdict = nothing_to_load(misses(Kind.UNREACHABLE), reached=False)

    assert verdict.row == "load-unreachable"
    assert isinstance(verdict, ToolFault)


def test_an_app_of_nothing_but_writing_routes_is_load_only_writes() -> None:
    seen = misses(Kind.WRITES, Kind.MISSING)

    assert nothing_to_load(seen, reached=True, only_writes=True).row == "load-only-writes"
    proven = nothing_to_load(misses(Kind.SERVER_ERROR), reached=True, only_writes=True)
    assert proven.row == "load-server-errors"


def test_a_gap_in_the_routes_is_told_where_nothing_was_found() -> None:
    verdict = nothing_to_load(
        misses(Kind.MISSING), reached=True, unread="routes could not be read: app.py"
    )
    assert str(verdict).endswith("; routes could not be read: app.py")


@pytest.mark.parametrize(
    ("answer", "unseen", "kind"),
    [
        (Answer(200), None, None),
        (Answer(200), Unseen.LIKE_RANDOM, Kind.FALLBACK),
        (Answer(200), Unseen.TO_LOGIN, Kind.LOGIN),
        (Answer(200), Unseen.CAPPED, None),
        (Answer(200), Unseen.UNREADABLE, None),
        (Answer(200, error="body above 10 MB", too_large=True), None, Kind.OTHER),
        (Answer(200, error="no end", endless=True), None, Kind.OTHER),
        (Answer(302, {"location": "/auth/login"}), None, Kind.LOGIN),
        (Answer(302, {"location": "/elsewhere"}), None, Kind.OTHER),
        (Answer(400), Unseen.SAME_REFUSAL, Kind.FALLBACK),
        (Answer(401), Unseen.SAME_REFUSAL, Kind.LOGIN),
        (Answer(403), None, Kind.LOGIN),
        (Answer(403, {"retry-after": "5"}), Unseen.RATE_LIMITED, Kind.LIMITED),
        (Answer(404), None, Kind.MISSING),
        (Answer(405), None, Kind.MISSING),
        (Answer(426), None, Kind.OTHER),
        (Answer(429), None, Kind.LIMITED),
        (Answer(503, {"retry-after": "5"}), Unseen.RATE_LIMITED, Kind.SERVER_ERROR),
        (Answer(500), None, Kind.SERVER_ERROR),
        (Answer(0, silent=True, error="no answer"), None, Kind.SILENT),
        (Answer(0, unreachable=True, error="refused"), None, Kind.UNREACHABLE),
        (Answer(0, error="RemoteProtocolError"), None, Kind.OTHER),
    ],
)
def test_each_answer_says_one_thing(
    answer: Answer, unseen: Unseen | None, kind: Kind | None
) -> None:
    miss = miss_of(answer, unseen, "/x")

    assert (miss.kind if miss else None) == kind


@pytest.mark.parametrize(
    ("kinds", "row"),
    [
        ([Kind.NO_PAGE], "page-none"),
        ([Kind.MISSING, Kind.NO_PAGE], "page-none"),
        ([Kind.SERVER_ERROR, Kind.NO_PAGE], "load-nothing"),
        ([Kind.SERVER_ERROR], "load-server-errors"),
        ([Kind.HTTPS], "load-https-only"),
        ([Kind.LIMITED], "load-rate-limited"),
        ([Kind.UNREACHABLE], "load-unreachable"),
    ],
)
def test_why_a_browser_hasno_page(kinds: list[Kind], row: str) -> None:
    assert no_page(misses(*kinds)).row == row


def test_a_page_that_does_not_paint_is_page_broken() -> None:
    report = b'{"categories": {}, "audits": {}, "runtimeError": {"code": "NO_FCP", "message": ""}}'
    with pytest.raises(AppFault) as fault:
        parse_lighthouse(report, "GET /")

    assert fault.value.row == "page-broken"
