"""Folders that nothing starts: only where nothing at all names them."""

from pathlib import Path
from typing import Any

import pytest

from analyzers.runtime.measure.cell import Attachments, measure_cell
from analyzers.runtime.process.runner import Runner
from analyzers.runtime.source.listing import list_source
from analyzers.runtime.source.projects import note_for
from analyzers.runtime.tool import Parsed, ToolRun
from contract.analysis import Coverage, Finding, Location, Severity
from tests.support.demo_analyzer import DemoTool, request_for
from tests.unit.test_runtime_authorship import write

OLD = {"old-site/package.json": b"{}", "old-site/index.js": b"eval(x);\n"}


def idle(root: Path, files: dict[str, bytes]) -> tuple[str, ...]:
    return list_source(write(root, files)).idle


@pytest.mark.parametrize(
    "files",
    [
        {"app.py": b"print(1)\n"},
        {"Dockerfile": b"FROM python\nCOPY . /srv\nCMD python app.py\n", "app.py": b""},
        {"docker-compose.yml": b"services:\n  api:\n    build: ./api\n", "api/app.py": b""},
        {"package.json": b'{"main": "server.js"}', "server.js": b"", "README.md": b"cd old-site"},
        {"app.py": b"", ".gitignore": b"old-site/\n"},
    ],
    ids=["entry", "Dockerfile", "compose", "only the manual names it", "only git is told"],
)
def test_a_project_that_nothing_names_is_idle(files: dict[str, bytes], tmp_path: Path):
    assert idle(tmp_path, {**files, **OLD}) == ("old-site/",)


@pytest.mark.parametrize(
    "files",
    [
        {"docker-compose.yml": b"services:\n  web:\n    build: ./old-site\n"},
        {"Dockerfile": b"FROM node\nCOPY old-site /srv\n"},
        {"package.json": b'{"workspaces": ["old-site"]}'},
        {"package.json": b'{"scripts": {"start": "npm --prefix old-site start"}}'},
        {"app.py": b"app = Flask(__name__, static_folder='old-site/dist')\n"},
        {"server.js": b"app.use(express.static(path.join(__dirname, 'old-site')));\n"},
        {"Procfile": b"web: node old-site/index.js\n"},
        {"start.sh": b"cd old-site && npm start\n", "app.py": b""},
        {},  # nothing at the root starts anything: who knows which of several it is
    ],
)
def test_what_anything_names_is_not_called_idle(files: dict[str, bytes], tmp_path: Path):
    assert idle(tmp_path, {**files, **OLD}) == ()


def test_workspaces_are_named_together_and_imports_name_a_package(tmp_path: Path):
    files = {
        "package.json": b'{"workspaces": ["packages/*"]}',
        "packages/ui/package.json": b"{}",
        "manage.py": b"import blog.urls\n",
        "blog/requirements.txt": b"",
        "attic/first/requirements.txt": b"",
        "attic/first/app.py": b"",
    }

    assert idle(tmp_path, files) == ("attic/first/",)


def test_the_note_names_the_folder():
    assert "old-site/, which nothing starts" in note_for("old-site/index.js", ("old-site/",))
    assert note_for("src/index.js", ("old-site/",)) == ""
    assert note_for(None, ("old-site/",)) == ""


async def test_a_finding_in_an_idle_project_says_so(tmp_path: Path):
    found = [
        Finding(tool="t", rule_id="r", message="bad", severity=Severity.HIGH, location=place)
        for place in (Location(path="old-site/index.js"), Location(path="app.py"))
    ]

    class Finds(DemoTool):
        async def run(self, run: ToolRun, execute: Any) -> Parsed:
            return Parsed(Coverage(unit="files", reached=1), tuple(found))

    source = list_source(write(tmp_path / "app", {"app.py": b"", **OLD}))
    run = ToolRun(request_for(tmp_path / "app"), source, tmp_path, tmp_path)
    cell = await measure_cell(Finds(), run, Runner(tmp_path), "1", Attachments(tmp_path / "kept"))

    assert [one.message for one in cell.report.findings] == [
        "bad " + note_for("old-site/index.js", source.idle),
        "bad",
    ]
