"""Routes of Python apps as people write them, over several files."""

from pathlib import Path

import pytest

from tests.support.appsource import inputs, operations, read_app

FLASK_NAMES = {
    "app.py": (
        "from flask import Flask\nfrom views import bp as pages\nimport api.users as users\n"
        "from api import items\napp = Flask(__name__)\n"
        "app.register_blueprint(pages)\napp.register_blueprint(users.bp, url_prefix='/users')\n"
        "for part, prefix in ((items.bp, '/items'),):\n"
        "    app.register_blueprint(part, url_prefix=prefix)\n"
    ),
    "views.py": (
        "from flask import Blueprint, request\nbp = Blueprint('p', __name__, url_prefix='/p')\n"
        "@bp.route('/<int:page>', methods=['GET', 'POST'])\n"
        "def page(page):\n    return request.args.get('q') or request.form['title']\n"
    ),
    "api/__init__.py": "",
    "api/users.py": (
        "from flask import Blueprint\nbp = Blueprint('u', __name__, url_prefix='/gone')\n"
        "@bp.get('/')\ndef all_users(): ...\n"
    ),
    "api/items.py": (
        "from flask import Blueprint\nbp = Blueprint('i', __name__)\n"
        "@bp.delete('/<uuid:key>')\n@login_required\ndef one(key): ...\n"
    ),
}
FLASK_LATE = {
    "run.py": (
        "from flask import Flask, request\nfrom flask.views import MethodView\n"
        "from parts import register\nPREFIX = '/v1'\n"
        "class Notes(MethodView):\n"
        "    def get(self): return request.args['q']\n"
        "    def post(self):\n        body = request.get_json()\n        return body['title']\n"
        "def create_app():\n    app = Flask(__name__)\n"
        "    app.add_url_rule(f'{PREFIX}/notes', view_func=Notes.as_view('notes'))\n"
        "    app.add_url_rule('/ping', 'ping', lambda: 'x', methods=['GET', 'PUT'])\n"
        "    register(app)\n    return app\n"
    ),
    "parts.py": "def register(target):\n    @target.route('/part')\n    def part(): ...\n",
}
FLASK_REST = {
    "app.py": (
        "from flask import Flask, Blueprint\nfrom flask_restful import Api, Resource, reqparse\n"
        "parser = reqparse.RequestParser()\nparser.add_argument('task')\n"
        "bp = Blueprint('api', __name__)\napi = Api(bp)\n"
        "class Todo(Resource):\n    def get(self, key): ...\n"
        "    def put(self, key): return parser.parse_args()['task']\n"
        "api.add_resource(Todo, '/todo/<key>', '/todos/<key>')\n"
        "app = Flask(__name__)\napp.register_blueprint(bp, url_prefix='/api')\n"
    )
}
FLASK_NESTED = {
    "app.py": (
        "from flask import Flask, Blueprint\nouter = Blueprint('o', __name__, url_prefix='/o')\n"
        "inner = Blueprint('i', __name__, url_prefix='/i')\n"
        "@inner.get('/x')\ndef x(): ...\nouter.register_blueprint(inner)\n"
        "app = Flask(__name__)\napp.register_blueprint(outer)\n"
    )
}
FASTAPI = {
    "app/main.py": (
        "from fastapi import FastAPI\nfrom app.api import api_router\n"
        "from app.core.config import settings\napp = FastAPI()\n"
        "app.include_router(api_router, prefix=settings.API)\n"
    ),
    "app/core/config.py": (
        "from pydantic_settings import BaseSettings\nclass Settings(BaseSettings):\n"
        "    API: str = '/api/v1'\nsettings = Settings()\n"
    ),
    "app/api/__init__.py": (
        "from fastapi import APIRouter\nfrom app.api import items\napi_router = APIRouter()\n"
        "api_router.include_router(items.router, prefix='/items', tags=['x'])\n"
    ),
    "app/api/items.py": (
        "from typing import Annotated\nfrom fastapi import APIRouter, Depends, Query\n"
        "from app.models import Item\nTerm = Annotated[str, Query(max_length=3)]\n"
        "router = APIRouter()\n@router.get('/')\nasync def find(q: Term, page: int = 1): ...\n"
        "@router.post('/{item_id}')\n"
        "async def make(item_id: int, item: Item, user=Depends(get_current_user)): ...\n"
    ),
    "app/models.py": (
        "from pydantic import BaseModel\nclass Base(BaseModel):\n    name: str\n"
        "class Item(Base):\n    price: float\n"
    ),
}
STARLETTE = {
    "main.py": (
        "from starlette.applications import Starlette\nfrom starlette.routing import Mount, Route\n"
        "from starlette.endpoints import HTTPEndpoint\n"
        "class User(HTTPEndpoint):\n    async def get(self, request): ...\n"
        "    async def post(self, request):\n        form = await request.form()\n"
        "        return form['name']\n"
        "inner = [Route('/u/{id:int}', User)]\ninner.append(Route('/late', User))\n"
        "app = Starlette(routes=[Mount('/api', routes=inner), Route('/', lambda r: r)])\n"
    )
}
AIOHTTP = {
    "main.py": (
        "from aiohttp import web\nroutes = web.RouteTableDef()\n"
        "@routes.get('/table')\nasync def table(request): return request.query['q']\n"
        "async def form(request):\n    data = await request.post()\n    return data['f']\n"
        "def make():\n    app = web.Application()\n    app.router.add_post('/p/{id}', form)\n"
        "    app.add_routes([web.put('/w', form), *routes])\n    app.add_routes(routes)\n"
        "    sub = web.Application()\n    sub.router.add_route('DELETE', '/d', form)\n"
        "    app.add_subapp('/sub', sub)\n    return app\n"
    )
}
TORNADO = {
    "main.py": (
        "import tornado.web\nclass Base(tornado.web.RequestHandler): ...\n"
        "class Main(Base):\n    def get(self): self.get_argument('q')\n"
        "    def post(self): self.get_body_argument('b')\n"
        "HANDLERS = [(r'/', Main), (r'/n/(?P<key>[0-9]+)', Main)]\n"
        "HANDLERS += [(r'/more/?', Main)]\n"
        "class App(tornado.web.Application):\n"
        "    def __init__(self):\n        super().__init__(HANDLERS)\napp = App()\n"
    )
}
SANIC = {
    "main.py": (
        "from sanic import Blueprint, Sanic\nfrom sanic.views import HTTPMethodView\n"
        "app = Sanic('a')\nbp = Blueprint('b', url_prefix='/b', version=1)\n"
        "@bp.post('/x')\nasync def x(request): return request.json['n']\n"
        "class V(HTTPMethodView):\n    async def patch(self, request): return request.form['f']\n"
        "app.add_route(V.as_view(), '/v')\napp.blueprint(Blueprint.group(bp, url_prefix='/g'))\n"
    )
}
BOTTLE = {
    "main.py": (
        "from bottle import Bottle, get, request, route\nsub = Bottle()\n"
        "@route('/a/<name>', method=['GET', 'POST'])\ndef a(name): return request.forms.get('x')\n"
        "@get('/q')\ndef q(): return request.query.term\n"
        "@sub.put('/s')\ndef s(): return request.json['z']\n"
        "root = Bottle()\nroot.mount('/sub', sub)\n"
    )
}
QUART = {
    "main.py": (
        "from quart import Blueprint, Quart, request\nbp = Blueprint('b', __name__)\n"
        "@bp.post('/x')\nasync def x():\n    form = await request.form\n    return form['f']\n"
        "app = Quart(__name__)\napp.register_blueprint(bp, url_prefix='/q')\n"
    )
}
LITESTAR = {
    "main.py": (
        "from dataclasses import dataclass\n"
        "from litestar import Controller, Litestar, Router, post\n"
        "@dataclass\nclass D:\n    a: int\n"
        "class C(Controller):\n    path = '/c'\n    @post('/{id:int}')\n"
        "    async def make(self, id: int, data: D) -> D: ...\n"
        "app = Litestar(route_handlers=[Router(path='/r', route_handlers=[C])])\n"
    )
}
FALCON = {
    "main.py": (
        "import falcon\nclass R:\n    def on_post(self, req, resp):\n        m = req.media\n"
        "        m['a']\napp = falcon.App()\napp.add_route('/r/{id}', R())\n"
    )
}


@pytest.mark.parametrize(
    ("files", "expected", "one", "takes"),
    [
        (
            FLASK_NAMES,
            {"GET /p/{page}", "POST /p/{page}", "GET /users/", "DELETE /items/{key}"},
            "POST /p/{page}",
            {"page": "path", "q": "query", "title": "form"},
        ),
        (
            FLASK_LATE,
            {"GET /v1/notes", "POST /v1/notes", "GET /ping", "PUT /ping", "GET /part"},
            "POST /v1/notes",
            {"title": "json"},
        ),
        (
            FLASK_REST,
            {f"{verb} /api/{one}/{{key}}" for verb in ("GET", "PUT") for one in ("todo", "todos")},
            "PUT /api/todo/{key}",
            {"key": "path", "task": "json"},
        ),
        (FLASK_NESTED, {"GET /o/i/x"}, "GET /o/i/x", {}),
        (
            FASTAPI,
            {"GET /api/v1/items/", "POST /api/v1/items/{item_id}"},
            "POST /api/v1/items/{item_id}",
            {"item_id": "path", "name": "json", "price": "json"},
        ),
        (
            STARLETTE,
            {"GET /", "GET /api/u/{id}", "POST /api/u/{id}", "GET /api/late", "POST /api/late"},
            "POST /api/u/{id}",
            {"id": "path", "name": "form"},
        ),
        (
            AIOHTTP,
            {"GET /table", "POST /p/{id}", "PUT /w", "DELETE /sub/d"},
            "POST /p/{id}",
            {"id": "path", "f": "form"},
        ),
        (
            TORNADO,
            {f"{verb} {path}" for verb in ("GET", "POST") for path in ("/", "/n/{key}", "/more")},
            "POST /n/{key}",
            {"key": "path", "b": "form"},
        ),
        (SANIC, {"POST /v1/g/b/x", "PATCH /v"}, "POST /v1/g/b/x", {"n": "json"}),
        (
            BOTTLE,
            {"GET /a/{name}", "POST /a/{name}", "GET /q", "PUT /sub/s"},
            "GET /q",
            {"term": "query"},
        ),
        (QUART, {"POST /q/x"}, "POST /q/x", {"f": "form"}),
        (LITESTAR, {"POST /r/c/{id}"}, "POST /r/c/{id}", {"id": "path", "a": "json"}),
        (FALCON, {"POST /r/{id}"}, "POST /r/{id}", {"id": "path", "a": "json"}),
    ],
    ids=[
        *("flask-names", "flask-late", "flask-rest", "flask-nested", "fastapi", "starlette"),
        *("aiohttp", "tornado", "sanic", "bottle", "quart", "litestar", "falcon"),
    ],
)
def test_routes_with_their_prefixes_and_inputs(
    files: dict[str, str], expected: set[str], one: str, takes: dict[str, str], tmp_path: Path
):
    found = read_app(tmp_path, files)

    assert operations(found) == expected
    assert inputs(found, *one.split()) == takes
    assert (found.complete, found.reason) == (True, "")


def test_guards_are_seen_in_decorators_dependencies_and_classes(tmp_path: Path):
    found = read_app(tmp_path, {**FLASK_NAMES, **FASTAPI})

    guarded = {one.path for one in found.routes if one.auth}
    assert guarded == {"/items/{key}", "/api/v1/items/{item_id}"}


@pytest.mark.parametrize(
    "files",
    [
        {
            "a.py": "import strawberry\nfrom fastapi import FastAPI\n"
            "from strawberry.fastapi import GraphQLRouter\napp = FastAPI()\n"
            "app.include_router(GraphQLRouter(strawberry.Schema(Q)), prefix='/graphql')\n"
        },
        {
            "a.py": "from flask import Flask\nfrom flask_graphql import GraphQLView\n"
            "app = Flask('a')\n"
            "app.add_url_rule('/graphql', view_func=GraphQLView.as_view('g', schema=1))\n"
        },
        {
            "a.py": "from ariadne.asgi import GraphQL\n"
            "from starlette.applications import Starlette\n"
            "app = Starlette()\napp.mount('/graphql', GraphQL(schema))\n"
        },
        {
            "a.py": "from ariadne import graphql_sync\nfrom flask import Flask, request\n"
            "app = Flask('a')\n@app.route('/graphql', methods=['POST'])\ndef ask():\n"
            "    return graphql_sync(schema, request.get_json())\n"
        },
        {
            "p/urls.py": "from django.urls import path\n"
            "from graphene_django.views import GraphQLView\n"
            "from django.views.decorators.csrf import csrf_exempt\n"
            "urlpatterns = [path('graphql', csrf_exempt(GraphQLView.as_view(graphiql=True)))]\n"
        },
    ],
)
def test_graphql_takes_input(files: dict[str, str], tmp_path: Path):
    found = read_app(tmp_path, files)

    assert inputs(found, "POST", "/graphql")["query"] == "json"
    assert found.find("POST", "/graphql").kind == "graphql"
    assert found.complete


APP = "from flask import Flask\napp = Flask('a')\n"
DJANGO = "from django.urls import include, path\n"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (APP + "load(app)\n", "no route of it"),
        (APP + "@app.get(ENV['P'])\ndef f(): ...", "run time"),
        (APP + "app.add_url_rule(rule(), view_func=f)", "run time"),
        (APP + "for r in load():\n    app.register_blueprint(r)", "what r is"),
        (APP + "def (:", "SyntaxError"),
        ("import cherrypy\n", "no reader knows the routes of cherrypy"),
        (
            "from flask import Blueprint\nb = Blueprint('b', 'b')\n@b.get('/x')\ndef x(): ...",
            "mounted",
        ),
        ("def application(environ, start_response): ...", "plain WSGI"),
        ("from tornado.web import Application\nApplication(load_handlers())", "made at run time"),
        (DJANGO + "urlpatterns = [path('', include('allauth.urls'))]", "allauth.urls is no file"),
        (DJANGO + "urlpatterns = [path('', view_of('x'))]", "the view of / is not known"),
        (DJANGO + "urlpatterns = load()", "made at run time"),
    ],
)
def test_what_could_not_be_read_is_said(source: str, why: str, tmp_path: Path):
    found = read_app(tmp_path, {"urls.py": source})

    assert not found.complete
    assert why in found.reason
    assert found.reason.startswith("routes could not be read: ")


@pytest.mark.parametrize("suffix", ["php", "go", "rb", "java", "rs", "cs"])
def test_languages_without_a_reader_are_named(suffix: str, tmp_path: Path):
    found = read_app(tmp_path, {f"main.{suffix}": "x"})

    assert f"main.{suffix}: no reader knows the routes of" in found.reason


@pytest.mark.parametrize(
    "files",
    [
        {"tool.py": "print 'python 2'"},
        {"tests/test_app.py": "from flask import Flask\ndef (:"},
        {"a.py": "import requests\nrequests.get('/x')\n"},
        {"index.html": "<p>"},
    ],
)
def test_a_file_that_serves_nothing_leaves_the_map_complete(files: dict[str, str], tmp_path: Path):
    assert read_app(tmp_path, files).complete


@pytest.mark.parametrize(
    "body",
    [
        "create(request.get_json())",
        "Note(**request.json)",
        "list(request.form.items())",
    ],
)
def test_a_body_of_unnamed_fields_may_be_no_absence_of_inputs(body: str, tmp_path: Path):
    source = f"from flask import Flask, request\napp = Flask('a')\n@app.post('/x')\ndef x(): {body}"
    found = read_app(tmp_path, {"a.py": source})

    (route,) = found.routes
    assert not route.inputs
    assert route.opaque
    assert "POST /x" in found.absence_unproven


def test_helpers_of_the_app_that_read_a_request_are_followed(tmp_path: Path):
    found = read_app(
        tmp_path,
        {
            "a.py": "from flask import Flask\nfrom h import text_field, save\napp = Flask('a')\n"
            "@app.post('/x')\ndef x():\n    return save(text_field('title'))\n",
            "h.py": "from flask import request\n"
            "def value(key):\n    data = request.get_json() or {}\n    return data.get(key)\n"
            "def text_field(name): return value(name).strip()\n"
            "def save(title): return request.form['note']\n",
        },
    )

    assert inputs(found, "POST", "/x") == {"title": "json", "note": "form"}


@pytest.mark.parametrize(
    "data",
    [
        "import flask\napp = flask.Flask('x')\n@app.get('/x')\ndef f(): ...\n".encode("utf-16"),
        b"\xef\xbb\xbfimport flask\n\x0c\napp = flask.Flask('x')\n@app.get('/x')\ndef f(): ...\n",
        "# -*- coding: latin-1 -*-\nimport flask\napp = flask.Flask('é')\n"
        "@app.get('/x')\ndef f(): ...\n".encode("latin-1"),
        b"import flask\r\napp = flask.Flask('x')\r\n@app.get('/x')\r\ndef f(): ...\r\n",
    ],
)
def test_sources_in_any_encoding_are_read(data: bytes, tmp_path: Path):
    assert operations(read_app(tmp_path, {"a.py": data})) == {"GET /x"}
