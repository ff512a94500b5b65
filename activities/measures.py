"""What activities count and time, through the SDK; `docs/metrics.md` lists every name.

The SDK keeps nothing where the worker shows no metrics.
"""

import time
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.common import MetricMeter

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.ids import task_queue_host
from contract.outcome import SubtaskOutcome
from contract.running import TeardownReport

# The SDK adds `_total` to counters and `_seconds` to times.


CREATION_FAULTS = ("ChildWorkflowError", "RuntimeError", "other")
"""Why the workflow of an app could not be started, as `assay_task_creation_failures` names it."""


COUNTED = {
    "assay_cells": "Cells (one tool on one app) that were recorded; a retry counts again.",
    "assay_tasks_duplicate": "Subtasks that were measured to the end a second time in one run of "
    "their workflow.",
    "assay_tasks_created": "Workflows of apps that were started.",
    "assay_tasks_refused": "Starts of an app's workflow that found it there already, and made no "
    "second one.",
    "assay_task_creation_failures": "Starts of an app's workflow that failed.",
}
"""Counters that are shown from zero, and what each means."""


def begin_counting(meter: MetricMeter) -> None:
    """Show what alerts are made of from zero: to a scraper, a series that appears is no increase.

    `meter` is that of the process: the SDK's own labels are not shown (`clients/monitoring`).
    """
    kinds = [{"analyzer": kind.value} for kind in AnalyzerKind]
    states = [{"state": state.value} for state in MeasurementState]
    zero: dict[str, list[dict[str, str]]] = {
        "assay_cells": [kind | state for kind in kinds for state in states],
        "assay_tasks_duplicate": kinds,
        "assay_tasks_created": [{}],
        "assay_tasks_refused": [{"reason": "duplicate"}],
        "assay_task_creation_failures": [{"reason": reason} for reason in CREATION_FAULTS],
    }
    for name, series in zero.items():
        counter = meter.create_counter(name, COUNTED[name])
        for labels in series:
            counter.add(0, labels)


class CellCounts:
    """Cells that were recorded, and the tool time that their subtasks threw away."""

    def __init__(self) -> None:
        # Below one second, by analyzer: the SDK's counters are whole numbers.
        self._rest_s: defaultdict[AnalyzerKind, float] = defaultdict(float)

    def add(self, outcome: SubtaskOutcome) -> None:
        """Take in a subtask whose cells are written."""
        meter = activity.metric_meter().with_additional_attributes(
            {"analyzer": outcome.analyzer.value}
        )
        cells = meter.create_counter("assay_cells", COUNTED["assay_cells"])
        for tool in outcome.tools:
            cells.add(1, {"state": tool.state.value})
        self._rest_s[outcome.analyzer] += outcome.wasted_seconds
        whole_s = int(self._rest_s[outcome.analyzer])
        self._rest_s[outcome.analyzer] -= whole_s
        wasted = meter.create_counter(
            "assay_wasted_seconds", "Tool time that was thrown away and spent again."
        )
        wasted.add(whole_s)


def count_result(analyzer: AnalyzerKind, *, twice: bool) -> None:
    """A result of a subtask came.

    `twice`: an attempt before it got another one, in the same run of its workflow.
    """
    name = "assay_tasks_duplicate"
    duplicates = activity.metric_meter().create_counter(name, COUNTED[name])
    duplicates.add(int(twice), {"analyzer": analyzer.value})


@contextmanager
def timing_report() -> Generator[None]:
    """Time the block, which writes a report, unless it fails."""
    began_s = time.monotonic()
    yield
    activity.metric_meter().create_histogram_timedelta(
        "assay_report", "Time of writing the report of a pipeline."
    ).record(timedelta(seconds=time.monotonic() - began_s))


def count_orphans(removed: TeardownReport) -> None:
    """What the janitor removed of one workflow that had ended."""
    orphans = activity.metric_meter().create_counter(
        "assay_orphans_removed",
        "What the janitor removed because no running workflow owned it.",
    )
    kinds = {
        "container": removed.containers,
        "network": removed.networks,
        "volume": removed.volumes,
        "process": removed.processes,
    }
    for kind, number in kinds.items():
        orphans.add(number, {"kind": kind})


def note_sweep() -> None:
    """The janitor has swept the host whose queue this is, and nothing was stuck."""
    host = activity.info().task_queue.removeprefix(task_queue_host(""))
    _SWEPT_AT[host] = datetime.now(UTC)
    activity.metric_meter().create_gauge_float(
        "assay_janitor_last_run_timestamp_seconds",
        "When the janitor last swept this host without an error, seconds since 1970.",
    ).set(time.time(), {"host": host})


def swept_at(host: str) -> datetime | None:
    """When a worker in this process last swept `host`, as `note_sweep` was told; None: never."""
    return _SWEPT_AT.get(host)


_SWEPT_AT: dict[str, datetime] = {}
