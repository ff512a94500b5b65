"""Pages that change by themselves: a part of them is asked for again and again, by `fresh.js`.

The part is the block `fresh` of the page's own template, so that it cannot differ from what a
reload shows. Of all who look at the same page, one asks and all get the answer; who has it already
gets 304.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from control.asking import Together
from dashboard.access.who import Scope, actor_of
from dashboard.conditional import PART_HEADER
from dashboard.rendering import page, render

PART_S, PARTS_MAX = 1.0, 100
_HEADERS = {"Cache-Control": "private, no-cache", "Vary": "HX-Request, Authorization, Cookie"}
Values = Callable[[], Awaitable[Mapping[str, Any]]]


def is_part(request: Request) -> bool:
    """Whether the part alone is asked for."""
    return PART_HEADER in request.headers


async def fresh_page(request: Request, template: str, values: Values) -> Response:
    """The page, or the part of it that changes.

    Args:
        request: that asks for it.
        template: has a block `fresh`.
        values: asks for what the template may name; the same for all who may do the same.
    """
    if not is_part(request):
        return page(request, template, **await values(), own=f"?{request.url.query}")

    async def made() -> str:
        return render(request, template, **await values(), is_part=True)

    parts: Together[str] = request.app.state.parts
    may_operate = actor_of(request).may(Scope.OPERATE)
    question = (request.url.path, request.url.query, may_operate)
    return HTMLResponse(await parts.of(question, made), headers=_HEADERS)
