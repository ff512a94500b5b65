"""Specs and fleets: every mistake is named, nothing is guessed."""

from pathlib import Path

import pytest

from contract.errors import PlatformError
from contract.ids import model_from_safe, safe_model
from control.plans import load_plan
from control.specfile import load_spec, parse_spec


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
        ("apps: {root: fleet}\nanalyzers: [statc]", "did you mean 'static'"),
        ("apps: {root: fleet}\nbreaker: {on_open: finsh}", "did you mean 'finish'"),
        ("apps: {root: fleet}\ntools: {statc: [ruff]}", "did you mean 'static'"),
        ("apps: {root: fleet}\nparallelism: true", "parallelism: expected a number"),
        ("apps: {root: fleet, numbers: [yes]}", "apps.numbers.0: expected a number"),
        ("apps: {root: fleet, templates: {0: x}}", "apps.templates.0"),
        ("apps: 3", "apps: "),
    ],
)
def test_each_wrong_field_is_named_with_the_nearest_right_one(
    fleet: Path, text: str, expected: str
):
    with pytest.raises(PlatformError) as caught:
        load_spec(spec_file(fleet, text))

    assert any(expected in line for line in caught.value.lines)


@pytest.mark.parametrize(
    "text",
    [
        "apps: {root: fleet}\nanalyzers: [statc]",
        "apps: {root: fleet}\noptions: {static: {x: [1]}}",
        "apps: {root: fleet}\nbreaker: {on_open: finsh}",
    ],
)
def test_one_mistake_is_one_line(fleet: Path, text: str):
    with pytest.raises(PlatformError, match="1 wrong field") as caught:
        load_spec(spec_file(fleet, text))

    assert len(caught.value.lines) == 1


def test_a_value_of_no_allowed_type_says_all_that_are_allowed(fleet: Path):
    with pytest.raises(PlatformError) as caught:
        load_spec(spec_file(fleet, "apps: {root: fleet}\noptions: {static: {x: [1]}}"))

    (line,) = caught.value.lines
    assert line.startswith("options.static.x: ")
    assert "string" in line
    assert "integer" in line


@pytest.mark.parametrize(
    "text",
    [
        "apps: {root: fleet}\napps: {root: other}",
        "apps: {root: fleet, root: other}",
        '{"apps": {"root": "fleet"}, "apps": {"root": "other"}}',
    ],
)
def test_a_key_written_twice_is_refused_where_it_stands(fleet: Path, text: str):
    with pytest.raises(PlatformError, match=r"line \d+, column \d+: '\w+' is written twice"):
        load_spec(spec_file(fleet, text))


def test_a_merged_mapping_may_be_overridden(fleet: Path):
    text = """
apps: {root: fleet}
options:
  performance: {<<: &base {check_s: 1, step_s: 1}, step_s: 2}
"""
    spec = load_spec(spec_file(fleet, text))

    assert spec.options["performance"] == {"check_s": 1, "step_s": 2}


@pytest.mark.parametrize("field", ["tools: {ai: [rubric]}", "options: {ai: {x: 1}}"])
def test_a_choice_for_an_analyzer_that_does_not_run_is_refused(fleet: Path, field: str):
    with pytest.raises(PlatformError) as caught:
        load_spec(spec_file(fleet, "apps: {root: fleet}\n" + field))
    assert "ai: does not run" in caught.value.lines[0]


def test_numbers_of_a_json_spec_are_keys_of_text(fleet: Path):
    spec = load_spec(spec_file(fleet, '{"apps": {"root": "fleet", "templates": {"1": "shop"}}}'))

    assert spec.apps.templates == {1: "shop"}


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
        ("apps: {root: ~nosuchuser/x}", "apps.root"),
        ('apps: {root: "a\\0b"}', "apps.root"),
        ("apps: {root: 2024-13-45}", "not valid YAML"),
        ("apps: {root: fleet, templates: {1: a, 9: b}}", "no model has app9"),
        ("apps: {root: fleet, templates: {1: a}, templates_dir: ~nosuchuser}", "templates_dir"),
    ],
)
def test_a_fleet_that_is_not_there_is_one_clear_error(fleet: Path, text: str, expected: str):
    with pytest.raises(PlatformError) as caught:
        load_plan(spec_file(fleet, text), "p")

    assert expected in " ".join((caught.value.message, *caught.value.lines))


def test_a_pipeline_id_that_no_label_could_hold_is_refused(fleet: Path):
    with pytest.raises(PlatformError, match="not usable"):
        load_plan(spec_file(fleet, "apps: {root: fleet}"), "a/b c")


def test_a_deeply_nested_document_is_refused_not_crashed():
    with pytest.raises(PlatformError):
        parse_spec([[]], "spec")


@pytest.mark.parametrize(
    "model", ["openai/gpt-4o", "Claude 4.5 (beta)", "a%2Fb", "..", ".", "模型"]
)
def test_model_names_survive_the_way_to_a_folder_name_and_back(model: str):
    segment = safe_model(model)

    assert "/" not in segment
    assert segment not in (".", "..")
    assert model_from_safe(segment) == model


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("m" * 121, "no model can be named like this"),
        (" ", "no model can be named like this"),
        ("GPT-4.1-mini ", "two folders stand for model 'GPT-4.1-mini'"),
        ("bad-\udcff", "no model can be named like this"),
    ],
)
def test_a_folder_that_cannot_name_a_model_is_refused(fleet: Path, model: str, expected: str):
    (fleet / "fleet" / model / "app1").mkdir(parents=True)

    with pytest.raises(PlatformError, match=expected):
        load_plan(spec_file(fleet, "apps: {root: fleet}"), "p")


@pytest.mark.parametrize("name", ["app01", "App3", "app-4", "app_5"])
def test_a_folder_that_nearly_is_an_app_is_left_out_aloud(fleet: Path, name: str):
    said: list[str] = []
    (fleet / "fleet" / "GPT-4.1-mini" / name).mkdir()

    plan = load_plan(spec_file(fleet, "apps: {root: fleet}"), "p", said.append)

    assert len(plan.apps) == 4
    assert f"GPT-4.1-mini/{name}" in said[0]


def test_a_fleet_that_cannot_be_read_is_named(fleet: Path, monkeypatch: pytest.MonkeyPatch):
    locked = fleet / "fleet" / "GPT-4.1-mini"
    entries = Path.iterdir

    def iterdir(folder: Path):
        if folder == locked:
            raise PermissionError(13, "Permission denied", str(folder))
        return entries(folder)

    monkeypatch.setattr(Path, "iterdir", iterdir)

    with pytest.raises(PlatformError, match=r"GPT-4\.1-mini: Permission denied"):
        load_plan(spec_file(fleet, "apps: {root: fleet}"), "p")


def test_a_fleet_in_a_folder_that_is_not_utf8_is_refused(tmp_path: Path):
    (tmp_path / "b\udcff" / "m" / "app1").mkdir(parents=True)

    with pytest.raises(PlatformError, match="not UTF-8"):
        load_plan(spec_file(tmp_path / "b\udcff", "apps: {root: .}"), "p")


def test_single_apps_are_all_there_is_in_the_order_they_are_named(fleet: Path):
    text = "apps: {root: fleet, only: [openai/gpt-4o/app2, GPT-4.1-mini/app1]}"

    plan = load_plan(spec_file(fleet, text), "p")

    named = [(app.ref.model, app.ref.app_number) for app in plan.apps]
    assert named == [("openai/gpt-4o", 2), ("GPT-4.1-mini", 1)]


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        ("only: [openai/gpt-4o/app3]", "did you mean 'openai/gpt-4o/app2'"),
        ("only: [gpt-4o/app1]", "unknown app 'gpt-4o/app1'; did you mean 'openai/gpt-4o/app1'"),
        ("only: [GPT-4.1-mini]", "unknown app 'GPT-4.1-mini'"),
        ("only: [GPT-4.1-mini/app01]", "unknown app"),
        ("only: [GPT-4.1-mini/app1, GPT-4.1-mini/app1]", "listed twice: GPT-4.1-mini/app1"),
        ("only: []", "names no app"),
        ("only: [GPT-4.1-mini/app1], numbers: [1]", "apps.only names each app"),
        ("only: [GPT-4.1-mini/app1], models: [x]", "apps.only names each app"),
        ("only: [GPT-4.1-mini/app1], templates: {3: x}", "apps.templates: no model has app3"),
    ],
)
def test_a_single_app_that_is_wrong_is_named(fleet: Path, only: str, expected: str):
    with pytest.raises(PlatformError) as caught:
        load_plan(spec_file(fleet, f"apps: {{root: fleet, {only}}}"), "p")
    assert expected in "\n".join((caught.value.message, *caught.value.lines))
