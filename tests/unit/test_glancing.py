"""A plan that is only looked at: its apps are named, and what was not looked at is told."""

import os
from pathlib import Path

import pytest

import clients.source
from clients.source import has_source, walk_source
from contract.errors import PlatformError
from contract.spec import AppsSpec, PipelinePlan, PipelineSpec
from control.errors import WrongInputError
from control.fleet import fleet_folders
from control.glancing import Glance
from control.plans import resolve

SPEC = PipelineSpec(apps=AppsSpec(root="fleet", templates={1: "notes"}))


@pytest.fixture
def base(tmp_path: Path) -> Path:
    for model in ("a", "b"):
        for number in (1, 2):
            app = tmp_path / "fleet" / model / f"app{number}"
            (app / "src").mkdir(parents=True)
            if number == 1:
                (app / "src" / "app.py").write_text("1\n")
    return tmp_path


def looked_at(base: Path, glance: Glance) -> PipelinePlan:
    return resolve(SPEC, base, "p", below=base, read=glance)


def test_it_has_the_apps_of_the_plan_without_their_contents(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = resolve(SPEC, base, "p")
    monkeypatch.setattr(clients.source, "_entry", None)  # nobody may read a file

    glance = Glance()
    plan = looked_at(base, glance)

    named = [(app.ref, app.template, app.source.path) for app in whole.apps]
    assert [(app.ref, app.template, app.source.path) for app in plan.apps] == named
    assert {app.source.digest for app in plan.apps} == {""}
    assert [app.source.files for app in plan.apps] == [1, 0, 1, 0]
    assert glance.notes == ()


def test_apps_that_were_not_opened_are_told_and_are_not_empty(base: Path) -> None:
    glance = Glance(most=2)
    plan = looked_at(base, glance)

    assert [app.source.files for app in plan.apps] == [1, 0, 1, 1]
    assert glance.notes == ("2 apps were not opened: whether they have files is not known yet",)


@pytest.mark.parametrize(
    ("names", "source"),
    [
        ((), False),
        (("a/b/",), False),
        (("node_modules/x.js",), False),
        (("node_modules/x.js", "a/b/x.js"), True),
        (("x.js",), True),
    ],
)
def test_an_app_has_files_if_a_walk_finds_one(
    tmp_path: Path, names: tuple[str, ...], source: bool
) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).mkdir() if name.endswith("/") else (tmp_path / name).write_text("1\n")

    assert has_source(tmp_path) is source
    assert bool(list(walk_source(tmp_path))) is source


def test_a_link_is_source_and_a_pipe_is_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert not has_source(tmp_path)

    (tmp_path / "link").symlink_to("nowhere")
    assert has_source(tmp_path)


def test_a_file_in_an_apps_place_is_named(base: Path) -> None:
    (base / "fleet" / "a" / "app3").write_text("no folder")

    with pytest.raises(WrongInputError, match=r"a/app3: cannot read .*: Not a directory"):
        looked_at(base, Glance())


@pytest.mark.parametrize("linked", ["a", "a/app2"])
def test_an_app_behind_a_link_is_not_looked_at(base: Path, tmp_path: Path, linked: str) -> None:
    place = base / "fleet" / linked
    place.rename(tmp_path / "elsewhere")
    place.symlink_to(tmp_path / "elsewhere")
    inside = resolve(SPEC, base, "p", below=tmp_path, read=Glance())

    with pytest.raises(PlatformError, match=r"a/app\d: .* is not below"):
        resolve(SPEC, base, "p", below=base / "fleet", read=Glance())
    assert len(inside.apps) == 4


def test_folders_of_a_fleet_are_read_once_for_all_who_ask(base: Path) -> None:
    (base / "fleet" / "none").mkdir()
    (base / "fleet" / "a" / "App 7").mkdir()
    told: list[str] = []

    folders = fleet_folders(base / "fleet", told.append)

    assert folders == {
        model: {number: base / "fleet" / model / f"app{number}" for number in (1, 2)}
        for model in ("a", "b")
    }
    assert [line.rpartition("/")[2] for line in told] == [
        "App 7 (folders of apps are named app1, app2, ...)"
    ]
