"""Entity tags: on whole JSON documents of the API alone."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse, StreamingResponse

from dashboard.conditional import Conditional


async def _pieces() -> AsyncIterator[bytes]:
    yield b"[1,"
    yield b"2]"


@pytest.fixture
def client() -> httpx.AsyncClient:
    app = FastAPI()
    app.add_api_route("/api/v1/one", lambda: {"a": 1})
    app.add_api_route("/api/v1/wrong", lambda: JSONResponse({}, 404))
    app.add_api_route(
        "/api/v1/long", lambda: StreamingResponse(_pieces(), media_type="application/json")
    )
    app.add_api_route("/page", lambda: {"a": 1})
    app.add_middleware(Conditional)
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")


async def test_who_has_the_document_does_not_get_it_again(client: httpx.AsyncClient):
    first = await client.get("/api/v1/one")
    again = await client.get("/api/v1/one", headers={"If-None-Match": first.headers["etag"]})

    assert first.json() == {"a": 1}
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]


@pytest.mark.parametrize("known", ['W/{}, "x"', "*"])
async def test_weak_tags_and_lists_of_tags_are_understood(client: httpx.AsyncClient, known: str):
    tag = (await client.get("/api/v1/one")).headers["etag"]

    again = await client.get("/api/v1/one", headers={"If-None-Match": known.format(tag)})

    assert again.status_code == 304


async def test_another_tag_gets_the_document(client: httpx.AsyncClient):
    answer = await client.get("/api/v1/one", headers={"If-None-Match": '"other"'})

    assert answer.json() == {"a": 1}


@pytest.mark.parametrize("path", ["/api/v1/wrong", "/api/v1/long", "/page"])
async def test_what_is_no_whole_document_has_no_tag(client: httpx.AsyncClient, path: str):
    answer = await client.get(path)

    assert "etag" not in answer.headers
    assert answer.content
