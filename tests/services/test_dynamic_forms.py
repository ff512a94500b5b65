"""Logins with fresh tokens, and what our own probes stored, changed or made an app show."""

import html as markup
import json
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import unquote

import pytest
from aiohttp import web

from analyzers.runtime.tool import Parsed, ToolFault
from tests.support.cases import case_app
from tests.support.dynamic_apps import serving
from tests.support.dynamic_run import html, measure, missed, rules, run_over, serving_case

LOOKS = ("discovery", "injection", "access-control")
SEARCH = "reflected-xss GET /notes"


async def look(url: str, folder: Path, *names: str, source: Path | None = None) -> list[Parsed]:
    return list((await measure(run_over(url, folder, source), *names)).values())


async def test_case_login_with_a_token_per_form(tmp_path: Path):
    async with serving_case("42") as url:
        found, injected, access = await look(url, tmp_path, *LOOKS, source=case_app("42"))

    assert SEARCH in rules(injected)
    assert "accounts logged in: app: 2" in found.notes
    assert {"app GET /notes", "app POST /login"} <= set(injected.coverage.items)
    assert access.coverage.reached > 0


class Guarded:
    """A login whose token comes in one of the usual ways; a search behind it echoes."""

    def __init__(self, way: str):
        self.way = way
        self.tokens, self.users, self.sessions = dict[str, str](), dict[str, str](), set[str]()

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/", self.start)
        app.router.add_get("/csrf-token", self.hand_out)
        app.router.add_get("/notes", self.notes)
        for path in ("/login", "/register", "/do-login"):
            app.router.add_get(path, self.form)
            app.router.add_post(path, self.enter)
        return app

    def fresh(self) -> tuple[str, str]:
        seed, token = secrets.token_hex(8), secrets.token_urlsafe(12)
        self.tokens[seed] = token
        return seed, token

    async def hand_out(self, request: web.Request) -> web.Response:
        if self.way != "endpoint":
            raise web.HTTPNotFound
        seed, token = self.fresh()
        answer = web.json_response({"csrfToken": token})
        answer.set_cookie("seed", seed)
        return answer

    async def start(self, request: web.Request) -> web.Response:
        if request.cookies.get("sid") in self.sessions:
            return html("<a href=/notes?q=a>notes</a>")
        if self.way == "front-form":
            return self.shown("/do-login")
        raise web.HTTPFound("/login")

    async def form(self, request: web.Request) -> web.Response:
        return self.shown(request.path)

    def shown(self, action: str) -> web.Response:
        seed, token = self.fresh()
        meta, hidden = "", ""
        if self.way == "meta":
            meta = f"<meta name=csrf-token content={token}>"
        elif self.way in {"hidden", "front-form"}:
            hidden = f"<input type=hidden name=_csrf value={token}>"
        inputs = "<input name=username><input type=password name=password>"
        links = "<a href=/register>r</a><a href=/csrf-token>c</a>"
        answer = html(f"{meta}<form method=post action={action}>{hidden}{inputs}</form>{links}")
        answer.set_cookie("seed", seed)
        if self.way == "cookie":
            answer.set_cookie("XSRF-TOKEN", token)
        return answer

    async def enter(self, request: web.Request) -> web.Response:
        data = dict(await request.post()) or await self.as_json(request)
        header = request.headers.get("X-CSRF-Token") or request.headers.get("X-XSRF-TOKEN") or ""
        given = str(data.get("_csrf", "")) or unquote(header)
        if not given or self.tokens.pop(request.cookies.get("seed", ""), "") != given:
            raise web.HTTPForbidden(text="token missing or wrong")
        name, word = str(data.get("username")), str(data.get("password"))
        if request.path == "/register":
            self.users.setdefault(name, word)
        if self.users.get(name) != word:
            raise web.HTTPUnauthorized
        sid = secrets.token_hex(8)
        self.sessions.add(sid)
        answer = web.Response(status=302, headers={"Location": "/"})
        answer.set_cookie("sid", sid)
        return answer

    async def as_json(self, request: web.Request) -> dict[str, str]:
        try:
            return json.loads(await request.text())
        except ValueError:
            return {}

    async def notes(self, request: web.Request) -> web.Response:
        if request.cookies.get("sid") not in self.sessions:
            raise web.HTTPFound("/login")
        return html(f"<p>found {request.query.get('q', '')}</p>")


@pytest.mark.parametrize("way", ["hidden", "meta", "cookie", "endpoint", "front-form"])
async def test_each_way_to_hand_out_a_token(way: str, tmp_path: Path):
    async with serving(Guarded(way).application()) as url:
        found, injected = await look(url, tmp_path, "discovery", "injection")

    assert "accounts logged in: app: 2" in found.notes
    assert SEARCH in rules(injected)


# ---- echoes


Echo = Callable[[str], web.Response]
DEBUGGER = (
    "<!doctype html><title>ValueError: {0} // Werkzeug Debugger</title>"
    "<script>var EVALEX = false;</script><h1>ValueError</h1>{0}<!-- Traceback: {0} -->"
)
DJANGO = "<title>Boom at /notes</title><table><tr><td>Django Version:<td>4.2</table><pre>{0}</pre>"
EXPRESS = "<pre>Error: no {0}<br> &nbsp; &nbsp;at Layer.handle (/app/server.js:3:5)</pre>"


def safe(text: str) -> str:
    return markup.escape(text)


@pytest.mark.parametrize(
    "echo",
    [
        lambda q: html(f"<h1>Internal error</h1><pre>could not find {q}</pre>", 500),
        lambda q: html(f"<h1>Not found</h1>{q}", 404),
        lambda q: html(f'<input value="{q}">'),
        lambda q: html(f"<textarea></textarea><div>{q}</div>"),
    ],
)
@pytest.mark.parametrize("always", [False, True])
async def test_an_element_of_ours_in_a_page_is_a_reflection(
    echo: Echo, always: bool, tmp_path: Path
):
    injected = await injected_into(echo, tmp_path, always=always)

    assert SEARCH in rules(injected)
    assert "app GET /notes" in injected.coverage.items


async def test_an_operation_that_always_fails_is_no_failed_app(tmp_path: Path):
    with pytest.raises(ToolFault, match="server errors are all"):
        await injected_into(lambda _: html("broken", 500), tmp_path, always=True)


@pytest.mark.parametrize(
    "echo",
    [
        lambda q: html(DEBUGGER.format(safe(q)), 500),
        lambda q: html(DEBUGGER.format(q), 500),
        lambda q: html(DJANGO.format(q), 500),
        lambda q: html(EXPRESS.format(safe(q)), 500),
        lambda q: html(f"<h1>error</h1><pre>{safe(q)}</pre>", 500),
        lambda q: web.Response(text=f"Traceback: {q}", status=500),
        lambda q: web.json_response({"error": q}, status=400),
        lambda q: html(f"<textarea>{q.replace('<', '<')}</textarea>".replace("'>", "")),
        lambda q: html(f"<!-- {q} -->"),
        lambda q: html(f"<script>var q = {json.dumps(q)};</script>"),
        lambda q: html(f"<title>{q}</title>"),
    ],
)
async def test_an_echo_that_makes_no_element_is_none(echo: Echo, tmp_path: Path):
    assert SEARCH not in rules(await injected_into(echo, tmp_path))


async def injected_into(echo: Echo, folder: Path, *, always: bool = False) -> Parsed:
    async def notes(request: web.Request) -> web.Response:
        term = request.query.get("q", "a")
        return echo(term) if "<" in term or always else html("nothing found")

    async def start(_request: web.Request) -> web.Response:
        return html("<a href=/notes?q=a>n</a>")

    app = web.Application()
    app.router.add_get("/", start)
    app.router.add_get("/notes", notes)
    async with serving(app) as url:
        return (await look(url, folder, "discovery", "injection"))[1]


# ---- what our probes stored


class Guestbook:
    """Shows what anyone wrote, as markup, on every page; a search that itself escapes."""

    def __init__(self) -> None:
        self.entries = list[str]()

    def application(self) -> web.Application:
        app = web.Application()
        for path in ("/", "/about", "/search"):
            app.router.add_get(path, self.show)
        app.router.add_post("/sign", self.sign)
        return app

    async def show(self, request: web.Request) -> web.Response:
        form = "<form method=post action=/sign><input name=text><input name=link></form>"
        links = "<a href=/about>a</a><a href=/search?q=a>s</a>"
        term = markup.escape(request.query.get("q", ""))
        return html(f"{request.path}{links}{form}{term}<ul>{''.join(self.entries)}</ul>")

    async def sign(self, request: web.Request) -> web.Response:
        data = await request.post()
        entry = f"<li>{data.get('text', '')}<a href='/go/{data.get('link', '')}'>more</a>"
        self.entries.append(entry)
        raise web.HTTPFound("/")


async def test_what_one_input_stored_is_no_reflection_of_another(tmp_path: Path):
    async with serving(Guestbook().application()) as url:
        _, injected = await look(url, tmp_path, "discovery", "injection")

    assert not {one for one in rules(injected) if one.startswith("reflected-xss GET")}
    assert {one.split()[0] for one in rules(injected)} == {"stored-xss"}


async def test_links_that_our_probes_stored_are_not_followed(tmp_path: Path):
    book = Guestbook()
    async with serving(book.application()) as url:
        (tmp_path / "first").mkdir()
        await look(url, tmp_path / "first", "discovery", "injection")
        assert book.entries
        (again,) = await look(url, tmp_path, "discovery")

    assert set(again.coverage.items) == {"app GET /", "app GET /about", "app GET /search"}
    whys = [why for what, why in missed(again).items() if "/go/" in what]
    assert any("probe of ours" in why for why in whys)


# ---- GETs that change something


Change = Callable[[web.Request], Awaitable[web.Response]]
FLASK = (
    '@app.route("/prepare")\ndef prepare():\n    db.execute("DELETE FROM notes")\n    return "ok"\n'
)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("/reset", ""),
        ("/init-db", ""),
        ("/api/seed", ""),
        ("/notes/1/delete", ""),
        ("/drop_tables", ""),
        ("/logout", ""),
        ("/notes?action=delete", ""),
        ("/prepare", f"from flask import Flask\napp = Flask(__name__)\n{FLASK}"),
        ("/create", '@app.get("/create")\ndef create():\n    return "made"\n'),
    ],
)
async def test_a_get_that_changes_something_is_left_alone(path: str, source: str, tmp_path: Path):
    asked = list[str]()

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path_qs)
        return html(f"<a href='{path}'>x</a><a href=/notes?q=a>n</a>{request.path}")

    app = web.Application()
    for known in ("/", "/notes", path.split("?")[0]):
        if known not in {route.canonical for route in app.router.resources()}:
            app.router.add_get(known, answer)
    (tmp_path / "app").mkdir()
    if source:
        (tmp_path / "app" / "app.py").write_text(source)
    async with serving(app) as url:
        found, *_ = await look(
            url, tmp_path, "discovery", "http-headers", "error-pages", "injection"
        )

    assert path not in asked
    assert any("chang" in why or "says" in why or "writes" in why for why in missed(found).values())


async def test_a_form_page_is_no_change(tmp_path: Path):
    source = (
        "from flask import Flask\napp = Flask(__name__)\n"
        '@app.route("/create", methods=["GET", "POST"])\ndef create():\n'
        '    if request.method == "POST":\n        db.add(request.form["title"])\n'
        '    return "form"\n'
    )
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "app.py").write_text(source)

    async def form(_request: web.Request) -> web.Response:
        return html("<form method=post><input name=title></form>")

    app = web.Application()
    app.router.add_route("*", "/create", form)
    async with serving(app) as url:
        (found,) = await look(url, tmp_path, "discovery")

    assert "app GET /create" in found.coverage.items


async def test_a_page_that_counts_its_views_is_looked_at(tmp_path: Path):
    source = (
        "from flask import Flask\napp = Flask(__name__)\n"
        '@app.route("/post")\ndef post():\n'
        '    db.execute("UPDATE posts SET views = views + 1")\n    return "post"\n'
    )
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "app.py").write_text(source)

    async def show(_request: web.Request) -> web.Response:
        return html("a post")

    app = web.Application()
    app.router.add_get("/post", show)
    async with serving(app) as url:
        (found,) = await look(url, tmp_path, "discovery")

    assert "app GET /post" in found.coverage.items


async def test_a_logout_is_tried_without_a_session(tmp_path: Path):
    cookies = list[str]()

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/logout":
            cookies.append(request.headers.get("Cookie", ""))
            raise web.HTTPFound(request.query.get("next", "/"))
        return html("<a href='/logout?next=/'>out</a>")

    app = web.Application()
    app.router.add_get("/", answer)
    app.router.add_get("/logout", answer)
    async with serving(app) as url:
        run = run_over(url, tmp_path, auth_cookie="sid=s3cret-session")
        reports = await measure(run, "discovery", "injection")

    assert "open-redirect GET /logout" in rules(reports["injection"])
    assert set(cookies) == {""}


# ---- what is said of inputs and logins


async def test_inputs_and_logins_are_not_called_absent_where_routes_are_unread(tmp_path: Path):
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "app.py").write_text("from flask import Flask\n@app.route('/x'\ndef (:\n")

    async def start(_request: web.Request) -> web.Response:
        return html("hello")

    app = web.Application()
    app.router.add_get("/", start)
    async with serving(app) as url:
        run = run_over(url, tmp_path)
        await measure(run, "discovery")
        for name in ("injection", "access-control"):
            with pytest.raises(ToolFault, match="routes could not be read") as told:
                await measure(run, name)
            assert told.value.row == "scan-routes-unread"
