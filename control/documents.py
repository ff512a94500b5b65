"""The JSON documents of `--json`: one per command, on standard output; docs/cli.md prints them.

Fields are only ever added. Times are ISO 8601 in UTC, `_s` stands for seconds.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from contract.analysis import ArtifactRef, MeasurementState
from contract.analyzers import AnalyzerKind
from contract.base import Frozen
from contract.progress import PipelineProgress


class TimeLeft(Frozen):
    """How long a running pipeline still needs; four times of five it is within the range.

    Attributes:
        low_s, high_s: the range.
        by_apps: how many ended apps it rests on.
    """

    low_s: float
    high_s: float
    by_apps: int


class PipelineLine(Frozen):
    """One pipeline of the list.

    Attributes:
        state: a phase (`running`, `paused`, `waiting`, ...), an end (`completed`, `cancelled`,
            `failed`, `terminated`), or `unfinished`: nobody works on it now.
        apps: how many it has; 0 where the store does not know it yet.
        counts: ended apps by state.
    """

    id: str
    state: str
    started_at: datetime | None = None
    finished_at: datetime | None = None
    apps: int = 0
    counts: dict[MeasurementState, int] = {}


class PipelineList(Frozen):
    """Every pipeline.

    Attributes:
        pipelines: the newest first, each a `PipelineLine`.
    """

    pipelines: tuple[PipelineLine, ...]


class PipelineStatus(PipelineProgress):
    """Where one pipeline is.

    Attributes:
        apps: in the order of the spec: `ref` (`model`, `app_number`), `step` (what it does now),
            `state` (null until it has ended), `reason`.
        analyzers: what each said of itself: `analyzer`, `ok`, `tools`, `blind`, `reason`.
        breakers: `name`, `state` (`closed`, `open`, `half_open`), `failures`, `reason`.
        counts: ended apps by state.
        state: as in a `PipelineLine`.
        told_by: `server`, or `store` where no server knows of it.
        left: a `TimeLeft`; null where it is not known, and at the end.
        left_unknown: why it is not known.
    """

    state: str
    told_by: str
    left: TimeLeft | None = None
    left_unknown: str = ""


class Submitted(Frozen):
    """A pipeline that goes on by itself; with `--wait` the document is the report.

    Attributes:
        started: false when this very pipeline ran already, and was joined.
        apps: how many it has.
        ui: its address in the Temporal Web UI; empty when that is not known.
    """

    pipeline_id: str
    started: bool
    apps: int
    ui: str


class Sent(Frozen):
    """A message that a running pipeline took.

    Attributes:
        answer: what the pipeline answered, where it does.
    """

    pipeline_id: str
    sent: str
    answer: str | int | None = None


class Retried(Frozen):
    """A retry that is not followed; one that is ends with the report as its document.

    Attributes:
        retried: `model/appN` of what runs again; none when nothing was `infra_failed`.
    """

    pipeline_id: str
    retried: tuple[str, ...]


class Added(Frozen):
    """Apps that a running pipeline got on top.

    Attributes:
        added: `model/appN` of each.
        apps: how many the pipeline has now.
    """

    pipeline_id: str
    added: tuple[str, ...]
    apps: int


class ValidatedApp(Frozen):
    """One app that would run.

    Attributes:
        digest: of its files: equal sources have equal ones.
    """

    model: str
    app_number: int
    folder: str
    files: int
    size_bytes: int
    digest: str
    template: str | None = None


class Validated(Frozen):
    """What a spec would run; nothing was started.

    Attributes:
        tools: of the analyzers that are restricted to some.
        subtasks: apps times analyzers.
        apps: each a `ValidatedApp`, in order.
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
    warnings: tuple[str, ...]


class KeptLog(Frozen):
    """A file of the artifact store.

    Attributes:
        artifact: `key`, `sha256`, `size_bytes`, `name`.
        path: where it is, compressed: `zstd -dc FILE` shows it.
        kept: false when it is not on this machine.
    """

    name: str
    artifact: ArtifactRef
    path: str
    kept: bool


class AnalyzerLog(Frozen):
    """Where to look for what one analyzer did.

    Attributes:
        states: state by tool.
        result: a `KeptLog`, a tar of `report.json` and what tools attached; null without one.
        service_log: log of its program in the local stack; empty elsewhere.
    """

    analyzer: AnalyzerKind
    states: dict[str, MeasurementState]
    result: KeptLog | None
    service_log: str


class AppLogs(Frozen):
    """What is kept of one app.

    Attributes:
        app: `model/appN`.
        state: null until it has ended.
        logs: each a `KeptLog`: of build, start and containers, oldest first.
        analyzers: each an `AnalyzerLog`.
        worker_log: log of the local stack's worker; empty elsewhere.
    """

    pipeline_id: str
    app: str
    state: MeasurementState | None
    reason: str
    logs: tuple[KeptLog, ...]
    analyzers: tuple[AnalyzerLog, ...]
    worker_log: str


class Check(Frozen):
    """One line of the diagnosis.

    Attributes:
        needed: without it nothing works; else only part is missing.
    """

    name: str
    ok: bool
    detail: str
    next_step: str = ""
    needed: bool = False

    def __init__(
        self, name: str, ok: bool, detail: str, next_step: str = "", needed: bool = False
    ) -> None:
        fields: dict[str, Any] = {"name": name, "ok": ok, "detail": detail}
        super().__init__(**fields | {"next_step": next_step, "needed": needed})


class Diagnosis(Frozen):
    """What this machine can measure.

    Attributes:
        ok: nothing is missing without which nothing works.
        checks: each a `Check`.
    """

    ok: bool
    checks: tuple[Check, ...]


class StackUp(Frozen):
    """The local stack; its fields are empty where TEMPORAL_* names a server.

    Attributes:
        started: whether this command started it.
        temporal: address of the server.
        ui: address of its Web UI.
        data: the data folder.
    """

    started: bool
    temporal: str = ""
    ui: str = ""
    data: str = ""


class StackDown(Frozen):
    """The local stack, stopped.

    Attributes:
        stopped: false when none ran.
        unfinished: pipelines that go on at the next `up`.
    """

    stopped: bool
    unfinished: tuple[str, ...]


class Written(Frozen):
    """A spec that was written and not submitted.

    Attributes:
        apps: how many it names.
    """

    spec: str
    apps: int


class Trouble(Frozen):
    """What any command prints when it cannot do what it was asked for, below the key `error`.

    Attributes:
        details: one per wrong field or part.
        exit: name of the exit code.
    """

    message: str
    details: tuple[str, ...]
    next_step: str
    exit_code: int
    exit: str
