from pathlib import Path

import pytest

from clients import blame
from clients.appfolder import AppFault, read_plan
from clients.blame import PlatformFault
from clients.scaffolds import find_scaffold

FLASK = "from flask import Flask\napp = Flask(__name__)\n"


@pytest.mark.parametrize(
    ("files", "kind", "words"),
    [
        ({"requirements.txt": "Flask==3\n", "app.py": FLASK}, "flask", ("flask", "app:app")),
        (
            {"requirements.txt": "fastapi\n", "main.py": "api = FastAPI()\n"},
            "fastapi",
            ("uvicorn", "main:api"),
        ),
        (
            {"requirements.txt": "flask\n", "wsgi.py": "def create_app(): ...\n"},
            "flask",
            ("flask", "wsgi"),
        ),
        ({"package.json": '{"scripts": {"start": "node x"}}'}, "node", ("npm", "start")),
        (
            {"package.json": '{"dependencies": {"express": "5"}}', "server.js": ""},
            "node",
            ("node", "server.js"),
        ),
        ({"index.html": "<p>"}, "static", ("http.server",)),
    ],
)
def test_a_known_framework_gets_a_dockerfile(tmp_path: Path, files, kind, words):
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    scaffold = find_scaffold(tmp_path)

    assert scaffold is not None
    assert scaffold.kind == kind
    assert set(words) <= set(scaffold.argv)
    assert f"EXPOSE {scaffold.port}" in scaffold.dockerfile()
    assert "@" not in scaffold.dockerfile().splitlines()[-1]


@pytest.mark.parametrize(
    "files",
    [
        {"package.json": "not json"},
        {"package.json": "[]"},
        {"package.json": '{"dependencies": {"express": "5"}, "main": "$(reboot)"}'},
        {"requirements.txt": "numpy\n", "app.py": "print(1)\n"},
    ],
)
def test_that_we_do_not_know_how_an_app_is_started_is_not_its_fault(tmp_path: Path, files):
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    with pytest.raises(PlatformFault, match="no Dockerfile, and no known framework") as caught:
        read_plan(tmp_path)

    assert caught.value.row == blame.NO_KNOWN_START.key
    assert not caught.value.retryable


def test_an_app_without_a_file_is_its_authors_fault(tmp_path: Path):
    (tmp_path / "src").mkdir()

    with pytest.raises(AppFault, match="holds no file"):
        read_plan(tmp_path)


def test_the_apps_own_dockerfile_goes_before_a_scaffold(tmp_path: Path):
    (tmp_path / "index.html").write_text("<p>")
    (tmp_path / "Dockerfile").write_text("FROM nginx\n")

    assert read_plan(tmp_path).services[0].dockerfile == "FROM nginx\n"
