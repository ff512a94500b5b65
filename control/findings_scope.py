"""What a search for weaknesses is about: filters that name nothing of the pipeline are wrong input.

A misspelt tool that nobody ran would read as a proven zero.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence

from activities.ports import ResultStore
from contract.analysis import MeasurementState
from contract.analyzers import Category
from contract.base import Frozen
from contract.findings import FindingsQuery
from contract.outcome import ALL_TOOLS
from contract.overview import AppsAsked, CellsCount, CellsLooked, LooksOverview, PipelineOverview
from contract.role import AppRole
from contract.roles import is_reserved
from contract.weakness import Weakness
from control.errors import WrongInputError
from control.looks import looks_of
from control.void_tools import ToolKey

_NAMED = 40


class NotMeasured(Frozen):
    """Apps of which one tool does not tell what it would find: the platform or the app failed."""

    tool: str
    state: MeasurementState
    cells: int


class ToolLooks(Frozen):
    """Where one tool looked, among the apps that are asked for.

    Attributes:
        tool: `static/bandit`; `dynamic/*`: no tool of this analyzer has begun.
        looks_for: categories of the findings it looks for; of a tool that never told, those of its
            analyzer. None of them: no number of findings says anything of it.
        asked: whether it looks for one of the categories that are asked for.
        apps: that it should look at: the sum of the next four.
        measured: at which it looked.
        not_measured: at which it did not, as the platform or the app failed: nobody knows what it
            would find.
        not_begun: of which nothing is recorded yet, while their pipeline runs.
        not_applicable: in which there is nothing for it to look at.
        not_recorded: of those that are not measured, where nothing was recorded at all.
        app_failed: of those that are not measured, where the app failed.
        partial: of those that are measured, where it looked at a part of what it was given.
    """

    tool: str
    looks_for: tuple[Category, ...] = ()
    asked: bool = True
    apps: int = 0
    measured: int = 0
    not_measured: int = 0
    not_begun: int = 0
    not_applicable: int = 0
    not_recorded: int = 0
    app_failed: int = 0
    partial: int = 0


async def checked(
    results: ResultStore, query: FindingsQuery, overview: PipelineOverview
) -> tuple[FindingsQuery, LooksOverview]:
    """The question in the store's words, and where tools looked at the apps that it is about.

    Raises:
        WrongInputError: it names an app, a model or a tool that the pipeline does not have.
    """
    models = sorted({count.model for count in overview.apps})
    for model in query.models:
        if model not in models:
            raise _unknown(f"no model {model}", model, models)
    recorded = await results.looks_overview(query.pipeline_id)
    everyone = any(is_reserved(ref.model) for ref in query.apps)
    update = {
        "tools": tuple(tool_named(name, overview.cells) for name in query.tools),
        "roles": tuple(AppRole) if everyone else query.roles,
    }
    query = query.model_copy(update=update)
    return query, await _narrowed(results, query, recorded)


def tool_looks(
    recorded: LooksOverview, void: Mapping[ToolKey, str], query: FindingsQuery
) -> tuple[ToolLooks, ...]:
    """Where the tools that were asked for looked."""
    return tuple(
        ToolLooks(
            tool=f"{kind}/{tool}",
            looks_for=tuple(sorted(looks.looks_for)),
            asked=bool(looks.looks_for.intersection(query.categories or Category)),
            apps=looks.apps,
            measured=looks.states[MeasurementState.MEASURED],
            not_measured=looks.lost,
            not_begun=looks.not_begun,
            not_applicable=looks.states[MeasurementState.NOT_APPLICABLE],
            not_recorded=looks.not_recorded,
            app_failed=looks.states[MeasurementState.APP_FAILED],
            partial=looks.partial,
        )
        for (kind, tool), looks in looks_of(recorded, void, query.roles, query.models).items()
        if not query.tools or tool in query.tools
    )


def not_measured(looks: Sequence[ToolLooks]) -> Iterator[NotMeasured]:
    """What nobody could see, of the tools that look for it."""
    for each in looks:
        for state, apps in (
            (MeasurementState.INFRA_FAILED, each.not_measured - each.app_failed),
            (MeasurementState.APP_FAILED, each.app_failed),
        ):
            if each.asked and apps:
                yield NotMeasured(tool=each.tool, state=state, cells=apps)


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


async def _narrowed(
    results: ResultStore, query: FindingsQuery, whole: LooksOverview
) -> LooksOverview:
    """Of the apps, models and roles that are asked for."""
    parts = [whole]
    if query.apps:
        parts = [await results.looks_overview(query.pipeline_id, ref) for ref in query.apps]
    for ref, part in zip(query.apps, parts, strict=False):
        if not part.apps:
            raise WrongInputError(
                f"no app {ref.label} in pipeline {query.pipeline_id}", next_step="list its apps"
            )

    def wanted(group: AppsAsked | CellsLooked) -> bool:
        return group.role in query.roles and (not query.models or group.model in query.models)

    return whole.model_copy(
        update={
            name: tuple(one for part in parts for one in getattr(part, name) if wanted(one))
            for name in ("apps", "cells")
        }
    )


def _unknown(what: str, asked: str, known: Sequence[str]) -> WrongInputError:
    near = difflib.get_close_matches(asked, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"it has: {', '.join(known[:_NAMED])}"
    return WrongInputError(f"{what} in this pipeline", next_step=hint)
