"""One page of a pipeline's weaknesses for people, with what they may choose from."""

from activities.decisions import spec_of
from activities.ports import ResultStore
from contract.base import Frozen
from contract.outcome import ALL_TOOLS
from contract.overview import PipelineOverview
from contract.role import AppRole
from control.findings import Findings, Search
from control.findings_asked import Asked
from control.stored import Stored

ROWS = 100
"""Weaknesses on a page."""
_MOST_ROWS = 20_000
_MOST_S = 0.1


class Choices(Frozen):
    """What the filters of a pipeline may name.

    Attributes:
        models: of its apps.
        tools: that were asked to look at them.
        baseline: the pipeline that it is compared with; empty: none.
        state: of the pipeline.
    """

    models: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    baseline: str = ""
    state: str = ""


class FindingsList(Frozen):
    """Weaknesses, and what else may be asked for."""

    found: Findings
    choices: Choices


async def listed(
    stored: Stored, pipeline_id: str, wanted: Asked, place: str = "", limit: int = ROWS
) -> FindingsList:
    """The weaknesses that are asked for, the gravest first, as far as a quick look goes.

    A page may hold few or none of them and have a next one all the same: the search goes on there.

    Args:
        stored: has the pipeline.
        pipeline_id: of the pipeline.
        wanted: the filters.
        place: where the page before ended; empty: the first page.
        limit: at most so many.

    Raises:
        NotStoredError: there is no such pipeline.
        WrongInputError: a filter names nothing of the pipeline, or the place is none.
        PlatformError: the store cannot be read.
    """
    query = wanted.query(pipeline_id, place).model_copy(update={"most_rows": _MOST_ROWS})

    async def ask(results: ResultStore) -> FindingsList:
        search = await Search.open(results, query, wanted.standings)
        found = search.document(await search.take(limit, _MOST_S))
        return FindingsList(found=found, choices=await _choices(results, search.overview))

    return await stored.answered(pipeline_id, ask, lags=True)


async def choices(stored: Stored, pipeline_id: str) -> Choices:
    """What the filters of a pipeline may name.

    Raises:
        NotStoredError: there is no such pipeline.
        PlatformError: the store cannot be read.
    """

    async def ask(results: ResultStore) -> Choices:
        return await _choices(results, await results.overview(pipeline_id))

    return await stored.answered(pipeline_id, ask, lags=True)


async def _choices(results: ResultStore, overview: PipelineOverview) -> Choices:
    spec = await spec_of(results, overview.listing.pipeline_id)
    subjects = (count.model for count in overview.apps if count.role is AppRole.SUBJECT)
    tools = (f"{count.analyzer}/{count.tool}" for count in overview.cells)
    return Choices(
        models=tuple(sorted(set(subjects))),
        tools=tuple(sorted({tool for tool in tools if not tool.endswith(f"/{ALL_TOOLS}")})),
        baseline=(spec.baseline if spec else None) or "",
        state=overview.listing.state,
    )
