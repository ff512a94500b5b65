"""A server with a fixed maximum of requests per second, as a process of its own.

    python -m tests.support.capped_server KIND CAP

It prints its port. Kinds: `queueing` has one worker with a fixed service time; `rejecting` has a
token bucket and answers 503 when it is empty; `limiting` does the same with 429 and
`Retry-After: 1`.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

KINDS = ("queueing", "rejecting", "limiting")
_BURST = 5.0
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
_REFUSALS = {
    "rejecting": b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy",
    "limiting": b"HTTP/1.1 429 Limited\r\nRetry-After: 1\r\nContent-Length: 4\r\n\r\nslow",
}


class _Capped:
    def __init__(self, kind: str, cap: float) -> None:
        self._refusal = _REFUSALS.get(kind, b"")
        self._cap = cap
        self._free_at = 0.0
        self._tokens, self._last = _BURST, time.monotonic()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                if self._refusal:
                    writer.write(_OK if self._takes() else self._refusal)
                else:
                    await self._served()
                    writer.write(_OK)
                await writer.drain()
        writer.close()

    async def _served(self) -> None:
        """Wait for the one worker; its times are kept exactly, whatever the event loop does."""
        self._free_at = max(self._free_at, time.monotonic()) + 1 / self._cap
        await asyncio.sleep(self._free_at - time.monotonic())

    def _takes(self) -> bool:
        now = time.monotonic()
        self._tokens = min(_BURST, self._tokens + (now - self._last) * self._cap)
        self._last = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


@asynccontextmanager
async def capped_server(kind: str, cap: float) -> AsyncGenerator[str]:
    """Its address; it is gone afterwards."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.capped_server", kind, str(cap)),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout
        yield f"http://127.0.0.1:{int(await process.stdout.readline())}/"
    finally:
        process.kill()
        await process.wait()


async def _serve(kind: str, cap: float) -> None:
    server = await asyncio.start_server(_Capped(kind, cap).answer, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], float(sys.argv[2])))
