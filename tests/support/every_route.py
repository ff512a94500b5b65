"""Every route of the dashboard, for tests and benches that go over all of them."""

from collections.abc import Iterable

from fastapi import APIRouter
from fastapi.routing import APIRoute

from dashboard import api, pages


def page_routes(method: str = "") -> list[APIRoute]:
    """Routes of pages, with that method alone if one is named."""
    return _routes(pages.ROUTERS, method)


def api_routes(method: str = "") -> list[APIRoute]:
    """Routes of the API; their paths lack its prefix."""
    return _routes(api.ROUTERS, method)


def _routes(routers: Iterable[APIRouter], method: str) -> list[APIRoute]:
    return [
        route
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute) and (not method or method in (route.methods or ()))
    ]
