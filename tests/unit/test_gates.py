"""Gates for CI: what counts there is what the report's rates count."""

import pytest

from contract.analysis import Category, MeasurementState, Severity
from contract.gate import Gate
from contract.spec import AppRef
from contract.weakness import BaselineState, Origin
from reports.counts import StateCounts
from reports.gates import broken
from reports.summary import AppSummary, WeaknessCount

HIGH, NEW_HIGH, NOT_MEASURED = Gate
HIGH_GROUP = WeaknessCount(category=Category.SECURITY, severity=Severity.HIGH, count=2)


def app(*groups: WeaknessCount, number: int = 1, **fields) -> AppSummary:
    """An app that was measured in full."""
    more = {"state": MeasurementState.MEASURED, "cells": StateCounts(measured=3), **fields}
    return AppSummary(ref=AppRef(model="m", app_number=number), weaknesses=groups, **more)


def hit(*apps: AppSummary) -> dict[str, tuple[int, int, int]]:
    return {each.gate: (each.count, each.apps, each.unknown) for each in broken(apps, Gate)}


@pytest.mark.parametrize(
    "changes",
    [
        {"severity": Severity.MEDIUM},
        {"category": Category.QUALITY},
        {"origin": Origin.SCAFFOLD},
        {"suppressed": True},
        {"sure": False},
    ],
)
def test_what_does_not_count_breaks_no_gate(changes) -> None:
    assert hit(app(HIGH_GROUP.model_copy(update=changes))) == {}


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (None, (2, 1, 0)),
        (BaselineState.NEW, (2, 1, 0)),
        (BaselineState.UNKNOWN, (2, 1, 2)),
        (BaselineState.UNCHANGED, None),
    ],
)
def test_what_the_baseline_does_not_surely_know_may_be_new(state, expected) -> None:
    told = hit(app(HIGH_GROUP.model_copy(update={"baseline": state})))

    assert told["high"] == (2, 1, 0)
    assert told.get("new-high") == expected


def test_a_scaffold_that_nobody_looked_at_excuses_nothing() -> None:
    assert "high" in hit(app(HIGH_GROUP.model_copy(update={"origin": Origin.UNKNOWN})))


def test_a_weakness_that_is_gone_breaks_nothing() -> None:
    gone = HIGH_GROUP.model_copy(update={"baseline": BaselineState.UNKNOWN})

    assert hit(app(gone=(gone,))) == {}


def test_cells_that_the_platform_failed_and_apps_without_an_end_were_not_measured() -> None:
    failed = StateCounts(measured=1, infra_failed=2, app_failed=5, not_applicable=4)

    assert hit(app(cells=failed), app(number=2, state=None), app(number=3)) == {
        "not-measured": (3, 2, 0)
    }


def test_only_the_gates_that_are_asked_for_are_told() -> None:
    (only,) = broken([app(HIGH_GROUP), app(HIGH_GROUP, number=2)], [HIGH])

    assert only.sentence == "4 high or critical weaknesses in 2 apps"
