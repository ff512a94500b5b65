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
from dashboard.known import AppHere, Here, PipelineHere, Reader
from dashboard.paging import ROWS_MAX, opened, sealed

router = APIRouter(prefix="/pipelines/{pipeline_id}/apps/{model}/{app}", tags=["apps"])
Limit = Annotated[int, Query(ge=1, le=ROWS_MAX)]
Place = Annotated[int, Query(ge=0, le=1_000_000_000)]


@router.get("", operation_id="get_app")
async def get_app(site: Here, _: Reader, pipeline_id: PipelineHere, ref: AppHere) -> AppDocument:
    """One app: how it came out, each of its tools with state and reason, and what is known of it.

    Its weaknesses come in pages of their own. The pipeline may still run.
    """
    return app_document(await site.readings.read(site.stored, pipeline_id, ref))


@router.get("/findings", operation_id="list_app_findings")
async def list_findings(
    site: Here,
    _: Reader,
    pipeline_id: PipelineHere,
    ref: AppHere,
    after: str = "",
    gone: bool = False,
    limit: Limit = 100,
) -> AppWeaknesses:
    """Its weaknesses, the gravest first; with `gone`, those that its baseline has and it has not.

    A cursor is good as long as the list is the same.
    """
    app = await site.readings.read(site.stored, pipeline_id, ref)
    question = question_of(app, gone=gone)
    found = app_weaknesses(app, opened(after, question), limit, gone=gone)
    return found.model_copy(update={"after": sealed(found.after, question)})


@router.get("/finding", operation_id="get_app_finding")
async def get_finding(
    site: Here,
    _: Reader,
    pipeline_id: PipelineHere,
    ref: AppHere,
    fingerprint: str,
    occurrence: Place = 0,
) -> WeaknessDocument:
    """One weakness with its code, the way of the data, and the requests that showed it."""
    app = await site.readings.read(site.stored, pipeline_id, ref)
    return await weakness_document(site.stored, site.data_dir, app, fingerprint, occurrence)


@router.get("/load", operation_id="get_app_load")
async def get_load(site: Here, _: Reader, pipeline_id: PipelineHere, ref: AppHere) -> AppLoad:
    """How it answered while more and more requests arrived."""
    return await app_load(site.data_dir, await site.readings.read(site.stored, pipeline_id, ref))


@router.get("/requirements", operation_id="list_app_requirements")
async def list_requirements(
    site: Here, _: Reader, pipeline_id: PipelineHere, ref: AppHere
) -> tuple[Judged, ...]:
    """Its declared requirements with what each judge said, and the evidence that holds."""
    return judged(await site.readings.read(site.stored, pipeline_id, ref))


@router.get("/files", operation_id="list_app_files")
async def list_files(site: Here, _: Reader, pipeline_id: PipelineHere, ref: AppHere) -> AppFiles:
    """What is kept of it: results, pictures, logs. Their content is below `/files/`."""
    return await app_files(site.data_dir, await site.readings.read(site.stored, pipeline_id, ref))


@router.get("/logs/{at}", operation_id="get_app_log")
async def get_log(
    site: Here,
    _: Reader,
    pipeline_id: PipelineHere,
    ref: AppHere,
    at: int,
    line: Place | None = None,
) -> LogPage:
    """200 lines of one of its logs, from `line` on; without it the last ones."""
    app = await site.readings.read(site.stored, pipeline_id, ref)
    return await log_page(site.data_dir, app, at, line)


@router.get("/history", operation_id="get_app_history")
async def get_history(site: Here, _: Reader, pipeline_id: PipelineHere, ref: AppHere) -> AppHistory:
    """The app of this name in all pipelines, and what changed before and after this one."""
    app = await site.readings.read(site.stored, pipeline_id, ref)
    return await app_history(site.stored, site.readings, app)
