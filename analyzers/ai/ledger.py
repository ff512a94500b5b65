"""What was spent: every call with tokens, cost and latency, under a budget that is never passed."""

from dataclasses import asdict, dataclass, field
from typing import Any

from analyzers.ai.config import AiConfig
from contract.analysis import Metric

# A byte-level tokenizer makes at most one token of a byte; the frame of a message adds a few.
_TOKENS_PER_MESSAGE = 16


class BudgetSpentError(Exception):
    """The next call could pass the budget, so it was not made."""


@dataclass(frozen=True, slots=True)
class Call:
    """One answered call; None where the endpoint did not tell."""

    model: str
    prompt_digest: str
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    latency_s: float
    waited_s: float = 0.0


@dataclass(slots=True)
class Ledger:
    """Calls of one app so far. `spent_usd` counts a call without usage at its highest price."""

    config: AiConfig
    calls: list[Call] = field(default_factory=list)
    spent_usd: float = 0.0

    def admit(self, model: str, prompt: str, messages: int) -> float:
        """The most this call can cost, in US dollars.

        Raises:
            BudgetSpentError: what is spent and this together could pass the budget.
        """
        price = self.config.prices.get(model)
        if price is None:
            return 0.0
        most_tokens = len(prompt.encode()) + messages * _TOKENS_PER_MESSAGE
        most_usd = price.cost_usd(most_tokens, self.config.max_output_tokens)
        budget = self.config.budget_usd
        if budget is not None and self.spent_usd + most_usd > budget:
            raise BudgetSpentError(
                f"budget of {budget:g} USD: {self.spent_usd:.6f} spent, "
                f"the next call could cost {most_usd:.6f}"
            )
        return most_usd

    def record(self, call: Call, most_usd: float) -> None:
        """Book an answered call."""
        self.calls.append(call)
        self.spent_usd += most_usd if call.cost_usd is None else call.cost_usd

    def since(self, start: int) -> "Ledger":
        """The calls from number `start` on: one tool's own share."""
        return Ledger(self.config, self.calls[start:])

    def metrics(self) -> tuple[Metric, ...]:
        """Tokens, cost and latency per model; what the endpoint did not tell is left out."""
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
