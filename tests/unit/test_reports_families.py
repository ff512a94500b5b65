"""The same weakness in many apps is one family; what only looks alike is none."""

from typing import Any

import pytest

from contract.analysis import Finding, Location, Severity
from contract.analyzers import Category
from contract.families import family_name
from contract.spec import AppRef, AppRole
from contract.weakness import Origin, Suppression, Weakness
from reports import families
from reports.counts import StateCounts
from reports.families import BugFamilies
from reports.family_results import Families
from reports.model import AppReport
from tests.unit.report_samples import NOW


def weakness(cwe: int = 89, shape: str = "s1", rule: str = "r", **more: Any) -> Weakness:
    found = Finding(
        tool="fused",
        rule_id=rule,
        message=f"{rule} was found",
        severity=more.pop("severity", Severity.HIGH),
        category=more.pop("category", Category.SECURITY),
        cwe=(cwe,) if cwe else (),
        shape=shape,
        location=Location(path="app.py", line=7),
        evidence="db.execute('SELECT ' + name)" + "x" * 1_000,
    )
    return Weakness(finding=found, family=family_name(found), **more)


def app(model: str, number: int, *weaknesses: Weakness, **more: Any) -> AppReport:
    ref = AppRef(model=model, app_number=number)
    states = StateCounts()
    return AppReport(
        pipeline_id="p", generated_at=NOW, ref=ref, states=states, weaknesses=weaknesses, **more
    )


def collected(*apps: AppReport) -> Families:
    reducer = BugFamilies()
    for each in apps:
        reducer.add(each)
    return reducer.result()


def test_apps_share_a_flaw_by_family_and_shape():
    result = collected(
        app("a", 1, weakness(), weakness(), weakness(shape="s2")),
        app("a", 2, weakness(564, rule="other-tool", severity=Severity.CRITICAL)),
        app("b", 1, weakness(), weakness(79)),
    )

    (family,) = result.families
    assert (family.family, family.shape, family.count) == ("sql-injection", "s1", 4)
    assert family.apps == ("a/app1", "a/app2", "b/app1")
    assert (family.apps_total, family.models) == (3, {"a": 2, "b": 1})
    assert family.severity is Severity.CRITICAL
    assert (family.example, family.where) == ("a/app2", "app.py:7")
    assert len(family.excerpt) == 400
    assert (result.shared, result.weaknesses, result.of, result.not_followed) == (1, 4, 6, 0)


def test_what_one_app_has_twice_is_no_family():
    assert collected(app("a", 1, weakness(), weakness())).families == ()


def test_without_code_and_for_packages_the_rule_stands_for_the_shape():
    first = app("a", 1, weakness(693, "", "missing-csp"), weakness(1395, "line1", "GHSA-1"))
    second = app("a", 2, weakness(693, "", "missing-csp"), weakness(1395, "line2", "GHSA-1"))
    third = app("a", 3, weakness(693, "", "missing-nosniff"), weakness(1395, "line1", "GHSA-2"))

    result = collected(first, second, third)

    assert {(family.rule, family.apps_total) for family in result.families} == {
        ("missing-csp", 2),
        ("GHSA-1", 2),
    }
    assert all(family.shape == "" for family in result.families)


def test_controls_repeats_and_advice_on_quality_are_not_compared():
    quality = weakness(category=Category.QUALITY)
    result = collected(
        app("a", 1, weakness(), quality),
        app("a", 2, quality),
        app("controls", 1, weakness(), role=AppRole.CONTROL),
        app("a", 3, weakness(), role=AppRole.REPEAT),
    )

    assert (result.families, result.of) == ((), 1)


def test_shares_of_the_scaffold_and_of_decisions_are_told():
    decided = Suppression(fingerprint="f", who="me", why="test")
    result = collected(
        app("a", 1, weakness(origin=Origin.SCAFFOLD)),
        app("a", 2, weakness(suppression=decided), weakness()),
    )

    (family,) = result.families
    assert (family.count, family.scaffold, family.suppressed) == (3, 1, 1)


def test_the_order_of_apps_does_not_decide_what_is_shared():
    apps = [app("a", n, weakness(shape=f"s{n % 3}"), weakness(79)) for n in range(1, 10)]

    def known(result: Families) -> set[tuple[str, int, int]]:
        return {(each.key, each.count, each.apps_total) for each in result.families}

    assert known(collected(*apps)) == known(collected(*reversed(apps)))


def test_the_families_that_most_apps_share_have_an_example(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(families, "MAX_EXAMPLES", 8)
    monkeypatch.setattr(families, "_KEPT_EXAMPLES", 4)
    shapes = [[weakness(shape=f"s{shape}") for shape in range(min(n, 30))] for n in range(60)]

    result = collected(*(app("a", n, *mine) for n, mine in enumerate(shapes, 1)))

    assert result.shared == 30
    assert all(family.where == "app.py:7" for family in result.families[:4])


def test_too_many_kinds_are_told_not_forgotten(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(families, "MAX_KINDS", 2)
    every = [weakness(shape=f"s{n}") for n in range(5)]

    result = collected(app("a", 1, *every), app("a", 2, *every))

    assert (result.shared, result.of, result.not_followed) == (2, 10, 6)
