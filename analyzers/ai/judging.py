"""The common part of both tools: a panel of judges at one endpoint, a canary, one kind of report.

A tool built on this defines the questions and the meaning of the answers.
"""

import importlib.metadata
from abc import ABC, abstractmethod
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

from analyzers.ai.canary import CanaryMemory, known_answer
from analyzers.ai.client import Answer, RateLimits
from analyzers.ai.config import AiConfig
from analyzers.ai.costs import Budget, Budgets
from analyzers.ai.digest import prompts_digest, rules_digest
from analyzers.ai.panel import Brief, Hearing, Terms, failures, hear, require_endpoint
from analyzers.ai.reporting import GRADES, injection_finding, settings_data
from analyzers.runtime.tool import Canary, Execute, Parsed, ToolRun
from contract.analysis import Category, Finding, Metric


class JudgeTool(ABC):
    """Adapter for a panel of models that reads the whole app once per model."""

    name: str
    looks_for: frozenset[Category]
    canary: Canary
    system: ClassVar[str]
    control: ClassVar[str]
    grades = GRADES
    cost = 0.1
    exclusive = False
    after: tuple[str, ...] = ()

    def __init__(
        self, config: AiConfig, budgets: Budgets | None = None, limits: RateLimits | None = None
    ) -> None:
        """Tools at one endpoint share `budgets` and `limits`; a tool alone has its own."""
        self._config = config
        self._budgets = budgets or Budgets(config.budget_usd)
        self._limits = limits or RateLimits()
        self._canary_memory = CanaryMemory(self.canary_error)

    async def version(self, run: ToolRun, execute: Execute) -> str:
        """The judges' names; a missing endpoint is reported here, before any app is read."""
        require_endpoint(self._config)
        client = importlib.metadata.version("openai")
        return f"{'+'.join(self._config.models)} (openai-python {client})"

    def rules_digest(self) -> str:
        """Prompts, rules and sampling settings."""
        return rules_digest(self._config)

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        """Ask every judge.

        Raises:
            NotApplicable: there is nothing to ask, or no text to ask about.
            ToolFault: no endpoint, no judge whose opinion counts, or the canary was not seen.
        """
        if run.canary:
            return await self._canary_memory.recall(lambda: self._look(run))
        return await self.judge(run)

    async def _look(self, run: ToolRun) -> Parsed:
        parsed = await self.judge(run)
        if self.canary_error(parsed):
            return parsed
        return replace(parsed, findings=(*parsed.findings, known_answer(self.name)))

    @abstractmethod
    async def judge(self, run: ToolRun) -> Parsed:
        """The panel's answer on one app."""

    @abstractmethod
    def canary_error(self, parsed: Parsed) -> str:
        """Why an answer on the canary is wrong; empty when it is the known answer."""

    async def hear(self, run: ToolRun, brief: Brief[Answer]) -> Hearing[Answer]:
        """Ask the panel within the app's budget; a check of the canary has its own budget.

        Raises:
            NotApplicable: the app has no text to read.
            ToolFault: no endpoint, or no judge whose opinion counts.
        """
        own = Budget(self._config.budget_usd) if run.canary else None
        budget = own or self._budgets.of(run.request.subtask_id)
        return await hear(run, Terms(self._config, budget, self._limits), brief)

    def report(
        self,
        hearing: Hearing[Any],
        agreement: float | None,
        *,
        findings: tuple[Finding, ...] = (),
        metrics: tuple[Metric, ...] = (),
        notes: tuple[str, ...] = (),
        data: dict[str, Any],
    ) -> Parsed:
        """The result of this tool, with the data that every hearing gives.

        A panel that lost a judge measured something, but not what was asked for: the next run asks
        again.
        """
        judges = (("judges", hearing.valid), ("judges_missing", hearing.missing))
        metrics = (
            *metrics,
            *(
                Metric(name=name, value=float(len(counted)), unit="count")
                for name, counted in judges
            ),
        )
        if agreement is not None:
            value = round(agreement, 4)
            metrics = (*metrics, Metric(name="agreement_alpha", value=value, unit="score"))
        return Parsed(
            coverage=hearing.app.coverage(),
            findings=(*findings, *(injection_finding(self.name, i) for i in hearing.injections)),
            metrics=(*metrics, *hearing.costs.metrics()),
            notes=(*failures(hearing), *notes),
            data={
                **settings_data(self._config, hearing),
                "canary_calls": self._canary_memory.calls,
                "prompts_digest": prompts_digest(self.system, self.control),
                **data,
                "agreement_alpha": agreement,
            },
            fresh_for=timedelta(0) if hearing.missing else None,
        )
