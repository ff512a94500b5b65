"""A server with known behaviour for load tests: fixed delays, statuses, a freeze, a death."""

import asyncio
import contextlib
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class LoadServer:
    """Answers `routes` (path -> status, delay in seconds); anything else is a 404.

    Every answer has the header `location`, which matters in a redirect only; `bodies` by path.

    `freeze_at` and `freeze_s`: nothing is answered in that window after the first loaded request.
    `dies_after`: closes its socket for good after that many requests.
    """

    routes: dict[str, tuple[int, float]] = field(default_factory=lambda: {"/": (200, 0.0)})
    content_type: str = "text/plain"
    location: str = "/"
    bodies: dict[str, bytes] = field(default_factory=dict)
    freeze_at: float = 0.0
    freeze_s: float = 0.0
    freeze_after_requests: int = 0
    dies_after: int = 0
    url: str = ""
    hits: Counter[str] = field(default_factory=Counter)
    _accepting: asyncio.Task[None] | None = None
    _frozen_until: float = 0.0
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ", 2)[1].decode()
                self.hits[path] += 1
                if self.dies_after and self.hits.total() > self.dies_after:
                    self.die()
                    break
                await self._pause(path)
                writer.write(self._bytes(path))
                await writer.drain()
        self._writers.discard(writer)
        writer.close()

    async def _pause(self, path: str) -> None:
        if self.freeze_s and self.hits.total() == self.freeze_after_requests:
            self._frozen_until = time.monotonic() + self.freeze_s
        status_delay = self.routes.get(path, (404, 0.0))[1]
        await asyncio.sleep(max(status_delay, self._frozen_until - time.monotonic()))

    def _bytes(self, path: str) -> bytes:
        status = self.routes.get(path, (404, 0.0))[0]
        body = self.bodies.get(path, f"page {path}".encode())
        head = (
            f"HTTP/1.1 {status} X\r\nContent-Type: {self.content_type}\r\n"
            f"Location: {self.location}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    async def accept(self, listener: socket.socket) -> None:
        """Serve until it dies. (`asyncio.Server` loses connections that came just before.)"""
        connections: set[asyncio.Task[None]] = set()
        with listener:
            while True:
                came, _ = await asyncio.get_running_loop().sock_accept(listener)
                reader, writer = await asyncio.open_connection(sock=came)
                self._writers.add(writer)
                connections.add(task := asyncio.create_task(self.answer(reader, writer)))
                task.add_done_callback(connections.discard)

    def die(self) -> None:
        if self._accepting:
            self._accepting.cancel()
        for writer in self._writers:
            writer.transport.abort()


@asynccontextmanager
async def serving(server: LoadServer) -> AsyncIterator[LoadServer]:
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    listener.setblocking(False)
    server.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server._accepting = asyncio.create_task(server.accept(listener))
    try:
        yield server
    finally:
        server.die()
        await asyncio.wait([server._accepting])
        listener.close()  # a task that is cancelled before it began closes nothing
