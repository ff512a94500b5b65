"""Parameters that a route does not have are wrong input: a misspelt filter leaves nothing out."""

from collections.abc import Collection, Iterator
from difflib import get_close_matches

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel

from control.errors import WrongInputError
from control.left_out import some

_SHOWN, _LETTERS = 20, 100


def require_known(request: Request) -> None:
    """Refuse parameters that the route does not have, each with the one that is nearest to it.

    Raises:
        WrongInputError: there are some.
    """
    route = request.scope["route"]
    assert isinstance(route, APIRoute)  # noqa: S101 (routes of the API are)
    known = set(parameters_of(route.dependant))
    wrong = sorted(set(request.query_params) - known)
    if wrong:
        raise WrongInputError(
            f"{len(wrong)} parameter(s) that there are not",
            next_step="correct them, or leave them out",
            lines=some([_line(name, known) for name in wrong], _SHOWN, "parameters"),
        )


def parameters_of(asked: Dependant) -> Iterator[str]:
    """The names of what may stand in the query of a route."""
    for field in asked.query_params:
        form = field.field_info.annotation
        if isinstance(form, type) and issubclass(form, BaseModel):
            yield from (info.alias or name for name, info in form.model_fields.items())
        else:
            yield field.alias
    for part in asked.dependencies:
        yield from parameters_of(part)


def _line(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, known, 1)
    hint = (
        f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(known)) or 'none'}"
    )
    return f"{name[:_LETTERS]}: there is no such parameter; {hint}"
