"""The tools of the AI analyzer. They need an endpoint, which only `__main__` knows."""

from analyzers.ai.config import AiConfig
from analyzers.ai.ledger import Budgets
from analyzers.ai.tools.code_quality import CodeQuality
from analyzers.ai.tools.requirements import Requirements


def build_tools(config: AiConfig) -> tuple[Requirements, CodeQuality]:
    """Both judges at the endpoint of `config`."""
    budgets = Budgets(config.budget_usd)
    return Requirements(config, budgets), CodeQuality(config, budgets)


TOOLS = build_tools(AiConfig())
