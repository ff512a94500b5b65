"""No route, of whichever room, forgets to ask who asks."""

import ast
import inspect
import re
import textwrap
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from contract.access import Scope
from dashboard.api.parameters import parameters_of
from dashboard.app import create_app
from dashboard.urls import API
from tests.support.dashboard_site import browsing, site_of, token_for
from tests.support.every_route import api_routes, page_routes

ANYBODY = {"/login", "/logout", "/enter"}
"""What somebody needs who is not known yet; they change nothing but who is known."""
LOOKS = {f"{API}/validate", f"{API}/plan", "/new/step"}
"""Asked by POST, because the question is a document or long; nothing is changed."""
ROUTES = [
    (method, prefix + route.path, route.endpoint)
    for prefix, routes in (("", page_routes()), (API, api_routes()))
    for route in routes
    for method in sorted(route.methods)
]
EVERY = [(method, path) for method, path, _ in ROUTES if path not in ANYBODY]
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


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def operator(recorded: Path) -> AsyncIterator[httpx.AsyncClient]:
    token = await token_for(site_of(recorded), Scope.OPERATE)
    async with browsing(site_of(recorded), Authorization=f"Bearer {token}") as client:
        yield client


def test_no_route_is_overlooked(tmp_path: Path):
    app = create_app(site_of(tmp_path))
    described = {
        (method.upper(), path) for path, of in app.openapi()["paths"].items() for method in of
    }

    assert described == {(method, path) for method, path in EVERY if path.startswith(API)}
    assert len(EVERY) > len(described) > 20


def test_the_document_says_where_a_token_is_needed(tmp_path: Path):
    document = create_app(site_of(tmp_path)).openapi()
    needed = {
        (method.upper(), path)
        for path, of in document["paths"].items()
        for method, operation in of.items()
        if {} not in operation["security"]
    }
    secrets = {("GET", f"{API}/tokens"), ("GET", f"{API}/sessions")}

    assert needed == secrets | {each for each in CHANGES if each[1].startswith(API)}
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


def test_every_parameter_is_described(tmp_path: Path):
    described = {
        (method.upper(), path): {
            one["name"] for one in what.get("parameters", ()) if one["in"] == "query"
        }
        for path, of in create_app(site_of(tmp_path)).openapi()["paths"].items()
        for method, what in of.items()
    }

    assert described == {
        (method, API + route.path): set(parameters_of(route.dependant))
        for route in api_routes()
        for method in route.methods or ()
    }


@pytest.mark.parametrize(("method", "path"), [each for each in EVERY if each[1].startswith(API)])
async def test_a_misspelt_parameter_is_refused(operator: httpx.AsyncClient, method: str, path: str):
    answer = await operator.request(method, filled(path), params={"bogus": "1", "limti": "2"})

    assert answer.status_code == 400
    assert [line.partition(":")[0] for line in answer.json()["lines"]] == ["bogus", "limti"]


async def test_the_nearest_parameter_is_named(local: httpx.AsyncClient):
    answer = await local.get(f"{API}/pipelines/after/findings", params={"severty": "high"})
    of_page = await local.get("/pipelines/after/findings?bogus=1&severity=high")

    assert "did you mean severity?" in answer.json()["lines"][0]
    assert of_page.status_code == 200
    assert "/findings/export?severity=high&amp;form=csv" in of_page.text


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


def names_in(function: Callable[..., Any]) -> Iterator[str]:
    """Every name in a function, and in those functions of the dashboard that it names."""
    seen, waiting = {function}, [function]
    while waiting:
        current = waiting.pop()
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(current)))):
            if not isinstance(node, ast.Name):
                continue
            yield node.id
            other = current.__globals__.get(node.id)
            if inspect.isfunction(other) and other.__module__.startswith("dashboard."):
                waiting += [] if other in seen else [other]
                seen.add(other)


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [(path, endpoint) for method, path, endpoint in ROUTES if method != "GET"],
)
def test_no_change_is_made_unseen(path: str, endpoint: Callable[..., Any]):
    assert ("audited" in set(names_in(endpoint))) is (path not in LOOKS)
