"""Limits of different rooms that must agree; each test fails when only one of them is changed."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

import queues
from activities import analysis, heartbeat
from analyzers.runtime.measure import giving_way
from clients.analyzers import http
from contract import limits
from contract.analysis import MeasurementState, ToolReport
from contract.analyzers import AnalyzerKind
from contract.protocol import MAX_WAITING_S
from contract.shortening import shortened
from settings import Settings
from store import engine
from tests.activities.fakes import APP
from workflows import planning, policies
from workflows.policies import Policy

POLICIES: dict[str, Policy] = {
    name: value
    for name, value in vars(policies).items()
    if isinstance(value, dict) and name[0] != "_"
}


def seconds(policy: Policy, what: str) -> float:
    found = policy.get(what)
    assert isinstance(found, timedelta)
    return found.total_seconds()


@pytest.mark.parametrize("name", POLICIES)
def test_a_dead_worker_is_noticed_and_a_slow_one_is_not_called_dead(name: str) -> None:
    heartbeat_s = seconds(POLICIES[name], "heartbeat_timeout")

    assert heartbeat_s >= 3 * limits.BEAT_INTERVAL_S, "three late beats are no death"
    assert heartbeat_s <= 10, "a killed worker is noticed within seconds"
    assert seconds(POLICIES[name], "start_to_close_timeout") > heartbeat_s


def test_each_beat_of_an_activity_is_sent() -> None:
    assert heartbeat.BEAT_INTERVAL_S == limits.BEAT_INTERVAL_S
    assert queues._BEAT_THROTTLE.total_seconds() <= limits.BEAT_INTERVAL_S


@pytest.mark.parametrize("kind", AnalyzerKind)
def test_one_attempt_holds_all_the_waits_and_the_longest_run(kind: AnalyzerKind) -> None:
    """Cut off, the run goes on with the next attempt, and nothing was wrong with the first."""
    run_s = giving_way.GIVE_WAY_S + kind.row.deadline_s + MAX_WAITING_S
    needed_s = limits.PLACES_WAIT_S + run_s + limits.FETCH_S

    assert seconds(policies.RUN_ANALYSIS, "start_to_close_timeout") >= needed_s


@pytest.mark.parametrize(
    ("field", "policy"),
    [("build_deadline_s", policies.START_APP), ("start_deadline_s", policies.START_BUILT)],
)
def test_a_setting_allows_no_more_than_one_attempt_holds(field: str, policy: Policy) -> None:
    with pytest.raises(ValidationError, match="less than or equal to"):
        Settings.model_validate({field: seconds(policy, "start_to_close_timeout")})
    longest_s = {"build_deadline_s": limits.BUILD_MAX_S, "start_deadline_s": limits.START_MAX_S}

    of_start_s = 2 * limits.START_MAX_S + limits.HEALTH_S  # on a loaded host, see `starttime`
    needed_s = limits.GIVE_WAY_S + max(longest_s[field], of_start_s)
    assert getattr(Settings.model_validate({field: longest_s[field]}), field) == longest_s[field]
    assert seconds(policy, "start_to_close_timeout") > needed_s


def test_a_preflight_holds_its_probes() -> None:
    longest_s = max(limits.PROBE_S, http.HEALTH_LIMIT_S)
    assert seconds(policies.PREFLIGHT, "start_to_close_timeout") >= 2 * longest_s


@pytest.mark.parametrize("policy", [policies.RECORD, policies.READ])
def test_the_store_says_what_is_wrong_before_its_attempt_is_over(policy: Policy) -> None:
    longest_s = engine.POOL_TIMEOUT_S + engine.CONNECT_TIMEOUT_S + engine.STATEMENT_TIMEOUT_S

    assert seconds(policy, "start_to_close_timeout") > longest_s


def test_a_reason_has_the_same_length_whoever_cuts_it() -> None:
    state, reason = MeasurementState.INFRA_FAILED, "x" * 10_000
    by_workflow = planning.unmeasured(APP, AnalyzerKind.STATIC, state, reason).tools[0]
    by_activity = analysis._summary(ToolReport(tool="bandit", state=state, reason=reason))

    assert by_workflow.reason == by_activity.reason == shortened(reason, limits.REASON_CHARS)
    assert len(by_workflow.reason) == limits.REASON_CHARS


def test_a_sentence_ends_with_a_word() -> None:
    text = "the name is in use (on stand-ins: app: base image python:3.12)"

    assert shortened(text, len(text)) == text
    assert shortened(text, 42) == "the name is in use (on stand-ins: app…"
    assert shortened(text, 45) == "the name is in use (on stand-ins: app: base…"
