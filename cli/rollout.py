"""Where the parts of the installation are that `verify-deployment` looks at."""

import asyncio
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.site import site_of
from cli.stack.lifecycle import running_stack
from cli.stack.model import Stack
from clients.address import Address
from clients.artifacts import FileArtifactStore
from clients.docker.errors import connect
from clients.runtime import host_runtime
from contract.analyzers import AnalyzerKind
from contract.doors import base_url
from contract.errors import PlatformError
from contract.ids import LABEL_PIPELINE, pipeline_workflow_id
from control.errors import WrongInputError
from control.rollout import RolloutCheck
from control.rollout_parts import PartAddresses
from control.rollout_server import check_server
from control.system import Installation
from settings import Settings, temporal_is_configured

NOWHERE = "none"
"""What is given for a part that cannot be reached from here."""
_ENGINE_LIMIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Given:
    """Addresses that the user gave; those that are left out are found by the settings.

    Attributes:
        analyzers: base URL by kind; `none`: it cannot be reached from here.
        others: whole addresses of what belongs to it besides, by name.
    """

    analyzers: Mapping[AnalyzerKind, str] = field(default_factory=dict)
    worker: str | None = None
    dashboard: str | None = None
    others: Mapping[str, str] = field(default_factory=dict)


def given_others(words: list[str]) -> dict[str, str]:
    """`prometheus=http://host:9090/-/ready` of the command line.

    Raises:
        WrongInputError: a word has another form.
    """
    for word in words:
        if "=http" not in word:
            step = "such as prometheus=http://127.0.0.1:9090/-/ready"
            raise WrongInputError(f"--also {word}: it is no NAME=URL", next_step=step)
    return {name: url for name, _, url in (word.partition("=") for word in words)}


def given_analyzers(words: list[str]) -> dict[AnalyzerKind, str]:
    """`static=http://host:2001` of the command line.

    Raises:
        WrongInputError: a word has another form, or names no analyzer.
    """
    found: dict[AnalyzerKind, str] = {}
    for word in words:
        kind, is_there, url = word.partition("=")
        if not is_there or kind not in list(AnalyzerKind):
            raise WrongInputError(
                f"--analyzer {word}: it is no KIND=URL",
                next_step=f"kinds are {', '.join(AnalyzerKind)}",
            )
        found[AnalyzerKind(kind)] = url
    return found


def addresses_of(settings: Settings, given: Given) -> PartAddresses:
    """Of the local stack, else of the configured installation; what is given comes first."""
    stack = None if temporal_is_configured() else running_stack(settings)
    urls = stack.analyzer_urls if stack else settings.analyzer_urls
    token = stack.token_file.read_text().strip() if stack else settings.token
    return PartAddresses(
        analyzers={
            kind: _one(given.analyzers.get(kind), _http(urls.get(kind, "")))
            for kind in AnalyzerKind
        },
        worker=_one(given.worker, _worker(settings, stack)),
        dashboard=_one(given.dashboard, _dashboard(settings, stack)),
        others=given.others,
        token=token,
    )


def _one(given: str | None, found: str) -> str:
    return "" if given == NOWHERE else (given or found).rstrip("/")


def _http(url: str) -> str:
    return url.replace("ws", "http", 1)


def _worker(settings: Settings, stack: Stack | None) -> str:
    if stack:
        return stack.worker_url
    if not settings.metrics_address:
        return ""
    address = Address.parse(settings.metrics_address)
    return base_url(address.host, address.port)


def _dashboard(settings: Settings, stack: Stack | None) -> str:
    if stack:
        return stack.dashboard_url
    return base_url(settings.dashboard_host, settings.dashboard_port)


async def check_shared(settings: Settings) -> tuple[RolloutCheck, ...]:
    """Check what the parts share."""
    site = site_of(settings)
    shared = Installation(data_dir=site.data_dir, stored=site.stored, connect=site.connect)
    return await check_server(shared, site.deployment)


async def left_behind(settings: Settings, pipeline_id: str) -> tuple[list[str] | None, str]:
    """What of the pipeline's apps is still on this machine; None, and why: nobody can tell."""
    try:
        return await _on_this_host(settings, pipeline_id), ""
    except PlatformError as error:
        return None, f"no engine can be asked from here: {error.message}"


async def _on_this_host(settings: Settings, pipeline_id: str) -> list[str]:
    if temporal_is_configured():  # its scope is not known here: the pipeline's label is enough
        return await asyncio.to_thread(_labelled, settings.docker_host, pipeline_id)
    artifacts = FileArtifactStore(settings.data_dir / "artifacts")
    runtime = await asyncio.to_thread(
        host_runtime, settings, artifacts, docker_host=settings.docker_host
    )
    mine = f"{pipeline_workflow_id(pipeline_id)}/"
    return [one for one in await runtime.owned_workflows() if one.startswith(mine)]


def _labelled(docker_host: str, pipeline_id: str) -> list[str]:
    filters: dict[str, Any] = {"label": f"{LABEL_PIPELINE}={pipeline_id}"}
    with closing(connect(docker_host, _ENGINE_LIMIT_S)) as engine:
        found = [f"container {one.name}" for one in engine.containers.list(True, filters=filters)]
        found += [f"network {one.name}" for one in engine.networks.list(filters=filters)]
        return found + [f"volume {one.name}" for one in engine.volumes.list(filters=filters)]


def fleet_of(folder: Path | None, project: Path) -> Path:
    """The folder with the bundled apps, as the worker sees it.

    Raises:
        WrongInputError: they are not there.
    """
    fleet = (folder or project / "controls").absolute()
    if not (fleet / "verify.yaml").is_file():
        raise WrongInputError(
            f"--fleet {fleet}: no verify.yaml there",
            next_step="name a copy of the folder 'controls' that the worker sees at the same path",
        )
    return fleet
