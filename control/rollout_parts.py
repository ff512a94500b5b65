"""Asks each part of an installation whether it lives, can work, and what it counts."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx
from pydantic import ValidationError

from contract.analyzers import AnalyzerKind
from contract.health import AnalyzerHealth
from control.rollout import RolloutCheck, failed, passed, unmeasured
from control.rollout_figures import Figures

_LIMIT_S = 9.0  # a part's own answer about what it needs takes up to 8 s


@dataclass(frozen=True, slots=True)
class PartAddresses:
    """Where the parts answer HTTP; an empty address: nobody said it.

    Attributes:
        analyzers: base URL of each.
        others: whole addresses by name, each of which answers 200 when all is well.
        token: shared token of the analyzers, for their metrics; None: they want none.
    """

    analyzers: Mapping[AnalyzerKind, str]
    worker: str = ""
    dashboard: str = ""
    others: Mapping[str, str] = field(default_factory=dict)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class PartsTold:
    """What the parts said.

    Attributes:
        checks: one per part.
        versions: of the parts that told theirs, by name.
        worker: the worker's figures; None: it cannot be asked.
        asks_ai: whether the AI analyzer has an endpoint to ask.
    """

    checks: tuple[RolloutCheck, ...]
    versions: Mapping[str, str]
    worker: Figures | None
    asks_ai: bool


async def ask_parts(addresses: PartAddresses) -> PartsTold:
    """Ask all at once; that one is away is an answer. Takes 30 s at most."""
    async with httpx.AsyncClient(timeout=_LIMIT_S, trust_env=False) as http:
        analyzers, worker, dashboard, others = await asyncio.gather(
            asyncio.gather(
                *(_analyzer(http, kind, addresses.analyzers.get(kind, "")) for kind in AnalyzerKind)
            ),
            _part(http, "worker", addresses.worker),
            _part(http, "dashboard", addresses.dashboard),
            asyncio.gather(*(_other(http, *one) for one in addresses.others.items())),
        )
        figures = await worker_figures(addresses)
    told = {f"analyzer {health.analyzer}": health.version for _, health in analyzers if health}
    if figures is not None and (version := figures.labels("assay_build_info").get("version")):
        told["worker"] = version
    return PartsTold(
        checks=(*(check for check, _ in analyzers), worker, dashboard, *others),
        versions=told,
        worker=figures,
        asks_ai=any(
            health is not None
            and health.analyzer.row.equipment == "endpoint"
            and not _has_no_endpoint(health)
            for _, health in analyzers
        ),
    )


async def worker_figures(addresses: PartAddresses) -> Figures | None:
    """What the worker's metrics say now; None: it cannot be asked, or shows none."""
    if not addresses.worker:
        return None
    try:
        async with httpx.AsyncClient(timeout=_LIMIT_S, trust_env=False) as http:
            answer = await http.get(f"{addresses.worker}/metrics")
        return Figures.of(answer.text) if answer.is_success else None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return None


async def _analyzer(
    http: httpx.AsyncClient, kind: AnalyzerKind, url: str
) -> tuple[RolloutCheck, AnalyzerHealth | None]:
    name = f"analyzer {kind}"
    check = await _part(http, name, url)
    if check.failed or not url:
        return check, None
    try:
        health = AnalyzerHealth.model_validate_json((await http.get(f"{url}/health")).content)
    except (httpx.HTTPError, ValidationError):
        return failed(name, f"{url} is no analyzer", "correct its address"), None
    if health.analyzer is not kind:
        detail = f"{url} is the analyzer {health.analyzer}"
        return failed(name, detail, "correct its address"), None
    if _has_no_endpoint(health):
        why = f"{kind} has no endpoint: {health.tools[0].reason}"
        return unmeasured(name, f"it answers; {why}"), health
    return passed(name, f"{url}: {_seeing(health)}"), health


def _seeing(health: AnalyzerHealth) -> str:
    blind = [tool.name for tool in health.tools if tool.blind]
    seeing = f"{len(health.tools) - len(blind)} of {len(health.tools)} tools see their canary"
    return f"{seeing}; blind: {', '.join(blind)}" if blind else seeing


def _has_no_endpoint(health: AnalyzerHealth) -> bool:
    """Whether it is one that asks somebody else, and nobody said whom."""
    return bool(health.tools) and all(tool.is_unset for tool in health.tools)


async def _part(http: httpx.AsyncClient, name: str, url: str) -> RolloutCheck:
    if not url:
        return unmeasured(name, "nobody said where it answers", "give its address")
    for path in ("/health", "/ready"):
        if wrong := await _wrong(http, f"{url}{path}"):
            return failed(name, wrong, f"start the {name}, or read its log")
    return passed(name, f"{url} lives and is ready")


async def _other(http: httpx.AsyncClient, name: str, url: str) -> RolloutCheck:
    if wrong := await _wrong(http, url):
        return failed(name, wrong, f"start {name}, or read its log")
    return passed(name, f"{url} answers")


async def _wrong(http: httpx.AsyncClient, url: str) -> str:
    """Why the answer is not as it should be; empty: it is."""
    try:
        answer = await http.get(url)
    except (httpx.ConnectError, httpx.InvalidURL) as error:
        return f"{url}: nothing answers there ({error})"
    except httpx.HTTPError as error:
        return f"{url}: no answer: {type(error).__name__} {error}".rstrip()
    if answer.status_code == HTTPStatus.OK:
        return ""
    return f"{url}: {answer.status_code}{_reasons(answer)}"


def _reasons(answer: httpx.Response) -> str:
    try:
        document: Any = answer.json()
        reasons: dict[str, Any] = document["reasons"]
        return ": " + "; ".join(f"{part}: {why}" for part, why in reasons.items())
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
