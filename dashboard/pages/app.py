"""One app of a pipeline: how it came out and why, what was found in it, what is kept of it."""

from typing import Any

from fastapi import APIRouter, Request, Response

from control.app_documents import AppWeaknesses
from control.app_files import app_files, log_page
from control.app_history import app_history
from control.app_judged import judged
from control.app_load import app_load
from control.app_reading import ReadApp
from control.app_weaknesses import app_weaknesses, question_of, weakness_document
from control.pipelines import ENDED
from control.regressions import app_trends
from control.waiting import is_running
from dashboard import trend_pictures
from dashboard.fresh import fresh_page, is_part
from dashboard.known import AppHere, AppRead, Here, PipelineHere, Reader, site_of
from dashboard.live.hubs import seen_of
from dashboard.load_pictures import pictures_of
from dashboard.paging import opened, sealed
from dashboard.rendering import page
from reports.trends.words import amount, said, titled
from reports.view_app import AppView

router = APIRouter()
_APP = "/pipelines/{pipeline_id}/apps/{model}/{app}"
_GRAVEST, _PER_PAGE = 10, 100
# How often a page is asked for again, while the app runs or waits, and when only others do.
_RUNNING_S, _ENDED_S = 3, 10
_OVERVIEW = "app_overview.html.j2"
_PARTS = {
    _OVERVIEW: "",
    "app_findings.html.j2": "findings",
    "app_finding.html.j2": "findings",
    "app_load.html.j2": "load",
    "app_files.html.j2": "files",
    "app_log.html.j2": "files",
    "app_history.html.j2": "history",
}


@router.get(_APP)
async def one_app(
    request: Request, site: Here, _: Reader, pipeline_id: PipelineHere, ref: AppHere
) -> Response:
    """How it came out, tool by tool, with the gravest of what was found."""

    async def values() -> dict[str, Any]:
        app = await site.readings.read(site.stored, pipeline_id, ref)
        return {
            "view": _view(app),
            "gravest": app_weaknesses(app, "", _GRAVEST),
            "files": await app_files(site.data_dir, app),
            "judged": judged(app),
            **_of(request, _OVERVIEW, app),
            **await _now(request, app),
        }

    return await fresh_page(request, _OVERVIEW, values)


@router.get(f"{_APP}/findings")
async def app_findings(
    request: Request, app: AppRead, after: str = "", gone: bool = False
) -> Response:
    """Its weaknesses, the gravest first; or those that only its baseline has."""
    question = question_of(app, gone=gone)
    found = app_weaknesses(app, opened(after, question), _PER_PAGE, gone=gone)
    after = sealed(found.after, question) or ""
    return _shown(request, "app_findings.html.j2", app, found=found, gone=gone, after=after)


@router.get(f"{_APP}/finding")
async def app_finding(request: Request, site: Here, app: AppRead, id: str, n: int = 0) -> Response:
    """One weakness with its code, the way of the data, the requests that showed it."""
    document = await weakness_document(site.stored, site.data_dir, app, id, n)
    beside = _beside(app, document.place)
    return _shown(request, "app_finding.html.j2", app, document=document, beside=beside)


@router.get(f"{_APP}/load")
async def load(request: Request, site: Here, app: AppRead) -> Response:
    """How it answered under load."""
    measured = await app_load(site.data_dir, app)
    return _shown(
        request,
        "app_load.html.j2",
        app,
        load=measured,
        view=_view(app),
        pictures=pictures_of(measured),
    )


@router.get(f"{_APP}/files")
async def files(request: Request, site: Here, app: AppRead) -> Response:
    """Its logs, pictures of its pages, and what tools kept of it."""
    kept = await app_files(site.data_dir, app)
    return _shown(request, "app_files.html.j2", app, files=kept)


@router.get(f"{_APP}/logs/{{at}}")
async def log(
    request: Request, site: Here, app: AppRead, at: int, line: int | None = None
) -> Response:
    """One of its logs, by pages; the last one first, where the cause stands."""
    shown = await log_page(site.data_dir, app, at, line)
    return _shown(request, "app_log.html.j2", app, log=shown)


@router.get(f"{_APP}/history")
async def history(request: Request, site: Here, app: AppRead) -> Response:
    """The app of this name in all pipelines."""
    runs = await app_history(site.stored, site.readings, app)
    trends = await app_trends(site.stored, app.ref, app.pipeline_id)
    return _shown(
        request,
        "app_history.html.j2",
        app,
        history=runs,
        trends=[(trend, said(trend), titled(trend.state)) for trend in trends.trends],
        pictures=trend_pictures.pictures_of(trends),
        pictures_left_out=trend_pictures.left_out(trends),
        amount=amount,
    )


def _beside(app: ReadApp, at: int) -> AppWeaknesses:
    """A weakness with the one before and the one after it."""
    return app_weaknesses(app, str(max(0, at - 1)), 3 if at else 2)


def _view(app: ReadApp) -> AppView:
    """For its tools and its load; its weaknesses are on pages of their own."""
    return AppView(app.report.model_copy(update={"weaknesses": ()}))


def _shown(request: Request, template: str, app: ReadApp, **values: Any) -> Response:
    return page(request, template, **_of(request, template, app), **values)


def _of(request: Request, template: str, app: ReadApp) -> dict[str, Any]:
    """What every page of an app shows; by itself it does not change."""
    return {
        "pipeline_id": app.pipeline_id,
        "ref": app.ref,
        "read": app,
        "whole": app.report,
        "part_of": _PARTS[template],
        "workflow_url": site_of(request).workflow_url(app.pipeline_id, app.ref),
        "now": None,
        "every_s": 0,
    }


async def _now(request: Request, app: ReadApp) -> dict[str, Any]:
    """What the app does now, and how often its page is asked for again: while its pipeline runs.

    The first page is there without a question to the server; the part of it that comes next has
    what all viewers of the pipeline are told.
    """
    if not is_part(request):
        return {"every_s": 0 if app.pipeline_state in ENDED else _RUNNING_S}
    seen = await seen_of(request, app.pipeline_id)
    over = (seen.phase if seen else app.pipeline_state) in ENDED
    line = next((one for one in seen.apps if one.ref == app.ref), None) if seen else None
    now = line if line and is_running(line) else None
    soon = now is not None or app.report.state is None
    return {"seen": seen, "now": now, "every_s": 0 if over else _RUNNING_S if soon else _ENDED_S}
