"""The hub of a dashboard, and the views that its pages and its API have of a pipeline."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic

from fastapi import Request
from fastapi.responses import StreamingResponse

from contract.cells import CellsQuery
from contract.errors import PlatformError
from control.live_documents import LivePipeline
from control.watching import Watcher
from dashboard.access.who import Scope, actor_of
from dashboard.live.document import Document
from dashboard.live.hub import Channel, Hub
from dashboard.live.partials import Page
from dashboard.live.timeline import Timelines
from dashboard.live.view import View
from dashboard.site import Site

# A stream ends after this long: whoever follows comes back, and is asked again who they are.
_STREAM_S = 900.0
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def hub_of(request: Request) -> Hub:
    """The hub of this dashboard; made when it is first needed."""
    state = request.app.state
    if not hasattr(state, "hub"):
        site: Site = state.site
        state.hub = Hub(lambda id_: Watcher(state.server.client, site.stored, id_))
        state.hub_ends = asyncio.create_task(_end_with(state.ending, state.hub))
        state.closing.push_async_callback(state.hub.settled)
        state.closing.callback(state.hub_ends.cancel)
    return state.hub


async def _end_with(ending: asyncio.Event, hub: Hub) -> None:
    """Streams never end by themselves, and a server waits for them."""
    await ending.wait()
    await hub.close()


def _timelines(request: Request) -> Timelines:
    state = request.app.state
    if not hasattr(state, "timelines"):
        state.timelines = Timelines(state.site.data_dir)
        state.closing.callback(state.timelines.close)
    return state.timelines


async def document_of(request: Request, pipeline_id: str) -> tuple[Channel, Document]:
    """The pipeline as the API tells it.

    Raises:
        NotStoredError: there is no such pipeline.
        PlatformError: the store cannot be read.
    """
    channel = hub_of(request).channel(pipeline_id)
    view = await channel.view("document", lambda _: Document())
    assert isinstance(view, Document)  # noqa: S101 (by its name)
    return channel, view


async def seen_of(request: Request, pipeline_id: str) -> LivePipeline | None:
    """The pipeline as it looks now, at most a second old; None: nobody can tell."""
    try:
        return await hub_of(request).channel(pipeline_id).now()
    except PlatformError:
        return None


async def page_of(request: Request, query: CellsQuery) -> tuple[Channel, Page]:
    """The pipeline as its page shows it to those who may do the same; raises as `document_of`."""
    site: Site = request.app.state.site
    channel = hub_of(request).channel(query.pipeline_id)
    may_operate = actor_of(request).may(Scope.OPERATE)

    def make(watcher: Watcher) -> View:
        timeline = _timelines(request).of(query.pipeline_id)
        url = site.workflow_url
        return Page(query, site.stored, timeline, watcher, url, may_operate=may_operate)

    view = await channel.view((query.model_dump_json(), may_operate), make)
    assert isinstance(view, Page)  # noqa: S101 (by its name)
    return channel, view


def streamed(request: Request, channel: Channel, view: View, since: str = "") -> StreamingResponse:
    """The events of a view, from the one that the browser or program had last, else `since`."""
    last_id = request.headers.get("last-event-id") or since

    async def events() -> AsyncIterator[bytes]:
        async with channel.watched(view):
            async for told in view.events(last_id, monotonic() + _STREAM_S):
                yield told

    return StreamingResponse(events(), media_type="text/event-stream", headers=_HEADERS)
