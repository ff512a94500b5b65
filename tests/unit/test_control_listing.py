"""Which pipelines there are: what the store knows, what the server says, and what both mean."""

from datetime import UTC, datetime, timedelta

import pytest

from contract.analysis import MeasurementState
from contract.progress import PipelinePhase
from contract.record import AppRecord, PipelineListing, PipelineRecord
from contract.spec import AppRef
from control.listing import merged, progress_of, state_of
from control.pipelines import Served

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def served(status: str, phase: str = "", id: str = "p") -> Served:
    return Served(id, status, phase, T0, None)


@pytest.mark.parametrize(
    ("stored", "server", "state"),
    [
        ("completed", None, "completed"),
        ("cancelled", None, "cancelled"),
        ("failed", None, "failed"),
        ("running", None, "unfinished"),
        ("cancelled", served("completed", "cancelled"), "cancelled"),
        ("running", served("running", "paused"), "paused"),
        ("running", served("running"), "running"),
        ("running", served("terminated", "running"), "terminated"),
        ("running", served("canceled", "running"), "cancelled"),
        ("running", served("timed_out"), "timed_out"),
        ("completed", served("running", "waiting"), "running"),
        ("", served("running", "preflight"), "preflight"),
        ("", served("completed", "cancelled"), "cancelled"),
        ("", served("failed"), "failed"),
    ],
)
def test_one_word_says_how_it_stands(stored: str, server: Served | None, state: str) -> None:
    """A completed workflow may be a cancelled pipeline; a stored one that runs was retried."""
    assert state_of(stored, server) == state


def test_the_list_holds_each_pipeline_once_the_newest_first() -> None:
    stored = [
        PipelineListing(pipeline_id=name, state="completed", created_at=T0 + timedelta(hours=hours))
        for name, hours in (("old", 0), ("new", 2))
    ]
    on_server = {
        "old": served("completed", "completed", "old"),
        "just-started": Served("just-started", "running", "", T0 + timedelta(hours=1), None),
    }

    lines = merged(stored, on_server)

    assert [line.id for line in lines] == ["new", "just-started", "old"]
    assert [line.state for line in lines] == ["completed", "running", "completed"]


def test_the_store_alone_tells_where_a_pipeline_is() -> None:
    record = PipelineRecord(
        pipeline_id="p",
        state="cancelled",
        detail={"parallelism": 4},
        apps=(
            AppRecord(ref=AppRef(model="m", app_number=1), state=MeasurementState.MEASURED),
            AppRecord(
                ref=AppRef(model="m", app_number=2),
                state=MeasurementState.INFRA_FAILED,
                reason="why",
            ),
            AppRecord(ref=AppRef(model="m", app_number=3)),
        ),
    )

    ended = progress_of(record, "cancelled")
    stopped = progress_of(record.model_copy(update={"state": "running"}), "unfinished")

    assert (ended.phase, ended.total, ended.finished) == (PipelinePhase.CANCELLED, 3, 2)
    assert ended.counts == {MeasurementState.MEASURED: 1, MeasurementState.INFRA_FAILED: 1}
    assert [app.reason for app in ended.apps] == ["", "why", ""]
    assert stopped.phase is PipelinePhase.WAITING
    assert "when its stack runs" in stopped.message
