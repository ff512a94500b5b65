"""What a search for weaknesses is about: filters that name nothing of the pipeline are wrong input.

A misspelt tool that nobody ran would read as a proven zero.
"""

import difflib
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterator, Sequence

from activities.ports import ResultStore
from contract.analysis import MeasurementState
from contract.base import Frozen
from contract.findings import FindingsQuery
from contract.outcome import ALL_TOOLS
from contract.overview import CellsCount, PipelineOverview
from contract.record import CellRecord
from contract.role import AppRole
from contract.roles import is_reserved
from control.errors import WrongInputError
from control.void_tools import believed, void_tools

_LOST = (MeasurementState.INFRA_FAILED, MeasurementState.APP_FAILED)
_NAMED = 40


class NotMeasured(Frozen):
    """Cells of one tool that the platform or the app failed; its findings there are not known."""

    tool: str
    state: MeasurementState
    cells: int


async def checked(
    results: ResultStore, query: FindingsQuery, overview: PipelineOverview
) -> tuple[FindingsQuery, tuple[CellsCount, ...]]:
    """The question in the store's words, and the cells that it is about.

    Raises:
        WrongInputError: it names an app, a model or a tool that the pipeline does not have.
    """
    models = sorted({count.model for count in overview.apps})
    for model in query.models:
        if model not in models:
            raise _unknown(f"no model {model}", model, models)
    cells = overview.cells
    if query.apps:
        cells = tuple([count async for count in _of_apps(results, query)])
    void = await void_tools(results, query.pipeline_id, overview)
    cells = tuple(believed(cells, void)) if void else cells
    everyone = any(is_reserved(ref.model) for ref in query.apps)
    update = {
        "tools": tuple(_tool(name, overview.cells) for name in query.tools),
        "roles": tuple(AppRole) if everyone else query.roles,
    }
    return query.model_copy(update=update), cells


def not_measured(cells: Sequence[CellsCount], tools: Collection[str]) -> Iterator[NotMeasured]:
    """What nobody could see among these cells."""
    for count in cells:
        if count.state in _LOST and (not tools or count.tool in {*tools, ALL_TOOLS}):
            name = f"{count.analyzer}/{count.tool}"
            yield NotMeasured(tool=name, state=count.state, cells=count.cells)


def _tool(asked: str, cells: Sequence[CellsCount]) -> str:
    """The tool that `bandit` or `static/bandit` names."""
    names = {f"{count.analyzer}/{count.tool}": count.tool for count in cells}
    tools = {tool for tool in names.values() if tool != ALL_TOOLS}
    if asked in tools:
        return asked
    if asked in names:
        return names[asked]
    raise _unknown(f"no tool {asked} ran", asked, sorted(tools))


async def _of_apps(results: ResultStore, query: FindingsQuery) -> AsyncIterator[CellsCount]:
    found: list[CellRecord] = []
    for ref in query.apps:
        outline = await results.load_outline(query.pipeline_id, ref)
        if not outline.apps:
            raise WrongInputError(
                f"no app {ref.label} in pipeline {query.pipeline_id}",
                next_step="list its apps",
            )
        found += outline.cells
    counts = Counter((cell.analyzer, cell.tool, cell.state) for cell in found)
    for (analyzer, tool, state), number in counts.items():
        yield CellsCount(analyzer=analyzer, tool=tool, state=state, cells=number)


def _unknown(what: str, asked: str, known: Sequence[str]) -> WrongInputError:
    near = difflib.get_close_matches(asked, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"it has: {', '.join(known[:_NAMED])}"
    return WrongInputError(f"{what} in this pipeline", next_step=hint)
