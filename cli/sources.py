"""Whether the outside sources that some tools ask answer on this machine."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from analyzers.runtime.measure.canary_check import CanaryCheck
from analyzers.runtime.measure.cores import CpuBudget
from analyzers.runtime.tool import Tool, ToolFault
from analyzers.static.manifest_tool import ManifestTool
from analyzers.static.tools import TOOLS
from contract.analyzers import AnalyzerKind
from settings import Settings

_LIMIT_S = 60.0


async def unanswered(settings: Settings) -> dict[str, str]:
    """Why the source of each tool that asks outside gave no answer; empty where it answered.

    Each looks at its own canary, as it does before it is believed; 60 s at most.
    """
    tools = [tool for tool in TOOLS if isinstance(tool, ManifestTool) and tool.asks_outside]
    with TemporaryDirectory(prefix="assay-doctor-", ignore_cleanup_errors=True) as folder:
        budget = CpuBudget(1.0)
        check = CanaryCheck(
            AnalyzerKind.STATIC,
            settings.tools_dir / "static",
            Path(folder),
            budget,
            search_path=settings.search_path,
        )
        reasons = await asyncio.gather(*(_reason(check, tool) for tool in tools))
    return {tool.name: reason for tool, reason in zip(tools, reasons, strict=True)}


async def _reason(check: CanaryCheck, tool: Tool) -> str:
    try:
        async with asyncio.timeout(_LIMIT_S):
            verdict = await check.look(tool, await check.version(tool))
    except TimeoutError:
        return f"no answer within {_LIMIT_S:.0f} s"
    except ToolFault as fault:
        return str(fault)
    return verdict.reason
