"""Two pipelines side by side."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from contract.spec import PipelineId
from control.changes_page import changes_page
from control.comparing_asked import AskedChanges
from control.comparison import Comparison
from control.comparisons import Compared, Comparing
from dashboard.known import Compares, Reader
from dashboard.paging import CURSOR_LETTERS, ROWS_MAX, opened, sealed

router = APIRouter(tags=["compare"])
_WAIT_S = 3


class AskedComparison(AskedChanges):
    """Two pipelines, filters, and which page of the changes.

    Attributes:
        then, now: the earlier one and the later one.
        after: the cursor that the page before gave; left out: the first page.
        limit: at most so many changes.
    """

    then: PipelineId
    now: PipelineId
    after: Annotated[str, Field(max_length=CURSOR_LETTERS)] = ""
    limit: Annotated[int, Field(ge=1, le=ROWS_MAX)] = 100

    @property
    def question(self) -> dict[str, object]:
        """What a cursor belongs to."""
        return self.model_dump(mode="json", exclude={"after", "limit"})

    @property
    def filters(self) -> AskedChanges:
        """What of the comparison is wanted."""
        return AskedChanges.model_validate(self.model_dump(include=set(AskedChanges.model_fields)))


@router.get(
    "/compare",
    operation_id="compare",
    responses={202: {"model": Comparing, "description": "It is being made: ask again."}},
)
async def compare(
    response: Response, compares: Compares, _: Reader, wanted: Annotated[AskedComparison, Query()]
) -> Comparison | Comparing:
    """What the later pipeline says against the earlier one.

    Listed are the 4,000 gravest changes, in pages, and 200 apps that differ; all are counted. Of
    large pipelines it takes a while: the answer 202 says how far it is, and `Retry-After` when to
    ask again.
    """
    place = opened(wanted.after, wanted.question)
    told = await compares.ask(wanted.then, wanted.now, wanted.filters)
    if not isinstance(told, Compared):
        response.status_code = 202
        response.headers["Retry-After"] = str(_WAIT_S)
        return told
    page = changes_page(told.comparison, place, wanted.limit)
    return page.model_copy(update={"after": sealed(page.after, wanted.question)})
