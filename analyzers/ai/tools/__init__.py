"""The tools of the AI analyzer. They need an endpoint, which only `__main__` knows."""

from analyzers.ai.client import RateLimits
from analyzers.ai.config import AiConfig
from analyzers.ai.costs import Budgets
from analyzers.ai.tools.code_quality import CodeQuality
from analyzers.ai.tools.requirements import Requirements


def build_tools(config: AiConfig) -> tuple[Requirements, CodeQuality]:
    """Both judges at the endpoint of `config`."""
    shared = Budgets(config.budget_usd), RateLimits()
    return Requirements(config, *shared), CodeQuality(config, *shared)


TOOLS = build_tools(AiConfig())
