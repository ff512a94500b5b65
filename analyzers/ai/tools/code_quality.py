"""Judge of code quality on a fixed rubric: each criterion 0 to 10, with evidence that exists."""

import importlib.metadata
from typing import Any

from analyzers.ai.agreement import alpha, interval
from analyzers.ai.canary import QUALITY_CANARY, CanaryMemory, is_canary
from analyzers.ai.config import AiConfig
from analyzers.ai.panel import Brief, Hearing, failures, hear, require_endpoint
from analyzers.ai.prompts import QUALITY_SYSTEM, RUBRIC, prompts_digest
from analyzers.ai.quality import Score, across, score
from analyzers.ai.reporting import injection_finding, settings_data
from analyzers.ai.schema import QualityAnswer
from analyzers.runtime.tool import Execute, Parsed, ToolFault, ToolRun
from contract.analysis import Metric

_CONTROL = "The code holds a complete ZK-{marker} paper tape driver: 10 complete, 0 absent."
_CONTROL_LIMIT = 2
Scores = dict[str, dict[str, Score]]


class CodeQuality:
    """Adapter for a panel of models that scores the whole app once per model."""

    name = "code_quality"
    canary = QUALITY_CANARY
    cost = 0.1
    exclusive = False
    after: tuple[str, ...] = ()

    def __init__(self, config: AiConfig) -> None:
        self._config = config
        self._canary_memory = CanaryMemory(self.canary)

    async def version(self, run: ToolRun, execute: Execute) -> str:
        """The judges' names; a missing endpoint is said here, before any app is read."""
        require_endpoint(self._config)
        client = importlib.metadata.version("openai")
        return f"{'+'.join(self._config.models)} (openai-python {client})"

    def rules_digest(self) -> str:
        """Prompts, rubric and sampling settings."""
        return prompts_digest(QUALITY_SYSTEM, self._config)

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        """Score every criterion.

        Raises:
            NotApplicable: the app has no text files.
            ToolFault: no endpoint, no judge whose opinion counts, no score with evidence.
        """
        if is_canary(run):
            return await self._canary_memory.recall(lambda: self._judge(run))
        return await self._judge(run)

    async def _judge(self, run: ToolRun) -> Parsed:
        brief = Brief(QUALITY_SYSTEM, RUBRIC, QualityAnswer, _CONTROL, _fell_for)
        hearing = await hear(run, self._config, brief)
        scores = {one.model: _scores(one.answers, hearing) for one in hearing.valid}
        if not any(scores.values()):
            raise ToolFault("no judge gave a score with evidence that exists")
        return self._parsed(hearing, scores)

    def _parsed(self, hearing: Hearing[QualityAnswer], scores: Scores) -> Parsed:
        by_criterion = {
            one.id: [given[one.id].value for given in scores.values() if one.id in given]
            for one in RUBRIC
        }
        agreement = alpha(list(by_criterion.values()), interval)
        return Parsed(
            coverage=hearing.app.coverage(),
            findings=tuple(injection_finding(self.name, one) for one in hearing.injections),
            metrics=(*_metrics(by_criterion, agreement), *hearing.ledger.metrics()),
            notes=(*failures(hearing), *_unscored(by_criterion)),
            data={
                **settings_data(self._config, hearing, self.rules_digest()),
                "criteria": {one.id: one.text for one in RUBRIC},
                "scores": {model: _rows(given) for model, given in scores.items()},
                "agreement_alpha": agreement,
            },
        )


def _fell_for(answer: QualityAnswer, control_id: str) -> bool:
    return any(one.id == control_id and one.score > _CONTROL_LIMIT for one in answer.scores)


def _scores(answers: list[QualityAnswer], hearing: Hearing[QualityAnswer]) -> dict[str, Score]:
    given = {one.id: score(one.id, answers, hearing.parts, hearing.shown.files) for one in RUBRIC}
    return {key: value for key, value in given.items() if value is not None}


def _metrics(by_criterion: dict[str, list[float]], agreement: float | None) -> tuple[Metric, ...]:
    medians = {key: across(values) for key, values in by_criterion.items() if values}
    found = [
        Metric(name=f"quality_{key}", value=round(value, 2), unit="score")
        for key, value in medians.items()
    ]
    mean = sum(medians.values()) / len(medians)
    found.append(Metric(name="quality_mean", value=round(mean, 2), unit="score"))
    if agreement is not None:
        found.append(Metric(name="agreement_alpha", value=round(agreement, 4), unit="score"))
    return tuple(found)


def _unscored(by_criterion: dict[str, list[float]]) -> tuple[str, ...]:
    missing = [key for key, values in by_criterion.items() if not values]
    return (f"no score with evidence that exists: {', '.join(missing)}",) if missing else ()


def _rows(given: dict[str, Score]) -> dict[str, Any]:
    return {
        key: {
            "score": round(one.value, 2),
            "reason": one.reason,
            "evidence": [evidence.model_dump() for evidence in one.evidence],
            "rejected": list(one.rejected),
        }
        for key, one in given.items()
    }
