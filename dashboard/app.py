"""The dashboard as an ASGI application."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

from fastapi import APIRouter, Depends, FastAPI
from fastapi.responses import RedirectResponse, Response
from fastapi.telemetry import TelemetryConfig
from starlette.routing import BaseRoute
from starlette.staticfiles import StaticFiles

from control.access import Access
from control.access_kept import KeptAccess
from control.actions import Action
from control.asking import Together
from control.audit import AuditLog
from control.comparisons import Comparisons
from control.refusals import Refusals
from control.regressions_kept import KeptRegressions
from control.report_jobs import ReportJobs
from control.serving import ServedPipelines
from dashboard import api, pages
from dashboard.access.gate import Gate
from dashboard.access.tries import Tries
from dashboard.api.described import PROBLEMS, described
from dashboard.api.parameters import require_known
from dashboard.conditional import Conditional
from dashboard.edge import Edge
from dashboard.fresh import PART_S, PARTS_MAX
from dashboard.health import Readiness, health, ready
from dashboard.metrics import Counted, Requests, metrics
from dashboard.problems import add_handlers
from dashboard.scripts import vendored
from dashboard.server import Server
from dashboard.site import Site
from dashboard.traced import Traced
from dashboard.urls import API
from reports.html import report_style

# Its spans would have queries and texts of exceptions: both may hold what is secret.
_NOTHING_OF_ITS_OWN: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
_STATIC = Path(__file__).parent / "static"


def create_app(site: Site) -> FastAPI:
    """The pages and the API of one installation."""
    app = FastAPI(
        title="Assay",
        version="1",
        telemetry=_NOTHING_OF_ITS_OWN,
        openapi_url=f"{API}/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_living,
        routes=[*_routes()],
    )
    app.state.closing = AsyncExitStack()
    site = replace(site, stored=site.stored.kept())
    app.state.closing.push_async_callback(site.stored.close)
    app.state.site = site
    app.state.server = Server(site.connect)
    app.state.closing.push_async_callback(app.state.server.close)
    app.state.requests = Requests()
    app.state.readiness = Readiness(site.stored, app.state.server.client)
    app.state.comparisons = Comparisons(site.stored)
    app.state.regressions = KeptRegressions()
    app.state.closing.push_async_callback(app.state.comparisons.close)
    app.state.ending = asyncio.Event()  # set when the program is asked to end: streams end, too
    app.state.running = ServedPipelines(app.state.server.client)
    app.state.closing.push_async_callback(app.state.running.close)
    app.state.parts = Together[str](PART_S, PARTS_MAX)
    app.state.closing.push_async_callback(app.state.parts.close)
    kept = KeptAccess(site.stored)
    app.state.access = Access(kept)
    app.state.audit = AuditLog(kept)
    refusals = app.state.refusals = Refusals(kept)
    app.state.tries = Tries(told=lambda address: refusals.count(address, Action.LOG_IN, "token"))
    shown = Tries(told=lambda address: refusals.count(address, Action.USE_TOKEN, "token"))
    app.state.closing.push_async_callback(kept.close)
    app.state.closing.push_async_callback(app.state.access.close)
    app.state.closing.push_async_callback(refusals.close)
    app.state.report_jobs = ReportJobs(site.stored, site.data_dir, site.assay)
    app.state.closing.push_async_callback(app.state.report_jobs.close)
    add_handlers(app)
    app.openapi = partial(described, app)
    app.add_api_route("/static/report.css", _report_style, include_in_schema=False)
    app.add_api_route("/static/vendor/{name}", vendored, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=_STATIC))
    app.add_api_route("/", _first, include_in_schema=False)
    app.add_api_route("/health", health, include_in_schema=False)
    app.add_api_route("/ready", ready, include_in_schema=False)
    app.add_api_route("/metrics", metrics, include_in_schema=False)
    app.add_middleware(Conditional)
    app.add_middleware(Traced)
    app.add_middleware(
        Gate,
        access=app.state.access,
        doors=site.doors,
        tries=shown,
        token_file=site.token_file,
    )
    app.add_middleware(Edge)
    app.add_middleware(Counted, requests=app.state.requests)
    return app


@cache
def _routes() -> tuple[BaseRoute, ...]:
    """Pages and questions, which are those of every installation.

    The first request makes models of their parameters, which takes a quarter of a second: once in
    a process, however many applications it has.
    """
    router = APIRouter()
    for page in pages.ROUTERS:
        router.include_router(page, include_in_schema=False)
    for question in api.ROUTERS:
        router.include_router(
            question, prefix=API, responses=PROBLEMS, dependencies=[Depends(require_known)]
        )
    return tuple(router.routes)


@asynccontextmanager
async def _living(app: FastAPI) -> AsyncGenerator[None]:
    """While it serves. At its end, all is closed that was pushed on `app.state.closing`."""
    async with app.state.closing:
        yield


async def _report_style() -> Response:
    return Response(report_style(), media_type="text/css")


async def _first() -> RedirectResponse:
    return RedirectResponse("/pipelines")
