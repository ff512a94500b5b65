"""Which pipelines there are, and how they stand, by the store and by the server together."""

from collections.abc import Iterable, Mapping

from contract.analysis import MeasurementState
from contract.progress import AppProgress, PipelinePhase, PipelineProgress
from contract.record import AppRecord, PipelineListing, PipelineRecord
from control.documents import PipelineLine
from control.pipelines import Served

UNFINISHED = "unfinished"
_RUNNING = "running"


def merged(
    stored: Iterable[PipelineListing], served: Mapping[str, Served] | None
) -> list[PipelineLine]:
    """A line for every pipeline, the newest first; `served` is None where no server was asked."""
    left = dict(served or {})
    lines = [
        PipelineLine(
            id=one.pipeline_id,
            state=state_of(one.state, left.pop(one.pipeline_id, None)),
            started_at=one.created_at,
            finished_at=one.finished_at,
            apps=one.apps,
            counts=one.counts,
        )
        for one in stored
    ]
    lines += [
        PipelineLine(
            id=one.id,
            state=state_of("", one),
            started_at=one.started_at,
            finished_at=one.closed_at,
        )
        for one in left.values()
    ]
    return sorted(lines, key=lambda line: (str(line.started_at), line.id), reverse=True)


def state_of(stored: str, served: Served | None) -> str:
    """One word for how a pipeline stands; `stored` is empty where the store does not know it."""
    if served is not None and served.status == _RUNNING:
        return served.phase if served.phase and stored in ("", _RUNNING) else _RUNNING
    if stored and stored != _RUNNING:
        return stored
    if served is None:
        return UNFINISHED
    if served.status == "completed":
        return served.phase or served.status
    return "cancelled" if served.status == "canceled" else served.status


def progress_of(record: PipelineRecord, state: str) -> PipelineProgress:
    """What the store tells of a pipeline that no server knows, in the words of its workflow."""
    apps = tuple(_app(app) for app in record.apps)
    states = [app.state for app in apps if app.state]
    ended = state != UNFINISHED
    return PipelineProgress(
        pipeline_id=record.pipeline_id,
        phase=PipelinePhase(record.state) if ended else PipelinePhase.WAITING,
        message=str(record.detail.get("message") or "")
        if ended
        else "nobody works on it now; it goes on when its stack runs",
        total=len(apps),
        finished=len(states),
        parallelism=int(record.detail.get("parallelism") or record.spec.get("parallelism") or 1),
        counts={state: states.count(state) for state in MeasurementState if state in states},
        apps=apps,
    )


def _app(app: AppRecord) -> AppProgress:
    return AppProgress(
        ref=app.ref,
        step="finished" if app.state else "waiting",
        state=app.state,
        reason=app.reason,
    )
