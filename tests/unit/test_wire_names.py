"""Names that histories, operators and other programs hold on to: a change must be a decision."""

import pytest

from contract import ids
from contract.analyzers import AnalyzerKind
from contract.attempt import APP_GONE, HELD, PAUSED, WORKER_LOST
from tests.support.registered import activity_classes, defined, listened_to, offered
from workflows import WORKFLOWS
from workflows.search_attributes import names as search_attributes

WHAT_TO_DO = """{what} is not as pinned: missing {missing}, new {new}.
A name here is compatibility data: histories replay it, running workflows wait for it, and people
type it (`temporal workflow signal --name pause`).
- New on purpose: add it to the pinned names in this file.
- Renamed or removed: workflows that run while workers are updated still use the old name. Keep the
  old name beside the new one until no open workflow has it (an activity: register both; a signal or
  an update: keep a handler), and record a history for tests/replay. Change this file last.
- An accident: put the name back."""

WORKFLOW_NAMES: dict[str, dict[str, list[str]]] = {
    "Pipeline": {
        "signals": ["cancel", "pause", "resume"],
        "updates": ["add_apps", "add_page", "reset_breaker", "retry_failed", "set_parallelism"],
        "queries": ["progress"],
    },
    "AnalyzeApp": {
        "signals": ["breaker_changed", "go", "pause", "resume"],
        "updates": [],
        "queries": ["progress"],
    },
    "Guard": {"signals": ["own", "release"], "updates": [], "queries": []},
    "Janitor": {"signals": [], "updates": [], "queries": []},
    "Alerts": {"signals": [], "updates": [], "queries": []},
    "ScheduledScan": {"signals": [], "updates": [], "queries": []},
}
ACTIVITY_NAMES = {
    "AlertActivities": ["watch_alerts"],
    "AnalysisActivities": ["run_analysis"],
    "AppActivities": [
        "check_app",
        "forget_host",
        "prepare_app",
        "prune_host",
        "start_app",
        "sweep_host",
        "teardown_app",
    ],
    "PreflightActivities": ["preflight"],
    "ReportActivities": ["write_report"],
    "ResultActivities": [
        "apps_to_retry",
        "await_app",
        "read_apps",
        "record_app",
        "record_pipeline_state",
        "record_skipped",
        "record_subtask",
        "recorded_subtasks",
        "register_page",
    ],
    "ScanActivities": [
        "await_scan",
        "cancel_scan",
        "compare_scan",
        "missed_scans",
        "notify_of_scan",
        "plan_scan",
        "record_scan",
        "start_scan",
    ],
    "WatchActivities": ["watch_apps"],
}
QUEUE_NAMES = [
    "assay-ai",
    "assay-apps",
    "assay-control",
    "assay-dynamic-h1",
    "assay-host-h1",
    "assay-performance-h1",
    "assay-start-h1",
    "assay-static",
    "assay-watch",
]
FAILURES_AND_MEMOS = ["APP_GONE", "HELD", "WORKER_LOST", "paused"]
SEARCH_ATTRIBUTES = ["AssayAppNumber", "AssayModel", "AssayPipeline", "AssayState", "AssayTemplate"]


def require_pinned(what: str, found: object, pinned: object) -> None:
    """Fail with a text that says what to do."""
    found, pinned = _flat(found), _flat(pinned)
    if found != pinned:
        missing, new = sorted(pinned - found) or "nothing", sorted(found - pinned) or "nothing"
        pytest.fail(WHAT_TO_DO.format(what=what, missing=missing, new=new), pytrace=False)


def _flat(names: object) -> set[str]:
    if isinstance(names, dict):
        parts = ((key, _flat(value)) for key, value in names.items())
        return {f"{key}.{name}" if name else key for key, inner in parts for name in inner or {""}}
    assert isinstance(names, list | set)
    return set(names)


def test_the_names_of_workflows_and_of_what_they_listen_to() -> None:
    found: dict[str, dict[str, list[str]]] = {}
    for workflow_class in WORKFLOWS:
        (name,) = (names := listened_to(workflow_class)).pop("name")
        found[name] = names
    require_pinned("a workflow, signal, update or query", found, WORKFLOW_NAMES)


def test_the_names_of_activities() -> None:
    found = {class_.__name__: defined(class_) for class_ in activity_classes()}
    require_pinned("an activity", found, ACTIVITY_NAMES)


def test_the_names_of_task_queues() -> None:
    queues = {value for name, value in vars(ids).items() if name.startswith("TASK_QUEUE_")}
    queues |= {ids.task_queue_host("h1"), ids.task_queue_start("h1")}
    queues |= {ids.task_queue_analyzer(kind, "h1") for kind in AnalyzerKind}
    require_pinned("a task queue", queues, QUEUE_NAMES)


def test_the_names_of_failures_memos_and_search_attributes() -> None:
    found = {HELD, APP_GONE, WORKER_LOST, PAUSED}
    require_pinned("a failure's type or a memo", found, FAILURES_AND_MEMOS)
    require_pinned("a search attribute", set(search_attributes()), SEARCH_ATTRIBUTES)


@pytest.mark.parametrize("class_", activity_classes(), ids=lambda class_: class_.__name__)
def test_each_activity_is_offered_to_the_worker(class_: type) -> None:
    """What no list of its class names is served by no worker: its workflow would wait for ever."""
    assert offered(class_) == defined(class_)


def test_a_change_says_what_to_do() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"missing \['pause'\], new \['halt'\]") as told:
        require_pinned("a signal", ["halt"], ["pause"])
    assert "Keep the\n  old name beside the new one" in str(told.value)
