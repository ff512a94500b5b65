"""Whether a worker can do work: what it needs answers, and it polls for tasks."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from temporalio.client import Client
from temporalio.service import RPCError

from contract.errors import PlatformError

_LIMIT_S = 4.0

Probe = Callable[[], Awaitable[None]]


def probe_server(client: Client) -> Probe:
    """A probe of the Temporal server: whether it serves."""

    async def probe() -> None:
        if not await client.service_client.check_health():
            raise ConnectionError("it does not serve")

    return probe


async def unready(probes: Mapping[str, Probe]) -> dict[str, str]:
    """Which of `probes` fail, with the reason; all are asked at once, 4 s at most."""
    reasons = await asyncio.gather(*(_reason(probe) for probe in probes.values()))
    return {name: why for name, why in zip(probes, reasons, strict=True) if why}


async def _reason(probe: Probe) -> str:
    try:
        async with asyncio.timeout(_LIMIT_S):
            await probe()
    except PlatformError as error:
        return error.message
    except TimeoutError:
        return f"no answer within {_LIMIT_S:g} s"
    except (RPCError, RuntimeError, OSError) as error:
        return f"{type(error).__name__}: {error}"
    return ""
