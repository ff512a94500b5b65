"""A TCP proxy that misbehaves on command: stalls, resets, truncates, delays."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

_BLOCK_BYTES = 64 * 1024
_DELAY_S = 0.4
_LINGER_RESET = struct.pack("ii", 1, 0)


class Mode(StrEnum):
    """How bytes are treated."""

    PASS = "pass"
    STALL = "stall"
    TRUNCATE = "truncate"
    DELAY = "delay"


@dataclass(slots=True)
class Proxy:
    """Forwards 127.0.0.1:`port` to 127.0.0.1:`upstream` from a thread of its own.

    A stalled connection stays open and silent, as after a pulled cable. A truncated one ends after
    `cut_after` more bytes of the upstream's.
    """

    upstream: int
    port: int = 0
    cut_after: int = 0
    _mode: Mode = Mode.PASS
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _flowing: asyncio.Event = field(default_factory=asyncio.Event)
    _thread: threading.Thread | None = None

    def start(self) -> int:
        """Listen on a free port, which is returned."""
        listening = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(listening,), daemon=True)
        self._thread.start()
        assert listening.wait(5), "the proxy did not start"
        return self.port

    def stop(self) -> None:
        """Reset what is open and end the thread."""
        self.reset()
        self._loop.call_soon_threadsafe(self._loop.stop)
        assert self._thread is not None
        self._thread.join(5)
        self._loop.close()

    def set(self, mode: Mode, cut_after: int = 0) -> None:
        """Use this mode from now on, on open connections and new ones."""
        self.cut_after = cut_after

        def apply() -> None:
            self._mode = mode
            (self._flowing.clear if mode is Mode.STALL else self._flowing.set)()

        self._call(apply)

    def reset(self) -> int:
        """Abort every open connection with RST; returns their number."""
        return self._call(self._abort_all)

    def _call(self, function: Callable[[], Any]) -> Any:
        done: list[Any] = []
        ready = threading.Event()

        def run() -> None:
            done.append(function())
            ready.set()

        self._loop.call_soon_threadsafe(run)
        assert ready.wait(5), "the proxy hangs"
        return done[0]

    def _run(self, listening: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._flowing.set()
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_BLOCK_BYTES)
        )
        self.port = server.sockets[0].getsockname()[1]
        listening.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.01))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        except OSError:
            _abort(writer)
            return
        pair = {writer, far_writer}
        self._writers |= pair
        try:
            await asyncio.gather(
                self._pump(reader, far_writer, from_upstream=False),
                self._pump(far_reader, writer, from_upstream=True),
            )
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._writers -= pair
            for one in pair:
                _abort(one)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, from_upstream: bool
    ) -> None:
        while data := await reader.read(_BLOCK_BYTES):
            await self._flowing.wait()
            if self._mode is Mode.DELAY:
                await asyncio.sleep(_DELAY_S)
            elif self._mode is Mode.TRUNCATE and from_upstream:
                kept = data[: self.cut_after]
                self.cut_after -= len(kept)
                writer.write(kept)
                await writer.drain()
                if len(kept) < len(data):
                    raise ConnectionAbortedError("cut here")
                continue
            writer.write(data)
            await writer.drain()
        await self._flowing.wait()
        with suppress(OSError):
            writer.write_eof()

    def _abort_all(self) -> int:
        for writer in self._writers:
            _abort(writer)
        return len(self._writers) // 2


def _abort(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN."""
    transport_socket = writer.get_extra_info("socket")
    if transport_socket is not None:
        with suppress(OSError):
            transport_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
    writer.transport.abort()
