"""What is known before the start: for the last step of the wizard, the page of a spec, the API."""

from typing import Any

from starlette.requests import Request

from contract.spec import PipelinePlan, PipelineSpec
from control.forecast_words import forecast_lines
from control.glancing import Glance
from control.launching import plan_below
from control.naming import new_id
from control.plans import Read
from control.plans import planned as planned_app
from control.specs import specs_folder
from control.surveying import Platform, Survey, survey
from dashboard.access.who import Scope, actor_of
from dashboard.memory import settle_late
from dashboard.site import Site

_NOT_ASKED = "this dashboard does not know where its analyzer is"


async def planned(
    site: Site, spec: PipelineSpec, id_: str, read: Read = planned_app
) -> PipelinePlan:
    """The plan of a spec whose folders are all below that of the fleets; one at a time.

    Raises:
        PlatformError: they are not, or something else is wrong.
    """
    async with site.planning:
        return await plan_below(
            site.fleets, spec, id_, stored=site.stored, secret=site.secret, read=read
        )


async def surveyed(
    site: Site, spec: PipelineSpec, name: str, notes: tuple[str, ...] = ()
) -> Survey:
    """What the spec would run, take, show and miss; its apps are not read whole for it.

    Raises:
        PlatformError: as `planned`; or the store cannot be read.
    """
    glance = Glance()
    plan = await planned(site, spec, new_id("look"), glance)
    platform = Platform(site.analyzers, site.machine, site.stored, not_asked=_NOT_ASKED)
    found = await survey(name, plan, platform, (*glance.notes, *notes))
    settle_late("scipy")  # the first forecast has loaded it
    return found


def shown(request: Request, site: Site, found: Survey | None) -> dict[str, Any]:
    """What a template needs to show a survey, and who may start it."""
    return {
        "survey": found,
        "lines": tuple(forecast_lines(found.forecast)) if found else (),
        "may": actor_of(request).may(Scope.OPERATE),
        "folder": specs_folder(site.data_dir),
    }
