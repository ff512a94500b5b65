"""Specs and fleets: every mistake is named, nothing is guessed."""

from pathlib import Path

import pytest

from cli.errors import UserError
from cli.fleet import load_plan, load_spec, parse_spec
from contract.ids import model_from_safe, safe_model


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    for model in ("GPT-4.1-mini", "openai%2Fgpt-4o"):
        for number in (1, 2):
            folder = tmp_path / "fleet" / model / f"app{number}"
            folder.mkdir(parents=True)
            (folder / "app.py").write_text(f"print({number})\n")
    (tmp_path / "fleet" / "notes").mkdir()
    return tmp_path


def spec_file(folder: Path, text: str) -> Path:
    path = folder / "spec.yaml"
    path.write_text(text)
    return path


def test_smallest_spec_takes_every_app_of_every_model(fleet: Path):
    plan = load_plan(spec_file(fleet, "apps: {root: fleet}"), "p")

    assert [(a.ref.model, a.ref.app_number) for a in plan.apps] == [
        ("GPT-4.1-mini", 1),
        ("GPT-4.1-mini", 2),
        ("openai/gpt-4o", 1),
        ("openai/gpt-4o", 2),
    ]


def test_selected_models_and_numbers_are_all_there_is(fleet: Path):
    text = "apps: {root: fleet, models: [openai/gpt-4o], numbers: [2]}\nanalyzers: [static]"

    plan = load_plan(spec_file(fleet, text), "p")

    assert [(a.ref.model, a.ref.app_number) for a in plan.apps] == [("openai/gpt-4o", 2)]


def test_changing_a_file_changes_the_plan(fleet: Path):
    path = spec_file(fleet, "apps: {root: fleet}")
    before = load_plan(path, "p").digest

    (fleet / "fleet" / "GPT-4.1-mini" / "app1" / "app.py").write_text("print(9)\n")

    assert load_plan(path, "p").digest != before


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("apps: {root: fleet, model: [x]}", "did you mean 'models'"),
        ("apps: {root: fleet}\nanalysers: [static]", "did you mean 'analyzers'"),
        ("apps: {root: fleet}\nbreaker: {on_opn: wait}", "did you mean 'on_open'"),
        ("apps: {root: fleet}\nanalyzers: [statik]", "analyzers.0"),
        ("apps: {root: fleet}\nparallelism: many", "parallelism"),
        ("apps: {root: fleet}\nanalyzers: [static, static]", "at most once"),
        ("analyzers: [static]", "apps: Field required"),
    ],
)
def test_each_wrong_field_is_named_with_the_nearest_right_one(
    fleet: Path, text: str, expected: str
):
    with pytest.raises(UserError) as caught:
        load_spec(spec_file(fleet, text))

    assert any(expected in line for line in caught.value.lines)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("apps: {root: nowhere}", "no such folder"),
        ("apps: {root: fleet, models: [GPT-4.1-mimi]}", "did you mean 'GPT-4.1-mini'"),
        ("apps: {root: fleet, numbers: [7]}", "app7"),
        ("apps: {root: fleet, numbers: [1, 1]}", "listed twice"),
        ("apps: {root: fleet, models: [GPT-4.1-mini, GPT-4.1-mini]}", "listed twice"),
        ("apps: {root: fleet, templates: {1: shop}, templates_dir: .}", "unknown template 'shop'"),
        ("apps: [\n", "not valid YAML at line"),
        ("- a list", "expected a mapping"),
    ],
)
def test_a_fleet_that_is_not_there_is_one_clear_error(fleet: Path, text: str, expected: str):
    with pytest.raises(UserError) as caught:
        load_plan(spec_file(fleet, text), "p")

    assert expected in " ".join((caught.value.message, *caught.value.lines))


def test_a_pipeline_id_that_no_label_could_hold_is_refused(fleet: Path):
    with pytest.raises(UserError, match="not usable"):
        load_plan(spec_file(fleet, "apps: {root: fleet}"), "a/b c")


def test_a_deeply_nested_document_is_refused_not_crashed():
    with pytest.raises(UserError):
        parse_spec([[]], "spec")


@pytest.mark.parametrize(
    "model", ["openai/gpt-4o", "Claude 4.5 (beta)", "a%2Fb", "..", ".", "模型"]
)
def test_model_names_survive_the_way_to_a_folder_name_and_back(model: str):
    segment = safe_model(model)

    assert "/" not in segment
    assert segment not in (".", "..")
    assert model_from_safe(segment) == model
