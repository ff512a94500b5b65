"""What a search for weaknesses is about: filters that name nothing of the pipeline are wrong input.

A misspelt tool that nobody ran would read as a proven zero.
"""

import difflib
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence

from activities.ports import ResultStore
from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind, Category
from contract.base import Frozen
from contract.findings import FindingsQuery
from contract.outcome import ALL_TOOLS
from contract.overview import CellsCount, PipelineOverview
from contract.record import CellRecord
from contract.role import AppRole
from contract.roles import is_reserved
from contract.weakness import Weakness
from control.errors import WrongInputError
from control.void_tools import believed, void_tools

_LOST = (MeasurementState.INFRA_FAILED, MeasurementState.APP_FAILED)
_NAMED = 40


class NotMeasured(Frozen):
    """Cells of one tool that the platform or the app failed; its findings there are not known."""

    tool: str
    state: MeasurementState
    cells: int


class ToolLooks(Frozen):
    """Where one tool looked.

    Attributes:
        tool: `static/bandit`.
        looks_for: categories of the findings it looks for; of a tool that never told, those of its
            analyzer. None of them: no number of findings says anything of it.
        asked: whether it looks for one of the categories that are asked for.
        measured: cells in which it looked.
        not_measured: cells that the platform or the app failed: nobody knows what it would find.
        not_applicable: cells in which there is nothing for it to look at.
    """

    tool: str
    looks_for: tuple[Category, ...] = ()
    asked: bool = True
    measured: int = 0
    not_measured: int = 0
    not_applicable: int = 0


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
    elif query.models:
        cells = await results.cells_of_models(query.pipeline_id, query.models)
    void = await void_tools(results, query.pipeline_id, overview)
    cells = tuple(believed(cells, void)) if void else cells
    everyone = any(is_reserved(ref.model) for ref in query.apps)
    update = {
        "tools": tuple(tool_named(name, overview.cells) for name in query.tools),
        "roles": tuple(AppRole) if everyone else query.roles,
    }
    return query.model_copy(update=update), cells


async def looks_of(
    results: ResultStore, query: FindingsQuery, cells: Sequence[CellsCount]
) -> tuple[ToolLooks, ...]:
    """What the tools of these cells look for, and where they did; of those that were asked for."""
    counts: defaultdict[tuple[AnalyzerKind, str], Counter[MeasurementState]]
    counts = defaultdict(Counter[MeasurementState])
    for count in cells:
        if not query.tools or count.tool in {*query.tools, ALL_TOOLS}:
            counts[count.analyzer, count.tool][count.state] += count.cells
    seen = await results.tools_seen(query.pipeline_id, counts)
    told = {
        (each.analyzer, each.tool): each.looks_for for each in seen if each.looks_for is not None
    }
    return tuple(
        ToolLooks(
            tool=f"{kind}/{tool}",
            looks_for=looks_for,
            asked=bool(set(looks_for).intersection(query.categories or Category)),
            measured=states[MeasurementState.MEASURED],
            not_measured=sum(states[state] for state in _LOST),
            not_applicable=states[MeasurementState.NOT_APPLICABLE],
        )
        for (kind, tool), states in counts.items()
        for looks_for in (tuple(sorted(told.get((kind, tool), kind.row.looks_for))),)
    )


def not_measured(cells: Sequence[CellsCount], looks: Sequence[ToolLooks]) -> Iterator[NotMeasured]:
    """What nobody could see among these cells, of the tools that look for it."""
    about = {each.tool for each in looks if each.asked}
    for count in cells:
        name = f"{count.analyzer}/{count.tool}"
        if count.state in _LOST and name in about:
            yield NotMeasured(tool=name, state=count.state, cells=count.cells)


def says(weakness: Weakness, text: str) -> bool:
    """Whether a weakness has this text, in any case; an empty one has every weakness."""
    if not text:
        return True
    found, place = weakness.finding, weakness.finding.location
    words = (
        *(found.message, found.rule_id, weakness.family, found.fingerprint, found.evidence),
        *(place.path, place.url, place.parameter, *found.witnesses),
    )
    return any(text.lower() in word.lower() for word in words if word)


def tool_named(asked: str, cells: Sequence[CellsCount]) -> str:
    """The tool that `bandit` or `static/bandit` names among those of these cells.

    Raises:
        WrongInputError: none of them.
    """
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
