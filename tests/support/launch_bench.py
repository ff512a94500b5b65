"""A start of one app, with fakes behind the ports of the engine, and real sockets that answer."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from clients import blame
from clients.appfolder import ServicePlan
from clients.calm import Host, Moment
from clients.docker.containers import State
from clients.docker.launch import Launch
from clients.docker.start_faults import StartFaults
from clients.ending import Ending
from clients.excuses import Circumstances

DEAD = State(
    id="c1", name="web", running=False, unbroken=False, exit_code=1, out_of_memory=False,
    health="", ports={8000: 1}, labels={}, dns_name="web-1", address="", command="python app.py",
)  # fmt: skip
RUNNING = replace(DEAD, running=True, unbroken=True, exit_code=0)
NOTHING = Circumstances()


def calm() -> Moment:
    return Moment(asyncio.get_running_loop().time(), {"cpu": 0}, 0.0)


@dataclass
class FakeContainers:
    """Answers with `states` one after another, the last of them for ever."""

    states: list[State | None]
    said: str = "boom\n"
    refusal: str = ""

    async def state(self, container_id: str) -> State | None:
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    async def start(self, container_id: str) -> str:
        return self.refusal

    async def log(self, container_id: str) -> bytes:
        return self.said.encode()


@dataclass
class FakeEndings:
    """Answers with the state of the container that a test sets."""

    ending: Ending | None = None
    client: Any = None

    async def of(self, container_id: str) -> Ending | None:
        return self.ending


@dataclass
class Bench:
    """One launch of one service, and what it was told."""

    containers: FakeContainers
    endings: FakeEndings = field(
        default_factory=lambda: FakeEndings(Ending(blame.EXIT, "exited with 1"))
    )
    under: Circumstances = NOTHING
    knocks: bool = False
    deadline_s: float = 0.0
    look: Callable[[], Moment] = calm

    def launch(self, *plans: ServicePlan) -> Launch:
        async def knocked(_state: State) -> bool:
            return self.knocks

        faults = StartFaults(self.containers, {"web": self.under}, knocked)
        host = Host(look=self.look)
        return Launch(
            self.containers, self.endings, faults, plans or [ServicePlan("web")],
            {"web": "c1"}, "host", self.deadline_s, host, lambda _: None,
            {"web": {8000: "EXPOSE"}},
        )  # fmt: skip


@asynccontextmanager
async def server(*statuses: int, after_s: float = 0.0) -> AsyncIterator[int]:
    """Port of a server that answers with `statuses` one after another, the last for ever.

    It takes `after_s` for each answer.
    """
    left = list(statuses)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(after_s)
            self.send_response(left.pop(0) if len(left) > 1 else left[0])
            with suppress(BrokenPipeError, ConnectionResetError):  # who asked may be gone
                self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield httpd.server_address[1]
    finally:
        await asyncio.to_thread(httpd.shutdown)
        httpd.server_close()
        thread.join()


@asynccontextmanager
async def speaking(words: bytes, only: bytes = b"") -> AsyncIterator[int]:
    """Port of a service that answers a request with `words`, in a protocol of its own.

    A request that does not begin with `only` gets no answer.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        writer.write(words if line.startswith(only) else b"")
        writer.close()

    served = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield served.sockets[0].getsockname()[1]
    finally:
        served.close()
