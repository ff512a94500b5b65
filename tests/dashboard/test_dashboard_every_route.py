"""No route, of whichever room, forgets to ask who asks."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from fastapi.routing import APIRoute

from contract.access import Scope
from dashboard import api, pages
from dashboard.urls import API
from tests.support.dashboard_site import browsing, site_of, token_for

ANYBODY = {"/login", "/logout", "/enter"}
"""What somebody needs who is not known yet; they change nothing but who is known."""
LOOKS = {f"{API}/specs/validate", f"{API}/specs/plan"}
"""Asked by POST, because the question is a document; nothing is changed."""
EVERY = [
    (method, prefix + route.path)
    for prefix, routers in (("", pages.ROUTERS), (API, api.ROUTERS))
    for router in routers
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in sorted(route.methods)
    if prefix + route.path not in ANYBODY
]
CHANGES = [(method, path) for method, path in EVERY if method != "GET" and path not in LOOKS]


def filled(path: str) -> str:
    """An address that the route answers to."""
    known = {"pipeline_id": "after", "model": "gpt", "app": "app1", "name": "x", "at": "0"}
    return re.sub(r"\{(\w+)[^}]*\}", lambda found: known.get(found[1], "x"), path)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stranger(recorded: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with browsing(site_of(recorded), "192.0.2.1") as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def local(recorded: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with browsing(site_of(recorded), **{"Sec-Fetch-Site": "same-origin"}) as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def reader(recorded: Path) -> AsyncIterator[httpx.AsyncClient]:
    token = await token_for(site_of(recorded), Scope.READ)
    async with browsing(site_of(recorded), Authorization=f"Bearer {token}") as client:
        yield client


@pytest.mark.parametrize(("method", "path"), EVERY)
async def test_somebody_from_elsewhere_learns_nothing(
    stranger: httpx.AsyncClient, method: str, path: str
):
    origin = {"Sec-Fetch-Site": "same-origin"}
    answer = await stranger.request(method, filled(path), headers=origin)

    assert answer.status_code == 401


@pytest.mark.parametrize(("method", "path"), CHANGES)
async def test_who_may_only_read_changes_nothing(
    local: httpx.AsyncClient, reader: httpx.AsyncClient, method: str, path: str
):
    here = await local.request(method, filled(path))
    with_token = await reader.request(method, filled(path))

    assert (here.status_code, with_token.status_code) == (401, 403)


@pytest.mark.parametrize(("method", "path"), [each for each in EVERY if each[0] != "GET"])
async def test_a_page_of_somebody_else_asks_in_vain(
    recorded: Path, method: str, path: str, local: httpx.AsyncClient
):
    answer = await local.request(method, filled(path), headers={"Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 403
