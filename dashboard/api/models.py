"""The models of a pipeline side by side."""

import re
from typing import Annotated

from fastapi import APIRouter, Query

from contract.base import Frozen
from control.errors import WrongInputError
from control.model_documents import PipelineModels, StudyRows
from control.models import Part, models_of, study_rows
from dashboard.known import Here, PipelineHere, Reader
from dashboard.paging import CURSOR_LETTERS, ROWS_MAX, opened, sealed

router = APIRouter(tags=["models"])
_ROWS = 100
_NUMBER = re.compile(r"[0-9]{1,9}")


class StudyPage(Frozen):
    """Some rows of a study.

    Attributes:
        rows: a `StudyRows` without its place.
        after: where the next page begins; null: this is the last one.
    """

    rows: StudyRows
    after: str | None = None


@router.get(
    "/pipelines/{pipeline_id}/models",
    operation_id="pipeline_models",
    summary="The models of a pipeline",
)
async def models(site: Here, _: Reader, pipeline_id: PipelineHere) -> PipelineModels:
    """Rates, figures with intervals, tied sets; counts alone while there is no report."""
    return await models_of(site.stored, site.data_dir, pipeline_id)


@router.get(
    "/pipelines/{pipeline_id}/study/{part}",
    operation_id="pipeline_study",
    summary="Pairs of models, templates, or models on templates",
)
async def study(
    site: Here,
    _: Reader,
    pipeline_id: PipelineHere,
    part: Part,
    limit: Annotated[int, Query(ge=1, le=ROWS_MAX)] = _ROWS,
    after: Annotated[str, Query(max_length=CURSOR_LETTERS)] = "",
) -> StudyPage:
    """A page of rows of the study in the written report, in its order."""
    asked = {"pipeline": pipeline_id, "part": part}
    moment, _space, number = (opened(after, asked) or " 0").partition(" ")
    if not _NUMBER.fullmatch(number):
        raise WrongInputError("the cursor is no row", next_step="begin with the first page again")
    rows = await study_rows(site.stored, site.data_dir, pipeline_id, part, int(number), limit)
    if moment and moment != rows.of.isoformat():
        message = "the report was written anew meanwhile"
        raise WrongInputError(message, next_step="begin with the first page again")
    end = None if rows.after is None else f"{rows.of.isoformat()} {rows.after}"
    return StudyPage(rows=rows, after=sealed(end, asked))
