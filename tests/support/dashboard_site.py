"""A dashboard over a data folder, without a socket: requests are answered in the same process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import Any

import httpx
from temporalio.client import Client

from contract.access import Scope
from control.access import Access
from control.access_kept import KeptAccess
from control.errors import ServerAwayError
from dashboard.app import create_app
from dashboard.site import Site
from tests.support.store_folder import stored_in

ROOT = Path(__file__).parents[2]
ORIGIN = "http://127.0.0.1:8240"


async def away() -> Client:
    """No Temporal server."""
    raise ServerAwayError("the Temporal server does not answer", next_step="start it")


def site_of(data_dir: Path, **fields: Any) -> Site:
    """The installation in a data folder; no Temporal server runs unless `connect` is given."""
    site = Site(
        data_dir=data_dir,
        stored=stored_in(data_dir),
        connect=away,
        static=ROOT / ".tools" / "dashboard" / "node_modules",
        fleets=data_dir,
    )
    return replace(site, **fields)


async def token_for(site: Site, scope: Scope = Scope.OPERATE, name: str = "") -> str:
    """A new token of the installation; its name is in the log of changes."""
    kept = KeptAccess(site.stored)
    try:
        name = name or f"{scope}-{token_hex(4)}"
        return (await Access(kept).create_token(name, scope, None, "a test")).token
    finally:
        await kept.close()


@asynccontextmanager
async def operating(
    site: Site, address: str = "127.0.0.1", name: str = ""
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the dashboard of `site` that may change something; the store gets its token."""
    token = await token_for(site, name=name)
    async with browsing(site, address, Authorization=f"Bearer {token}") as client:
        yield client


@asynccontextmanager
async def browsing(
    site: Site, address: str = "127.0.0.1", **headers: str
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the dashboard of `site`, at `address`; errors are answers, as over a socket."""
    app = create_app(site)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 40_000))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers) as client,
    ):
        yield client
