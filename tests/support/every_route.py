"""Every route of the dashboard, for tests that go over all of them."""

from collections.abc import Iterable, Iterator

from fastapi import APIRouter
from fastapi.routing import APIRoute

from dashboard import api, pages


def page_routes(method: str = "") -> list[APIRoute]:
    """Routes of pages, with that method alone if one is named."""
    return [each for each in _routes(pages.ROUTERS) if not method or method in each.methods]


def api_routes() -> list[APIRoute]:
    """Routes of the API; their paths lack its prefix."""
    return list(_routes(api.ROUTERS))


def _routes(routers: Iterable[APIRouter]) -> Iterator[APIRoute]:
    for router in routers:
        for route in router.routes:
            inner = getattr(route, "original_router", None)  # a router that was included in another
            if inner is not None:
                yield from _routes([inner])
            elif isinstance(route, APIRoute):
                yield route
