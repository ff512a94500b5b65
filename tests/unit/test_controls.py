"""The control apps' answer sheets agree with the apps they describe."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from analyzers.dynamic.tools import TOOLS as DYNAMIC
from analyzers.static.tools import TOOLS as STATIC
from contract.template import TemplateSpec
from control.added import answer_sheet

CONTROLS = Path(__file__).resolve().parents[2] / "controls"
LABEL_SHEETS = CONTROLS / "labels"
APPS = sorted(
    CONTROLS / path.parent.relative_to(LABEL_SHEETS)
    for path in LABEL_SHEETS.glob("*/app*/expected.yaml")
)
BEHAVIOURS = {"ok", "does_not_start", "crashes_under_load", "always_500"}
ANALYZERS = {"static", "dynamic", "ai"}
SEVERITIES = {"critical", "high", "medium", "low"}
KEYS = {
    "id", "cwe", "title", "file", "line", "snippet", "route", "analyzers", "severity"
}  # fmt: skip
GENERATED = {"node_modules", "dist", "data", "__pycache__"}


def app_name(app: Path) -> str:
    return f"{app.parent.name}/{app.name}"


def expected(app: Path) -> dict[str, Any]:
    sheet = LABEL_SHEETS / app.relative_to(CONTROLS) / "expected.yaml"
    return yaml.safe_load(sheet.read_text())


LABELS = [
    pytest.param(app, label, id=f"{app_name(app)}:{label['id']}")
    for app in APPS
    for label in expected(app)["weaknesses"]
]


def test_every_app_folder_has_an_answer_sheet():
    folders = sorted(path for path in CONTROLS.glob("*/app*") if path.is_dir())

    assert [app_name(path) for path in folders] == [
        "broken-1/app1", "broken-1/app2", "broken-1/app3", "careful-1/app1", "careful-1/app2",
        "careless-1/app1", "careless-1/app2", "empty-1/app1",
    ]  # fmt: skip
    assert folders == APPS


@pytest.mark.parametrize("app", APPS, ids=app_name)
def test_answer_sheet_describes_its_app(app: Path):
    sheet = expected(app)

    assert set(sheet) - {"must_see"} == {"app", "weaknesses"}
    assert set(sheet["app"]) == {"description", "behaviour"}
    assert sheet["app"]["behaviour"] in BEHAVIOURS
    assert (sheet["app"]["behaviour"] != "ok") == (app.parent.name == "broken-1")


@pytest.mark.parametrize("app", APPS, ids=app_name)
def test_only_careless_apps_have_weaknesses_and_their_ids_are_unique(app: Path):
    ids = [label["id"] for label in expected(app)["weaknesses"]]

    assert len(set(ids)) == len(ids)
    assert bool(ids) == (app.parent.name == "careless-1")


@pytest.mark.parametrize("app", APPS, ids=app_name)
def test_a_tool_must_see_what_its_analyzer_could_see(app: Path):
    sheet = answer_sheet(app.parent.name, int(app.name.removeprefix("app")))
    could = {label.id: {str(kind) for kind in label.analyzers} for label in sheet.weaknesses}

    assert bool(sheet.must_see) == (app.parent.name == "careless-1")
    for tool, ids in sheet.must_see.items():
        assert [one for one in ids if tool.partition("/")[0] not in could[one]] == [], tool


def test_every_tool_that_must_see_something_is_a_tool_that_there_is():
    tools = {f"static/{tool.name}" for tool in STATIC} | {
        f"dynamic/{tool.name}" for tool in DYNAMIC
    }
    named = {tool for app in (1, 2) for tool in answer_sheet("careless-1", app).must_see}

    assert named <= tools
    assert len(named) >= 10


@pytest.mark.parametrize(("app", "label"), LABELS)
def test_label_is_complete(app: Path, label: dict[str, Any]):
    assert set(label) == KEYS
    assert type(label["cwe"]) is int
    assert 1 <= label["cwe"] <= 1500
    assert label["severity"] in SEVERITIES
    assert label["analyzers"]
    assert set(label["analyzers"]) <= ANALYZERS
    assert label["route"] is None or set(label["route"]) == {"method", "path"}


@pytest.mark.parametrize(("app", "label"), LABELS)
def test_label_points_at_its_line(app: Path, label: dict[str, Any]):
    line = (app / label["file"]).read_text().splitlines()[label["line"] - 1].strip()

    assert line
    assert not line.startswith(("#", "//", "/*", "*", "{/*"))
    assert label["snippet"]
    assert label["snippet"] in line


@pytest.mark.parametrize(
    "app", [app for app in APPS if app.parent.name == "careless-1"], ids=app_name
)
def test_careless_code_has_no_comments_that_could_point_at_a_weakness(app: Path):
    sources = [
        path
        for suffix in ("*.py", "*.js", "*.jsx")
        for path in app.rglob(suffix)
        if not GENERATED & set(path.relative_to(app).parts)
    ]
    lines = [line.strip() for path in sources for line in path.read_text().splitlines()]

    assert sources
    assert [line for line in lines if line.startswith(("#", "//", "/*", "{/*"))] == []


def test_no_answer_sheet_lies_within_an_app():
    assert list(CONTROLS.glob("*/app*/**/expected.yaml")) == []


def test_lock_files_name_no_hosts():
    locks = [
        path for path in CONTROLS.rglob("package-lock.json") if not GENERATED & set(path.parts)
    ]

    assert len(locks) == 2
    for lock in locks:
        text = lock.read_text()
        assert "://" not in text
        assert "resolved" not in text
        assert json.loads(text)["lockfileVersion"] == 3


def test_python_dependencies_are_pinned():
    lines = [
        line for path in CONTROLS.rglob("requirements.txt") for line in path.read_text().split()
    ]

    assert lines
    assert [line for line in lines if "==" not in line] == []


@pytest.mark.parametrize("slug", ["notes", "shop"])
def test_template_declares_requirements_and_endpoints(slug: str):
    template = TemplateSpec.model_validate(
        yaml.safe_load((CONTROLS / "templates" / f"{slug}.yaml").read_text())
    )
    routes = [(endpoint.method, endpoint.path) for endpoint in template.endpoints]

    assert template.slug == slug
    assert len({requirement.id for requirement in template.requirements}) >= 7
    assert len(set(routes)) == len(routes)
    assert ("GET", "/health") in routes
    assert any(endpoint.auth for endpoint in template.endpoints)
