"""Our own server: prints its port, then answers everybody with the same kilobyte.

It uses only the standard library: it starts at once and does almost nothing per request.
"""

import asyncio
import contextlib
import itertools
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

_BODY = b"x" * 1024
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(_BODY)
) + _BODY


@asynccontextmanager
async def serving(delays_s: Sequence[float] = ()) -> AsyncGenerator[int]:
    """Serve on a free port, which is yielded; `delays_s`, if given, delay answers in turn."""
    waits = itertools.cycle(delays_s)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer each request head with the same bytes; this is enough HTTP for a generator."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                if delays_s:
                    await asyncio.sleep(next(waits))
                writer.write(_ANSWER)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _serve() -> None:
    async with serving() as port:
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
