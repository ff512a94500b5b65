"""What the page of a fleet keeps of each app: the gravest few, and within limits."""

from dataclasses import replace

import pytest

from contract.analysis import Severity
from contract.spec import AppRef
from contract.suppression import Suppression
from contract.weakness import Origin, Weakness
from reports import glance
from reports.counts import StateCounts
from reports.glance import Glances, gravest
from reports.model import AppReport
from tests.support.large_report import large_fleet
from tests.support.whole_report import whole
from tests.unit import report_samples as samples
from tests.unit.report_samples import NOW

DECIDED = Suppression(fingerprint="f", who="A. Person", why="a test")


def weakness(rule: str, severity: Severity = Severity.HIGH, **more) -> Weakness:
    return Weakness(finding=samples.finding("bandit", rule, severity), **more)


def app(number: int, *weaknesses: Weakness) -> AppReport:
    return AppReport(
        pipeline_id="p",
        generated_at=NOW,
        ref=AppRef(model="m", app_number=number),
        states=StateCounts(),
        weaknesses=weaknesses,
    )


def kept(*apps: AppReport):
    glances = Glances()
    for one in apps:
        glances.add(one)
    return glances.result()


def test_what_counts_stands_before_what_does_not():
    scaffold = weakness("A", origin=Origin.SCAFFOLD)
    suppressed = weakness("B", suppression=DECIDED)
    unknown, own = weakness("C", origin=Origin.UNKNOWN), weakness("D", Severity.LOW)

    order = [w.finding.rule_id for w in gravest([scaffold, suppressed, unknown, own], 9)]

    assert order == ["C", "D", "A", "B"]


def test_a_long_message_is_cut_and_evidence_is_left_to_the_apps_own_page():
    finding = samples.finding("bandit", "B1", Severity.HIGH, message="x" * 4_000)
    found = Weakness(finding=finding.model_copy(update={"evidence": "secret = 1"}))

    (shown,) = kept(app(1, found))[AppRef(model="m", app_number=1)].shown

    assert shown.finding.message == "x" * 300 + "…"
    assert shown.finding.evidence == ""


def test_the_more_there_is_the_fewer_are_shown_of_each_app(monkeypatch):
    monkeypatch.setattr(glance, "FINDINGS_CHARS", 30_000)
    many = [app(n, *(weakness(f"B{k}") for k in range(12))) for n in range(1, 31)]

    few = {len(kept(*many[:count])[many[0].ref].shown) for count in (1, 5, 10, 20, 30)}
    glances = kept(*many)

    assert few == {10, 5, 3, 2}
    assert {len(one.shown) for one in glances.values()} == {2}
    assert {one.total for one in glances.values()} == {12}


def test_what_is_shown_does_not_depend_on_the_order_of_apps(monkeypatch):
    monkeypatch.setattr(glance, "FINDINGS_CHARS", 9_000)
    apps = [app(n, *(weakness(f"B{k}") for k in range(n))) for n in range(1, 9)]

    assert kept(*apps) == kept(*reversed(apps))


@pytest.mark.parametrize("letters", ["<", "é", "&", '"'])
def test_hostile_letters_do_not_make_the_page_larger_than_its_limit(monkeypatch, letters):
    monkeypatch.setattr(glance, "FINDINGS_CHARS", 20_000)
    finding = samples.finding("bandit", "B1", Severity.HIGH, message=letters * 4_000)
    apps = [app(n, *(Weakness(finding=finding) for _ in range(10))) for n in range(1, 40)]
    from markupsafe import escape

    shown = [w for one in kept(*apps).values() for w in one.shown]

    assert sum(len(str(escape(w.finding.message)).encode()) for w in shown) < 20_000


def test_a_matrix_that_no_browser_lays_out_is_left_out_of_the_page(monkeypatch):
    report = whole(large_fleet(2, 3), NOW)
    assert all(one.fields for one in kept(*report.apps).values())
    words = next(iter(kept(*report.apps).values())).fields["static/linter-a"].hint
    assert words.startswith("linter-a: measured")

    monkeypatch.setattr(glance, "HINTS_CHARS", 2_000)
    fields = [one.fields for one in kept(*report.apps).values()]
    assert all(fields)
    assert not any(field.hint for row in fields for field in row.values())

    monkeypatch.setattr(glance, "FIELDS_CHARS", 2_000)
    assert not any(one.fields for one in kept(*report.apps).values())


def test_numbers_in_the_matrix_stay_where_there_is_no_room_for_hints(monkeypatch):
    report = whole(large_fleet(2, 3), NOW)
    full = kept(*report.apps)
    monkeypatch.setattr(glance, "HINTS_CHARS", 0)
    bare = kept(*report.apps)

    for ref, one in full.items():
        assert bare[ref].fields == {
            name: replace(field, hint="") for name, field in one.fields.items()
        }
