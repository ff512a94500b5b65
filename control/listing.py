"""Joins what the store and the server know of pipelines."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from contract.analysis import MeasurementState
from contract.overview import PipelineOverview
from contract.progress import AppProgress, PipelinePhase, PipelineProgress
from contract.record import AppRecord, PipelineListing, PipelineRecord
from contract.role import AppRole
from control.documents import PipelineLine
from control.pipelines import Served

UNFINISHED = "unfinished"
_RUNNING = "running"


def merged(
    stored: Iterable[PipelineListing], served: Mapping[str, Served] | None
) -> list[PipelineLine]:
    """A line for every pipeline, the newest first; `served` is None where no server was asked."""
    only_served = dict(served or {})
    builds = {id_: one.build_id for id_, one in only_served.items() if one.status == _RUNNING}
    lines = [
        PipelineLine(
            id=listing.pipeline_id,
            state=state_of(listing.state, only_served.pop(listing.pipeline_id, None)),
            started_at=listing.created_at,
            finished_at=listing.finished_at,
            started_by=listing.started_by,
            apps=listing.apps,
            counts=listing.counts,
            beside=listing.beside,
            build_id=builds.get(listing.pipeline_id, ""),
        )
        for listing in stored
    ]
    lines += [
        PipelineLine(
            id=pipeline.id,
            state=state_of("", pipeline),
            started_at=pipeline.started_at,
            finished_at=pipeline.closed_at,
            build_id=builds.get(pipeline.id, ""),
        )
        for pipeline in only_served.values()
    ]
    return sorted(lines, key=lambda line: (str(line.started_at), line.id), reverse=True)


def without_pruned(served: Mapping[str, Served], pruned: Collection[str]) -> dict[str, Served]:
    """Without those that were removed from the store on purpose; one that runs is there again."""
    return {id_: one for id_, one in served.items() if id_ not in pruned or one.status == _RUNNING}


def state_of(stored: str, served: Served | None) -> str:
    """The state of a pipeline in one word; `stored` is empty if the store does not know it."""
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
    """The progress of a pipeline that no server knows, made of its record in the store."""
    apps = tuple(_app(app) for app in record.apps)
    states = [app.state for app in record.apps if app.state and app.role is AppRole.SUBJECT]
    ended = state != UNFINISHED
    return PipelineProgress(
        pipeline_id=record.pipeline_id,
        phase=PipelinePhase(record.state) if ended else PipelinePhase.WAITING,
        message=str(record.detail.get("message") or "")
        if ended
        else "nobody works on it now; it goes on when its stack runs",
        total=len(apps),
        finished=sum(app.state is not None for app in apps),
        parallelism=int(record.detail.get("parallelism") or record.spec.get("parallelism") or 1),
        counts={state: states.count(state) for state in MeasurementState if state in states},
        beside=Counter(app.role for app in record.apps if app.role is not AppRole.SUBJECT),
        apps=apps,
    )


def counts_of(overview: PipelineOverview) -> dict[str, object]:
    """The counts of a `PipelineProgress`, as the store has them."""
    counts, beside = Counter[MeasurementState](), Counter[AppRole]()
    for group in overview.apps:
        if group.role is not AppRole.SUBJECT:
            beside[group.role] += group.apps
        elif group.state is not None:
            counts[group.state] += group.apps
    ended = sum(group.apps for group in overview.apps if group.state is not None)
    total = sum(group.apps for group in overview.apps)
    ordered = {state: counts[state] for state in MeasurementState if counts[state]}
    return {"total": total, "finished": ended, "counts": ordered, "beside": dict(beside)}


def _app(app: AppRecord) -> AppProgress:
    return AppProgress(
        ref=app.ref,
        step="finished" if app.state else "waiting",
        state=app.state,
        reason=app.reason,
    )
