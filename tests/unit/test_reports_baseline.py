"""Against an earlier pipeline: nothing is new or fixed where nobody looked."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count, product

import pytest

from contract.analysis import Coverage, Finding, Location, Severity, Skipped
from contract.left_out import FUSED_KEY, TOOLS_KEY
from contract.record import CellRecord
from contract.spec import AppRef
from contract.weakness import BaselineState, Weakness
from reports.baseline import NOT_IN_BASELINE, Seen, Told, compared
from reports.known import weaknesses_of
from reports.model import CellReport
from tests.unit import report_samples as samples
from tests.unit.report_samples import (
    APP_FAILED,
    DYNAMIC,
    INFRA_FAILED,
    MEASURED,
    NOT_APPLICABLE,
    STATIC,
    cell,
)

REF = AppRef(model="m", app_number=1)
NEW, UNCHANGED, FIXED, UNKNOWN = BaselineState
SQL = samples.finding("bandit", "B608", Severity.HIGH, 89).model_copy(
    update={"witnesses": ("bandit:B608", "opengrep:sql")}
)
XSS = samples.finding(
    "wapiti", "xss", Severity.HIGH, 79, Location(method="GET", url="/notes", parameter="q")
).model_copy(update={"witnesses": ("wapiti:xss",)})
FILES = Coverage(unit="files", reached=12, given=12)
LOOKED = tuple(cell("m", 1, STATIC, tool, coverage=FILES) for tool in ("bandit", "opengrep"))
URLS = Coverage(unit="urls", reached=2, items=("web GET /", "web GET /notes"))
SCANNED = (*LOOKED, cell("m", 1, DYNAMIC, "wapiti", coverage=URLS))


_CHANGES = count()


def seen(*findings: Finding, cells: Sequence[CellRecord] = SCANNED, digest: str = "") -> Seen:
    """An app with these findings; each call has other files unless it names their digest."""
    reports = [CellReport(record=record) for record in cells]
    return Seen(digest or f"files {next(_CHANGES)}", weaknesses_of(REF, findings), reports)


def states(weaknesses: Sequence[Weakness]) -> list[BaselineState | None]:
    return [weakness.baseline for weakness in weaknesses]


def now_and_gone(told: Told) -> tuple[list[BaselineState | None], list[BaselineState | None]]:
    return states(told.now), states(told.gone)


def test_both_looked_and_one_found_it():
    assert now_and_gone(compared(seen(SQL), seen())) == ([NEW], [])
    assert now_and_gone(compared(seen(SQL), seen(SQL))) == ([UNCHANGED], [])
    assert now_and_gone(compared(seen(), seen(SQL))) == ([], [FIXED])


def test_an_app_that_the_baseline_lacks_has_nothing_new():
    told = compared(seen(SQL), None)

    assert now_and_gone(told) == ([UNKNOWN], [])
    assert told.now[0].baseline_reason == NOT_IN_BASELINE


def test_of_equal_weaknesses_the_surplus_is_new_or_fixed():
    assert now_and_gone(compared(seen(SQL, SQL), seen(SQL))) == ([UNCHANGED, NEW], [])
    assert now_and_gone(compared(seen(SQL), seen(SQL, SQL))) == ([UNCHANGED], [FIXED])


def test_a_weakness_is_known_again_by_what_its_sightings_were_alone():
    joined = SQL.model_copy(update={"fingerprint": "request", "aliases": ("bandit-B608",)})

    assert now_and_gone(compared(seen(joined), seen(SQL))) == ([UNCHANGED], [])
    assert now_and_gone(compared(seen(SQL), seen(joined))) == ([UNCHANGED], [])
    assert now_and_gone(compared(seen(joined, SQL), seen(SQL))) == ([NEW, UNCHANGED], [])


def test_identities_of_two_versions_are_not_compared():
    later = SQL.model_copy(update={"fingerprint": "v2-00"})

    assert now_and_gone(compared(seen(later), seen(SQL))) == ([UNKNOWN], [UNKNOWN])
    assert now_and_gone(compared(seen(later), seen(XSS))) == ([NEW], [FIXED])


def test_many_equal_weaknesses_are_told_in_no_time():
    told = compared(seen(*[SQL] * 5_000), seen(*[SQL] * 5_001))

    assert now_and_gone(told) == ([UNCHANGED] * 5_000, [FIXED])


@pytest.mark.parametrize("state", [INFRA_FAILED, APP_FAILED])
def test_what_one_witness_did_not_look_for_again_is_not_fixed(state):
    cells = (cell("m", 1, STATIC, "opengrep", state, "killed at its limit"), SCANNED[0])

    told = compared(seen(cells=cells), seen(SQL))

    assert now_and_gone(told) == ([], [UNKNOWN])
    assert told.gone[0].baseline_reason == (
        "static/opengrep did not measure now: killed at its limit"
    )


def test_what_no_witness_looked_for_before_is_not_new():
    lost = [cell("m", 1, STATIC, "*", INFRA_FAILED, "analyzer static is down")]

    told = compared(seen(SQL), seen(cells=lost))

    assert now_and_gone(told) == ([UNKNOWN], [])
    assert "static/bandit did not measure then: analyzer static is down" in (
        told.now[0].baseline_reason
    )


@pytest.mark.parametrize("states", list(product(samples.MeasurementState, repeat=2)))
def test_only_looks_decide(states):
    """New: one look then is enough. Fixed: every look now is needed."""
    cells = [
        cell("m", 1, STATIC, tool, state, "" if state is MEASURED else "a reason", **covered)
        for tool, state in zip(("bandit", "opengrep"), states, strict=True)
        for covered in ({"coverage": FILES} if state is MEASURED else {},)
    ]
    looks = [state in (MEASURED, NOT_APPLICABLE) for state in states]

    new, _ = now_and_gone(compared(seen(SQL), seen(cells=cells)))
    _, gone = now_and_gone(compared(seen(cells=cells), seen(SQL)))

    assert new == [NEW if any(looks) else UNKNOWN]
    assert gone == [FIXED if all(looks) else UNKNOWN]


def test_one_witness_that_looked_before_is_enough_for_new():
    partly = (SCANNED[0], cell("m", 1, STATIC, "opengrep", INFRA_FAILED, "killed"))

    assert now_and_gone(compared(seen(SQL), seen(cells=partly))) == ([NEW], [])


def test_another_tool_set_leaves_both_open():
    other = [cell("m", 1, STATIC, "eslint")]

    assert now_and_gone(compared(seen(SQL), seen(cells=other))) == ([UNKNOWN], [])
    assert now_and_gone(compared(seen(cells=other), seen(SQL))) == ([], [UNKNOWN])


@pytest.mark.parametrize(
    "fields", [{"version": "2.0"}, {"provenance": LOOKED[0].report.provenance}]
)
def test_a_tool_with_other_rules_is_another_look(fields):
    if "provenance" in fields:
        fields = {"provenance": fields["provenance"].model_copy(update={"rules_digest": "other"})}
    other = [samples.changed(record, **fields) for record in SCANNED]

    assert now_and_gone(compared(seen(SQL), seen(cells=other))) == ([UNKNOWN], [])
    assert now_and_gone(compared(seen(cells=other), seen(SQL))) == ([], [UNKNOWN])
    assert now_and_gone(compared(seen(SQL, cells=other), seen(SQL))) == ([UNCHANGED], [])


def test_equal_files_fix_nothing():
    told = compared(seen(digest="d" * 64), seen(SQL, digest="d" * 64))

    assert now_and_gone(told) == ([], [UNKNOWN])


@pytest.mark.parametrize("found", [SQL, XSS])
def test_in_equal_files_nothing_is_new(found: Finding):
    same = "d" * 64

    told = compared(seen(found, digest=same), seen(digest=same))

    assert now_and_gone(told) == ([UNKNOWN], [])
    assert told.now[0].baseline_reason == "not found before, though the app's files are the same"


def test_in_equal_files_a_place_identifies_whatever_the_fingerprints_are():
    later = SQL.model_copy(update={"fingerprint": "v2-00"})
    elsewhere = later.model_copy(update={"location": Location(path="backend/app.py", line=43)})
    other_kind = later.model_copy(update={"cwe": (79,)})
    before = seen(SQL, digest="same")

    assert now_and_gone(compared(seen(later, digest="same"), before)) == ([UNCHANGED], [])
    for other in (elsewhere, other_kind):
        assert now_and_gone(compared(seen(other, digest="same"), before)) == ([UNKNOWN], [UNKNOWN])


def test_a_removed_language_is_a_look_but_an_unread_file_is_not():
    none = [
        cell("m", 1, STATIC, tool, NOT_APPLICABLE, "no Python") for tool in ("bandit", "opengrep")
    ]
    unread = Coverage(unit="files", reached=0, given=1, skipped_total=1)
    broken = [samples.changed(record, coverage=unread) for record in none]

    assert now_and_gone(compared(seen(cells=none), seen(SQL))) == ([], [FIXED])
    assert now_and_gone(compared(seen(cells=broken), seen(SQL))) == ([], [UNKNOWN])


def test_a_log_that_was_not_imported_fixes_nothing():
    tools = ("bandit", "opengrep")
    stand_ins = [cell("m", 1, STATIC, name, NOT_APPLICABLE, "no log") for name in tools]
    now = replace(seen(), cells=[CellReport(record=one, recorded=False) for one in stand_ins])

    assert now_and_gone(compared(now, seen(SQL))) == ([], [UNKNOWN])


def test_a_dependency_without_an_exact_version_is_not_fixed():
    pins = Coverage(unit="dependencies", reached=1)
    seeing = [cell("m", 1, STATIC, "pip-audit", coverage=pins)]
    found = samples.finding("pip-audit", "CVE-2026-1", Severity.HIGH, 1395)
    none = [cell("m", 1, STATIC, "pip-audit", NOT_APPLICABLE, "no exact version")]

    told = compared(seen(cells=none), seen(found, cells=seeing))

    assert now_and_gone(told) == ([], [UNKNOWN])


def test_a_live_tool_without_anything_to_look_at_has_not_looked():
    none = [*LOOKED, cell("m", 1, DYNAMIC, "wapiti", NOT_APPLICABLE, "no OpenAPI document")]

    assert now_and_gone(compared(seen(cells=none), seen(XSS))) == ([], [UNKNOWN])


def test_a_file_that_was_left_out_was_not_looked_at():
    skipped = (Skipped(what="backend/app.py", reason="larger than 1 MB"),)
    coverage = Coverage(unit="files", reached=3, skipped=skipped, skipped_total=1)
    cells = [samples.changed(record, coverage=coverage) for record in LOOKED]

    assert now_and_gone(compared(seen(cells=cells), seen(SQL))) == ([], [UNKNOWN])
    assert now_and_gone(compared(seen(SQL), seen(cells=cells))) == ([UNKNOWN], [])


def test_an_operation_that_is_not_reached_any_more_is_not_fixed():
    less = Coverage(unit="urls", reached=1, items=("web GET /",))
    cells = [*LOOKED, cell("m", 1, DYNAMIC, "wapiti", coverage=less)]

    told = compared(seen(cells=cells), seen(XSS))

    assert now_and_gone(told) == ([], [UNKNOWN])
    assert told.gone[0].baseline_reason == "dynamic/wapiti did not reach GET /notes now"
    assert now_and_gone(compared(seen(XSS), seen(cells=cells))) == ([NEW], [])


@pytest.mark.parametrize(("key", "place"), [(TOOLS_KEY, 0), (FUSED_KEY, 2)])
def test_what_a_cut_list_may_have_held_is_unknown(key: str, place: int):
    row = {"category": "security", "severity": "high", "cwe": 89, "count": 3}
    cells = list(SCANNED)
    cells[place] = samples.changed(cells[place], data={key: [row]})

    assert now_and_gone(compared(seen(cells=cells), seen(SQL))) == ([], [UNKNOWN])
    assert now_and_gone(compared(seen(cells=cells), seen(XSS))) == ([], [FIXED])


@pytest.mark.parametrize(
    ("row", "state"),
    [
        ({"severity": "medium", "cwe": 89}, UNKNOWN),  # a tool's own severity is another
        ({"severity": "low", "cwe": 564}, UNKNOWN),  # of the same family
        ({"severity": "high", "cwe": 20}, UNKNOWN),  # what another tool's sighting says
        ({"severity": "high", "cwe": None}, UNKNOWN),
        ({"severity": "high", "cwe": 79}, FIXED),
        ({"severity": "high", "cwe": 89, "category": "quality"}, FIXED),
    ],
)
def test_a_cut_list_is_read_in_the_words_of_its_tool(row: dict[str, object], state: BaselineState):
    joined = SQL.model_copy(update={"cwe": (89, 20)})
    data = {TOOLS_KEY: [{"category": "security", "count": 3, **row}]}
    cells = [samples.changed(LOOKED[0], data=data), *SCANNED[1:]]

    assert now_and_gone(compared(seen(cells=cells), seen(joined))) == ([], [state])
