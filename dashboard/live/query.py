"""Which rows of the matrix a page or a program asks for."""

from typing import Annotated

from pydantic import BaseModel, Field

from contract.analysis import MeasurementState
from contract.cells import ROWS_LIMIT, TEXT_LIMIT, CellsQuery
from dashboard.paging import CURSOR_LETTERS, opened, sealed
from dashboard.urls import pipeline_url, with_query

# A page of fewer rows opens fast with thirty tools beside one another, too.
_ROWS = 50
UNFINISHED = "unfinished"


class Rows(BaseModel):
    """Some apps of a pipeline.

    Attributes:
        model: apps of this model alone; empty: of all.
        state: apps in this state alone, or `unfinished`; empty: in any.
        text: in `model/appN`, the template or the reason.
        after: of the page before; empty: the first page.
        limit: apps per page.
    """

    model: Annotated[str, Field(max_length=120)] = ""
    state: Annotated[
        str, Field(max_length=20, pattern=f"^({'|'.join(MeasurementState)}|{UNFINISHED}|)$")
    ] = ""
    text: Annotated[str, Field(max_length=TEXT_LIMIT)] = ""
    after: Annotated[str, Field(max_length=CURSOR_LETTERS)] = ""
    limit: Annotated[int, Field(ge=1, le=ROWS_LIMIT)] = _ROWS


def query_of(pipeline_id: str, rows: Rows) -> CellsQuery:
    """The question to the store.

    Raises:
        WrongInputError: the cursor is of another question.
    """
    state = None if rows.state == UNFINISHED else MeasurementState(rows.state or "measured")
    query = CellsQuery(
        pipeline_id=pipeline_id,
        models=(rows.model,) if rows.model else (),
        states=(state,) if rows.state else (),
        text=rows.text,
        limit=rows.limit,
    )
    return query.model_copy(update={"after": opened(rows.after, _question(query))})


def after_of(place: str | None, query: CellsQuery) -> str | None:
    """The cursor of the next page."""
    return sealed(place, _question(query))


def pages_around(place: str | None, query: CellsQuery) -> tuple[str, str]:
    """Addresses of the first page and of the next one, which begins at `place`; empty: none."""
    (state,) = query.states or ("",)
    shown = {
        "model": "".join(query.models),
        "state": UNFINISHED if state is None else str(state),
        "text": query.text,
    }
    url, after = pipeline_url(query.pipeline_id), after_of(place, query)
    first = with_query(url, shown) if query.after else ""
    rest = {"limit": str(query.limit), "after": after or ""}
    return first, with_query(url, shown | rest) if after else ""


def _question(query: CellsQuery) -> dict[str, object]:
    return query.model_dump(mode="json", exclude={"after", "limit"})
