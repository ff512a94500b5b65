"""Apps of a pipeline: their cells, documents, logs and artifacts."""

from typing import Annotated

from fastapi import APIRouter, Query

from control.app_documents import AppDocument, AppHistory, AppWeaknesses, WeaknessDocument
from control.app_files import app_files, log_page
from control.app_history import app_history
from control.app_judged import judged
from control.app_kept_documents import AppFiles, AppLoad, Judged, LogPage
from control.app_load import app_load
from control.app_weaknesses import (
    app_document,
    app_weaknesses,
    question_of,
    weakness_document,
)
from dashboard.known import AppRead, Here
from dashboard.paging import ROWS_MAX, opened, sealed

router = APIRouter(prefix="/pipelines/{pipeline_id}/apps/{model}/{app}", tags=["apps"])
Limit = Annotated[int, Query(ge=1, le=ROWS_MAX)]
Place = Annotated[int, Query(ge=0, le=1_000_000_000)]


@router.get("", operation_id="get_app")
async def get_app(app: AppRead) -> AppDocument:
    """One app: how it came out, each of its tools with state and reason, and what is known of it.

    Its weaknesses come in pages of their own. The pipeline may still run.
    """
    return app_document(app)


@router.get("/findings", operation_id="list_app_findings")
async def list_findings(
    app: AppRead, after: str = "", gone: bool = False, limit: Limit = 100
) -> AppWeaknesses:
    """Its weaknesses, the gravest first; with `gone`, those that its baseline has and it has not.

    A cursor is good as long as the list is the same.
    """
    question = question_of(app, gone=gone)
    found = app_weaknesses(app, opened(after, question), limit, gone=gone)
    return found.model_copy(update={"after": sealed(found.after, question)})


@router.get("/finding", operation_id="get_app_finding")
async def get_finding(
    site: Here, app: AppRead, fingerprint: str, occurrence: Place = 0
) -> WeaknessDocument:
    """One weakness with its code, the way of the data, and the requests that showed it."""
    return await weakness_document(site.stored, site.data_dir, app, fingerprint, occurrence)


@router.get("/load", operation_id="get_app_load")
async def get_load(site: Here, app: AppRead) -> AppLoad:
    """How it answered while more and more requests arrived."""
    return await app_load(site.data_dir, app)


@router.get("/requirements", operation_id="list_app_requirements")
async def list_requirements(app: AppRead) -> tuple[Judged, ...]:
    """Its declared requirements with what each judge said, and the evidence that holds."""
    return judged(app)


@router.get("/files", operation_id="list_app_files")
async def list_files(site: Here, app: AppRead) -> AppFiles:
    """What is kept of it: results, pictures, logs. Their content is below `/files/`."""
    return await app_files(site.data_dir, app)


@router.get("/logs/{at}", operation_id="get_app_log")
async def get_log(site: Here, app: AppRead, at: int, line: Place | None = None) -> LogPage:
    """200 lines of one of its logs, from `line` on; without it the last ones."""
    return await log_page(site.data_dir, app, at, line)


@router.get("/history", operation_id="get_app_history")
async def get_history(site: Here, app: AppRead) -> AppHistory:
    """The app of this name in all pipelines, and what changed before and after this one."""
    return await app_history(site.stored, site.readings, app)
