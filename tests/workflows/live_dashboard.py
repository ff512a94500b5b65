"""A dashboard behind a socket, in front of the real server and a pipeline of the fake platform."""

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from temporalio.client import Client

from contract.analysis import AnalyzerReport, SubtaskRequest
from contract.outcome import AppOutcome, SubtaskOutcome
from contract.plan import PlanHeader, pages_of
from contract.spec import SourceRef
from dashboard.app import create_app
from dashboard.site import Site
from store.results import SqlResultStore
from tests.support.proxy import FaultyProxy
from tests.support.store_folder import store_in
from tests.support.two_pipelines import looked
from tests.workflows.fake_platform import TOOLS, FakePlatform, Run, measured


class Outcomes(dict[str, AppOutcome]):
    """Outcomes of apps that are kept in the real store, too."""

    def __init__(self, platform: FakePlatform, store: SqlResultStore) -> None:
        super().__init__()
        self._platform, self._store = platform, store
        self.writing = set[asyncio.Task[None]]()

    def __setitem__(self, label: str, outcome: AppOutcome) -> None:
        super().__setitem__(label, outcome)
        apps = {app.ref.label: app for app in self._platform.plan.apps}
        if label in apps:  # not one that was added later
            app = self._platform.plan.app_spec(apps[label])
            self.writing.add(asyncio.create_task(self._store.record_app(app, outcome)))


class Recorded(FakePlatform):
    """A fake platform whose apps and measurements are in a real store as well."""

    def __init__(self, store: SqlResultStore, **fields: Any) -> None:
        super().__init__(**fields)
        self.sql = store
        self.store.apps = self.apps = Outcomes(self, store)
        for kind in self.plan.spec.analyzers:
            self.runs[kind] = self.kept(None)

    async def register(self, fleet: Path) -> None:
        """Put the plan into the real store; its apps have folders below `fleet`, with one more."""
        folders = [fleet / "m" / f"app{n}" for n in range(1, len(self.plan.apps) + 2)]
        for folder in folders:
            folder.mkdir(parents=True)
            (folder / "main.py").write_text("print()\n", encoding="utf-8")
        sources = (SourceRef(path=str(folder), digest="0" * 64) for folder in folders)
        found = zip(self.plan.apps, sources, strict=False)
        apps = tuple(app.model_copy(update={"source": source}) for app, source in found)
        self.plan = self.plan.model_copy(update={"apps": apps})
        header = PlanHeader.of(self.plan)
        for page in pages_of(self.plan):
            await self.sql.register_page(header, page)

    def kept(self, run: Run | None) -> Run:
        """A measurement, kept in the real store when it has come."""

        async def kept(request: SubtaskRequest) -> SubtaskOutcome:
            outcome = await run(request) if run else measured(request)
            apps = {app.ref: app for app in self.plan.apps}
            if request.ref not in apps:
                return outcome
            report = AnalyzerReport(
                subtask_id=request.subtask_id,
                analyzer=request.analyzer,
                tools=tuple(looked(tool=tool) for tool in TOOLS[request.analyzer]),
            )
            app = self.plan.app_spec(apps[request.ref])
            await self.sql.record_subtask(self.id, app, outcome, report)
            return outcome

        return kept


@asynccontextmanager
async def real_store(folder: Path) -> AsyncGenerator[SqlResultStore]:
    """The store of a data folder."""
    store = await store_in(folder)
    yield store
    await store.close()


class Road(FaultyProxy):
    """A way to the server that can be blocked."""

    async def block(self) -> None:
        """Refuse every connection, and reset those that are open."""
        assert self._server
        self._server.close()
        self.drop()

    async def open(self) -> None:
        """Take connections again."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def client(self, to: Client) -> Client:
        """A client of the same server by this way."""
        return await Client.connect(
            f"127.0.0.1:{self.port}", namespace=to.namespace, data_converter=to.data_converter
        )


@asynccontextmanager
async def served(site: Site, port: int = 0) -> AsyncGenerator[tuple[str, Any]]:
    """The address of its dashboard, and the application."""
    app = create_app(site)
    listening = socket.create_server(("127.0.0.1", port), backlog=512)
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", app
    finally:
        app.state.ending.set()
        server.should_exit = True
        with suppress(asyncio.CancelledError):
            await serving


async def told(answer: httpx.Response) -> AsyncIterator[tuple[str, str, str]]:
    """Events of a stream: ID, name and data."""
    id_, name, data = "", "", list[str]()
    async for line in answer.aiter_lines():
        if not line:
            if data:
                yield id_, name, "\n".join(data)
            name, data = "", []
        field, _, value = line.partition(": ")
        if field == "id":
            id_ = value
        elif field == "event":
            name = value
        elif field == "data":
            data.append(value)
