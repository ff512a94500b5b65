"""What the dashboard knows of its installation: the program that serves it says so."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from temporalio.client import Client

from contract.analyzers import AnalyzerKind
from contract.ids import app_workflow_id, pipeline_workflow_id
from contract.secret import SecretRef
from contract.spec import AppRef
from control.analyzer_health import Analyzers
from control.app_reading import AppReadings
from control.checks import Checks
from control.dryrun import Machine
from control.stored import Stored


@dataclass(frozen=True, slots=True)
class Doors:
    """Who may come in.

    Attributes:
        hosts: names besides loopback ones by which browsers may call the dashboard (`Host`).
        local: whether anybody on this machine reads without a token.
        proxy: address of a reverse proxy whose header names the person; empty: no such proxy.
        proxy_user_header: the header in which that proxy names the person.
        proxy_scopes_header: the header in which it says `read` or `operate`; empty: all may read.
    """

    hosts: tuple[str, ...] = ()
    local: bool = True
    proxy: str = ""
    proxy_user_header: str = "X-Forwarded-User"
    proxy_scopes_header: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """One installation, as its dashboard sees it.

    Attributes:
        data_dir: folder of everything that Assay writes.
        stored: the store.
        connect: opens a connection to the Temporal server; raises a `PlatformError`.
        namespace: of the Temporal server.
        ui_url: of the Temporal Web UI; empty: unknown.
        static: folder of what npm delivered (`node_modules`).
        fleets: folder in which relative names of fleets begin.
        assay: name and version of the program.
        lacks: what this machine has to get before an analyzer can measure; empty: nothing.
        secret: finds a login as the worker of this machine would; None: the worker is elsewhere.
        analyzer_urls: WebSocket URL of each analyzer.
        token_file: the analyzers' shared token; None: they want none.
        doors: who may come in.
        engine: tells which engine runs apps on this machine, or raises a `PlatformError`; blocking;
            None: apps run elsewhere.
        versions: of what else this program is made of, by name.
        deployment: that its workers belong to.
        readings: apps that were read.
        worker_url: base of the worker's `/metrics`; empty: unknown.
        machine: that runs the apps, to ask it for its engine; None: another one does.
        planning: held while a fleet is read from the disk: a large one takes seconds.
        checks: of its parts, those under way.
    """

    data_dir: Path
    stored: Stored
    connect: Callable[[], Awaitable[Client]]
    static: Path
    fleets: Path
    namespace: str = "default"
    ui_url: str = ""
    assay: str = "Assay"
    lacks: Callable[[AnalyzerKind], str] = lambda _: ""
    secret: Callable[[SecretRef], str] | None = None
    analyzer_urls: Mapping[AnalyzerKind, str] = field(default_factory=dict)
    token_file: Path | None = None
    doors: Doors = Doors()
    worker_url: str = ""
    readings: AppReadings = field(default_factory=AppReadings)
    engine: Callable[[], str] | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    deployment: str = "assay"
    machine: Machine | None = None
    planning: asyncio.Lock = field(default_factory=asyncio.Lock)
    checks: Checks = field(default_factory=Checks)

    @property
    def analyzers(self) -> Analyzers:
        """Where the analyzers are."""
        return Analyzers(self.analyzer_urls, self.lacks)

    def workflow_url(self, pipeline_id: str, app: AppRef | None = None) -> str:
        """Where the Temporal Web UI shows the workflow of a pipeline or app; empty: unknown."""
        if not self.ui_url:
            return ""
        name = (
            app_workflow_id(pipeline_id, app.model, app.app_number)
            if app
            else pipeline_workflow_id(pipeline_id)
        )
        return f"{self.ui_url}/namespaces/{self.namespace}/workflows/{quote(name, safe='')}"
