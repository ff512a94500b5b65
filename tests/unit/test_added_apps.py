"""What a spec adds to a fleet: control apps, scaffolds, repeats."""

from pathlib import Path
from typing import Any

import pytest

from contract.analyzers import AnalyzerKind
from contract.errors import PlatformError
from contract.plan import PAGE_APPS, PlanHeader, pages_of
from contract.role import AppRole
from contract.roles import AUTO_FROM, repeated
from contract.spec import LOGIN, PipelinePlan, PipelineSpec, PlannedApp
from control.added import answer_sheet
from control.adding import apps_to_add
from control.choices import secret_names
from control.declared import options_of
from control.dryrun import validated
from control.plans import plan_line, resolve
from control.specfile import parse_spec

STATIC, DYNAMIC, PERFORMANCE = (
    AnalyzerKind.STATIC,
    AnalyzerKind.DYNAMIC,
    AnalyzerKind.PERFORMANCE,
)


def plan_of(folder: Path, apps: int = 2, models: int = 1, **spec: Any) -> PipelinePlan:
    for model in range(models):
        for number in range(1, apps + 1):
            app = folder / "fleet" / f"m{model}" / f"app{number}"
            app.mkdir(parents=True, exist_ok=True)
            (app / "app.py").write_text(f"print({model}, {number})\n")
    document = {"apps": {"root": "fleet", **spec.pop("of_apps", {})}, **spec}
    return resolve(parse_spec(document, "spec"), folder, "p")


def of_role(plan: PipelinePlan, role: AppRole) -> list[PlannedApp]:
    return [app for app in plan.apps if app.role is role]


@pytest.mark.parametrize(
    ("apps", "written", "controls"),
    [
        (AUTO_FROM, "auto", 4),
        (AUTO_FROM - 1, "auto", 0),
        (1, "on", 4),
        (1, True, 4),  # how YAML reads `on`
        (AUTO_FROM, "off", 0),
        (AUTO_FROM, False, 0),
    ],
)
def test_fleets_of_ten_apps_have_controls_unless_their_spec_says_otherwise(
    tmp_path: Path, apps: int, written: Any, controls: int
):
    plan = plan_of(tmp_path, apps, controls=written)

    assert len(of_role(plan, AppRole.CONTROL)) == controls
    assert len(of_role(plan, AppRole.SUBJECT)) == apps


def test_controls_come_first_with_their_sheets_and_are_looked_at_by_what_looks_for_weaknesses(
    tmp_path: Path,
):
    plan = plan_of(tmp_path, 2, controls="on", analyzers=["performance", "static", "dynamic", "ai"])
    controls = plan.apps[:4]

    assert [app.ref.label for app in controls] == [
        "assay:control/careless-1/app1",
        "assay:control/careless-1/app2",
        "assay:control/careful-1/app1",
        "assay:control/careful-1/app2",
    ]
    assert {app.analyzers for app in controls} == {(STATIC, DYNAMIC)}
    assert controls[0].sheet == answer_sheet("careless-1", 1)
    assert [plan.app_spec(app).template for app in controls[:2]] == [
        plan.templates["assay:notes"],
        plan.templates["assay:shop"],
    ]


def test_controls_are_ours_and_are_measured_whatever_is_cached(tmp_path: Path):
    plan = plan_of(tmp_path, 2, controls="on", noise={"apps": 1, "repeats": 1})
    specs = {app.role: plan.app_spec(app) for app in plan.apps}

    assert {role: (spec.trusted, spec.cache) for role, spec in specs.items()} == {
        AppRole.CONTROL: (True, False),
        AppRole.SUBJECT: (False, True),
        AppRole.REPEAT: (False, False),
    }


def test_the_login_of_a_fleet_is_not_tried_on_control_apps(tmp_path: Path):
    login = {"auth_username": "me", "auth_password": {"file": "me"}, "max_requests": 300}
    plan = plan_of(tmp_path, 1, controls="on", options={"dynamic": login})
    control, subject = plan.app_spec(plan.apps[0]), plan.app_spec(plan.apps[-1])

    assert control.options == {DYNAMIC: {"max_requests": 300}}
    assert set(subject.options[DYNAMIC]) == set(login)


@pytest.mark.parametrize("kind", list(AnalyzerKind))
def test_every_secret_that_an_option_may_name_belongs_to_a_login(kind: AnalyzerKind):
    secrets = secret_names(options_of(kind))

    assert {name for name in secrets if not name.startswith(LOGIN)} == set()


def test_an_answer_sheet_travels_with_the_plan_and_fits_its_page(tmp_path: Path):
    plan = plan_of(tmp_path, 2, controls="on")
    (page,) = pages_of(plan)
    text = page.model_dump_json()

    assert type(page).model_validate_json(text) == page
    assert len(text) < 40_000


def test_what_a_spec_of_an_earlier_version_says_has_the_digest_that_it_had(tmp_path: Path):
    plan = plan_of(tmp_path)

    for field in ("controls", "scaffold", "noise", "role", "sheet", "repeats"):
        assert f'"{field}"' not in plan.model_dump_json()
    assert PlanHeader.of(plan).added == ()


def test_a_scaffold_is_analysed_once_by_what_reads_source(tmp_path: Path):
    (tmp_path / "begin").mkdir()
    (tmp_path / "begin" / "app.py").write_text("x = 1\n")
    plan = plan_of(tmp_path, 2, scaffold="begin")
    (scaffold,) = of_role(plan, AppRole.SCAFFOLD)

    assert plan.apps[0] is scaffold
    assert (scaffold.ref.label, scaffold.template) == ("assay:scaffold/app1", None)
    assert scaffold.analyzers == (STATIC,)
    assert scaffold.source.files == 1


def test_each_template_may_have_its_scaffold(tmp_path: Path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "app.py").write_text(name)
    templates = {"templates": {1: "notes", 2: "shop"}}
    plan = plan_of(tmp_path, 2, scaffold={"shop": "b", "notes": "a"}, of_apps=templates)

    assert [(app.template, app.source.name) for app in of_role(plan, AppRole.SCAFFOLD)] == [
        ("notes", "a"),
        ("shop", "b"),
    ]


def test_repeats_are_spread_over_models_come_last_and_do_not_depend_on_who_asks(tmp_path: Path):
    noise = {"apps": 3, "repeats": 2}
    plan = plan_of(tmp_path, 4, models=3, noise=noise, controls="off")
    repeats = of_role(plan, AppRole.REPEAT)
    subjects = [subject for app in repeats if (subject := repeated(app.ref))]
    sources = {app.ref: app.source for app in plan.apps}

    assert list(plan.apps[-6:]) == repeats
    assert {ref.model for ref in subjects} == {"m0", "m1", "m2"}
    assert subjects[:3] == subjects[3:], "a round of all, then the next round"
    assert {app.analyzers for app in repeats} == {(DYNAMIC, PERFORMANCE)}
    assert all(app.source == sources[ref] for app, ref in zip(repeats, subjects, strict=True))
    assert plan_of(tmp_path, 4, models=3, noise=noise, controls="off") == plan


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"controls": "maybe"}, "controls"),
        ({"controls": "on", "analyzers": ["performance"]}, "no analyzer of this spec looks for"),
        ({"scaffold": "nowhere"}, "scaffold: no such folder"),
        ({"scaffold": "fleet", "analyzers": ["dynamic"]}, "no analyzer of this spec reads source"),
        ({"scaffold": {"shop": "fleet"}}, "scaffold: not among apps.templates"),
        ({"scaffold": {}}, "scaffold: not among apps.templates"),
        ({"noise": {"apps": 3}}, "3 apps are to be repeated, and there are 2"),
        ({"noise": {"apps": 1}, "analyzers": ["static"]}, "no analyzer of this spec measures a"),
        ({"noise": {"apps": 0}}, "noise.apps"),
        ({"noise": {"apps": 1, "repeats": True}}, "noise.repeats"),
        ({"noise": {"repeats": 2}}, "noise.apps"),
    ],
)
def test_what_cannot_be_added_is_named(tmp_path: Path, spec: dict[str, Any], expected: str):
    with pytest.raises(PlatformError) as refused:
        plan_of(tmp_path, 2, **spec)

    assert expected in "\n".join([refused.value.message, *getattr(refused.value, "lines", ())])


def test_a_fleet_of_load_tests_alone_has_no_controls_by_itself(tmp_path: Path):
    assert plan_of(tmp_path, AUTO_FROM, analyzers=["performance"]).apps[0].role is AppRole.SUBJECT


@pytest.mark.parametrize("name", ["assay:control%2Fcareless-1", "assay:x", "ASSAY:repeat-1%2Fm0"])
def test_no_model_of_a_fleet_can_be_taken_for_an_added_app(tmp_path: Path, name: str):
    folder = tmp_path / "fleet" / name / "app1"
    folder.mkdir(parents=True)

    with pytest.raises(PlatformError, match="those of Assay's own apps"):
        plan_of(tmp_path, 1)


def test_no_template_of_a_fleet_can_be_taken_for_that_of_a_control(tmp_path: Path):
    with pytest.raises(PlatformError, match="Assay's own templates"):
        plan_of(tmp_path, 1, of_apps={"templates": {1: "assay:notes"}})


def test_a_model_whose_name_leaves_no_room_is_not_repeated(tmp_path: Path):
    (tmp_path / "fleet" / ("x" * 118) / "app1").mkdir(parents=True)

    with pytest.raises(PlatformError, match="there are 2"):
        plan_of(tmp_path, 2, noise={"apps": 3})


def test_the_plan_is_told_with_what_was_added(tmp_path: Path):
    plan = plan_of(tmp_path, 2, controls="on", noise={"apps": 1, "repeats": 1})

    line = plan_line(plan)

    assert line.startswith("2 apps of 1 models through ")
    assert line.endswith("; beside them 4 control apps, 1 repeat")


def test_a_dry_run_counts_what_each_app_is_for(tmp_path: Path):
    plan = plan_of(
        tmp_path,
        2,
        controls="on",
        analyzers=["static", "dynamic", "performance"],
        noise={"apps": 1, "repeats": 1},
    )

    told = validated(tmp_path / "spec.yaml", plan, None)

    assert told.subtasks == 4 * 2 + 2 * 3 + 1 * 2
    assert [app.role for app in told.apps] == [app.role for app in plan.apps]
    assert told.apps[0].analyzers == (STATIC, DYNAMIC)


def test_the_role_of_each_position_is_known_from_the_header_alone(tmp_path: Path):
    plan = plan_of(tmp_path, 3, controls="on", noise={"apps": 2, "repeats": 1})
    header = PlanHeader.of(plan)

    assert [header.role_at(place) for place in range(9)] == [app.role for app in plan.apps]
    assert header.role_at(9) is AppRole.SUBJECT, "it was added while the pipeline ran"
    assert header.beside == {AppRole.CONTROL: 4, AppRole.REPEAT: 2}
    assert PlanHeader.model_validate_json(header.model_dump_json()) == header
    assert len(plan.apps) < PAGE_APPS


def test_apps_are_added_from_the_fleets_folder_not_from_that_of_the_controls(tmp_path: Path):
    plan = plan_of(tmp_path, 2, controls="on", of_apps={"numbers": [1]})
    subject = of_role(plan, AppRole.SUBJECT)[0].ref

    (added,) = apps_to_add(plan, [subject.model_copy(update={"app_number": 2})], None)

    assert (added.ref.label, added.role) == ("m0/app2", AppRole.SUBJECT)


def test_the_switch_is_what_people_write():
    assert PipelineSpec.model_validate({"apps": {"root": "."}, "controls": "off"}).controls == "off"
