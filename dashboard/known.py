"""What a route may ask for by type: the installation, its server, and who asks."""

from typing import Annotated

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from contract.ids import model_from_safe
from contract.spec import AppRef
from control.access import Access
from control.audit import AuditLog
from control.comparisons import Comparisons
from control.naming import app_of
from control.naming import pipeline_id as usable_id
from dashboard.access.who import Actor, operating, reading
from dashboard.server import Server
from dashboard.site import Site


def site_of(request: HTTPConnection) -> Site:
    """The installation."""
    return request.app.state.site


def _server(request: Request) -> Server:
    return request.app.state.server


def access_of(request: HTTPConnection) -> Access:
    """Tokens and sessions."""
    return request.app.state.access


def _audit(request: Request) -> AuditLog:
    return request.app.state.audit


def _comparisons(request: Request) -> Comparisons:
    return request.app.state.comparisons


def _pipeline(pipeline_id: str) -> str:
    return usable_id(pipeline_id)


def _app(model: str, app: str) -> AppRef:
    return app_of(f"{model_from_safe(model)}/{app}")


Here = Annotated[Site, Depends(site_of)]
Temporal = Annotated[Server, Depends(_server)]
Accesses = Annotated[Access, Depends(access_of)]
Log = Annotated[AuditLog, Depends(_audit)]
Compares = Annotated[Comparisons, Depends(_comparisons)]
Reader = Annotated[Actor, Depends(reading)]
Operator = Annotated[Actor, Depends(operating)]
PipelineHere = Annotated[str, Depends(_pipeline)]  # of a route with {pipeline_id}
AppHere = Annotated[AppRef, Depends(_app)]  # of a route with {model}/{app}
