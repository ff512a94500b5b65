"""Two pipelines side by side."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from contract.analysis import Severity
from contract.analyzers import Category
from contract.record import PipelineListing
from contract.weakness import BaselineState
from control.changes_page import changes_page
from control.comparing_asked import AskedChanges
from control.comparing_words import Figure, figure_of, no_longer_measured, unmeasured
from control.comparison import ComparedApp, ComparedModel
from control.comparisons import Compared, Comparing, Comparisons
from control.errors import WrongInputError
from control.findings_asked import filters_of
from control.naming import app_of, pipeline_id
from dashboard import urls
from dashboard.filters import Typed
from dashboard.known import Compares, Here, Reader
from dashboard.paging import opened, sealed
from dashboard.problems import problem_of
from dashboard.rendering import page

router = APIRouter()
_ROWS, _CHOICES = 100, 200
_CHANGED = (BaselineState.NEW, BaselineState.FIXED, BaselineState.UNKNOWN)
_VALUES = {"severity": tuple(Severity), "category": (*Category, "all"), "state": _CHANGED}


class Line(NamedTuple):
    """A model or an app, with a figure for each state."""

    name: str
    figures: dict[BaselineState, Figure]
    missing: int
    looks: int


@router.get("/compare")
async def compare(request: Request, site: Here, compares: Compares, _: Reader) -> Response:
    """The comparison; without two pipelines: the form to choose them."""
    typed = Typed.of(request, AskedChanges, "then", "now", "pick")
    values: dict[str, Any] = {"typed": typed, "values": _VALUES}
    values |= dict.fromkeys(("problem", "told", "compared"))
    lines = await site.stored.pipelines()
    status = 200
    try:
        if picked := typed.get("pick"):
            return _in_order(picked, lines)
        if typed.get("then") or typed.get("now"):
            told = await _told(request, compares, typed)
            values |= _shown(told) if isinstance(told, Compared) else {"told": told}
            status = 200 if isinstance(told, Compared) else 202
    except WrongInputError as error:
        values["problem"], status = problem_of(error), 400
    values["ids"] = [line.pipeline_id for line in _newest(lines)][:_CHOICES]
    values["ids_left_out"] = len(lines[_CHOICES:])
    answer = page(request, "compare.html.j2", status=status, **values)
    if status == 202:
        answer.headers["Refresh"] = "3"
    return answer


async def _told(request: Request, compares: Comparisons, typed: Typed) -> Compared | Comparing:
    then, now = (pipeline_id(" ".join(typed.get(name, []))) for name in ("then", "now"))
    wanted = filters_of(AskedChanges, typed)
    question = {"then": then, "now": now, **wanted.model_dump(mode="json")}
    place = opened(request.query_params.get("after", ""), question)
    told = await compares.ask(then, now, wanted)
    if isinstance(told, Comparing):
        return told
    shown = changes_page(told.comparison, place, _ROWS)
    shown = shown.model_copy(update={"after": sealed(shown.after, question)})
    return told.model_copy(update={"comparison": shown})


def _shown(told: Compared) -> dict[str, Any]:
    """What the page shows of a comparison."""
    document = told.comparison
    counts = [count for model in document.models for count in model.counts]
    every = ComparedModel(model="all models", counts=tuple(counts), looks=document.looks)
    return {
        "told": told,
        "compared": document,
        "models": [_line(model.model, model) for model in (*document.models, every)],
        "apps": [_line(app.app, app) for app in document.apps],
        "refs": {change.app: app_of(change.app) for change in document.changes},
        "unmeasured": unmeasured(document),
        "lost": no_longer_measured(document),
        "states": tuple(BaselineState),
    }


def _line(name: str, row: ComparedApp | ComparedModel) -> Line:
    figures = {state: figure_of(row.counts, row.looks, state) for state in BaselineState}
    return Line(name, figures, row.looks.missing, row.looks.missing + row.looks.both)


def _newest(lines: Sequence[PipelineListing]) -> list[PipelineListing]:
    return sorted(lines, key=lambda line: line.created_at, reverse=True)


def _in_order(picked: Sequence[str], lines: Sequence[PipelineListing]) -> Response:
    """The comparison of two that were chosen from a list; the older one is the earlier one."""
    two = [line for line in _newest(lines) if line.pipeline_id in picked]
    if len(set(picked)) != 2 or len(two) != 2:
        raise WrongInputError("two pipelines are compared", next_step="choose two of the list")
    now, then = two
    return RedirectResponse(urls.compare_url(then.pipeline_id, now.pipeline_id), status_code=303)
