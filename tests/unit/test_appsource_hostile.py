"""Sources and manifests made to stop the reader: it ends, and says what it did not read."""

import json
import os
from pathlib import Path

import pytest

from analyzers.appsource.reading.links import Budget
from analyzers.appsource.reading.tree import read_tree
from analyzers.appsource.route_map import parse_route_map
from analyzers.appsource.route_reader import read_routes
from analyzers.runtime.process.runner import Runner
from analyzers.runtime.source.listing import list_source
from analyzers.runtime.tool import Command, Completed, ToolFault
from tests.support.appsource import lay, operations, read_app
from tests.support.static_run import make_run

GOOD = "from flask import Flask\napp = Flask('a')\n@app.get('/ok')\ndef ok(): ...\n"
LOOPS = "".join("  " * i + f"for v{i} in L:\n" for i in range(8))


@pytest.mark.parametrize(
    "source",
    [
        "import flask\nx = " + "(" * 5_000 + "1" + ")" * 5_000,
        "import flask\nx = a" + ".b" * 20_000,
        "import flask\nx = " + "-" * 100_000 + "1",
        "import flask\napp = flask.Flask('x')\ns0 = '/aaaaaaaaaa'\n"
        + "".join(f"s{i + 1} = s{i} + s{i}\n" for i in range(60))
        + "@app.route(s60)\ndef f(): ...\n",
        "from evil import *\nfrom evil import app as app\nfrom flask import Blueprint\n"
        "app.register_blueprint(app)\nx = Blueprint('x', 'x')\nx.register_blueprint(x)\n",
        "import flask\n" + "x = 1; " * 200_000,
    ],
    ids=["brackets", "attributes", "minus", "doubling", "circles", "line"],
)
def test_a_hostile_module_costs_itself_alone(source: str, tmp_path: Path):
    assert "GET /ok" in operations(read_app(tmp_path, {"evil.py": source, "good.py": GOOD}))


def test_loops_within_loops_are_given_up_and_named(tmp_path: Path):
    source = f"{GOOD}L = {[f'/{i}' for i in range(400)]}\n{LOOPS}" + "  " * 8
    lay(tmp_path, {"a.py": source + "app.add_url_rule(v0 + v1, view_func=ok)\n"})
    budget = Budget(steps=100_000)
    found = read_tree(tmp_path, ["a.py"], budget=budget)

    assert budget.steps < 0
    assert "there is too much to follow" in parse_route_map(json.dumps(found).encode()).reason


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path):
    lay(tmp_path, {"good.py": GOOD})
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "link.py").symlink_to("/etc/passwd")

    found = parse_route_map(
        json.dumps(read_tree(tmp_path, ["good.py", "link.py", "pipe.py"])).encode()
    )

    reasons = {one.file: one.reason for one in found.unread}
    assert reasons == {"link.py": "unreadable: symbolic link", "pipe.py": "not a regular file"}
    assert operations(found) == {"GET /ok"}


async def test_a_reader_that_fails_leaves_every_file_unread(tmp_path: Path):
    root = lay(tmp_path / "app", {"good.py": GOOD})
    run = make_run(list_source(root), tmp_path)

    async def fails(command: Command) -> Completed:
        raise ToolFault("it took longer than 60 s")

    found = await read_routes(run, fails)

    assert not found.complete
    assert "good.py: the route reader failed: it took longer than 60 s" in found.reason


async def test_the_program_reads_once_for_all_tools_of_a_run(tmp_path: Path):
    root = lay(tmp_path / "app", {"good.py": GOOD, "wide.py": GOOD.encode("utf-16")})
    run = make_run(list_source(root), tmp_path)
    runner, commands = Runner(tmp_path), list[Command]()

    async def counting(command: Command) -> Completed:
        commands.append(command)
        return await runner(command)

    first, second = await read_routes(run, counting), await read_routes(run, counting)

    assert first is second
    assert len(commands) == 1
    assert first.complete
    assert {one.file for one in first.routes} == {"good.py"} or len(first.routes) == 2


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"operations": 1}', b"[" * 100_000])
def test_an_answer_that_is_no_map_is_refused(raw: bytes):
    with pytest.raises(ValueError, match="no map of routes"):
        parse_route_map(raw)
