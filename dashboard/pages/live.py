"""One pipeline while it runs, and what can be done with it."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from contract.errors import PlatformError
from contract.priority import PipelinePriority
from control.actions import Action, named
from control.adding import addable
from control.documents import Added, Retried
from control.errors import WrongInputError
from control.live_documents import Sent
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
from dashboard.access.who import Actor
from dashboard.known import Here, Operator, PipelineHere, Reader
from dashboard.live.hubs import page_of, streamed
from dashboard.live.messages import sent
from dashboard.live.query import Rows, query_of
from dashboard.problems import problem_of
from dashboard.rendering import page
from dashboard.urls import pipeline_url, with_query

router = APIRouter()

_MOST_WINDOW = 50
# What a page says after a form; nothing that an address may hold is shown.
_DONE = {
    Action.PAUSE: "Pause was sent: running tools finish, nothing new starts.",
    Action.RESUME: "Resume was sent: the pipeline goes on.",
    Action.CANCEL: "Cancel was sent: running tools end, apps are torn down, a report is written.",
    Action.PARALLELISM: "The number of apps in flight was changed; those in flight go on.",
    Action.PRIORITY: "The priority was changed, also of what waits; what runs goes on.",
    Action.BREAKER: "The breaker was closed by hand.",
    Action.RETRY: "The apps run again.",
    "nothing": "There is nothing to retry: no app lacks a measurement of the platform's fault.",
    Action.ADD: "The apps were added to the pipeline.",
}


class Watching(Rows):
    """Query of the page of a pipeline; `done`: which form was just sent."""

    done: Annotated[str, Query(max_length=20)] = ""


class Since(Rows):
    """Query of the events of that page; `since`: ID of the state that the page has."""

    since: Annotated[str, Query(max_length=60)] = ""


@router.get("/pipelines/{pipeline_id}")
async def pipeline(
    request: Request, pipeline_id: PipelineHere, asked: Annotated[Watching, Query()], _: Reader
) -> Response:
    """Where the pipeline is, and its matrix, some apps at a time."""
    return await _overview(request, pipeline_id, asked, notice=_DONE.get(asked.done, ""))


@router.get("/pipelines/{pipeline_id}/events")
async def events(
    request: Request, pipeline_id: PipelineHere, asked: Annotated[Since, Query()], _: Reader
) -> Response:
    """What changes on that page, as parts of it."""
    channel, view = await page_of(request, query_of(pipeline_id, asked))
    return streamed(request, channel, view, asked.since)


@router.post("/pipelines/{pipeline_id}/pause")
async def post_pause(request: Request, pipeline_id: PipelineHere, actor: Operator) -> Response:
    """Start nothing new."""
    return await _steered(request, actor, Action.PAUSE, pipeline_id, pause)


@router.post("/pipelines/{pipeline_id}/resume")
async def post_resume(request: Request, pipeline_id: PipelineHere, actor: Operator) -> Response:
    """Go on after a pause."""
    return await _steered(request, actor, Action.RESUME, pipeline_id, resume)


@router.get("/pipelines/{pipeline_id}/cancel")
async def ask_cancel(request: Request, pipeline_id: PipelineHere, _: Reader) -> Response:
    """Ask whether the pipeline is really to be cancelled."""
    return page(request, "live_cancel.html.j2", pipeline_id=pipeline_id)


@router.post("/pipelines/{pipeline_id}/cancel")
async def post_cancel(request: Request, pipeline_id: PipelineHere, actor: Operator) -> Response:
    """End running tools, tear down, write the report."""
    return await _steered(request, actor, Action.CANCEL, pipeline_id, cancel)


@router.post("/pipelines/{pipeline_id}/parallelism")
async def post_parallelism(
    request: Request,
    pipeline_id: PipelineHere,
    actor: Operator,
    apps: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Change how many apps may be in flight at once; refused, the form is shown again."""
    try:
        wanted = _window(apps)
        return await _steered(
            request,
            actor,
            Action.PARALLELISM,
            pipeline_id,
            lambda pipeline: set_parallelism(pipeline, wanted),
            f"to {wanted}",
        )
    except WrongInputError as error:
        return await _overview(request, pipeline_id, Rows(), error=error, typed=apps)


def _window(text: str) -> int:
    if not text.strip().isascii() or not text.strip().isdecimal():
        raise WrongInputError("it is no number", next_step=f"write 1 to {_MOST_WINDOW}")
    if not 1 <= int(text) <= _MOST_WINDOW:
        raise WrongInputError(
            f"{int(text)} is not in 1 to {_MOST_WINDOW}", next_step="write another number"
        )
    return int(text)


@router.post("/pipelines/{pipeline_id}/priority")
async def post_priority(
    request: Request,
    pipeline_id: PipelineHere,
    actor: Operator,
    priority: Annotated[PipelinePriority, Form()] = PipelinePriority.NORMAL,
) -> Response:
    """Change how urgent the pipeline is."""
    return await _steered(
        request,
        actor,
        Action.PRIORITY,
        pipeline_id,
        lambda pipeline: set_priority(pipeline, priority),
        f"to {priority}",
    )


@router.post("/pipelines/{pipeline_id}/reset-breaker")
async def post_reset_breaker(
    request: Request,
    pipeline_id: PipelineHere,
    actor: Operator,
    name: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Close a circuit breaker by hand."""
    return await _steered(
        request,
        actor,
        Action.BREAKER,
        pipeline_id,
        lambda pipeline: reset_breaker(pipeline, name),
        name,
    )


@router.get("/pipelines/{pipeline_id}/retry")
async def ask_retry(request: Request, pipeline_id: PipelineHere, _: Reader) -> Response:
    """Ask which apps are to run again."""
    return page(request, "live_retry.html.j2", pipeline_id=pipeline_id, error=None, typed="")


@router.post("/pipelines/{pipeline_id}/retry")
async def post_retry(
    request: Request,
    site: Here,
    pipeline_id: PipelineHere,
    actor: Operator,
    app: Annotated[str, Form(max_length=20_000)] = "",
    every: Annotated[bool, Form()] = False,
) -> Response:
    """Run apps again: those that are named, one a line, or whatever the platform failed."""
    labels = app.split()

    async def send(pipeline: Pipeline) -> Retried:
        return await retry_apps(pipeline, site.stored, labels)

    try:
        if not labels and not every:
            raise WrongInputError("no app is named", next_step="write one as MODEL/appN")
        detail = named(labels) or "what the platform failed"
        return await _steered(request, actor, Action.RETRY, pipeline_id, send, detail)
    except WrongInputError as error:
        return _again(request, "live_retry.html.j2", error, pipeline_id=pipeline_id, typed=app)


@router.get("/pipelines/{pipeline_id}/add")
async def ask_add(request: Request, site: Here, pipeline_id: PipelineHere, _: Reader) -> Response:
    """Ask which apps of the fleet's folder are to be added."""
    new = await addable(site.stored, pipeline_id)
    values: dict[str, Any] = {"pipeline_id": pipeline_id, "new": new, "chosen": ()}
    return page(request, "live_add.html.j2", error=None, **values)


@router.post("/pipelines/{pipeline_id}/add")
async def post_add(
    request: Request,
    site: Here,
    pipeline_id: PipelineHere,
    actor: Operator,
    app: Annotated[tuple[str, ...], Form(max_length=500)] = (),
) -> Response:
    """Add these apps to the running pipeline."""

    async def send(pipeline: Pipeline) -> Added:
        return await add_apps(pipeline, site.stored, app)

    try:
        if not any(label.strip() for label in app):
            raise WrongInputError("no app was chosen", next_step="choose one or more")
        return await _steered(request, actor, Action.ADD, pipeline_id, send, named(app))
    except WrongInputError as error:
        new = await addable(site.stored, pipeline_id)
        values = {"pipeline_id": pipeline_id, "new": new, "chosen": app}
        return _again(request, "live_add.html.j2", error, **values)


Answer = Sent | Retried | Added


async def _steered(
    request: Request,
    actor: Actor,
    action: Action,
    pipeline_id: str,
    send: Callable[[Pipeline], Awaitable[Answer]],
    detail: str = "",
) -> Response:
    """Do it, keep that it was done, and lead back to the pipeline."""
    answer = await sent(request, actor, action, pipeline_id, send, detail)
    done = "nothing" if isinstance(answer, Retried) and not answer.retried else action
    return RedirectResponse(with_query(pipeline_url(pipeline_id), {"done": done}), 303)


async def _overview(
    request: Request,
    pipeline_id: str,
    rows: Rows,
    *,
    notice: str = "",
    error: PlatformError | None = None,
    typed: str = "",
) -> Response:
    query = query_of(pipeline_id, rows)
    _, view = await page_of(request, query)
    asked = {name: str(getattr(rows, name)) for name in ("model", "state", "text", "after")}
    asked |= {"limit": str(rows.limit)}
    return page(
        request,
        "live.html.j2",
        status=400 if error else 200,
        **view.values,
        rows=rows,
        events=with_query(pipeline_url(pipeline_id, "events"), asked | {"since": view.changes.id}),
        notice=notice,
        error=problem_of(error) if error else None,
        typed=typed,
        pipeline_workflow=request.app.state.site.workflow_url(pipeline_id),
    )


def _again(request: Request, template: str, error: PlatformError, **values: Any) -> Response:
    """The form as it was filled in, with what is wrong."""
    problem = problem_of(error)
    return page(request, template, status=problem.status, error=problem, **values)
