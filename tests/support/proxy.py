"""A TCP proxy with faults on purpose: it cuts after a number of bytes, or refuses WebSockets."""

import asyncio
from contextlib import suppress


class FaultyProxy:
    """Forwards 127.0.0.1:`port` to `target_port`.

    Attributes:
        cut_after: bytes towards the client after which a connection is reset, one entry per
            WebSocket connection in order; when used up, connections are left alone.
        cut_http_after: the same for connections that ask for no WebSocket.
        refuse_upgrades: reset every connection that asks for a WebSocket.
        stall: stop forwarding instead of cutting: the connection is half open.
        connections: how many there were.
    """

    def __init__(self, target_port: int, cut_after: tuple[int, ...] = ()) -> None:
        self.target_port = target_port
        self.cut_after = list(cut_after)
        self.cut_http_after: list[int] = []
        self.refuse_upgrades = False
        self.stall = False
        self.connections = 0
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "FaultyProxy":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def drop(self) -> None:
        """Reset all open connections."""
        for task in self._tasks:
            task.cancel()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._forward(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            upgrade = b"upgrade: websocket" in head.lower()
            if not (self.refuse_upgrades and upgrade):
                await self._relay(head, upgrade, reader, writer)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.transport.abort()

    async def _relay(
        self, head: bytes, upgrade: bool, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        cuts = self.cut_after if upgrade else self.cut_http_after
        limit = cuts.pop(0) if cuts else None
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        up_writer.write(head)
        pumps = [
            asyncio.ensure_future(self._pump(reader, up_writer, None)),
            asyncio.ensure_future(self._pump(up_reader, writer, limit)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            up_writer.transport.abort()
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limit: int | None
    ) -> None:
        with suppress(ConnectionError):
            while block := await reader.read(65_536):
                if limit is not None:
                    block = block[:limit]
                    limit -= len(block)
                writer.write(block)
                await writer.drain()
                if limit == 0 and self.stall:
                    await asyncio.Event().wait()
                elif limit == 0:
                    return
