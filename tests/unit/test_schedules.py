"""Schedules without a server: what is written, what is missed, planned, compared and told."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from activities.scan_notices import notices_of
from activities.scans import missed
from contract.cron import check_cron, is_ever
from contract.errors import ErrorCode, PlatformError
from contract.ids import scan_pipeline_id
from contract.scans import LostTool, ScanComparison, ScanOrder, ScanRun, ScanState
from contract.schedule import ScheduleSpec
from contract.spec import PipelineSpec
from control.deciding import decision, suppress
from control.scanning import ControlledScans
from tests.support.store_folder import stored_in
from tests.support.two_pipelines import MODEL, two_pipelines

AT = datetime(2026, 11, 29, 2, tzinfo=UTC)
NOBODY: Any = None


def order(base: Path, **notify: Any) -> ScanOrder:
    said = ScheduleSpec.model_validate({"every": "1d", "notify": notify})
    spec = PipelineSpec.model_validate({"apps": {"root": "fleet"}, "schedule": said})
    return ScanOrder(name="nightly", spec=spec, base=str(base), changed_at=AT)


@pytest.mark.parametrize(
    "line", ["0 2 * * *", "*/15 8-18/2 1,15 jan-mar mon-FRI", "0 0 * * 7", "@daily"]
)
def test_a_line_of_cron_is_taken(line: str):
    check_cron(line)
    assert ScheduleSpec(cron=line, timezone="Europe/Berlin").when.endswith("(Europe/Berlin)")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("0 2 * *", "has 4 fields"),
        ("0 2 * * * *", "has 6 fields"),
        ("60 2 * * *", "minute: '60' is not within 0 to 59"),
        ("0 2 0 * *", "day of the month"),
        ("0 2 * * fr", "day of the week: 'fr' is no number or one of sun"),
        ("0 2 * * 5-1", "the lower one first"),
        ("0 2 * * */0", "none of"),
        ("@noon", "@yearly"),
        ("CRON_TZ=UTC 0 2 * * *", "has 6 fields"),
    ],
)
def test_a_wrong_line_of_cron_is_refused_by_field(line: str, why: str):
    with pytest.raises(ValidationError, match=why.replace("*", r"\*")):
        ScheduleSpec(cron=("0 2 * * *", line))


@pytest.mark.parametrize(
    ("line", "ever"),
    [
        ("0 0 31 2 *", False),
        ("0 0 30,31 feb mon", False),
        ("0 0 31 4-6/2,sep,11 *", False),
        ("0 0 30/1 2 *", False),
        ("0 0 29 2 *", True),
        ("0 0 31 2-3 *", True),
        ("0 0 31 */3 *", True),
        ("0 0 */10 2 *", True),
        ("0 0 31 4/1 *", True),
        ("@monthly", True),
    ],
)
def test_a_day_that_no_month_of_a_line_has_never_comes(line: str, ever: bool):
    check_cron(line)
    assert is_ever(line) is ever


def test_a_time_names_one_pipeline_whatever_its_zone():
    berlin = AT.astimezone().replace(second=7)

    assert scan_pipeline_id("nightly", AT) == "nightly-20261129T0200Z"
    assert scan_pipeline_id("nightly", berlin) == "nightly-20261129T020007Z"
    assert len(scan_pipeline_id("x" * 40, berlin)) <= 63


def test_a_time_is_missed_if_no_run_began_for_it_with_its_jitter():
    due = [AT + timedelta(hours=hours, seconds=40) for hours in range(4)]
    began = [AT, AT + timedelta(hours=2)]

    assert missed(due, began, timedelta(minutes=1)) == [due[1], due[3]]
    assert missed([AT], [AT], timedelta(0)) == []


def test_the_receivers_hear_what_their_spec_asks_for(tmp_path: Path):
    told = ScanComparison(
        then="p1",
        new=1,
        unknown=2,
        examples=("m/app1: high sqli in a.py",),
        lost=tuple(LostTool(tool=f"static/{n}", apps=1, examples=("m/app1",)) for n in range(5)),
        apps_gone=7,
        gone_examples=("m/app8",),
    )
    run = ScanRun(
        schedule="nightly",
        scheduled_at=AT,
        pipeline_id="nightly-20261129T0200Z",
        began_at=AT,
        state=ScanState.COMPLETED,
        comparison=told,
    )
    both = {notice.name: notice for notice in notices_of(order(tmp_path), run)}
    alone = notices_of(order(tmp_path, on=["new_high"], min_severity="low"), run)
    failed = run.model_copy(update={"state": ScanState.FAILED, "comparison": None})
    first = run.model_copy(update={"comparison": ScanComparison(note="nothing to compare with")})

    assert both.keys() == {"NewHighFindings", "NoLongerMeasured"}
    assert "of 2 more nobody knows whether they are new" in both["NewHighFindings"].detail
    lost = both["NoLongerMeasured"]
    assert "5 measurements are missing and 7 apps are gone" in lost.summary
    assert "2 more tools; gone: m/app8 and 6 more" in lost.detail
    assert len({notice.key for notice in both.values()}) == 2
    assert ["severity low or worse" in notice.summary for notice in alone] == [True]
    assert notices_of(order(tmp_path, on=[]), run) == []
    assert [n.severity for n in notices_of(order(tmp_path), failed)] == ["critical"]
    assert notices_of(order(tmp_path), first) == []


async def test_a_plan_is_made_of_the_kept_spec_and_the_fleet_as_it_is(tmp_path: Path):
    scans = ControlledScans(NOBODY, stored_in(tmp_path / "data"), None)
    with pytest.raises(PlatformError, match="no such folder") as gone:
        await scans.plan(order(tmp_path), "nightly-1", "")
    for number in (1, 2):
        app = tmp_path / "fleet" / "gpt" / f"app{number}"
        app.mkdir(parents=True)
        (app / "main.py").write_text("x = 1\n")
    before = await scans.plan(order(tmp_path), "nightly-1", "")
    (tmp_path / "fleet" / "gpt" / "app2" / "main.py").write_text("x = 2\n")
    after = await scans.plan(order(tmp_path), "nightly-2", "")
    same = [
        a.source.digest == b.source.digest for a, b in zip(before.apps, after.apps, strict=True)
    ]

    assert gone.value.code is ErrorCode.INVALID_ARGUMENT
    assert not gone.value.retryable
    assert same == [True, False]
    assert after.spec.schedule is None, "a schedule is no part of what runs"


async def test_what_is_new_lost_and_gone_is_told_of_recorded_pipelines(tmp_path: Path):
    await two_pipelines(tmp_path)
    stored = stored_in(tmp_path).kept()
    scans = ControlledScans(NOBODY, stored, None)
    high, critical = await asyncio.gather(
        scans.compare(order(tmp_path), "before", "after"),
        scans.compare(order(tmp_path, min_severity="critical"), "before", "after"),
    )
    with pytest.raises(PlatformError) as unknown:
        await scans.compare(order(tmp_path), "nobody", "after")
    first = await scans.first_stored(["pruned", "before", "after"])
    none = await scans.first_stored(["pruned"])
    fresh = {"fingerprint": "v2-fresh", "who": "ann", "why": "a test"}
    await suppress(stored, "after", decision(**{"rule": "", "path": "", "app": ""} | fresh))
    decided = await scans.compare(order(tmp_path), "before", "after")
    await stored.close()

    assert (high.then, high.new, high.new_critical) == ("before", 1, 1)
    assert high.examples == (f"{MODEL}/app1: critical sql-injection in src/fresh.py",)
    assert [(tool.tool, tool.apps, tool.examples) for tool in high.lost] == [
        ("static/bandit", 1, (f"{MODEL}/app2",))
    ]
    assert high.lost[0].reason == "killed at its limit"
    assert (high.apps_gone, high.gone_examples) == (1, (f"{MODEL}/app3",))
    assert critical.new == 1
    assert decided.new == 0, "somebody decided that it needs no action"
    assert (first, none) == ("before", "")
    assert unknown.value.code is ErrorCode.NOT_FOUND
