"""What must be true after a run with any faults: evidence in, broken promises out."""

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reports.model import AppReport

# Same source and same app, same findings. Load figures differ from run to run by nature.
COMPARED_TOOLS = frozenset({"bandit", "ruff", "discovery", "http-headers", "exposed-files"})
LIVE = frozenset({"dynamic", "performance"})
_DEATH_WORDS = ("exited", "memory", "died", "killed", "answer", "lost its container", "timed out")


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """One execution on the Temporal server; `status` as the server names it."""

    workflow_id: str
    run_id: str
    type: str
    status: str


@dataclass(frozen=True, slots=True)
class ActivityRun:
    """One activity of a history.

    Attributes:
        subtask_id: of a `run_analysis`, else empty.
        attempt, started_s: of the last attempt: histories keep no other. Unix time.
        outcome: `completed`, `failed`, `timed_out`, `cancelled` or `open`.
        identity: of the worker that ran the last attempt, `pid@host`.
    """

    workflow_id: str
    run_id: str
    type: str
    task_queue: str
    subtask_id: str
    scheduled_s: float
    attempt: int
    started_s: float
    closed_s: float
    outcome: str
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a report, without parts that may differ between two correct runs."""

    model: str
    app_number: int
    analyzer: str
    tool: str
    state: str
    reason: str
    fingerprints: tuple[str, ...]
    reached: int

    @property
    def key(self) -> tuple[str, int, str, str]:
        """The key that makes it one cell."""
        return self.model, self.app_number, self.analyzer, self.tool


@dataclass(frozen=True, slots=True)
class Excuse:
    """Which states a fault of its app allows a cell to have.

    Attributes:
        fail: `app_failed`, or less measured, because the app harmed itself.
        lack: `infra_failed`, or less measured, because something kept the app from answering.
    """

    fail: bool = False
    lack: bool = False


def cells_of(apps: Iterable[AppReport]) -> list[Cell]:
    """The cells of the documents of these apps."""
    return [
        Cell(
            model=cell.ref.model,
            app_number=cell.ref.app_number,
            analyzer=cell.analyzer,
            tool=cell.tool,
            state=cell.state,
            reason=cell.report.reason,
            fingerprints=tuple(sorted(found.fingerprint for found in cell.report.findings)),
            reached=cell.report.coverage.reached if cell.report.coverage else 0,
        )
        for app in apps
        for cell in app.cells
    ]


def not_one_task_per_app(
    apps: Iterable[str], workflows: Sequence[WorkflowRun], rows: Sequence[str]
) -> list[str]:
    """Exactly one execution and exactly one row for each app (`model/appN`), and no others.

    Args:
        apps: what the fleet has, as workflow IDs.
        workflows: every execution of the pipeline.
        rows: workflow IDs of the store's app rows.
    """
    wanted = Counter(apps)
    ran = Counter(one.workflow_id for one in workflows if one.type == "AnalyzeApp")
    broken = [f"{one}: {ran[one]} executions" for one in wanted | ran if ran[one] != wanted[one]]
    recorded = Counter(rows)
    broken += [
        f"{one}: {recorded[one]} rows" for one in wanted | recorded if recorded[one] != wanted[one]
    ]
    return broken + [
        f"{one.workflow_id}: {one.status}" for one in workflows if one.status != "COMPLETED"
    ]


def repeated_subtasks(activities: Iterable[ActivityRun]) -> list[str]:
    """Subtasks that were run again after they had been completed."""
    finished: dict[tuple[str, str], float] = {}
    broken: list[str] = []
    for one in sorted(activities, key=lambda one: one.scheduled_s):
        key = (one.run_id, one.subtask_id)
        if not one.subtask_id:
            continue
        if key in finished and one.scheduled_s > finished[key]:
            broken.append(f"{one.subtask_id}: scheduled again after it was completed")
        if one.outcome == "completed":
            finished[key] = one.closed_s
    return broken


def too_many_runs(started: Mapping[str, int], apps: int, lost: Mapping[str, int]) -> list[str]:
    """Analyzers that began more runs than there are apps and runs that a fault destroyed.

    A re-attached run is not a new one: the death of a worker, of the server or of a connection
    costs none.
    """
    return [
        f"{kind}: {count} runs began, {apps} apps, {lost.get(kind, 0)} destroyed at most"
        for kind, count in sorted(started.items())
        if count > apps + lost.get(kind, 0)
    ]


def repeated_cells(cells: Sequence[Cell]) -> list[str]:
    """Cells that occur more than once."""
    counts = Counter(cell.key for cell in cells)

    return [f"{_name(key)}: {n} cells" for key, n in counts.items() if n > 1]


def unlike_reference(
    reference: Sequence[Cell],
    cells: Sequence[Cell],
    harmed: frozenset[tuple[str, int]],
    slowed: frozenset[tuple[str, int]] = frozenset(),
) -> list[str]:
    """How a report differs from the undisturbed one, timings and load figures aside.

    A live cell of an app that harmed itself may be `app_failed`, naming how it died, or have
    measured less; it may never blame the platform or invent a finding. One that was slowed down
    from outside may have measured less, or nothing, but is never blamed. One that was killed or
    removed from outside is measured anew, as if nothing had been.
    """
    there = {cell.key: cell for cell in cells}
    wanted = {cell.key: cell for cell in reference}
    broken = [f"{_name(key)}: lost" for key in wanted if key not in there]
    broken += [f"{_name(key)}: invented" for key in there if key not in wanted]
    for key in wanted.keys() & there.keys():
        app, live = (key[0], key[1]), key[2] in LIVE
        may = Excuse(fail=live and app in harmed, lack=live and app in slowed)
        if problem := _difference(wanted[key], there[key], may):
            broken.append(f"{_name(key)}: {problem}")
    return sorted(broken)


def _name(key: tuple[str, int, str, str]) -> str:
    return "/".join(map(str, key))


def _difference(wanted: Cell, cell: Cell, may: Excuse) -> str:
    if may.lack and cell.state == "infra_failed":
        return ""
    if may.fail and cell.state == "app_failed":
        named = any(word in cell.reason.lower() for word in _DEATH_WORDS)
        return "" if named else f"app_failed does not name how the app died: {cell.reason}"
    if cell.state != wanted.state:
        return f"{cell.state} instead of {wanted.state}: {cell.reason[:250]}"
    if cell.tool not in COMPARED_TOOLS:
        return ""
    extra = Counter(cell.fingerprints) - Counter(wanted.fingerprints)
    missing = Counter(wanted.fingerprints) - Counter(cell.fingerprints)
    if may.lack or may.fail:
        missing.clear()
    elif cell.reached != wanted.reached:
        return f"reached {cell.reached} instead of {wanted.reached}"
    if extra or missing:
        return f"findings differ: {sum(extra.values())} more, {sum(missing.values())} fewer"
    return ""


def most_at_once(spans: Iterable[tuple[float, float]]) -> int:
    """The largest number of half-open spans [begin, end) that share a moment."""
    edges = sorted((moment, step) for a, b in spans for moment, step in ((a, 1), (b, -1)))
    level = highest = 0
    for _, step in edges:
        level += step
        highest = max(highest, level)
    return highest


def over_limit(activities: Iterable[ActivityRun], limits: Mapping[str, int]) -> list[str]:
    """Queues on which more activities ran at once than allowed."""
    spans: dict[str, list[tuple[float, float]]] = {}
    for one in activities:
        if one.started_s:
            spans.setdefault(one.task_queue, []).append((one.started_s, one.closed_s))
    return [
        f"{queue}: {peak} at once, {limits[queue]} allowed"
        for queue, some in sorted(spans.items())
        if queue in limits and (peak := most_at_once(some)) > limits[queue]
    ]


def resume_times(
    kills: Iterable[tuple[float, int]], starts: Sequence[tuple[float, str]]
) -> list[float]:
    """Seconds from each kill of a worker to the next activity that another worker started.

    Args:
        kills: Unix time and process ID.
        starts: Unix time and identity (`pid@host`) of activity attempts.
    """
    found: list[float] = []
    for at_s, pid in kills:
        later = [
            start - at_s for start, who in starts if start > at_s and who.split("@")[0] != str(pid)
        ]
        if later:
            found.append(min(later))
    return found


def median_and_worst(values: Sequence[float]) -> str:
    """Median and worst value, for people."""
    if not values:
        return "none measured"
    return f"median {statistics.median(values):.1f} s, worst {max(values):.1f} s ({len(values)})"
