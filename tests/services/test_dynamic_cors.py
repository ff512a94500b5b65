"""Which CORS failures are an app's own, told by what its back end answers to the other origins."""

from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from analyzers.dynamic.browser_cors import without_own_cors
from analyzers.runtime.live.origins import origins_of
from contract.analysis import Target
from tests.support.dynamic_apps import serving

ASKED = "http://localhost:5000/api"
MISSING = "No 'Access-Control-Allow-Origin' header is present on the requested resource."
PREFLIGHT = f"Response to preflight request doesn't pass access control check: {MISSING}"
OTHER = (
    "The 'Access-Control-Allow-Origin' header has a value 'http://localhost:3000' that is not equal"
    " to the supplied origin. Have the server send the header with a valid value."
)
HEADER = (
    "Request header field x-token is not allowed by Access-Control-Allow-Headers in preflight"
    " response."
)
WILDCARD = (
    "The value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard"
    " '*' when the request's credentials mode is 'include'."
)
Answer = Callable[[web.Request], dict[str, str]]


def row(why: str, url: str = ASKED, what: str = "fetch") -> dict[str, Any]:
    """A page with one failure as Chromium tells it, what follows from it, and another one."""
    blocked = f"Access to {what} at '{url}' from origin 'http://127.0.0.1:40002' has been blocked"
    return {
        "path": "/",
        "events": [
            {"kind": "console-error", "text": f"{blocked} by CORS policy: {why}", "url": ""},
            {"kind": "failed-request", "text": "GET net::ERR_FAILED", "url": url},
            {"kind": "page-error", "text": "TypeError: Failed to fetch", "url": ""},
            {"kind": "page-error", "text": "ReferenceError: x is not defined", "url": ""},
        ],
    }


async def judged(
    one: dict[str, Any], allow: Answer, expected: tuple[str, ...] = ("http://localhost:3000",)
) -> tuple[list[str], list[str]]:
    """Texts of the events that are kept, and the notes."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(headers=allow(request))

    app = web.Application()
    app.router.add_route("*", "/api", answer)
    async with serving(app) as url:
        targets = (Target(service="api", base_url=url, published=(5000,)),)
        rows, notes = await without_own_cors([one], targets, origins_of(targets), expected)
    return [event["text"] for event in rows[0]["events"]], notes


def only(origin: str) -> Answer:
    """A back end that lets in one origin."""

    def allow(request: web.Request) -> dict[str, str]:
        same = request.headers.get("Origin") == origin
        return {"Access-Control-Allow-Origin": origin} if same else {}

    return allow


@pytest.mark.parametrize("why", [MISSING, PREFLIGHT, OTHER])
@pytest.mark.parametrize("what", ["fetch", "XMLHttpRequest", "script", "font"])
async def test_what_the_expected_origin_would_have_got_is_no_finding(why: str, what: str):
    kept, notes = await judged(row(why, what=what), only("http://localhost:3000"))

    assert kept == ["ReferenceError: x is not defined"]
    assert notes == [
        "no finding: localhost:5000 lets in http://localhost:3000,"
        " and the page was opened as http://127.0.0.1:40002 here"
    ]


@pytest.mark.parametrize(
    ("why", "allow"),
    [
        (MISSING, lambda _: {}),
        (PREFLIGHT, lambda _: {}),
        (OTHER, lambda _: {"Access-Control-Allow-Origin": "http://localhost:9"}),
        (MISSING, lambda _: {"Access-Control-Allow-Origin": "http://localhost:3000, *"}),
        (WILDCARD, lambda _: {"Access-Control-Allow-Origin": "*"}),
        (HEADER, only("http://localhost:3000")),
    ],
)
async def test_what_would_fail_there_too_is_the_apps(why: str, allow: Answer):
    one = row(why)

    kept, notes = await judged(one, allow)

    assert kept == [event["text"] for event in one["events"]]
    assert notes == []


@pytest.mark.parametrize(
    "url", ["http://api.example/api", "http://localhost:7233/api", "http://[/api", "x"]
)
async def test_nobody_but_the_app_is_asked(url: str):
    one = row(MISSING, url)

    kept, notes = await judged(one, only("http://localhost:3000"))

    assert (len(kept), notes) == (4, [])


async def test_without_an_expected_origin_a_failure_is_the_apps():
    kept, _ = await judged(row(MISSING), only("http://localhost:3000"), ())

    assert len(kept) == 4
