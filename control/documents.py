"""The documents that `control` returns; any program can show them or send them on.

Fields are only ever added. Times are ISO 8601 in UTC, `_s` stands for seconds.
"""

from collections.abc import Mapping
from datetime import datetime

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.base import Frozen
from contract.progress import PipelineProgress
from contract.role import AppRole


class TimeLeft(Frozen):
    """How long a running pipeline still needs; four times of five it is within the range.

    Attributes:
        low_s, high_s: the range; nine times of ten it ends before `high_s`.
        by_apps: how many ended apps it rests on.
        p50_s: it ends as often before as after this; null: an older version told it.
    """

    low_s: float
    high_s: float
    by_apps: int
    p50_s: float | None = None


class PipelineLine(Frozen):
    """One pipeline of the list.

    Attributes:
        state: a phase (`running`, `paused`, `waiting`, ...), an end (`completed`, `cancelled`,
            `failed`, `terminated`), or `unfinished`: nobody works on it now.
        started_by: who submitted it first; empty: nobody said it, or the store does not know it.
        apps: how many subjects it has; 0 where the store does not know it yet.
        counts: ended subjects by state.
        beside: how many apps it has in other roles (`control`, `scaffold`, `repeat`).
        build_id: of the code that it runs on; empty: of no version, or it does not run.
    """

    id: str
    state: str
    started_at: datetime | None = None
    finished_at: datetime | None = None
    started_by: str = ""
    apps: int = 0
    counts: dict[MeasurementState, int] = {}
    beside: dict[AppRole, int] = {}
    build_id: str = ""


class PipelineStatus(PipelineProgress):
    """Where one pipeline is.

    Attributes:
        apps: `ref` (`model`, `app_number`), `step` (what it does now), `state` (null until it has
            ended), `reason`. A server tells at most 500: those that run first, then those that
            failed. The store tells all. `total` and `counts` are not of these lines alone.
        analyzers: what each said of itself: `analyzer`, `ok`, `tools`, `blind`, `reason`.
        breakers: `name`, `state` (`closed`, `open`, `half_open`), `failures`, `reason`.
        state: as in a `PipelineLine`.
        told_by: `server`, or `store` where no server knows of it.
        left, left_unknown: a `TimeLeft`, or why it is not known; at the end neither.
    """

    state: str
    told_by: str
    left: TimeLeft | None = None
    left_unknown: str = ""

    @classmethod
    def of(
        cls,
        progress: PipelineProgress,
        *,
        told_by: str,
        state: str = "",
        left: TimeLeft | None = None,
        left_unknown: str = "",
    ) -> "PipelineStatus":
        """The progress with what else is known; `state` is its phase if nobody knows better."""
        return cls(
            **dict(progress),
            state=state or progress.phase,
            told_by=told_by,
            left=left,
            left_unknown=left_unknown,
        )


class ValidatedApp(Frozen):
    """One app that would run.

    Attributes:
        digest: of its files: equal sources have equal ones.
        role: `subject`, or why it was added to them.
        analyzers: those that would look at it.
    """

    model: str
    app_number: int
    folder: str
    files: int
    size_bytes: int
    digest: str
    template: str | None = None
    role: AppRole = AppRole.SUBJECT
    analyzers: tuple[AnalyzerKind, ...] = ()


class Validated(Frozen):
    """What a spec would run; nothing was started.

    Attributes:
        tools: of the analyzers that are restricted to some.
        subtasks: of each app, those analyzers that would look at it.
        apps: each a `ValidatedApp`, in order; also those that the spec adds to its fleet.
        apps_left_out: how many more there are.
        baseline: the earlier pipeline that weaknesses are compared with; null: none.
        suppressions: decisions that weaknesses need no action.
        warnings: what will not be measured as things are.
    """

    spec: str
    analyzers: tuple[AnalyzerKind, ...]
    tools: Mapping[AnalyzerKind, tuple[str, ...]]
    parallelism: int
    egress: str
    cache: bool
    subtasks: int
    apps: tuple[ValidatedApp, ...]
    baseline: str | None = None
    suppressions: int = 0
    warnings: tuple[str, ...]
    apps_left_out: int = 0


class Retried(Frozen):
    """A retry that is not followed; a followed one prints the report as its document.

    Attributes:
        retried: `model/appN` of what runs again; none when nothing was `infra_failed`.
    """

    pipeline_id: str
    retried: tuple[str, ...]


class Added(Frozen):
    """Apps that were added to a running pipeline.

    Attributes:
        added: `model/appN` of each.
        apps: how many the pipeline has now.
    """

    pipeline_id: str
    added: tuple[str, ...]
    apps: int


class RebuiltPipeline(Frozen):
    """A pipeline whose rows were made again.

    Attributes:
        cells: how many cells it has.
        lost: results that cannot be read any more; their cells are not measured.
        lost_apps: apps of which no history tells an end; nothing of them counts as measured.
    """

    pipeline_id: str
    cells: int
    lost: tuple[str, ...] = ()
    lost_apps: tuple[str, ...] = ()


class KeptRows(Frozen):
    """A pipeline whose rows could not be made again.

    Attributes:
        stored: whether the store has rows of it; they stay as they were.
    """

    pipeline_id: str
    stored: bool
    why: str


class RebuiltStore(Frozen):
    """A store that was made again.

    Attributes:
        rebuilt: each a `RebuiltPipeline`.
        kept: each a `KeptRows`.
        damaged: where a damaged database file is kept; empty: there was none.
    """

    rebuilt: tuple[RebuiltPipeline, ...] = ()
    kept: tuple[KeptRows, ...] = ()
    damaged: str = ""


class PrunedPipeline(Frozen):
    """An ended pipeline that goes.

    Attributes:
        report_bytes: size of its report and of other forms of it.
    """

    pipeline_id: str
    finished_at: datetime | None
    apps: int
    report_bytes: int


class Pruned(Frozen):
    """What goes, or went.

    Attributes:
        done: false: nothing was removed; it is what would go.
        pipelines: each a `PrunedPipeline`.
        artifacts: results and logs that nothing refers to any more.
        artifact_bytes: their size on the disk.
        stays: why something that might be expected to go does not.
        loses: what pipelines that stay lose with their baselines.
        scan_runs: what came of the runs of schedules that are gone for long.
    """

    done: bool
    pipelines: tuple[PrunedPipeline, ...] = ()
    artifacts: int = 0
    artifact_bytes: int = 0
    stays: tuple[str, ...] = ()
    loses: tuple[str, ...] = ()
    scan_runs: int = 0


class FormsWritten(Frozen):
    """A report that was written in other forms.

    Attributes:
        folder: where the files are.
        files: their paths below it.
    """

    pipeline_id: str
    folder: str
    forms: tuple[str, ...]
    files: tuple[str, ...]
