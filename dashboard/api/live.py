"""One pipeline: where it is, its events, and messages to it."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import Field

from contract.base import Authored
from contract.priority import PipelinePriority
from control.actions import Action, named
from control.cells import Matrix, matrix
from control.documents import Added, Retried
from control.live_documents import LivePipeline, Sent
from control.pipelines import Pipeline
from control.steering import (
    add_apps,
    cancel,
    pause,
    reset_breaker,
    resume,
    retry_apps,
    set_parallelism,
    set_priority,
)
from dashboard.known import Here, Operator, PipelineHere, Reader
from dashboard.live.hubs import document_of, streamed
from dashboard.live.messages import sent
from dashboard.live.query import Rows, after_of, query_of

router = APIRouter(tags=["live"])

_Label = Annotated[str, Field(min_length=1, max_length=200)]


class Parallelism(Authored):
    """How many apps may be in flight at once."""

    apps: Annotated[int, Field(ge=1, le=50)]


class Urgency(Authored):
    """How urgent a pipeline is."""

    priority: PipelinePriority


class BreakerName(Authored):
    """A circuit breaker: `pipeline`, `engine`, `store` or an analyzer."""

    name: Annotated[str, Field(min_length=1, max_length=40)]


class Labels(Authored):
    """Apps as `model/appN`."""

    apps: Annotated[tuple[_Label, ...], Field(max_length=500)] = ()


@router.get("/pipelines/{pipeline_id}", operation_id="pipeline")
async def get_pipeline(request: Request, pipeline_id: PipelineHere, _: Reader) -> LivePipeline:
    """Where the pipeline is now, at most a second old."""
    channel, _view = await document_of(request, pipeline_id)
    assert channel.seen is not None  # noqa: S101 (there is a view)
    return channel.seen


@router.get(
    "/pipelines/{pipeline_id}/events",
    operation_id="pipeline_events",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events: `state` has a whole `LivePipeline`, and `change` a "
            "`LiveChange`. After a break, `Last-Event-ID` gives what changed since.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    },
)
async def pipeline_events(
    request: Request, pipeline_id: PipelineHere, _: Reader
) -> StreamingResponse:
    """The whole state, then what differs, for as long as one listens (15 min at most)."""
    channel, view = await document_of(request, pipeline_id)
    return streamed(request, channel, view)


@router.get("/pipelines/{pipeline_id}/matrix", operation_id="pipeline_matrix")
async def pipeline_matrix(
    site: Here, pipeline_id: PipelineHere, rows: Annotated[Rows, Query()], _: Reader
) -> Matrix:
    """Apps and the state of each of their cells, by page."""
    query = query_of(pipeline_id, rows)
    found = await matrix(site.stored, query)
    return found.model_copy(update={"after": after_of(found.after, query)})


@router.post("/pipelines/{pipeline_id}/pause", operation_id="pause")
async def post_pause(request: Request, pipeline_id: PipelineHere, actor: Operator) -> Sent:
    """Start no new work; running tools finish."""
    return await sent(request, actor, Action.PAUSE, pipeline_id, pause)


@router.post("/pipelines/{pipeline_id}/resume", operation_id="resume")
async def post_resume(request: Request, pipeline_id: PipelineHere, actor: Operator) -> Sent:
    """Go on after a pause."""
    return await sent(request, actor, Action.RESUME, pipeline_id, resume)


@router.post("/pipelines/{pipeline_id}/cancel", operation_id="cancel")
async def post_cancel(request: Request, pipeline_id: PipelineHere, actor: Operator) -> Sent:
    """End running tools, tear down, write the report of what there is."""
    return await sent(request, actor, Action.CANCEL, pipeline_id, cancel)


@router.post("/pipelines/{pipeline_id}/parallelism", operation_id="set_parallelism")
async def post_parallelism(
    request: Request, pipeline_id: PipelineHere, wanted: Parallelism, actor: Operator
) -> Sent:
    """Change how many apps may be in flight at once."""

    async def send(pipeline: Pipeline) -> Sent:
        return await set_parallelism(pipeline, wanted.apps)

    detail = f"to {wanted.apps}"
    return await sent(request, actor, Action.PARALLELISM, pipeline_id, send, detail)


@router.post("/pipelines/{pipeline_id}/priority", operation_id="set_priority")
async def post_priority(
    request: Request, pipeline_id: PipelineHere, wanted: Urgency, actor: Operator
) -> Sent:
    """Change how urgent the pipeline is; answers how many apps in flight took it over."""

    async def send(pipeline: Pipeline) -> Sent:
        return await set_priority(pipeline, wanted.priority)

    detail = f"to {wanted.priority}"
    return await sent(request, actor, Action.PRIORITY, pipeline_id, send, detail)


@router.post("/pipelines/{pipeline_id}/reset-breaker", operation_id="reset_breaker")
async def post_reset_breaker(
    request: Request, pipeline_id: PipelineHere, breaker: BreakerName, actor: Operator
) -> Sent:
    """Close a circuit breaker by hand."""

    async def send(pipeline: Pipeline) -> Sent:
        return await reset_breaker(pipeline, breaker.name)

    return await sent(request, actor, Action.BREAKER, pipeline_id, send, breaker.name)


@router.post("/pipelines/{pipeline_id}/retry", operation_id="retry")
async def post_retry(
    request: Request, site: Here, pipeline_id: PipelineHere, wanted: Labels, actor: Operator
) -> Retried:
    """Run these apps again as a whole; without apps, whatever the platform failed."""

    async def send(pipeline: Pipeline) -> Retried:
        return await retry_apps(pipeline, site.stored, wanted.apps)

    detail = named(wanted.apps) or "what the platform failed"
    return await sent(request, actor, Action.RETRY, pipeline_id, send, detail)


@router.post("/pipelines/{pipeline_id}/apps", operation_id="add_apps")
async def post_apps(
    request: Request, site: Here, pipeline_id: PipelineHere, wanted: Labels, actor: Operator
) -> Added:
    """Add apps from the folder of its fleet to a running pipeline."""

    async def send(pipeline: Pipeline) -> Added:
        return await add_apps(pipeline, site.stored, wanted.apps)

    return await sent(request, actor, Action.ADD, pipeline_id, send, named(wanted.apps))
