"""What the reader finds, beside what the frameworks themselves answer at."""

import json
import subprocess
from pathlib import Path

from aiohttp import web

from tests.support.appsource import ROOT, operations, read_app

PYTHON = ROOT / ".tools/dynamic/venv-wapiti/bin/python"
"""Flask and Tornado are installed there, as libraries of a tool."""

FLASK = {
    "main.py": (
        "from flask import Blueprint, Flask, request\nfrom flask.views import MethodView\n"
        "from parts.admin import bp as admin\nimport parts.shop as shop\n"
        "class Notes(MethodView):\n    def get(self, key=None): ...\n    def post(self): ...\n"
        "def create_app():\n    app = Flask(__name__, static_folder=None)\n"
        "    app.register_blueprint(admin, url_prefix='/admin')\n"
        "    for one in shop.PARTS:\n        app.register_blueprint(one)\n"
        "    view = Notes.as_view('notes')\n    app.add_url_rule('/notes/', view_func=view)\n"
        "    @app.route('/<path:rest>/end', methods=['GET', 'DELETE'])\n    def end(rest): ...\n"
        "    return app\napp = create_app()\n"
    ),
    "parts/__init__.py": "",
    "parts/admin.py": (
        "from flask import Blueprint\nbp = Blueprint('admin', __name__, url_prefix='/not-used')\n"
        "inner = Blueprint('inner', __name__, url_prefix='/inner')\n"
        "@inner.get('/<int:n>')\ndef n(n): ...\n@bp.post('/')\ndef root(): ...\n"
        "bp.register_blueprint(inner)\n"
    ),
    "parts/shop.py": (
        "from flask import Blueprint\na = Blueprint('a', __name__)\n"
        "b = Blueprint('b', __name__, url_prefix='/b')\nPARTS = [a]\nPARTS.append(b)\n"
        "@a.route('/a')\ndef of_a(): ...\n@b.put('/x')\ndef of_b(): ...\n"
    ),
}
SHOW_FLASK = """
import json, re
from main import app
rows = [
    f"{verb} " + re.sub(r"<(?:[^<>:]+:)?([^<>]+)>", r"{\\1}", rule.rule)
    for rule in app.url_map.iter_rules() for verb in rule.methods - {"HEAD", "OPTIONS"}
]
print(json.dumps(rows))
"""


def test_flask_itself_answers_at_the_same_operations(tmp_path: Path):
    found = read_app(tmp_path, FLASK)

    done = subprocess.run(
        [PYTHON, "-c", SHOW_FLASK], cwd=tmp_path, capture_output=True, check=True, text=True
    )

    assert operations(found) == set(json.loads(done.stdout))
    assert found.complete


AIOHTTP = """
from aiohttp import web
routes = web.RouteTableDef()
@routes.get("/table", allow_head=False)
async def table(request): ...
@routes.view("/view")
class View(web.View):
    async def get(self): ...
    async def delete(self): ...
async def plain(request): ...
def make():
    app = web.Application()
    app.router.add_get("/g/{key}", plain, allow_head=False)
    app.router.add_route("PATCH", r"/n/{n:[0-9]+}", plain)
    app.add_routes([web.post("/w", plain)])
    app.add_routes(routes)
    sub = web.Application()
    sub.add_routes([web.put("/s", plain)])
    app.add_subapp("/sub/", sub)
    return app
"""


def test_aiohttp_itself_answers_at_the_same_operations(tmp_path: Path):
    found = read_app(tmp_path, {"main.py": AIOHTTP})
    names: dict[str, object] = {}
    exec(compile(AIOHTTP, "main.py", "exec"), names)
    app = names["make"]()
    assert isinstance(app, web.Application)

    known = set[str]()
    for route in app.router.routes():
        path = route.resource.get_info()
        text = path.get("path") or path.get("formatter")
        verbs = ("GET", "DELETE") if route.method == "*" else (route.method,)
        known |= {f"{verb} {text}" for verb in verbs}
    assert operations(found) == known
