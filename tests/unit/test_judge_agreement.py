"""Agreement of judges over a fleet: every answer of every app counts once."""

import math
from types import SimpleNamespace

import pytest

from contract.agreement import alpha, interval, nominal
from contract.spec import AppRef, AppRole
from reports.judge_agreement import JudgeAgreement, scores_of


def app(model: str, answers: list[dict[str, str]], scores: dict | None = None, role=None):
    """What the reducer reads of an app."""
    cell = SimpleNamespace(report=SimpleNamespace(data={"scores": scores or {}}))
    return SimpleNamespace(
        ref=AppRef(model=model, app_number=1),
        role=role or AppRole.SUBJECT,
        requirements=[SimpleNamespace(judges=given) for given in answers],
        cells=[cell],
    )


def test_alpha_is_over_all_apps_and_per_model():
    one = [{"x": "met", "y": "met"}, {"x": "met", "y": "not_met"}, {"x": "not_met", "y": "not_met"}]
    two = [{"x": "met", "y": "not_met"}, {"x": "not_met", "y": "not_met"}]
    reducer = JudgeAgreement()
    reducer.add(app("a", one))
    reducer.add(app("b", two))
    result = reducer.result()

    def expected(answers):
        return round(alpha([tuple(given.values()) for given in answers], nominal), 4)

    assert result[None][0].alpha == expected([*one, *two])
    assert (result[None][0].units, result[None][0].judges) == (5, 2)
    assert result["a"][0].alpha == expected(one)
    assert result["b"][0].alpha == expected(two)


def test_scores_are_compared_on_their_scale():
    reducer = JudgeAgreement()
    for low, high in ((2, 3), (7, 8), (9, 9)):
        scores = {"x": {"style": {"score": low}}, "y": {"style": {"score": high}}}
        reducer.add(app("a", [], scores))
    found = reducer.result()[None][0]
    assert found.name == "quality_style"
    assert found.alpha == round(alpha([(2.0, 3.0), (7.0, 8.0), (9.0, 9.0)], interval), 4)


def test_one_judge_agrees_with_nobody():
    reducer = JudgeAgreement()
    reducer.add(app("a", [{"x": "met"}, {"x": "not_met"}]))
    found = reducer.result()[None][0]
    assert found.alpha is None
    assert "one judge" in found.reason


def test_controls_and_repeats_are_not_asked():
    reducer = JudgeAgreement()
    reducer.add(app("a", [{"x": "met", "y": "met"}], role=AppRole.CONTROL))
    assert reducer.result() == {}


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"scores": None},
        {"scores": {"x": None}},
        {"scores": {"x": {"style": None}}},
        {"scores": {"x": {"style": {"score": "7"}}}},
        {"scores": {"x": {"style": {"score": math.nan}}}},
    ],
)
def test_what_is_no_score_is_left_out(data):
    assert scores_of(data) == {}
