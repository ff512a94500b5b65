"""What a service is, by what it answers and by nothing else."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from clients.roles import Served, look, roles, with_roles
from contract.running import RunningService

Page = tuple[int, str, bytes]
HTML: Page = (200, "text/html; charset=utf-8", b"<!doctype html><p>hello")
JSON: Page = (200, "application/json", b"[]")
MISSING: Page = (404, "application/json", b"{}")
MISSING_PAGE: Page = (404, "text/html", b"<!doctype html>not found")
PLAIN: Page = (200, "text/plain", b"ok")
PAGES, DATA = Served(200, pages=True), Served(404, data=True)
BOTH, NEITHER = Served(200, pages=True, data=True), Served(200)


@asynccontextmanager
async def serving(pages: Mapping[str, Page], other: Page) -> AsyncIterator[str]:
    """Address of a service with these pages; the text of a 302 is where it leads."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, body = pages.get(self.path, other)
            self.send_response(status)
            if kind:
                self.send_header("Content-Type", kind)
            if status == 302:
                self.send_header("Location", body.decode())
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{httpd.server_address[1]}"
    finally:
        await asyncio.to_thread(httpd.shutdown)
        httpd.server_close()
        thread.join()


SEEN = {
    "a single-page app": ({}, HTML, Served(200, pages=True)),
    "an API without a page": ({}, MISSING, Served(404, data=True)),
    "an API with HTML errors": ({}, MISSING_PAGE, Served(404)),
    "an API that greets as text": ({"/": PLAIN}, MISSING, Served(200, data=True)),
    "an API whose start page is its documentation": (
        {"/": (302, "", b"/docs"), "/docs": HTML, "/openapi.json": JSON},
        MISSING_PAGE,
        Served(302, pages=True, data=True),
    ),
    "a site that leads elsewhere": ({"/": (302, "", b"https://example.com/")}, HTML, Served(302)),
    "a site that leads in circles": ({"/": (302, "", b"/")}, HTML, Served(302)),
    "a page without a type": ({"/": (200, "", b"\n<!DOCTYPE html><p>")}, PLAIN, PAGES),
    "neither": ({}, PLAIN, NEITHER),
}


@pytest.mark.parametrize(("pages", "other", "seen"), SEEN.values(), ids=SEEN)
async def test_what_is_served_is_seen(pages: Mapping[str, Page], other: Page, seen: Served):
    async with serving(pages, other) as address:
        assert await look(address) == seen


async def test_who_gives_no_answer_serves_nothing():
    assert await look("http://127.0.0.1:1") is None


ROLES = {
    "names lie": ({"web": DATA, "api": PAGES}, {"web": "backend", "api": "frontend"}),
    "alone": ({"front": PAGES}, {"front": "backend"}),
    "both show pages": ({"web": PAGES, "admin": PAGES}, {"web": "backend", "admin": "backend"}),
    "a proxy in front": ({"a": BOTH, "b": DATA}, {"a": "frontend", "b": "backend"}),
    "documented": ({"a": BOTH, "b": PAGES}, {"a": "backend", "b": "frontend"}),
    "cannot be told": ({"a": BOTH, "b": BOTH}, {"a": "backend", "b": "backend"}),
    "says nothing": ({"a": NEITHER, "b": PAGES}, {"a": "backend", "b": "frontend"}),
    "none": ({}, {}),
}


@pytest.mark.parametrize(("served", "found"), ROLES.values(), ids=ROLES)
def test_a_front_end_is_who_serves_pages_while_another_serves_the_data(served, found):
    assert roles(served) == found


async def test_services_on_this_host_get_their_roles():
    async with serving({}, HTML) as front, serving({}, MISSING) as back:
        services = [
            RunningService(service=name, container_id=name, host_port=int(at.rpartition(":")[2]))
            for name, at in (("one", front), ("two", back))
        ]
        found = await with_roles(services)

    assert [one.role for one in found] == ["frontend", "backend"]
