"""Renders templates to pages. Everything in them is escaped; only our own templates hold HTML."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment
from starlette.requests import Request

from dashboard import urls
from dashboard.access.returning import here
from dashboard.access.who import actor_of
from dashboard.shown import shown
from reports.html import environment_of

_TEMPLATES = Path(__file__).parent / "templates"


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A page of these values.

    Args:
        request: that asks for it.
        template: name of a template of ours.
        status: of the answer.
        values: what the template may name; also `site`, `actor`, `path`, `here` (the path with its
            query), `nonce`, `urls` and `is_part` (whether its block `fresh` alone is wanted).
    """
    return HTMLResponse(render(request, template, **values), status)


def render(request: Request, template: str, **values: Any) -> str:
    """The text of a page, or of a part of one."""
    known = {
        "site": request.app.state.site,
        "actor": actor_of(request),
        "path": request.url.path,
        "here": here(request),
        "nonce": request.scope.get("nonce", ""),
        "urls": urls,
        "is_part": False,
    }
    return _environment().get_template(template).render(**(known | values))


def fragment(template: str, **values: Any) -> str:
    """The text of a part of a page that is the same for everybody who sees it."""
    return _environment().get_template(template).render(urls=urls, **values)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = environment_of(_TEMPLATES)
    environment.finalize = shown
    return environment
