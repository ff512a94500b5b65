"""Specs made of answers: what is asked for, and nothing else."""

import os
from pathlib import Path
from unittest.mock import patch

import pytest
import yaml

from contract.analyzers import AnalyzerKind
from contract.errors import ErrorCode, PlatformError
from contract.secret import SecretRef
from contract.spec import AppsSpec, PipelineSpec
from control.authoring import Answers, Step, answered, checked, require_below, text_of
from control.errors import WrongInputError
from control.fleets import find_fleets, look_at
from control.launching import plan_below
from control.plans import load_plan
from control.specfile import parse_spec
from control.specs import SpecExistsError, list_specs, read_spec, spec_path, write_spec
from control.stored import Stored


def fleet_at(root: Path, apps: dict[str, tuple[int, ...]]) -> Path:
    for model, numbers in apps.items():
        for number in numbers:
            folder = root / model / f"app{number}"
            folder.mkdir(parents=True)
            (folder / "app.py").write_text(f"print({number})\n")
    return root


@pytest.fixture
def two_by_two(tmp_path: Path) -> Path:
    root = fleet_at(tmp_path / "fleet", {"gpt-4o": (1, 2), "llama-3": (1, 2)})
    (root / "templates").mkdir()
    for slug in ("notes", "shop"):
        (root / "templates" / f"{slug}.yaml").write_text(f"slug: {slug}\n")
    return root


def nowhere(folder: Path) -> Stored:
    return Stored(f"sqlite+aiosqlite:///{folder / 'none.db'}", in_use=lambda: False)


class TestASpec:
    def test_says_what_was_answered_and_leaves_out_what_is_as_by_default(self, two_by_two: Path):
        answers = Answers(root=str(two_by_two), analyzers=("static",))

        document = yaml.safe_load(text_of(answers, look_at(two_by_two)))

        assert document == {
            "apps": {"root": str(two_by_two)},
            "analyzers": ["static"],
            "parallelism": 3,
        }

    def test_runs_as_a_file_what_the_answers_say(self, two_by_two: Path, tmp_path: Path):
        fleet = look_at(two_by_two)
        answers = Answers(
            models=("llama-3",),
            numbers=(2,),
            templates={1: "notes", 2: "shop"},
            templates_dir=fleet.templates_dir,
            analyzers=("static", "performance"),
            tools={"static": ("ruff",)},
            parallelism="7",
            egress="allow",
            controls="off",
        )
        write_spec(tmp_path / "it.yaml", text_of(answers, fleet))

        plan = load_plan(tmp_path / "it.yaml", "p")

        assert [app.ref.label for app in plan.apps] == ["llama-3/app2"]
        assert plan.templates["shop"].slug == "shop"
        assert plan.spec.tools == {AnalyzerKind.STATIC: ("ruff",)}
        assert (plan.spec.parallelism, plan.spec.egress, plan.spec.controls) == (7, "allow", "off")

    def test_names_each_app_where_models_have_different_numbers(self, tmp_path: Path):
        fleet = look_at(fleet_at(tmp_path, {"a": (1, 2, 3), "b": (2,)}))

        spec = checked(Answers(numbers=(1, 2), analyzers=("static",)), fleet)

        assert spec.apps.only == ("a/app1", "a/app2", "b/app2")

    @pytest.mark.parametrize(
        ("wrong", "says"),
        [
            ({"models": ()}, "no model is chosen"),
            ({"models": ("gpt-4",)}, "did you mean 'gpt-4o'"),
            ({"numbers": ()}, "no app is chosen"),
            ({"numbers": (9,)}, "no app of these models is chosen"),
            ({"analyzers": ()}, "no analyzer is chosen"),
            ({"analyzers": ("statik",)}, "did you mean 'static'"),
            ({"tools": {"static": ("bandid",)}}, "did you mean 'bandit'"),
            ({"parallelism": "many"}, "parallelism"),
            ({"parallelism": "999"}, "parallelism"),
            ({"egress": "denied"}, "egress"),
            ({"baseline": "no such / name"}, "baseline"),
        ],
    )
    def test_is_refused_with_the_field_and_the_nearest_word(
        self, two_by_two: Path, wrong: dict[str, object], says: str
    ):
        answers = Answers(analyzers=("static",)).model_copy(update=wrong)

        with pytest.raises(WrongInputError) as caught:
            checked(answers, look_at(two_by_two))

        assert says in " ".join((caught.value.message, *caught.value.lines))

    def test_a_template_must_be_declared_where_templates_are(self, two_by_two: Path):
        fleet = look_at(two_by_two)
        answers = Answers(templates={1: "nots"}, templates_dir=fleet.templates_dir)

        with pytest.raises(WrongInputError, match="not declared"):
            checked(answers, fleet, Step.APPS)

    def test_a_later_answer_does_not_spoil_an_earlier_step(self, two_by_two: Path):
        answers = Answers(analyzers=(), parallelism="x")

        assert checked(answers, look_at(two_by_two), Step.APPS).apps.root == str(two_by_two)


class TestAFleet:
    def test_is_found_three_folders_deep_and_not_deeper(self, tmp_path: Path):
        near = fleet_at(tmp_path / "1" / "2" / "3", {"a": (1, 2), "b": (1,)})
        fleet_at(tmp_path / "1" / "2" / "x" / "4", {"a": (1,)})
        fleet_at(tmp_path / ".hidden", {"a": (1,)})

        found = find_fleets(tmp_path)

        assert [(fleet.root, fleet.models, fleet.apps) for fleet in found.fleets] == [
            (str(near), 2, 3)
        ]
        assert found.whole

    def test_that_was_not_looked_for_everywhere_is_said(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        fleet_at(tmp_path / "z", {"a": (1,)})
        for name in range(6):
            (tmp_path / f"f{name}").mkdir()
        monkeypatch.setattr("control.fleets._FOLDERS_MAX", 4)

        assert not find_fleets(tmp_path).whole

    def test_links_are_not_followed_when_fleets_are_looked_for(self, tmp_path: Path):
        fleet_at(tmp_path / "other", {"a": (1,)})
        (tmp_path / "here").mkdir()
        (tmp_path / "here" / "link").symlink_to(tmp_path / "other")

        assert find_fleets(tmp_path / "here").fleets == ()

    def test_labels_of_apps_are_no_fleet(self, tmp_path: Path):
        folder = tmp_path / "labels" / "m" / "app1"
        folder.mkdir(parents=True)
        (folder / "expected.yaml").write_text("")
        assert find_fleets(tmp_path).fleets == ()
        (folder / "app.py").write_text("")
        assert [fleet.apps for fleet in find_fleets(tmp_path).fleets] == [1]

    def test_tells_the_templates_that_a_spec_in_it_names(self, two_by_two: Path):
        spec = {
            "apps": {"root": ".", "templates": {1: "notes", 2: "shop", 9: "old"}},
            "analyzers": ["static"],
        }
        (two_by_two / "study.yaml").write_text(yaml.safe_dump(spec))
        fleet = look_at(two_by_two)

        answers = answered(Step.APPS, Answers(), fleet)

        assert fleet.told_by == "study.yaml"
        assert answers.templates == {1: "notes", 2: "shop"}

    def test_without_apps_is_none(self, tmp_path: Path):
        with pytest.raises(WrongInputError, match="no apps below"):
            look_at(tmp_path)


class TestAFileOfASpec:
    def test_is_never_written_over_without_being_asked(self, tmp_path: Path):
        path = spec_path(tmp_path, "study")
        write_spec(path, "apps: {root: a}\n")
        write_spec(path, "apps: {root: a}\n")

        with pytest.raises(SpecExistsError):
            write_spec(path, "apps: {root: b}\n")

        assert path.read_text() == "apps: {root: a}\n"
        write_spec(path, "apps: {root: b}\n", replace=True)
        assert path.read_text() == "apps: {root: b}\n"
        assert os.listdir(path.parent) == ["study.yaml"]

    @pytest.mark.parametrize("name", ["", "..", "../x", "a/b", ".hidden", "a" * 61, "x\n", "é"])
    def test_is_nowhere_but_in_its_folder(self, tmp_path: Path, name: str):
        with pytest.raises(WrongInputError, match="not usable"):
            spec_path(tmp_path, name)

    def test_is_listed_with_what_it_runs_or_why_it_cannot(self, tmp_path: Path):
        for name, text in (("a", "apps: {root: x}"), ("b", "apps: ["), ("c", "apps: {root: y}")):
            write_spec(spec_path(tmp_path, name), text)

        first = list_specs(tmp_path, limit=2)
        rest = list_specs(tmp_path, after=first.after or "", limit=2)

        assert [line.name for line in (*first.specs, *rest.specs)] == ["a", "b", "c"]
        assert first.specs[0].root == "x" and "not valid YAML" in first.specs[1].trouble
        assert rest.after is None

    def test_that_is_not_there_is_not_found(self, tmp_path: Path):
        with pytest.raises(PlatformError) as caught:
            read_spec(tmp_path, "none")

        assert caught.value.code is ErrorCode.NOT_FOUND


class TestWhatABrowserMayRead:
    @pytest.mark.parametrize(
        ("field", "spec"),
        [
            ("apps.root", {"apps": {"root": "../other"}}),
            ("apps.root", {"apps": {"root": "/etc"}}),
            ("apps.templates_dir", {"apps": {"root": ".", "templates_dir": "/etc"}}),
            ("scaffold", {"apps": {"root": "."}, "scaffold": "../other"}),
            ("scaffold.notes", {"apps": {"root": "."}, "scaffold": {"notes": "/"}}),
            ("suppressions", {"apps": {"root": "."}, "suppressions": "/etc/passwd"}),
        ],
    )
    def test_is_below_the_folder_of_fleets(self, tmp_path: Path, field: str, spec: object):
        root = tmp_path / "fleets"
        root.mkdir()

        with pytest.raises(PlatformError) as caught:
            require_below(parse_spec(spec, "it"), root, root)

        assert caught.value.code is ErrorCode.PERMISSION_DENIED
        assert caught.value.message.startswith(f"{field}: ")

    async def test_is_no_app_behind_a_link(self, tmp_path: Path):
        outside = fleet_at(tmp_path / "outside", {"a": (1,)})
        root = fleet_at(tmp_path / "fleets", {"b": (1,)})
        (root / "a").symlink_to(outside / "a")
        spec = PipelineSpec(apps=AppsSpec(root="."), analyzers=(AnalyzerKind.STATIC,))

        with pytest.raises(PlatformError, match=r"a/app1: .* is not below"):
            await plan_below(root, spec, "p", stored=nowhere(tmp_path), secret=None)

    async def test_is_no_byte_of_an_app_behind_a_link(self, tmp_path: Path):
        root = fleet_at(tmp_path / "fleets", {"a": (1,)})
        (root / "a" / "app2").symlink_to("/")
        spec = PipelineSpec(apps=AppsSpec(root="."), analyzers=(AnalyzerKind.STATIC,))
        with (
            patch("control.plans.digest_tree") as digested,
            pytest.raises(PlatformError, match=r"a/app2: .* is not below"),
        ):
            await plan_below(root, spec, "p", stored=nowhere(tmp_path), secret=None)

        digested.assert_not_called()

    def test_is_no_name_of_a_template_declared_elsewhere(self, tmp_path: Path):
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside" / "secret.yaml").write_text("slug: secret\n")
        by_spec = fleet_at(tmp_path / "fleets" / "one", {"a": (1,)})
        (by_spec / "fleet.yaml").write_text(
            "apps: {root: ., templates: {1: secret}, templates_dir: ../../outside}\n"
        )
        by_link = fleet_at(tmp_path / "fleets" / "two", {"a": (1,)})
        (by_link / "templates").symlink_to(tmp_path / "outside")

        for root in (by_spec, by_link):
            assert look_at(root).declared == ("secret",)
            seen = look_at(root, tmp_path / "fleets")
            assert (seen.declared, seen.templates_dir) == ((), "")
            assert "is not below" in seen.notes[0]

    async def test_is_refused_for_an_unknown_baseline_before_anything_is_read(self, tmp_path: Path):
        spec = PipelineSpec(apps=AppsSpec(root="none"), baseline="never-ran")

        with pytest.raises(WrongInputError, match="baseline: "):
            await plan_below(tmp_path, spec, "p", stored=nowhere(tmp_path), secret=None)

    async def test_is_refused_without_the_login_that_it_names(self, tmp_path: Path):
        root = fleet_at(tmp_path / "fleets", {"a": (1,)})
        spec = parse_spec(
            {
                "apps": {"root": "."},
                "analyzers": ["dynamic"],
                "options": {
                    "dynamic": {
                        "auth_username": "ann",
                        "auth_password": {"env": "ASSAY_LOGIN_X"},
                    }
                },
            },
            "it",
        )

        def unset(_: SecretRef) -> str:
            raise PlatformError(ErrorCode.FAILED_PRECONDITION, "it is not set")

        with pytest.raises(WrongInputError, match="auth_password: it is not set"):
            await plan_below(root, spec, "p", stored=nowhere(tmp_path), secret=unset)
