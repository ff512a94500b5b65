"""What both tools are: a panel of judges at one endpoint, a canary, one way to report.

A tool built on this says what is asked, and what the answers mean.
"""

import importlib.metadata
from abc import ABC, abstractmethod
from datetime import timedelta
from typing import Any, ClassVar

from analyzers.ai.canary import CanaryMemory, is_canary
from analyzers.ai.config import AiConfig
from analyzers.ai.digest import prompts_digest, rules_digest
from analyzers.ai.panel import Hearing, failures, require_endpoint
from analyzers.ai.reporting import injection_finding, settings_data
from analyzers.runtime.tool import Canary, Execute, Parsed, ToolRun
from contract.analysis import Finding, Metric


class JudgeTool(ABC):
    """Adapter for a panel of models that reads the whole app once per model."""

    name: str
    canary: Canary
    system: ClassVar[str]
    control: ClassVar[str]
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
        """Prompts, rules and sampling settings."""
        return rules_digest(self._config)

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        """Ask every judge.

        Raises:
            NotApplicable: there is nothing to ask, or no text to ask about.
            ToolFault: no endpoint, or no judge whose opinion counts.
        """
        if is_canary(run):
            return await self._canary_memory.recall(lambda: self.judge(run))
        return await self.judge(run)

    @abstractmethod
    async def judge(self, run: ToolRun) -> Parsed:
        """The panel's answer on one app."""

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
        """What this tool measured, with what every hearing tells.

        A panel that lost a judge measured something, but not what was asked for: next time it is
        asked anew.
        """
        judges = (("judges", hearing.valid), ("judges_missing", hearing.missing))
        metrics = (
            *metrics,
            *(Metric(name=name, value=float(len(of)), unit="count") for name, of in judges),
        )
        if agreement is not None:
            value = round(agreement, 4)
            metrics = (*metrics, Metric(name="agreement_alpha", value=value, unit="score"))
        return Parsed(
            coverage=hearing.app.coverage(),
            findings=(*findings, *(injection_finding(self.name, i) for i in hearing.injections)),
            metrics=(*metrics, *hearing.ledger.metrics()),
            notes=(*failures(hearing), *notes),
            data={
                **settings_data(self._config, hearing),
                "prompts_digest": prompts_digest(self.system, self.control),
                **data,
                "agreement_alpha": agreement,
            },
            fresh_for=timedelta(0) if hearing.missing else None,
        )
