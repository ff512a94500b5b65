"""Proof that each tool sees: it must find the planted flaw of its own canary before it is believed.

Verdicts are kept on disk by tool version and rule digest, so that a restarted analyzer is ready at
once; it checks them again in the background. A blind tool is checked again when somebody needs it,
at most once a minute, else every five minutes, until it sees.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analyzers.runtime.measure.canary_check import (
    CANARY_LIMIT_S,
    CanaryCheck,
    rules_digest_of,
    verdict_of,
)
from analyzers.runtime.measure.verdicts import CanaryVerdict, load_verdicts, save_verdicts
from analyzers.runtime.tool import Tool, ToolFault
from contract.health import ToolHealth

RECHECK_S = 1_800.0
RECHECK_BLIND_S = 300.0
ASK_AGAIN_S = 60.0
WATCH_S = 1.0

logger = logging.getLogger("assay.analyzer")


class CanaryKeeper:
    """Knows for each tool whether it sees, and checks it again from time to time.

    Args:
        tools: the service's tools.
        check: runs a canary.
        state_file: where verdicts are kept between restarts.
        is_idle: whether no measurement runs; tools are checked again only then.
        told: called with the verdict of each canary that was run.
    """

    def __init__(
        self,
        tools: Sequence[Tool],
        check: CanaryCheck,
        state_file: Path,
        is_idle: Callable[[], bool],
        told: Callable[[CanaryVerdict], None] = lambda _: None,
    ) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._check = check
        self._state_file = state_file
        self._is_idle = is_idle
        self._told = told
        self._kept = load_verdicts(state_file, self._tools)
        self._verdicts: dict[str, CanaryVerdict] = {}
        self._from_disk: set[str] = set()
        self._locks = {name: asyncio.Lock() for name in self._tools}
        self._looking_again = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Check every tool in the background, and again from time to time."""
        self._task = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Stop; a canary that runs is ended."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @property
    def waiting_for(self) -> tuple[str, ...]:
        """Tools that have no verdict yet, not even a kept one."""
        return tuple(name for name in self._tools if not self._known(name))

    def versions(self) -> dict[str, str]:
        """Versions of the tools that are known to see, by name."""
        return {name: verdict.version for name, verdict in self._verdicts.items() if verdict.ok}

    def health(self) -> tuple[ToolHealth, ...]:
        """The latest verdict of each tool, at once."""
        return tuple(self._tool_health(name) for name in self._tools)

    async def proven(self, name: str) -> CanaryVerdict:
        """The verdict on a tool that is about to be used; waits for its first canary.

        A tool that was blind is checked again if that is a minute ago.
        """
        verdict = self._verdicts.get(name)
        if verdict is None or (not verdict.ok and _age_s(verdict) > ASK_AGAIN_S):
            await self._look(self._tools[name], newer_than=verdict)
        return self._verdicts[name]

    async def says_something(self, tool: Tool) -> bool:
        """See `CanaryCheck`."""
        return await self._check.says_something(tool)

    async def settled(self) -> None:
        """Wait until no tool is being checked again: load generators run beside no canary."""
        async with self._looking_again:
            return

    def _known(self, name: str) -> CanaryVerdict | None:
        return self._verdicts.get(name) or self._kept.get(name)

    def _tool_health(self, name: str) -> ToolHealth:
        known = self._known(name)
        if known is None:
            return self._health_of(name, starting=True, reason="starting: its canary runs")
        return self._health_of(
            name,
            version=known.version,
            ok=known.ok,
            reason=known.reason,
            lacks_source=known.lacks_source,
            rules_digest=known.rules_digest,
            checked_at=known.checked_at,
        )

    def _health_of(self, name: str, *, ok: bool = False, **fields: Any) -> ToolHealth:
        looks_for = tuple(sorted(self._tools[name].looks_for))
        return ToolHealth(name=name, ok=ok, looks_for=looks_for, **fields)

    async def _watch(self) -> None:
        await asyncio.gather(*(self.proven(name) for name in self._tools))
        logger.info("canaries: %s", self._summary())
        while True:
            await asyncio.sleep(WATCH_S)
            due = [tool for tool in self._tools.values() if self._is_due(tool)]
            if due and self._is_idle():
                async with self._looking_again:
                    await self._look(due[0], newer_than=self._verdicts[due[0].name])

    def _is_due(self, tool: Tool) -> bool:
        verdict = self._verdicts[tool.name]
        if tool.name in self._from_disk:
            return True
        return _age_s(verdict) > (RECHECK_S if verdict.ok else RECHECK_BLIND_S)

    async def _look(self, tool: Tool, newer_than: CanaryVerdict | None) -> None:
        async with self._locks[tool.name]:
            if self._verdicts.get(tool.name) is not newer_than:
                return
            verdict = await self._fresh_verdict(tool, first=newer_than is None)
            self._verdicts[tool.name] = verdict
            if verdict is not self._kept.get(tool.name):
                self._told(verdict)
            save_verdicts(self._state_file, self._verdicts.values())

    async def _fresh_verdict(self, tool: Tool, *, first: bool) -> CanaryVerdict:
        self._from_disk.discard(tool.name)
        try:
            version = await self._check.version(tool)
        except ToolFault as fault:
            return verdict_of(tool, "", str(fault))
        kept = self._kept.get(tool.name)
        same = kept and (kept.version, kept.rules_digest) == (version, rules_digest_of(tool))
        if first and kept and kept.ok and same:
            self._from_disk.add(tool.name)
            return kept
        try:
            async with asyncio.timeout(CANARY_LIMIT_S):
                return await self._check.look(tool, version)
        except TimeoutError:
            reason = f"canary not seen: no end within {CANARY_LIMIT_S:.0f} s"
            return verdict_of(tool, version, reason)

    def _summary(self) -> str:
        return ", ".join(
            f"{name} {'sees' if verdict.ok else verdict.reason}"
            for name, verdict in self._verdicts.items()
        )


def _age_s(verdict: CanaryVerdict) -> float:
    return (datetime.now(UTC) - verdict.checked_at).total_seconds()
