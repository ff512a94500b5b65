"""The tools of the AI analyzer. They need an endpoint, which only `__main__` knows."""

from analyzers.ai.config import AiConfig
from analyzers.ai.tools.code_quality import CodeQuality
from analyzers.ai.tools.requirements import Requirements


def build_tools(config: AiConfig) -> tuple[Requirements, CodeQuality]:
    """Both judges at the endpoint of `config`."""
    return Requirements(config), CodeQuality(config)


TOOLS = build_tools(AiConfig())
