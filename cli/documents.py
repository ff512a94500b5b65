"""The JSON documents of `--json`: one per command, on standard output; the reference prints them.

Fields are only ever added. Times are ISO 8601 in UTC, `_s` stands for seconds.
"""

from collections.abc import Mapping
from datetime import datetime

from pydantic import Field

from contract.analysis import ArtifactRef, MeasurementState
from contract.base import Frozen
from contract.progress import PipelineProgress
from contract.spec import AnalyzerKind


class TimeLeft(Frozen):
    """How long a running pipeline still needs, by the apps that ended: four times of five."""

    low_s: float
    high_s: float
    by_apps: int = Field(description="How many ended apps the estimate rests on.")


class PipelineLine(Frozen):
    """One pipeline of the list."""

    id: str
    state: str = Field(
        description="A phase (`running`, `paused`, `waiting`, ...), an end (`completed`, "
        "`cancelled`, `failed`, `terminated`), or `unfinished`: nothing works on it now."
    )
    started_at: datetime | None = None
    finished_at: datetime | None = None
    apps: int = 0
    counts: dict[MeasurementState, int] = Field(default={}, description="Ended apps by state.")


class PipelineList(Frozen):
    """`status --json`: every pipeline, the newest first."""

    pipelines: tuple[PipelineLine, ...]


class PipelineStatus(PipelineProgress):
    """`status ID --json`, and `watch ID --json` when the pipeline has ended."""

    state: str = Field(description="As in the list of pipelines.")
    told_by: str = Field(description="`server`, or `store` where no server knows of it.")
    left: TimeLeft | None = None
    left_unknown: str = Field(default="", description="Why `left` is null.")


class Submitted(Frozen):
    """`submit --json` without `--wait`; with it, the document is the report."""

    pipeline_id: str
    started: bool = Field(description="False: this very pipeline runs already, and was joined.")
    apps: int
    ui: str = Field(description="Address in the Temporal Web UI; empty when it is not known.")


class Sent(Frozen):
    """`pause`, `resume`, `cancel`, `parallelism`, `reset-breaker` with `--json`."""

    pipeline_id: str
    sent: str
    answer: str | int | None = None


class Retried(Frozen):
    """`retry --json` where it does not follow the pipeline; else the document is the report."""

    pipeline_id: str
    retried: tuple[str, ...] = Field(description="`model/appN` of what runs again.")


class Added(Frozen):
    """`add --json`."""

    pipeline_id: str
    added: tuple[str, ...]
    apps: int = Field(description="How many the pipeline has now.")


class ValidatedApp(Frozen):
    """One app that would run."""

    model: str
    app_number: int
    folder: str
    files: int
    size_bytes: int
    digest: str
    template: str | None = None


class Validated(Frozen):
    """`validate --json`: what would run; nothing was started."""

    spec: str
    analyzers: tuple[AnalyzerKind, ...]
    tools: Mapping[AnalyzerKind, tuple[str, ...]] = Field(
        description="Of the analyzers that are restricted to some."
    )
    parallelism: int
    egress: str
    cache: bool
    subtasks: int = Field(description="Apps times analyzers.")
    apps: tuple[ValidatedApp, ...]
    warnings: tuple[str, ...] = Field(description="What will not be measured as things are.")


class KeptLog(Frozen):
    """A log in the artifact store."""

    name: str
    artifact: ArtifactRef
    path: str = Field(description="Its file, compressed: `zstd -dc FILE` shows it.")
    kept: bool = Field(description="False: its file is not here.")


class AnalyzerLog(Frozen):
    """Where to look for what one analyzer did."""

    analyzer: AnalyzerKind
    states: dict[str, MeasurementState] = Field(description="State by tool.")
    result: KeptLog | None = Field(description="Archive: `report.json` and what tools attached.")
    service_log: str = Field(description="Log of its program in the local stack; empty elsewhere.")


class AppLogs(Frozen):
    """`logs --json`."""

    pipeline_id: str
    app: str
    state: MeasurementState | None
    reason: str
    logs: tuple[KeptLog, ...] = Field(description="Build, start and container logs, oldest first.")
    analyzers: tuple[AnalyzerLog, ...]
    worker_log: str


class StackUp(Frozen):
    """`up --json`; addresses are empty where TEMPORAL_* names a server."""

    started: bool
    temporal: str = ""
    ui: str = ""
    data: str = ""


class StackDown(Frozen):
    """`down --json`."""

    stopped: bool = Field(description="False: none ran.")
    unfinished: tuple[str, ...] = Field(description="Pipelines that go on at the next `up`.")


class Written(Frozen):
    """`wizard --json` when nothing is submitted."""

    spec: str
    apps: int
