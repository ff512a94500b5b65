"""The list of pipelines."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from contract.analysis import MeasurementState
from control.documents import PipelineLine
from control.listing import UNFINISHED
from control.pipeline_list import STATES, PipelinesAsked, PipelinesPage, pipelines_page
from control.serving import ServedPipelines
from dashboard.fresh import fresh_page
from dashboard.known import Here, Reader, Running
from dashboard.paging import opened, sealed
from dashboard.site import Site
from dashboard.urls import with_query

router = APIRouter()
_LINES = 50
# How often the page is asked for again: while a pipeline that it shows runs, and otherwise. A
# connection that is idle for 5 s is closed: one that is used again need not be opened each time.
_WORKING_S, _IDLE_S = 4, 20
_AT_WORK = frozenset(STATES) - {"completed", "cancelled", "failed", "terminated", "timed_out"}


class Listed(BaseModel):
    """Query of the list; `pick`: pipelines that are shown whatever the filter says."""

    state: tuple[str, ...] = ()
    text: str = ""
    by: str = ""
    after: str = ""
    pick: tuple[str, ...] = ()


@router.get("/pipelines")
async def pipelines(
    request: Request, site: Here, running: Running, _: Reader, listed: Annotated[Listed, Query()]
) -> Response:
    """Every pipeline, the newest first, by filter and page by page; changes by itself."""

    async def values() -> dict[str, Any]:
        return await _values(site, running, listed)

    return await fresh_page(request, "pipelines.html.j2", values)


async def _values(site: Site, running: ServedPipelines, listed: Listed) -> dict[str, Any]:
    states = tuple(filter(None, listed.state))
    asked = PipelinesAsked(states=states, text=listed.text.strip(), by=listed.by.strip())
    question = asked.model_dump()
    place = opened(listed.after, question)
    server = await running.now()
    found = await pipelines_page(site.stored, server, asked, place, _LINES, also=listed.pick)
    following = sealed(found.after, question)
    query = {"state": states, "text": asked.text, "by": asked.by}
    return {
        "found": found,
        "lines": [(line, _Shown(line)) for line in found.pipelines],
        "asked": asked,
        "states": STATES,
        "first": with_query("/pipelines", query) if listed.after else "",
        "following": with_query("/pipelines", query | {"after": following}) if following else "",
        "every_s": _WORKING_S if _are_at_work(found) else _IDLE_S,
    }


def _are_at_work(found: PipelinesPage) -> bool:
    return any(line.state in _AT_WORK and line.state != UNFINISHED for line in found.pipelines)


class _Shown:
    """How a line looks.

    Attributes:
        ended: subjects that have ended.
        parts: share of all subjects, in percent, by state: where it begins, and how wide it is.
        age: since its start, in words; empty: nobody knows it.
        took_s: from its start to its end; None: it has none.
    """

    def __init__(self, line: PipelineLine) -> None:
        self.ended = sum(line.counts.values())
        self.parts = list(_parts(line.counts, line.apps))
        now, start, end = datetime.now(UTC), line.started_at, line.finished_at
        self.age = _age((now - start).total_seconds()) if start else ""
        over = line.state not in _AT_WORK
        self.took_s = (end - start).total_seconds() if over and start and end else None


def _age(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= (2 if unit == "days" else 1) * size:
            return f"{seconds // size:.0f} {unit} ago"
    return "a moment ago"


def _parts(
    counts: Mapping[MeasurementState, int], apps: int
) -> Iterator[tuple[MeasurementState, float, float]]:
    begins = 0.0
    for state in MeasurementState:
        width = 100 * counts.get(state, 0) / max(apps, 1)
        if width:
            yield state, round(begins, 2), round(width, 2)
        begins += width
