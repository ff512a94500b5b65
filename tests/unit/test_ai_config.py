"""Settings, prices and the budget of the judges."""

from datetime import UTC, datetime

import pytest

from analyzers.ai.client import retry_after_s
from analyzers.ai.config import AiConfig, Price
from analyzers.ai.costs import Budget, BudgetSpentError, Call, Costs
from tests.support.compose_file import load

ENVIRONMENT = {
    "ASSAY_AI_BASE_URL": "http://127.0.0.1:1/v1",
    "ASSAY_AI_API_KEY": "sk-secret",
    "ASSAY_AI_MODELS": "small, large,small",
    "ASSAY_AI_PRICES": "small=0.15/0.6,large=2/8",
    "ASSAY_AI_BUDGET_USD": "0.5",
    "ASSAY_AI_JSON_MODE": "no",
}


def test_the_environment_is_read_once() -> None:
    config = AiConfig.from_environment(ENVIRONMENT)

    assert config.configured
    assert config.models == ("small", "large")
    assert config.prices["large"] == Price(2.0, 8.0)
    assert (config.budget_usd, config.json_mode, config.temperature) == (0.5, False, 0.0)
    assert "sk-secret" not in repr(config)


def test_a_server_that_knows_no_seed_is_sent_none() -> None:
    assert AiConfig.from_environment({"ASSAY_AI_SEED": "none"}).seed is None
    assert AiConfig.from_environment({"ASSAY_AI_SEED": "3"}).seed == 3


def test_nothing_set_means_off() -> None:
    assert not AiConfig.from_environment({}).configured


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ASSAY_AI_PRICES", "small"),
        ("ASSAY_AI_PRICES", "small=cheap/free"),
        ("ASSAY_AI_PRICES", "small=nan/1,large=1/1"),
        ("ASSAY_AI_PRICES", "small=-1/1,large=1/1"),
        ("ASSAY_AI_PRICES", "small=inf/1,large=1/1"),
        ("ASSAY_AI_MAX_OUTPUT_TOKENS", "-5"),
        ("ASSAY_AI_TEMPERATURE", "nan"),
        ("ASSAY_AI_TEMPERATURE", "-1"),
        ("ASSAY_AI_TIMEOUT_S", "inf"),
        ("ASSAY_AI_BUDGET_USD", "-1"),
        ("ASSAY_AI_BUDGET_USD", "nan"),
        ("ASSAY_AI_TEMPERATURE", "warm"),
        ("ASSAY_AI_JSON_MODE", "perhaps"),
        ("ASSAY_AI_PART_CHARS", "10"),
    ],
)
def test_a_bad_value_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name):
        AiConfig.from_environment({**ENVIRONMENT, name: value})


def test_every_setting_can_be_given_to_the_composed_deployment() -> None:
    asked: set[str] = set()

    class Recorder(dict[str, str]):
        def get(self, key: str, default: str = "") -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
            asked.add(key)
            return default

    AiConfig.from_environment(Recorder())
    passed = load()["services"]["ai"]["environment"]

    file = "ASSAY_AI_API_KEY_FILE"  # named on the host, it is elsewhere in the container
    expected = {name: f"${{{name}:-}}" for name in asked}
    assert passed == expected | {file: f"${{{file}:+/run/secrets/ai-api-key}}"}


def test_a_budget_needs_prices() -> None:
    with pytest.raises(ValueError, match="needs a price for large"):
        AiConfig.from_environment({**ENVIRONMENT, "ASSAY_AI_PRICES": "small=1/1"})


def call(cost_usd: float | None) -> Call:
    return Call("m", "digest", 10, 10, cost_usd, 0.1)


def costs_of(budget: Budget, max_output_tokens: int = 1) -> Costs:
    prices = {"m": Price(0, 1e6)}
    config = AiConfig(models=("m",), prices=prices, max_output_tokens=max_output_tokens)
    return Costs(config, budget)


def test_the_budget_is_never_passed() -> None:
    costs = costs_of(Budget(3.0))
    for _ in range(3):
        costs.record(call(cost_usd=1.0), costs.reserve("m", "prompt", 1))

    with pytest.raises(BudgetSpentError, match="budget of 3 USD: 3"):
        costs.reserve("m", "prompt", 1)


def test_two_judges_side_by_side_share_the_budget() -> None:
    budget = Budget(1.5)
    first, second = costs_of(budget), costs_of(budget)
    reserved_usd = first.reserve("m", "prompt", 1)

    with pytest.raises(BudgetSpentError):
        second.reserve("m", "prompt", 1)
    first.refused(reserved_usd)
    assert second.reserve("m", "prompt", 1) == 1.0


def test_a_call_without_usage_is_booked_at_its_highest_price_and_not_shown() -> None:
    costs = costs_of(Budget(None), max_output_tokens=5)
    costs.record(call(cost_usd=None), costs.reserve("m", "prompt", 1))

    assert costs.budget.committed_usd == 5
    assert "cost" not in {one.name for one in costs.metrics()}


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("3", 3.0), ("Mon, 23 Nov 2026 12:00:30 GMT", 30.0), ("-5", 0.0), ("", None), ("soon", None)],
)
def test_retry_after_is_seconds_or_a_date(header: str, seconds: float | None) -> None:
    assert retry_after_s(header, datetime(2026, 11, 23, 12, 0, tzinfo=UTC)) == seconds
