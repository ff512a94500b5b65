"""The static analyzer's tools, in the order a report lists them."""

from analyzers.runtime.tool import Tool
from analyzers.static.tools.bandit import Bandit
from analyzers.static.tools.eslint import Eslint
from analyzers.static.tools.opengrep import Opengrep
from analyzers.static.tools.ruff import Ruff

TOOLS: tuple[Tool, ...] = (
    Opengrep(),
    Bandit(),
    Ruff(),
    Eslint(),
)
