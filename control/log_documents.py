"""What `logs` answers: the kept logs of an app, and lines of the programs' own logs."""

from datetime import datetime

from contract.analysis import ArtifactRef, MeasurementState
from contract.analyzers import AnalyzerKind
from contract.base import Frozen


class LogLine(Frozen):
    """One record of a program's log.

    Attributes:
        at: null where the line does not say when.
        part: the program: `worker`, `dashboard`, or an analyzer.
        level: `DEBUG` to `CRITICAL`.
        app: `model/appN`; empty: of none.
        trace_id: leads to the trace; empty: there is none.
        error: the traceback.
        more: what else the record says: a cause, an activity and its attempt.
    """

    at: datetime | None
    part: str
    level: str = "INFO"
    logger: str = ""
    message: str
    pipeline: str = ""
    app: str = ""
    subtask: str = ""
    trace_id: str = ""
    error: str = ""
    more: dict[str, str] = {}


class PipelineLogs(Frozen):
    """What the programs of the local stack said of one pipeline.

    Attributes:
        lines: each a `LogLine`, oldest first.
        left_out: how many earlier ones there are.
        parts: whose logs were read.
    """

    pipeline_id: str
    lines: tuple[LogLine, ...]
    left_out: int
    parts: tuple[str, ...]


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
        lines: each a `LogLine`: the last lines of the local stack's programs about the app.
    """

    pipeline_id: str
    app: str
    state: MeasurementState | None
    reason: str
    logs: tuple[KeptLog, ...]
    analyzers: tuple[AnalyzerLog, ...]
    worker_log: str
    lines: tuple[LogLine, ...] = ()
