"""The oracle sees each broken promise, and does not cry wolf."""

from dataclasses import replace

import pytest

from contract.analysis import Coverage
from contract.record import AppRecord, PipelineRecord
from tests.chaos.oracle import (
    ActivityRun,
    Cell,
    WorkflowRun,
    cells_of,
    median_and_worst,
    most_at_once,
    not_one_task_per_app,
    over_limit,
    repeated_cells,
    repeated_subtasks,
    resume_times,
    too_many_runs,
    unlike_reference,
)
from tests.support.whole_report import whole
from tests.unit import report_samples as samples

NOBODY = frozenset[tuple[str, int]]()
APP = "pipeline/p/m/app1"
RAN = WorkflowRun(APP, "r1", "AnalyzeApp", "COMPLETED")
BANDIT = Cell("m", 1, "static", "bandit", "measured", "", ("f1", "f2"), 3)
HEADERS = Cell("m", 1, "dynamic", "http-headers", "measured", "", ("h1",), 2)
LOAD = Cell("m", 1, "performance", "openloop", "measured", "", (), 1)
REFERENCE = [BANDIT, HEADERS, LOAD]
RUN = ActivityRun(
    APP, "r1", "run_analysis", "q", "p/m/app1/static", 1.0, 1, 2.0, 5.0, "completed", "10@host"
)


def test_one_task_per_app():
    assert not_one_task_per_app([APP], [RAN], [APP]) == []


@pytest.mark.parametrize(
    ("runs", "rows", "problem"),
    [
        ([RAN, replace(RAN, run_id="r2")], [APP], "2 executions"),
        ([], [APP], "0 executions"),
        ([RAN], [APP, APP], "2 rows"),
        ([RAN], [], "0 rows"),
        ([RAN, replace(RAN, workflow_id="pipeline/p/m/app9")], [APP], "app9: 1 executions"),
        ([replace(RAN, status="FAILED")], [APP], "FAILED"),
        ([RAN, WorkflowRun(f"{APP}/guard", "g", "Guard", "RUNNING")], [APP], "guard: RUNNING"),
    ],
)
def test_any_other_number_of_tasks_is_seen(runs: list[WorkflowRun], rows: list[str], problem: str):
    assert any(problem in text for text in not_one_task_per_app([APP], runs, rows))


def test_a_retried_subtask_is_fine_and_a_repeated_one_is_not():
    retried = replace(RAN_AGAIN, scheduled_s=1.0)
    assert repeated_subtasks([replace(RUN, outcome="failed"), RAN_AGAIN]) == []
    assert repeated_subtasks([retried]) == []
    assert len(repeated_subtasks([RUN, RAN_AGAIN])) == 1


def test_a_run_that_no_fault_destroyed_may_not_begin_twice():
    assert too_many_runs({"static": 3, "dynamic": 4}, 3, {"dynamic": 1}) == []
    (problem,) = too_many_runs({"static": 4, "dynamic": 4}, 3, {"dynamic": 1})
    assert problem.startswith("static: 4 runs began")


def test_another_run_of_the_workflow_may_measure_anew():
    assert repeated_subtasks([RUN, replace(RAN_AGAIN, run_id="r2")]) == []


RAN_AGAIN = replace(RUN, scheduled_s=6.0, started_s=7.0, closed_s=9.0)


def test_the_same_report_is_like_the_reference():
    assert unlike_reference(REFERENCE, list(reversed(REFERENCE)), NOBODY) == []


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ([BANDIT, HEADERS], "openloop: lost"),
        ([*REFERENCE, replace(LOAD, tool="wrk")], "wrk: invented"),
        ([replace(BANDIT, fingerprints=("f1",)), HEADERS, LOAD], "0 more, 1 fewer"),
        ([replace(BANDIT, fingerprints=("f1", "f2", "f3")), HEADERS, LOAD], "1 more, 0 fewer"),
        ([replace(BANDIT, reached=2), HEADERS, LOAD], "reached 2 instead of 3"),
        (
            [replace(BANDIT, state="infra_failed", reason="analyzer lost"), HEADERS, LOAD],
            "infra_failed instead of measured: analyzer lost",
        ),
        (
            [BANDIT, replace(HEADERS, state="app_failed", reason="exited with 137"), LOAD],
            "app_failed instead of measured",
        ),
    ],
)
def test_any_other_report_is_not(cells: list[Cell], problem: str):
    assert any(problem in text for text in unlike_reference(REFERENCE, cells, NOBODY))


def test_an_app_that_was_hit_may_have_failed_if_it_says_how():
    hit = frozenset({("m", 1)})
    died = replace(HEADERS, state="app_failed", reason="the app exited with 137", fingerprints=())
    vague = replace(died, reason="something went wrong")
    blamed = replace(died, state="infra_failed")
    invented = replace(HEADERS, fingerprints=("h1", "h2"))
    less = replace(HEADERS, fingerprints=(), reached=1)

    assert unlike_reference(REFERENCE, [BANDIT, died, LOAD], hit) == []
    assert unlike_reference(REFERENCE, [BANDIT, less, LOAD], hit) == []
    for wrong in (vague, blamed, invented):
        assert len(unlike_reference(REFERENCE, [BANDIT, wrong, LOAD], hit)) == 1


def test_an_app_that_was_slowed_down_may_have_measured_less_and_is_not_blamed():
    slowed = frozenset({("m", 1)})
    less = replace(HEADERS, fingerprints=(), reached=1)
    missing = replace(HEADERS, state="infra_failed", reason="no answer", fingerprints=())
    died = replace(HEADERS, state="app_failed", reason="does not answer", fingerprints=())

    for fine in (less, missing):
        assert unlike_reference(REFERENCE, [BANDIT, fine, LOAD], NOBODY, slowed) == []
    assert len(unlike_reference(REFERENCE, [BANDIT, died, LOAD], NOBODY, slowed)) == 1


def test_a_hit_app_excuses_no_offline_cell_and_no_other_app():
    failed = replace(BANDIT, state="app_failed", reason="exited with 137")

    assert unlike_reference(REFERENCE, [failed, HEADERS, LOAD], frozenset({("m", 1)})) != []
    died = replace(HEADERS, state="app_failed", reason="exited with 137", fingerprints=())
    assert unlike_reference(REFERENCE, [BANDIT, died, LOAD], frozenset({("m", 2)})) != []


def test_a_cell_twice_is_seen():
    assert repeated_cells(REFERENCE) == []
    assert repeated_cells([*REFERENCE, LOAD]) == ["m/1/performance/openloop: 2 cells"]


def test_spans_that_touch_do_not_overlap():
    assert most_at_once([]) == 0
    assert most_at_once([(0, 1), (1, 2)]) == 1
    assert most_at_once([(0, 3), (1, 2), (1.5, 4)]) == 3


def test_a_queue_above_its_limit_is_named():
    runs = [RUN, replace(RUN, started_s=4.0, closed_s=6.0)]

    assert over_limit(runs, {"q": 2}) == []
    assert over_limit(runs, {"q": 1}) == ["q: 2 at once, 1 allowed"]
    assert over_limit([*runs, replace(RUN, started_s=0.0)], {"q": 2}) == []


def test_resume_counts_only_what_another_worker_started_after_the_kill():
    starts = [(9.0, "11@h"), (10.5, "10@h"), (14.0, "11@h"), (20.0, "11@h")]

    assert resume_times([(10.0, 10)], starts) == [4.0]
    assert resume_times([(30.0, 10)], starts) == []
    assert median_and_worst([4.0, 2.0, 9.0]) == "median 4.0 s, worst 9.0 s (3)"
    assert median_and_worst([]) == "none measured"


def test_cells_are_read_from_a_report():
    findings = [samples.SQL.model_copy(update={"fingerprint": name}) for name in ("f2", "f1")]
    cell = samples.cell(
        "m",
        1,
        samples.STATIC,
        "bandit",
        coverage=Coverage(unit="files", reached=3),
        findings=tuple(findings),
    )
    apps = (AppRecord(ref=cell.ref),)
    record = PipelineRecord(pipeline_id="p", state="completed", apps=apps, cells=(cell,))

    assert cells_of(whole(record, samples.NOW).apps) == [BANDIT]
