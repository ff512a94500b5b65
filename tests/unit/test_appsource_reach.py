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
