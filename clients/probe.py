"""Whether a port answers HTTP: any status counts, silence and broken connections do not."""

import httpx

_TIMEOUT_S = 5.0


async def answers(base_url: str) -> bool:
    """Whether `GET /` at `base_url` gets a status line within 5 seconds. The body is not read."""
    try:
        async with (
            httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as client,
            client.stream("GET", base_url + "/"),
        ):
            return True
    except (httpx.HTTPError, OSError):
        return False
