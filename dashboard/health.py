"""Whether the dashboard answers, and whether it has what it shows, for whoever supervises it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from fastapi import Request, Response
from temporalio.client import Client
from temporalio.service import RPCError

from contract.base import Frozen
from contract.doors import installation_mark
from contract.errors import PlatformError
from control.stored import Stored
from dashboard.known import Here

_LIMIT_S = 3.0
_KEPT_S = 1.0


class Health(Frozen):
    """What a supervisor asks for; anybody may.

    Attributes:
        program: always `assay-dashboard`.
        installation: mark of the data folder that it shows.
    """

    program: str = "assay-dashboard"
    installation: str


async def health(site: Here) -> Health:
    """That this dashboard answers."""
    return Health(installation=installation_mark(str(site.data_dir)))


class Ready(Frozen):
    """Whether the dashboard has what it shows; anybody may ask, so reasons name no places.

    Attributes:
        reasons: what it lacks, by part.
    """

    ok: bool
    reasons: dict[str, str] = {}


class Readiness:
    """Asks store and server, once for all who want to know within a second.

    Args:
        stored: the store.
        connect: has, or opens, a connection to the Temporal server.
    """

    def __init__(self, stored: Stored, connect: Callable[[], Awaitable[Client]]) -> None:
        self._probes = {"store": stored.probe, "temporal": lambda: _serves(connect)}
        self._lock = asyncio.Lock()
        self._asked_at_s = 0.0
        self._last = Ready(ok=False)

    async def ask(self) -> Ready:
        """How it is now."""
        async with self._lock:
            if time.monotonic() - self._asked_at_s > _KEPT_S or not self._asked_at_s:
                found = await asyncio.gather(*(_reason(probe) for probe in self._probes.values()))
                reasons = dict(zip(self._probes, found, strict=True))
                lacking = {name: why for name, why in reasons.items() if why}
                self._last = Ready(ok=not lacking, reasons=lacking)
                self._asked_at_s = time.monotonic()
        return self._last


async def _serves(connect: Callable[[], Awaitable[Client]]) -> None:
    await (await connect()).service_client.check_health()


async def _reason(probe: Callable[[], Awaitable[None]]) -> str:
    try:
        async with asyncio.timeout(_LIMIT_S):
            await probe()
    except TimeoutError:
        return f"no answer within {_LIMIT_S:g} s"
    except (PlatformError, RPCError, RuntimeError, OSError):
        return "cannot be reached; a look at /system says why"
    return ""


async def ready(request: Request, response: Response) -> Ready:
    """Whether store and Temporal server can be reached; 503 if not."""
    readiness: Readiness = request.app.state.readiness
    found = await readiness.ask()
    if not found.ok:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return found
