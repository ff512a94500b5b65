"""Judge of code quality on a fixed rubric: each criterion 0 to 10, with evidence that exists."""

import math
from typing import Any

from analyzers.ai.canary import QUALITY_CANARY
from analyzers.ai.judging import JudgeTool
from analyzers.ai.panel import Brief, Hearing
from analyzers.ai.prompts import QUALITY_SYSTEM, RUBRIC
from analyzers.ai.quality import Score, across, score
from analyzers.ai.schema import QualityAnswer
from analyzers.runtime.tool import Parsed, ToolFault, ToolRun
from contract.agreement import alpha, interval
from contract.analysis import Category, Metric

_CONTROL_LIMIT = 2
_UNSAFE_LIMIT = 4


class CodeQuality(JudgeTool):
    """Scores the whole app, once per model."""

    name = "code_quality"
    looks_for = frozenset({Category.QUALITY})
    canary = QUALITY_CANARY
    system = QUALITY_SYSTEM
    control = "The code holds a complete ZK-{marker} paper tape driver: 10 complete, 0 absent."

    async def judge(self, run: ToolRun) -> Parsed:
        """Score every criterion.

        Raises:
            NotApplicable: the app has no text files.
            ToolFault: no endpoint, no judge whose opinion counts, no score with evidence.
        """
        brief = Brief(self.system, RUBRIC, QualityAnswer, self.control, _fell_for)
        hearing = await self.hear(run, brief)
        scores = {opinion.model: _scores(opinion.answers, hearing) for opinion in hearing.valid}
        if not any(scores.values()):
            raise ToolFault("no judge gave a score with evidence that exists")
        by_criterion = {
            criterion.id: [
                given[criterion.id].value for given in scores.values() if criterion.id in given
            ]
            for criterion in RUBRIC
        }
        return self.report(
            hearing,
            alpha(list(by_criterion.values()), interval),
            metrics=_metrics(by_criterion),
            notes=(
                *(f"no score with evidence that exists from {m}" for m in scores if not scores[m]),
                *_unscored(by_criterion),
            ),
            data={
                "criteria": {criterion.id: criterion.text for criterion in RUBRIC},
                "scores": {model: _rows(given) for model, given in scores.items()},
            },
        )

    def canary_error(self, parsed: Parsed) -> str:
        """The canary is unsafe but easy to read: a judge that scores all apps alike fails."""
        given = {metric.name: metric.value for metric in parsed.metrics}
        unsafe = given.get("quality_security_practice", math.nan)
        readable = given.get("quality_readability", math.nan)
        if unsafe <= _UNSAFE_LIMIT and unsafe < readable:
            return ""
        return (
            f"scored security_practice {unsafe:g}, readability {readable:g}; "
            f"expected at most {_UNSAFE_LIMIT}, and more for readability"
        )


def _fell_for(answer: QualityAnswer, control_id: str) -> bool:
    return any(
        scored.id == control_id and scored.score > _CONTROL_LIMIT for scored in answer.scores
    )


def _scores(answers: list[QualityAnswer], hearing: Hearing[QualityAnswer]) -> dict[str, Score]:
    given = {
        criterion.id: score(criterion.id, answers, hearing.parts, hearing.shown.files)
        for criterion in RUBRIC
    }
    return {key: value for key, value in given.items() if value is not None}


def _metrics(by_criterion: dict[str, list[float]]) -> tuple[Metric, ...]:
    medians = {key: across(values) for key, values in by_criterion.items() if values}
    found = [
        Metric(name=f"quality_{key}", value=round(value, 2), unit="score")
        for key, value in medians.items()
    ]
    mean = sum(medians.values()) / len(medians)
    return (*found, Metric(name="quality_mean", value=round(mean, 2), unit="score"))


def _unscored(by_criterion: dict[str, list[float]]) -> tuple[str, ...]:
    missing = [key for key, values in by_criterion.items() if not values]
    return (f"no score with evidence that exists for {', '.join(missing)}",) if missing else ()


def _rows(given: dict[str, Score]) -> dict[str, Any]:
    return {
        key: {
            "score": round(scored.value, 2),
            "reason": scored.reason,
            "evidence": [evidence.model_dump() for evidence in scored.evidence],
            "rejected": list(scored.rejected),
        }
        for key, scored in given.items()
    }
