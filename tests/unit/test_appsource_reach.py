"""Which lines run for a route: the handler's own first, then those of what it calls."""

from pathlib import Path

import pytest

from tests.support.appsource import read_app

FLASK = {
    "app.py": (
        "from flask import Flask, request\nfrom flask.views import MethodView\nimport db\n"
        "from guards import logged_in\napp = Flask(__name__)\n\n\n"  # 5
        "@app.get('/notes')\n@logged_in\ndef notes():\n"  # 8-10
        "    return db.find(\n        request.args['q'])\n\n\n"  # 11-12
        "class Item(MethodView):\n    def get(self): return self.load()\n"  # 15-16
        "    def load(self):\n        return 1\n\n\n"  # 17-18
        "app.add_url_rule('/item', view_func=Item.as_view('item'))\n"
    ),
    "db.py": "def find(q):\n    return run('...' + q)\n\n\ndef run(sql):\n    return sql\n",
    "guards.py": "def logged_in(view):\n    return view\n",
}
EXPRESS = {
    "package.json": '{"dependencies": {"express": "4"}}',
    "server.js": (
        "const express = require('express');\nconst { find } = require('./store');\n"
        "const handlers = require('./handlers');\nconst app = express();\n"
        "function user(req, res, next) {\n  next();\n}\n"  # 5-7
        "app.get('/a', user, (req, res) => {\n  res.json(find(req.query.q));\n});\n"  # 8-10
        "app.get('/b', handlers.b);\napp.listen(3000);\n"
    ),
    "store.js": "\nexports.find = function (q) {\n  return q;\n};\n",
    "handlers.js": "exports.b = (req, res) => {\n  res.send('x');\n};\n",
}


def spans(root: Path, files: dict[str, str]) -> dict[str, tuple[str, int | None, list[str]]]:
    found = read_app(root, files)
    return {
        one.path: (one.file, one.line, [f"{f}:{first}-{last}" for f, first, last in one.spans])
        for one in found.routes
    }


def test_python_decorators_calls_and_methods(tmp_path: Path):
    assert spans(tmp_path, FLASK) == {
        "/notes": (
            "app.py",
            10,
            ["app.py:8-12", "guards.py:1-2", "db.py:1-2", "db.py:5-6"],
        ),
        "/item": ("app.py", 16, ["app.py:16-16", "app.py:17-18"]),
    }


def test_javascript_middleware_and_handlers_of_another_file(tmp_path: Path):
    assert spans(tmp_path, EXPRESS) == {
        "/a": ("server.js", 8, ["server.js:8-10", "server.js:5-7", "store.js:2-4"]),
        "/b": ("handlers.js", 1, ["handlers.js:1-3"]),
    }


@pytest.mark.parametrize(
    "before", ["/* \u2028 \u2029 😀 */\n\n", "/* 😀\r\n*/\r\n", "// \f\v\x85\n\n"]
)
def test_lines_are_those_of_an_editor(tmp_path: Path, before: str):
    files = EXPRESS | {"server.js": before + EXPRESS["server.js"]}

    file, line, found = spans(tmp_path, files)["/a"]

    assert (file, line, found[0]) == ("server.js", 10, "server.js:10-12")


def test_routes_of_one_function_share_it_by_branches(tmp_path: Path):
    text = (
        "from http.server import BaseHTTPRequestHandler\n"
        "class H(BaseHTTPRequestHandler):\n    def do_GET(self):\n"
        "        if self.path == '/a':\n            return 1\n"
        "        if self.path == '/b':\n            return 2\n"
    )

    assert {path: found for path, (_, _, found) in spans(tmp_path, {"app.py": text}).items()} == {
        "/a": ["app.py:4-5"],
        "/b": ["app.py:6-7"],
    }


def test_functions_that_call_each_other_end(tmp_path: Path):
    text = (
        "from flask import Flask\napp = Flask(__name__)\n"
        + "".join(f"def f{n}(): return f{(n + 1) % 90}()\n" for n in range(90))
        + "@app.get('/')\ndef home(): return f0()\n"
    )

    (_, _, found) = spans(tmp_path, {"app.py": text})["/"]

    assert found == ["app.py:93-94", "app.py:3-3", "app.py:4-4", "app.py:5-5"]


FASTAPI = {
    "main.py": (
        "from typing import Annotated\nfrom fastapi import Depends, FastAPI\napp = FastAPI()\n"
        "def run(q):\n    eval(q)\n"  # 4-5
        "def asked(q: str):\n    return run(q)\n"  # 6-7
        "@app.get('/a')\ndef a(value=Depends(asked)): ...\n"  # 8-9
        "@app.get('/b')\ndef b(value: Annotated[str, Depends(asked)]): ...\n"  # 10-11
        "@app.get('/c', dependencies=[Depends(asked)])\ndef c(): ...\n"  # 12-13
    )
}
DJANGO = {
    "manage.py": "",
    "site/settings.py": "ROOT_URLCONF = 'site.urls'\n",
    "site/urls.py": (
        "from django.urls import include, path\nfrom rest_framework.routers import DefaultRouter\n"
        "from . import views\nrouter = DefaultRouter()\n"
        "router.register('notes', views.Notes)\nurlpatterns = [path('', include(router.urls))]\n"
    ),
    "site/views.py": (
        "from rest_framework import viewsets\nclass Notes(viewsets.ModelViewSet):\n"
        "    def get_queryset(self):\n        return self.raw()\n"  # 3-4
        "    def raw(self):\n        return eval(self.request.GET['q'])\n"  # 5-6
    ),
}
NEST = {
    "package.json": '{"dependencies": {"@nestjs/common": "10"}}',
    "cats.controller.ts": (
        "import { Controller, Get, Query } from '@nestjs/common';\n"
        "import { CatsService } from './cats.service';\n"
        "@Controller('cats')\nexport class Cats {\n"
        "  constructor(private readonly cats: CatsService) {}\n"
        "  @Get() all(@Query('q') q: string) { return this.cats.find(q); }\n}\n"  # 6
    ),
    "cats.service.ts": (
        "export class CatsService {\n  find(q: string) { return this.run(q); }\n"  # 2
        "  run(q: string) { return eval(q); }\n}\n"  # 3
    ),
}
KEPT_SERVICE = {
    "package.json": '{"dependencies": {"express": "4"}}',
    "server.js": (
        "const express = require('express');\nconst Notes = require('./notes');\n"
        "class Controller {\n  constructor() {\n    this.notes = new Notes();\n  }\n"
        "  list(req, res) {\n    res.send(this.notes.find(req.query.q));\n  }\n}\n"  # 7-9
        "const app = express();\nconst controller = new Controller();\n"
        "app.get('/notes', controller.list);\napp.listen(1);\n"
    ),
    "notes.js": "class Notes {\n  find(q) { return eval(q); }\n}\nmodule.exports = Notes;\n",
}
NUXT = {
    "package.json": '{"dependencies": {"nuxt": "3"}}',
    "server/api/run.post.ts": (
        "import { run } from '../run';\nexport default defineEventHandler(async (event) => {\n"
        "  return run((await readBody(event)).z);\n});\n"  # 2-4
    ),
    "server/run.ts": "export function run(z) { return eval(z); }\n",
}


@pytest.mark.parametrize(
    ("files", "path", "lines"),
    [
        (FASTAPI, "/a", ["main.py:8-9", "main.py:6-7", "main.py:4-5"]),
        (FASTAPI, "/b", ["main.py:10-11", "main.py:6-7", "main.py:4-5"]),
        (FASTAPI, "/c", ["main.py:12-13", "main.py:6-7", "main.py:4-5"]),
        (DJANGO, "/notes/{pk}/", ["site/views.py:3-4", "site/views.py:5-6"]),
        (
            NEST,
            "/cats",
            ["cats.controller.ts:6-6", "cats.service.ts:2-2", "cats.service.ts:3-3"],
        ),
        (KEPT_SERVICE, "/notes", ["server.js:7-9", "notes.js:2-2"]),
        (NUXT, "/api/run", ["server/api/run.post.ts:2-4", "server/run.ts:1-1"]),
    ],
    ids=["default", "annotation", "decorator", "viewset", "injected", "kept", "nuxt"],
)
def test_what_a_framework_calls_for_a_route(
    files: dict[str, str], path: str, lines: list[str], tmp_path: Path
):
    assert spans(tmp_path, files)[path][2] == lines
