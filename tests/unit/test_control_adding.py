"""Apps for a running pipeline: found beside the others, never twice."""

from pathlib import Path

import pytest

from contract.errors import PlatformError
from contract.spec import PipelinePlan
from control.adding import apps_to_add
from control.naming import app_of
from control.plans import load_plan


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for model, numbers in (("gpt-4o", (1, 2)), ("openai%2Fo3", (1,))):
        for number in numbers:
            make(tmp_path / "fleet", model, number)
    return tmp_path


def make(fleet: Path, model: str, number: int) -> None:
    folder = fleet / model / f"app{number}"
    folder.mkdir(parents=True)
    (folder / "app.py").write_text(f"x = {number}\n")


@pytest.fixture
def plan(root: Path) -> PipelinePlan:
    spec = root / "s.yaml"
    spec.write_text("apps: {root: fleet, models: [gpt-4o], templates: {3: notes, 1: shop}}")
    make(root / "fleet", "gpt-4o", 3)
    plan = load_plan(spec, "p")
    return plan.model_copy(update={"apps": plan.apps[:2]})


def added(plan: PipelinePlan, *names: str, root: Path | None = None) -> list[str]:
    planned = apps_to_add(plan, [app_of(name) for name in names], root)
    return [f"{app.ref.label} {app.template}" for app in planned]


def test_an_app_is_found_beside_the_others_with_its_template(plan: PipelinePlan) -> None:
    assert added(plan, "gpt-4o/app3", "openai/o3/app1", "gpt-4o/app3") == [
        "gpt-4o/app3 notes",
        "openai/o3/app1 shop",
    ]


def test_another_folder_may_be_named(plan: PipelinePlan, tmp_path: Path) -> None:
    make(tmp_path / "more", "new", 9)

    assert added(plan, "new/app9", root=tmp_path / "more") == ["new/app9 None"]


@pytest.mark.parametrize(
    ("names", "cause", "hint"),
    [
        ((), "which apps?", "there are gpt-4o/app3, openai/o3/app1"),
        (("gpt-4o/app1",), "gpt-4o/app1 is in pipeline p already", "retry"),
        (("gpt-4o/app33",), "unknown app 'gpt-4o/app33'; did you mean 'gpt-4o/app3'?", "below"),
    ],
)
def test_what_cannot_be_added(
    plan: PipelinePlan, names: tuple[str, ...], cause: str, hint: str
) -> None:
    with pytest.raises(PlatformError) as refused:
        added(plan, *names)

    assert cause in refused.value.message
    assert hint in refused.value.next_step


def test_a_folder_that_is_not_there_is_named(plan: PipelinePlan, tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match="No such file"):
        added(plan, "new/app9", root=tmp_path / "nowhere")


@pytest.mark.parametrize(
    "text", ["app1", "m/app", "m/app0", "m/appx", "/app1", "m/app1/", " /app1"]
)
def test_what_names_no_app(text: str) -> None:
    with pytest.raises(PlatformError, match="names no app"):
        app_of(text)


@pytest.mark.parametrize(
    ("text", "model"), [("m/app1", "m"), ("a/b/app7", "a/b"), ("x/app1/app2", "x/app1")]
)
def test_what_does(text: str, model: str) -> None:
    assert app_of(text).model == model
