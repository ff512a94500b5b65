"""The costs: every call with tokens, price and latency, under a budget that is never exceeded."""

from dataclasses import asdict, dataclass, field
from typing import Any

from analyzers.ai.config import AiConfig
from contract.analysis import Metric

# A byte-level tokenizer makes at most one token per byte; a message's frame adds a few.
_TOKENS_PER_MESSAGE = 16
_KEPT = 10_000


class BudgetSpentError(Exception):
    """The next call could exceed the budget, so it was not made."""


@dataclass(frozen=True, slots=True)
class Call:
    """One answered call; None where the endpoint gave no figure.

    Attributes:
        answered_by: the model as the endpoint names it, often with its date.
        fingerprint: of its configuration; the same seed repeats an answer only under the same one.
    """

    model: str
    prompt_digest: str
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    latency_s: float
    waited_s: float = 0.0
    answered_by: str = ""
    fingerprint: str | None = None


@dataclass(slots=True)
class Budget:
    """US dollars for one app, shared by both tools, which run at the same time, and by retries.

    Attributes:
        limit_usd: None: no limit.
        committed_usd: spent, and reserved at the highest possible price for calls under way.
    """

    limit_usd: float | None
    committed_usd: float = 0.0

    def reserve(self, most_usd: float) -> None:
        """Reserve `most_usd` before a call.

        Raises:
            BudgetSpentError: it could exceed the limit.
        """
        if self.limit_usd is not None and self.committed_usd + most_usd > self.limit_usd:
            raise BudgetSpentError(
                f"budget of {self.limit_usd:g} USD: {self.committed_usd:.6f} committed, "
                f"the next call could cost {most_usd:.6f}"
            )
        self.committed_usd += most_usd

    def settle(self, reserved_usd: float, cost_usd: float) -> None:
        """Replace a reservation by the real price of the call."""
        self.committed_usd += cost_usd - reserved_usd


class Budgets:
    """The budget of each app, for as long as this process runs: a retry uses the rest of it.

    The last `_KEPT` apps are remembered; an older app starts with a new budget.
    """

    def __init__(self, limit_usd: float | None) -> None:
        self._limit_usd = limit_usd
        self._known: dict[str, Budget] = {}

    def of(self, subtask_id: str) -> Budget:
        """The one budget of this subtask."""
        budget = self._known.pop(subtask_id, None) or Budget(self._limit_usd)
        self._known[subtask_id] = budget
        if len(self._known) > _KEPT:
            del self._known[next(iter(self._known))]
        return budget


@dataclass(slots=True)
class Costs:
    """One tool's calls on one app. A call with an unknown price counts at its highest price."""

    config: AiConfig
    budget: Budget
    calls: list[Call] = field(default_factory=list)

    def reserve(self, model: str, prompt: str, messages: int) -> float:
        """Reserve the most that this call can cost; returns it, in US dollars.

        Raises:
            BudgetSpentError: it could exceed the budget.
        """
        price = self.config.prices.get(model)
        if price is None:
            return 0.0
        most_tokens = len(prompt.encode()) + messages * _TOKENS_PER_MESSAGE
        most_usd = price.cost_usd(most_tokens, self.config.max_output_tokens)
        self.budget.reserve(most_usd)
        return most_usd

    def record(self, call: Call, reserved_usd: float) -> None:
        """Book an answered call."""
        self.calls.append(call)
        if call.cost_usd is not None:
            self.budget.settle(reserved_usd, call.cost_usd)

    def refused(self, reserved_usd: float) -> None:
        """The endpoint refused the call, or never got it: it cost nothing."""
        self.budget.settle(reserved_usd, 0.0)

    def metrics(self) -> tuple[Metric, ...]:
        """Tokens, cost and latency per model; figures that the endpoint left out are left out."""
        found: list[Metric] = []
        for model in dict.fromkeys(call.model for call in self.calls):
            calls = [call for call in self.calls if call.model == model]
            found.append(_metric("calls", float(len(calls)), "count", model))
            found.append(_metric("latency", sum(call.latency_s for call in calls), "s", model))
            for name, unit in (
                ("input_tokens", "tokens"),
                ("output_tokens", "tokens"),
                ("cost_usd", "usd"),
            ):
                values = [getattr(call, name) for call in calls]
                if None not in values:
                    label = name.removesuffix("_usd")
                    found.append(_metric(label, float(sum(values)), unit, model))
        return tuple(found)

    def data(self) -> list[dict[str, Any]]:
        """Every call, for the record."""
        return [asdict(call) for call in self.calls]


def _metric(name: str, value: float, unit: str, model: str) -> Metric:
    return Metric(name=name, value=round(value, 8), unit=unit, target=model)
