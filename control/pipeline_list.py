"""The list of pipelines: a page of it, by filter, with what store and server know together."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from pydantic import Field

from contract.base import Frozen
from contract.progress import PipelinePhase
from control.documents import PipelineLine
from control.errors import WrongInputError
from control.listing import UNFINISHED, merged, state_of, without_pruned
from control.mistakes import unlike
from control.pipelines import Served
from control.serving import ServerView
from control.stored import Stored

STATES = (*(phase.value for phase in PipelinePhase), UNFINISHED, "terminated", "timed_out")
"""Every word that the state of a pipeline can be."""
LINES_MAX = 200


class PipelinesAsked(Frozen):
    """Which pipelines are wanted. An empty field excludes nothing; all fields must hold.

    Attributes:
        states: one of these, each as in a `PipelineLine`.
        text: in the ID; upper and lower case are the same.
        by: in the name of who started it, in the same way.
    """

    states: tuple[str, ...] = ()
    text: str = ""
    by: str = ""


class PipelinesPage(Frozen):
    """Some pipelines, the newest first.

    Attributes:
        pipelines: each a `PipelineLine`.
        after: where the next page begins; null: this is the last one.
        matching: how many the filter leaves, on all pages.
        total: how many there are without a filter.
        told_at: when the server last said what runs; null: it never did.
        server_away: why states may be old: the server does not answer; empty: it does.
    """

    pipelines: tuple[PipelineLine, ...]
    after: str | None = None
    matching: int = 0
    total: int = 0
    told_at: datetime | None = Field(default=None)
    server_away: str = ""


class _Head(NamedTuple):
    """What the order and the filter need of a pipeline."""

    started: str
    id: str
    state: str
    by: str

    @property
    def place(self) -> str:
        return f"{self.started}|{self.id}"


def require_states(states: Iterable[str]) -> None:
    """Refuse a word that no pipeline's state can be: its empty page would read as a proven zero.

    Raises:
        WrongInputError: there is one.
    """
    for state in states:
        if state not in STATES:
            raise WrongInputError(
                unlike(state[:40], STATES, "state"), next_step=f"one of {', '.join(STATES)}"
            )


async def pipelines_page(
    stored: Stored,
    server: ServerView,
    asked: PipelinesAsked,
    after: str = "",
    limit: int = 50,
    *,
    also: Collection[str] = (),
) -> PipelinesPage:
    """A page of the list.

    Args:
        stored: has most of them.
        server: what it says of those that run, and of those that the store does not know.
        asked: which are wanted.
        after: of the page before; empty: the first page.
        limit: lines of the page, at most 200.
        also: IDs of pipelines that are on the page, too, wherever they are; at most 200 of them.

    Raises:
        WrongInputError: a state that is none.
        PlatformError: the store cannot be read.
    """
    require_states(asked.states)
    served = server.pipelines or {}
    heads = await _heads(stored, served)
    found = sorted((head for head in heads if _matches(head, asked)), reverse=True)
    rest = [head for head in found if not after or head.place < after]
    shown = rest[: min(limit, LINES_MAX)]
    beside = [head for head in heads if head.id in also and head not in shown][:LINES_MAX]
    lines = await _lines(stored, served, sorted((*shown, *beside), reverse=True))
    return PipelinesPage(
        pipelines=tuple(lines),
        after=shown[-1].place if len(rest) > len(shown) else None,
        matching=len(found),
        total=len(heads),
        told_at=server.as_of,
        server_away=server.away,
    )


async def _heads(stored: Stored, served: Mapping[str, Served]) -> Sequence[_Head]:
    known, pruned = await stored.heads(), await stored.pruned()
    ids = {head.pipeline_id for head in known}
    heads = [
        _Head(
            _moment(head.created_at),
            head.pipeline_id,
            state_of(head.state, served.get(head.pipeline_id)),
            head.started_by,
        )
        for head in known
    ]
    alone = without_pruned({i: one for i, one in served.items() if i not in ids}, pruned).values()
    return [*heads, *(_Head(_moment(o.started_at), o.id, state_of("", o), "") for o in alone)]


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds")


def _matches(head: _Head, asked: PipelinesAsked) -> bool:
    return (
        (not asked.states or head.state in asked.states)
        and asked.text.casefold() in head.id.casefold()
        and asked.by.casefold() in head.by.casefold()
    )


async def _lines(
    stored: Stored, served: Mapping[str, Served], shown: Collection[_Head]
) -> list[PipelineLine]:
    """The lines of these pipelines, in their order; one that was pruned meanwhile is left out."""
    ids = [head.id for head in shown]
    theirs = {id_: served[id_] for id_ in ids if id_ in served}
    lines = {line.id: line for line in merged(await stored.pipelines(ids), theirs)}
    return [lines[id_] for id_ in ids if id_ in lines]
