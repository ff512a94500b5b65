"""Decisions that a weakness needs no action: what they are about, and how a wrong file is told."""

import re
from datetime import date
from pathlib import Path

import pytest

from contract.analysis import Finding, Location, Severity
from contract.errors import PlatformError
from contract.spec import AppRef
from contract.suppression import Suppression
from control.plans import load_plan
from control.suppressing import read_suppressions
from reports.known import Known, weaknesses_of
from reports.suppressions import Decisions, SuppressionUses, fits, matches
from tests.unit.report_samples import finding

TODAY = date(2026, 5, 4)
APP = AppRef(model="openai/gpt-4o", app_number=3)
SQL = finding(
    "bandit", "B608", Severity.HIGH, 89, Location(path="backend/db.py", line=7)
).model_copy(update={"witnesses": ("bandit:B608", "opengrep:sql-injection"), "cwe": (89, 20)})


def decision(**fields: str) -> Suppression:
    return Suppression.model_validate({"who": "Jane", "why": "reviewed", **fields})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"fingerprint": "bandit-B608"}, True),
        ({"fingerprint": "bandit-B60"}, False),
        ({"fingerprint": "bandit-B608", "app": "openai/gpt-4o/app3"}, True),
        ({"fingerprint": "bandit-B608", "app": "openai/*"}, True),
        ({"fingerprint": "bandit-B608", "app": "anthropic/*"}, False),
        ({"rule": "B608", "path": "backend/*.py"}, True),
        ({"rule": "opengrep:sql-injection", "path": "**"}, True),
        ({"rule": "sql-injection", "path": "**/db.py"}, True),
        ({"rule": "cwe-89", "path": "backend/**"}, True),
        ({"rule": "CWE-20", "path": "**"}, False),
        ({"rule": "B608", "path": "*.py"}, False),
        ({"rule": "B60*", "path": "**"}, False),
    ],
)
def test_what_a_decision_is_about(fields: dict[str, str], expected: bool):
    assert matches(decision(**fields), APP, SQL) is expected


def test_where_no_file_is_known_a_path_is_that_of_the_operation():
    shown = finding(
        "probe", "csrf", Severity.HIGH, 352, Location(method="POST", url="/admin/users")
    )

    assert matches(decision(rule="csrf", path="/admin/*"), APP, shown)
    assert not matches(decision(rule="csrf", path="/login"), APP, shown)


@pytest.mark.parametrize(
    ("glob", "path", "expected"),
    [
        ("a/**/d.py", "a/b/c/d.py", True),
        ("a/**/d.py", "a/d.py", True),
        ("a/**", "a", True),
        ("**", "a/b", True),
        ("*", "a/b", False),
        ("a/?.py", "a/b.py", True),
        ("**/x/**/y", "x/1/x/2/y", True),
        ("a", "a/b", False),
        ("a/b", "a", False),
        ("pages/[id].js", "pages/[id].js", True),
    ],
)
def test_a_star_ends_at_a_slash(glob: str, path: str, expected: bool):
    assert fits(glob, path) is expected


def test_a_hostile_path_is_matched_at_once():
    assert not fits("/".join(["**", "a*a*a*a*a*b"] * 50), "/".join(["a" * 200] * 400))


def test_a_decision_holds_to_the_end_of_its_day():
    ended = decision(fingerprint="bandit-B608", until="2026-05-03")
    last = decision(fingerprint="bandit-B608", until="2026-05-04")

    assert Decisions.of([ended], TODAY).holding(APP, SQL) is None
    assert Decisions.of([last], TODAY).holding(APP, SQL) == last
    by_rule = decision(rule="B608", path="**")
    assert Decisions.of([ended, by_rule], TODAY).holding(APP, SQL) == by_rule


def test_of_two_decisions_about_the_same_the_later_counts():
    first, second = (decision(fingerprint="f", why=why) for why in ("first", "second"))

    assert Decisions.of([first, second], TODAY).every == (second,)


def test_a_suppressed_weakness_stays_in_the_list():
    known = Known(decisions=Decisions.of([decision(fingerprint="bandit-B608")], TODAY))
    other = finding("eslint", "no-eval", Severity.HIGH, 95)

    told = weaknesses_of(APP, [SQL, other], known)

    assert [bool(weakness.suppression) for weakness in told] == [True, False]
    assert [weakness.counts for weakness in told] == [False, True]


def test_many_decisions_cost_no_more_than_few():
    every = [decision(rule=f"R{number}", path="**") for number in range(1_000)]
    every.append(decision(rule="bandit:B608", path="backend/**"))
    decisions = Decisions.of(every, TODAY)

    assert all(decisions.holding(APP, SQL) == every[-1] for _ in range(20_000))


def test_each_decision_says_what_it_did():
    decisions = [
        decision(fingerprint="bandit-B608"),
        decision(rule="CWE-89", path="**", until="2026-01-01"),
        decision(fingerprint="gone"),
    ]
    uses = SuppressionUses(Decisions.of(decisions, TODAY))

    for number in (1, 2):
        uses.add(AppRef(model="m", app_number=number), [SQL, SQL])

    assert [(use.state, use.weaknesses, use.apps) for use in uses.result()] == [
        ("used", 4, 2),
        ("expired", 4, 2),
        ("unused", 0, 0),
    ]


def fleet(folder: Path, text: str, spec: str = "apps: {root: fleet}") -> Path:
    app = folder / "fleet" / "m" / "app1"
    app.mkdir(parents=True)
    (app / "app.py").write_text("print(1)\n")
    if text:
        (folder / "fleet" / "suppressions.yaml").write_text(text)
    path = folder / "spec.yaml"
    path.write_text(spec)
    return path


GOOD = """\
suppressions:
  - fingerprint: 3f00
    who: Jane
    why: the table's name is a constant
    until: 2027-01-31
  - {rule: CWE-352, path: 'tests/**', app: 'm/*', who: Jane, why: no browser}
"""


def test_the_file_in_the_fleet_travels_with_the_plan(tmp_path: Path):
    said: list[str] = []

    plan = load_plan(fleet(tmp_path, GOOD), "p", said.append)

    assert plan.spec.suppressions is not None
    assert [
        each.fingerprint for each in plan.spec.suppressions if isinstance(each, Suppression)
    ] == [
        "3f00",
        "",
    ]
    assert said == [f"2 decisions of {tmp_path / 'fleet' / 'suppressions.yaml'}"]
    again = type(plan).model_validate_json(plan.model_dump_json())
    assert again == plan
    assert again.digest == plan.digest


@pytest.mark.parametrize("text", ["# none left\n", "suppressions:\n", "suppressions: []\n"])
def test_a_file_whose_last_decision_was_deleted_holds_none(tmp_path: Path, text: str):
    assert load_plan(fleet(tmp_path, text), "p").spec.suppressions == ()


def test_without_a_file_a_plan_is_what_it_was(tmp_path: Path):
    plan = load_plan(fleet(tmp_path, ""), "p")

    assert plan.spec.suppressions is None
    assert "suppressions" not in plan.spec.model_dump()


def test_another_file_or_none_can_be_named(tmp_path: Path):
    path = fleet(tmp_path, GOOD, "apps: {root: fleet}\nsuppressions: []")
    assert load_plan(path, "p").spec.suppressions == ()

    path.write_text("apps: {root: fleet}\nsuppressions: none.yaml")
    with pytest.raises(PlatformError, match=r"none\.yaml: No such file"):
        load_plan(path, "p")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- fingerprint: a", "expected a list under 'suppressions'"),
        ("suppressions: {fingerprint: a}", "expected a list"),
        ("suppressions: []\nother: 1", "expected a list"),
        ("suppressions: [", "not valid YAML at line 1"),
        ("suppressions:\n- fingerprint: a\n  why: b", "line 2: who: Field required"),
        (
            "suppressions:\n- {fingerprint: a, who: b, why: c}\n- {who: b, why: c}",
            "line 3: .*fingerprint",
        ),
        (
            "suppressions:\n- {fingerprint: a, rule: r, who: b, why: c}",
            "line 2: .*fingerprint alone",
        ),
        ("suppressions:\n- {fingerprint: a, who: b, why: c, untl: 2027-01-01}", "line 2: untl"),
        ("suppressions:\n- {fingerprint: a, who: b, why: c, until: soon}", "line 2: until"),
        ("suppressions:\n- {fingerprint: a, who: ' ', why: c}", "line 2: who"),
        ("suppressions:\n- word", "line 2: "),
        (
            "suppressions:\n- {fingerprint: a, who: b, why: c}\n- {fingerprint: a, who: d, why: e}",
            "line 3: a is decided in line 2 already",
        ),
    ],
)
def test_a_wrong_file_is_one_error_with_its_line(tmp_path: Path, text: str, expected: str):
    path = tmp_path / "suppressions.yaml"
    path.write_text(text)

    with pytest.raises(PlatformError) as caught:
        read_suppressions(path)

    told = "\n".join((caught.value.message, *caught.value.lines))
    assert str(path) in told
    assert re.search(expected, told)


def test_a_file_of_too_many_decisions_is_refused(tmp_path: Path):
    path = tmp_path / "suppressions.yaml"
    entries = "\n".join(f"- {{fingerprint: f{n}, who: b, why: c}}" for n in range(1_001))
    path.write_text(f"suppressions:\n{entries}")

    with pytest.raises(PlatformError, match="1001 decisions; at most 1000"):
        read_suppressions(path)


def test_a_finding_without_any_place_fits_every_file_only():
    nowhere = Finding(tool="t", rule_id="r", message="m", severity=Severity.LOW)

    assert matches(decision(rule="r", path="**"), APP, nowhere)
    assert not matches(decision(rule="r", path="*.py"), APP, nowhere)
