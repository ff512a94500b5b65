"""What a route may ask for by type: the installation, its server, and who asks."""

from typing import Annotated

from fastapi import Depends, Path, Request, Security
from fastapi.security import HTTPBearer
from starlette.requests import HTTPConnection

from contract.ids import PIPELINE_ID_PATTERN, model_from_safe
from contract.schedule import SCHEDULE_NAME_PATTERN
from contract.spec import AppRef
from control.access import Access
from control.app_reading import ReadApp
from control.audit import AuditLog
from control.comparisons import Comparisons
from control.naming import app_of, schedule_name
from control.naming import pipeline_id as usable_id
from control.regressions_kept import KeptRegressions
from control.serving import ServedPipelines
from dashboard.access.who import Actor, managing, operating, reading
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


def _regressed(request: Request) -> KeptRegressions:
    return request.app.state.regressions


def _comparisons(request: Request) -> Comparisons:
    return request.app.state.comparisons


# It describes, too: who asks was found out before any route.
TOKEN = HTTPBearer(
    scheme_name="token",
    description="A token that `assay token create` made. Changes need one with the scope "
    "`operate`; reading needs none on the machine of the dashboard.",
    auto_error=False,
)

# Patterns describe. What does not match them is refused by the functions, which say why.
_Id = Annotated[str, Path(json_schema_extra={"pattern": PIPELINE_ID_PATTERN})]
_Name = Annotated[str, Path(json_schema_extra={"pattern": SCHEDULE_NAME_PATTERN})]
_Model = Annotated[
    str,
    Path(
        description="The model's name, percent-encoded once more than the address: %252F for a /.",
        json_schema_extra={"minLength": 1},
    ),
]
_App = Annotated[str, Path(json_schema_extra={"pattern": "^app[1-9][0-9]{0,5}$"})]


def _operating(request: Request, _: Annotated[object, Security(TOKEN)]) -> Actor:
    return operating(request)


def _managing(request: Request, _: Annotated[object, Security(TOKEN)]) -> Actor:
    return managing(request)


def _running(request: Request) -> ServedPipelines:
    return request.app.state.running


def _pipeline(pipeline_id: _Id) -> str:
    return usable_id(pipeline_id)


def _schedule(schedule: _Name) -> str:
    return schedule_name(schedule)


def _app(model: _Model, app: _App) -> AppRef:
    return app_of(f"{model_from_safe(model)}/{app}")


Here = Annotated[Site, Depends(site_of)]
Temporal = Annotated[Server, Depends(_server)]
Accesses = Annotated[Access, Depends(access_of)]
Log = Annotated[AuditLog, Depends(_audit)]
Regressed = Annotated[KeptRegressions, Depends(_regressed)]
Compares = Annotated[Comparisons, Depends(_comparisons)]
Running = Annotated[ServedPipelines, Depends(_running)]
Reader = Annotated[Actor, Depends(reading)]
Operator = Annotated[Actor, Depends(_operating)]
Manager = Annotated[Actor, Depends(_managing)]  # for a look at who has access
PipelineHere = Annotated[str, Depends(_pipeline)]  # of a route with {pipeline_id}
ScheduleHere = Annotated[str, Depends(_schedule)]  # of a route with {schedule}
AppHere = Annotated[AppRef, Depends(_app)]  # of a route with {model}/{app}


async def _read_app(site: Here, _: Reader, pipeline_id: PipelineHere, ref: AppHere) -> ReadApp:
    return await site.readings.read(site.stored, pipeline_id, ref)


AppRead = Annotated[ReadApp, Depends(_read_app)]  # what is recorded of it, for whoever may read
