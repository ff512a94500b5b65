"""Asks analyzers how they are: all at once, and none of them for long."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from clients.analyzers.http import AnalyzerHttp
from contract.analyzers import AnalyzerKind
from contract.health import AnalyzerHealth

LIMIT_S = 1.2
"""How long an analyzer may take for its answer."""


@dataclass(frozen=True, slots=True)
class Analyzers:
    """Where the analyzers of an installation are.

    Attributes:
        urls: WebSocket address of each; one that is not among them is not part of it.
        lacks: what this machine has to get before one can measure; empty: nothing.
    """

    urls: Mapping[AnalyzerKind, str] = field(default_factory=dict)
    lacks: Callable[[AnalyzerKind], str] = lambda _: ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What an analyzer said.

    Attributes:
        answers: whether it was the analyzer that said it; else `health` tells why it did not.
    """

    health: AnalyzerHealth
    answers: bool


async def ask_all(analyzers: Analyzers) -> tuple[Asked, ...]:
    """The health of each, in the order of the table; that one is away is an answer."""
    asked = (_ask(kind, analyzers.urls[kind]) for kind in AnalyzerKind if kind in analyzers.urls)
    return tuple(await asyncio.gather(*asked))


async def _ask(kind: AnalyzerKind, url: str) -> Asked:
    try:
        async with asyncio.timeout(LIMIT_S):
            http = await asyncio.to_thread(AnalyzerHttp, kind, url, None)
            try:
                health = await http.health()
            finally:
                await http.close()
    except TimeoutError:
        reason = f"analyzer {kind} at {url} did not answer within {LIMIT_S:g} s"
        return Asked(AnalyzerHealth(analyzer=kind, ok=False, reason=reason), answers=False)
    # A health check that fails is made by the client: it names no tool and no version.
    return Asked(health, answers=bool(health.tools or health.version))
