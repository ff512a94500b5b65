"""Tiny apps in this process for the dynamic probes: careless, its careful twin, and hostile.

Their weaknesses are simulated: no answer touches a file, a database or a shell.
"""

import asyncio
import gzip
import html
import re
import secrets
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from analyzers.dynamic.answer import BODY_CAP_BYTES

BOMB = gzip.compress(bytes(20 * BODY_CAP_BYTES), 9)
CAREFUL_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Server": "app",
}
DOCUMENT = {
    "openapi": "3.0.0",
    "info": {"title": "notes", "version": "1"},
    "paths": {
        "/search": {"get": {"parameters": [{"name": "q", "in": "query"}]}},
        "/go": {"get": {"parameters": [{"name": "next", "in": "query"}]}},
        "/file": {"get": {"parameters": [{"name": "name", "in": "query"}]}},
        "/register": {"post": {"requestBody": {"$ref": "#/account"}}},
        "/login": {"post": {"requestBody": {"$ref": "#/account"}}},
        "/me": {"get": {"security": [{"bearer": []}]}},
        "/notes": {"get": {}, "post": {"requestBody": {"$ref": "#/note"}}},
        "/notes/{id}": {"get": {}, "put": {"requestBody": {"$ref": "#/note"}}, "delete": {}},
    },
    "account": {
        "content": {
            "application/json": {"schema": {"properties": {"username": {}, "password": {}}}}
        }
    },
    "note": {"content": {"application/json": {"schema": {"properties": {"text": {}}}}}},
}


class NotesApp:
    """Notes with accounts; `careful` decides whether the checks are made."""

    def __init__(self, *, careful: bool):
        self.careful = careful
        self.users: dict[str, dict[str, str]] = {}
        self.tokens: dict[str, str] = {}
        self.notes: dict[int, dict[str, str]] = {}
        self.wrong: dict[str, int] = {}

    def application(self) -> web.Application:
        """Routes of the app."""
        app = web.Application(middlewares=[self.finish])
        router = app.router
        router.add_get("/", self.index)
        router.add_get("/openapi.json", self.document)
        router.add_get("/search", self.search)
        router.add_get("/go", self.go)
        router.add_get("/file", self.file)
        router.add_post("/register", self.register)
        router.add_post("/login", self.login)
        router.add_get("/me", self.me)
        router.add_route("*", "/notes", self.collection)
        router.add_route("*", "/notes/{id}", self.item)
        return app

    @web.middleware
    async def finish(self, request: web.Request, handler) -> web.StreamResponse:
        """Headers and error pages."""
        try:
            response = await handler(request)
        except web.HTTPException as error:
            response = web.json_response({"error": error.reason}, status=error.status)
            for name in error.headers.keys() & {"Location", "Retry-After"}:
                response.headers[name] = error.headers[name]
        except Exception as error:
            trace = f"Traceback (most recent call last):\n  {error!r}"
            text = "bad request" if self.careful else trace
            response = web.Response(status=400 if self.careful else 500, text=text)
        if self.careful:
            response.headers.update(CAREFUL_HEADERS)
        return response

    async def index(self, request: web.Request) -> web.Response:
        """Start page."""
        return web.Response(
            text="<title>Notes</title><a href=/search?q=a>s</a>", content_type="text/html"
        )

    async def document(self, request: web.Request) -> web.Response:
        """OpenAPI document."""
        return web.json_response(DOCUMENT)

    async def search(self, request: web.Request) -> web.Response:
        """Echoes the term; simulates a database error on a quote."""
        term = request.query.get("q", "")
        if not self.careful and term.count("'") % 2:
            return web.Response(
                status=500, text='sqlite3.OperationalError: unrecognized token: "\'"'
            )
        shown = html.escape(term) if self.careful else term
        return web.Response(text=f"<p>{shown}</p>", content_type="text/html")

    async def go(self, request: web.Request) -> web.Response:
        """Redirects."""
        onward = request.query.get("next", "/")
        local = re.fullmatch(r"/[a-z]*", onward)
        raise web.HTTPFound(onward if local or not self.careful else "/")

    async def file(self, request: web.Request) -> web.Response:
        """Simulates a download that leaves its folder."""
        name = request.query.get("name", "")
        if not self.careful and name.endswith("etc/passwd"):
            return web.Response(text="root:x:0:0:root:/root:/bin/sh\n")
        raise web.HTTPNotFound

    async def register(self, request: web.Request) -> web.Response:
        """Makes an account."""
        data = await request.json()
        user = {"role": "user", **({} if self.careful else data)}
        user["password"] = str(data["password"])
        if str(data["username"]) in self.users:
            raise web.HTTPConflict
        self.users[str(data["username"])] = user
        return web.json_response({"username": data["username"], "role": user["role"]}, status=201)

    async def login(self, request: web.Request) -> web.Response:
        """Opens a session."""
        data = await request.json()
        name = str(data["username"])
        if self.careful and self.wrong.get(name, 0) > 5:
            raise web.HTTPTooManyRequests(headers={"Retry-After": "60"})
        if name not in self.users or self.users[name]["password"] != data["password"]:
            self.wrong[name] = self.wrong.get(name, 0) + 1
            raise web.HTTPUnauthorized
        token = secrets.token_hex(16)
        self.tokens[token] = name
        return web.json_response({"token": token})

    def user(self, request: web.Request) -> str:
        """The account of the request; 401 without one."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.tokens:
            raise web.HTTPUnauthorized
        return self.tokens[token]

    async def me(self, request: web.Request) -> web.Response:
        """Own profile."""
        name = self.user(request)
        return web.json_response({"username": name, "role": self.users[name]["role"]})

    async def collection(self, request: web.Request) -> web.Response:
        """Own notes."""
        name = self.user(request)
        if request.method == "POST":
            number = len(self.notes) + 1
            self.notes[number] = {"owner": name, "text": str((await request.json())["text"])}
            return web.json_response({"id": number}, status=201)
        own = {key: row for key, row in self.notes.items() if row["owner"] == name}
        return web.json_response([{"id": key, **row} for key, row in own.items()])

    async def item(self, request: web.Request) -> web.Response:
        """One note: of its owner when careful, of anyone when not."""
        if request.method != "DELETE" or self.careful:
            name = self.user(request)
        note = self.notes.get(int(request.match_info["id"]))
        if note is None or (self.careful and note["owner"] != name):
            raise web.HTTPNotFound
        if request.method == "DELETE":
            del self.notes[int(request.match_info["id"])]
        if request.method == "PUT":
            note["text"] = str((await request.json())["text"])
        return web.json_response({"id": int(request.match_info["id"]), "text": note["text"]})


def hostile_application() -> web.Application:  # noqa: C901 - seven one-line apps
    """Everything against which a client needs limits."""

    async def start(request: web.Request) -> web.Response:
        return web.Response(text="up")

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65_536)

    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x")
            await asyncio.sleep(0.05)

    async def bomb(request: web.Request) -> web.Response:
        return web.Response(body=BOMB, headers={"Content-Encoding": "gzip"})

    async def headers(request: web.Request) -> web.Response:
        return web.Response(headers={"X-Long": "x" * 1_000_000})

    async def loop(request: web.Request) -> web.Response:
        raise web.HTTPFound(f"/loop?{secrets.token_hex(4)}")

    async def away(request: web.Request) -> web.Response:
        raise web.HTTPFound("http://192.0.2.1/")

    async def silent(request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    app = web.Application()
    for handler in (endless, drip, bomb, headers, loop, away, silent):
        app.router.add_get(f"/{handler.__name__}", handler)
    app.router.add_get("/", start)
    return app


@asynccontextmanager
async def serving(
    app: web.Application, certificate: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """`app` on a free port of 127.0.0.1, over TLS with a certificate; yields its base URL."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=certificate).start()
        scheme = "https" if certificate else "http"
        yield f"{scheme}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
