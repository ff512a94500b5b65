"""Specs: what they would run, and starting them."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field, ValidatorFunctionWrapHandler, WrapValidator

from contract.base import Authored, Frozen
from contract.spec import PipelineSpec
from control.actions import Action
from control.documents import Validated
from control.dryrun import validated
from control.launching import Launched, launch, left_aside
from control.left_out import some
from control.naming import new_id
from control.specfile import parse_spec
from control.specs import SpecPage, list_specs, spec_text
from control.surveying import Survey
from dashboard.access.audit import audited
from dashboard.known import Here, Operator, Reader, Temporal
from dashboard.paging import ROWS_MAX, opened, sealed
from dashboard.wizard.survey import planned, surveyed

router = APIRouter(tags=["specs"])
_QUESTION = {"page": "api specs"}


def _parsed(value: Any, _: ValidatorFunctionWrapHandler) -> PipelineSpec:
    """The spec, refused as the command line refuses it: by field, with the nearest right word."""
    return value if isinstance(value, PipelineSpec) else parse_spec(value, "spec")


class SpecOrder(Authored):
    """A spec to look at.

    Attributes:
        spec: as in a spec file; relative paths begin at the folder of the fleets, and every path
            has to be below it.
    """

    spec: Annotated[PipelineSpec, WrapValidator(_parsed)]


class PipelineOrder(SpecOrder):
    """A pipeline to start.

    Attributes:
        id: of the pipeline; the same ID and spec twice is one pipeline. Empty: a new one each time.
    """

    id: Annotated[str, Field(max_length=63)] = ""


class WrittenSpec(Frozen):
    """A spec that was written here.

    Attributes:
        text: YAML, of which JSON is a subset.
    """

    name: str
    text: str


@router.post("/validate", operation_id="validate_spec")
async def validate_spec(site: Here, order: SpecOrder, _: Reader) -> Validated:
    """Tell what a spec would run, at most 200 apps of it; nothing is started."""
    plan = await planned(site, order.spec, new_id("look"))
    found = await asyncio.to_thread(validated, site.fleets, plan, site.machine)
    left_out = max(len(found.apps) - ROWS_MAX, 0)
    few = {"spec": "", "apps": found.apps[:ROWS_MAX], "apps_left_out": left_out}
    warnings = some(found.warnings, ROWS_MAX, "warnings")
    return found.model_copy(update=few | {"warnings": warnings})


@router.post("/plan", operation_id="plan_spec")
async def plan_spec(site: Here, order: SpecOrder, _: Reader) -> Survey:
    """Tell how long a spec takes, what it can show, and what would not be measured, by tool."""
    return await surveyed(site, order.spec, "")


@router.get("/specs", operation_id="specs")
async def get_specs(
    site: Here,
    _: Reader,
    after: Annotated[str, Query(max_length=2_000)] = "",
    limit: Annotated[int, Query(ge=1, le=ROWS_MAX)] = ROWS_MAX,
) -> SpecPage:
    """The specs that were written here, by name."""
    place = opened(after, _QUESTION)
    found = await asyncio.to_thread(list_specs, site.data_dir, place, limit)
    return found.model_copy(update={"after": sealed(found.after, _QUESTION)})


@router.get("/specs/{name}", operation_id="spec")
async def get_spec(site: Here, name: str, _: Reader) -> WrittenSpec:
    """A spec that was written here, as it stands in its file."""
    return WrittenSpec(name=name, text=await asyncio.to_thread(spec_text, site.data_dir, name))


@router.post("/pipelines", operation_id="start_pipeline")
async def start_pipeline(
    request: Request, site: Here, server: Temporal, order: PipelineOrder, actor: Operator
) -> Launched:
    """Start a pipeline, or join the one that runs with this ID and this very spec."""
    plan = await planned(site, order.spec, order.id or new_id("pipeline"))
    async with audited(request, actor, Action.START, f"pipeline {plan.pipeline_id}"):
        launched = await launch(await server.client(), plan, actor.name)
    return launched.model_copy(update={"note": left_aside(order.spec)})
