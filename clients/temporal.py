"""Connecting to Temporal, and what must exist there before work begins."""

from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    WorkflowExecutionStatus,
    WorkflowHandle,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes
from temporalio.envconfig import ClientConfig
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from clients.codec import SealingCodec, parse_keys
from clients.shared_keys import identity
from contract.errors import ErrorCode, PlatformError
from contract.ids import TASK_QUEUE_CONTROL, janitor_schedule_id, pipeline_workflow_id
from contract.progress import PipelineResult
from contract.spec import PipelinePlan, PlannedApp

JANITOR_EVERY = timedelta(minutes=10)


async def connect(
    address: str | None = None, namespace: str | None = None, *, keys: str = ""
) -> Client:
    """Connect as the SDK's environment configuration says; arguments win over it.

    Args:
        address: of the server.
        namespace: on it.
        keys: that encrypt payloads, see `parse_keys`; empty: nothing is encrypted.

    Raises:
        PlatformError: INVALID_ARGUMENT for a configuration that cannot be read or used;
            UNAVAILABLE, naming the address and the next step.
    """
    # The SDK's errors: RuntimeError (profile, TOML, no answer), OSError (a TLS file), ValueError
    # (an address that is none).
    try:
        config: dict[str, Any] = dict(ClientConfig.load_client_connect_config())
    except (RuntimeError, OSError, ValueError) as exc:
        raise _unusable(str(exc)) from exc
    config.update({k: v for k, v in (("target_host", address), ("namespace", namespace)) if v})
    config.setdefault("target_host", "localhost:7233")
    target = config["target_host"]
    codec = SealingCodec(parse_keys(keys))
    config |= {"data_converter": converter(codec), "identity": identity(codec.keys)}
    try:
        return await Client.connect(**config)
    except RuntimeError as exc:
        raise PlatformError(
            ErrorCode.UNAVAILABLE,
            f"no Temporal server answers at {target}; start one, or set TEMPORAL_ADDRESS",
        ) from exc
    except (OSError, ValueError) as exc:
        raise _unusable(f"{target}: {exc}") from exc


def converter(codec: SealingCodec) -> DataConverter:
    """Payloads as Pydantic writes them, through `codec`; texts of failures only where it seals."""
    if not codec.keys:
        return replace(pydantic_data_converter, payload_codec=codec)
    return replace(
        pydantic_data_converter,
        payload_codec=codec,
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


def _unusable(cause: str) -> PlatformError:
    return PlatformError(
        ErrorCode.INVALID_ARGUMENT,
        f"Temporal's configuration (TEMPORAL_*, temporal.toml) cannot be used: {cause}",
    )


async def start_pipeline(
    client: Client, plan: PipelinePlan, *, again: bool = False
) -> WorkflowHandle[Any, PipelineResult]:
    """Start the pipeline, or join it where this very plan runs already, whoever started it.

    A handle of a pipeline that was joined has no `first_execution_run_id`.

    Args:
        client: of the server.
        plan: what to do; a `PipelineRun` to go on from a state (retry of a closed pipeline).
        again: run a closed pipeline again; else its ID names the closed one for ever.

    Raises:
        PlatformError: ALREADY_EXISTS for a pipeline that has ended, FAILED_PRECONDITION for one
            that runs with another plan; nothing was started or changed then.
    """
    id_ = pipeline_workflow_id(plan.pipeline_id)
    reuse = WorkflowIDReusePolicy
    try:
        return await client.start_workflow(
            "Pipeline",
            plan,
            id=id_,
            task_queue=TASK_QUEUE_CONTROL,
            result_type=PipelineResult,
            id_reuse_policy=reuse.ALLOW_DUPLICATE if again else reuse.REJECT_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            static_summary=f"{len(plan.apps)} apps x {', '.join(plan.spec.analyzers)}",
        )
    except WorkflowAlreadyStartedError as error:
        if again:
            message = f"pipeline {plan.pipeline_id} is running again already"
            raise PlatformError(ErrorCode.FAILED_PRECONDITION, message) from error
        handle = client.get_workflow_handle(id_, result_type=PipelineResult)
        await _require_same(client, handle, plan, error)
        return handle


async def _require_same(
    client: Client,
    handle: WorkflowHandle[Any, Any],
    plan: PipelinePlan,
    error: WorkflowAlreadyStartedError,
) -> None:
    name = f"pipeline {plan.pipeline_id}"
    if (await handle.describe()).status is not WorkflowExecutionStatus.RUNNING:
        raise PlatformError(ErrorCode.ALREADY_EXISTS, f"{name} already ran") from error
    async for running in _plans(client, handle, page_size=1):
        if running.digest != plan.digest:
            message = f"{name} is running with a different spec or different sources"
            raise PlatformError(ErrorCode.FAILED_PRECONDITION, message) from error
        return


async def current_plan(client: Client, pipeline_id: str) -> PipelinePlan:
    """The plan of the pipeline's latest run, with the apps that were added while it ran.

    Apps count even where the store refused them afterwards: ask its record.

    Raises:
        PlatformError: NOT_FOUND when the history is gone.
    """
    handle = client.get_workflow_handle(pipeline_workflow_id(pipeline_id))
    plans = [plan async for plan in _plans(client, handle)]
    if not plans:
        raise PlatformError(ErrorCode.NOT_FOUND, f"the history of pipeline {pipeline_id} is gone")
    return plans[-1]


async def require_readable(client: Client, pipeline_id: str) -> None:
    """Whether this process has the keys of the pipeline's history, as far as that can be looked at.

    Raises:
        PlatformError: FAILED_PRECONDITION, naming the key that is missing.
    """
    handle = client.get_workflow_handle(pipeline_workflow_id(pipeline_id))
    with suppress(RPCError):
        async for _ in _plans(client, handle, page_size=1):
            return


async def _plans(
    client: Client, handle: WorkflowHandle[Any, Any], *, page_size: int | None = None
) -> AsyncIterator[PipelinePlan]:
    """The plan as it was at the start, then after each `add_apps`."""
    decode = client.data_converter.decode
    plan: PipelinePlan | None = None
    async for event in handle.fetch_history_events(page_size=page_size):
        if plan is None:
            started = event.workflow_execution_started_event_attributes
            (first,) = await decode(started.input.payloads[:1], [PipelinePlan])
            plan = first
            yield first
            continue
        for request in (
            event.workflow_execution_update_accepted_event_attributes.accepted_request,
            event.workflow_execution_update_admitted_event_attributes.request,  # after a reset
        ):
            if request.input.name == "add_apps":
                (added,) = await decode(request.input.args.payloads[:1], [list[PlannedApp]])
                apps = {app.ref: app for app in (*plan.apps, *added)}
                plan = plan.model_copy(update={"apps": tuple(apps.values())})
                yield plan


async def ensure_search_attributes(client: Client, wanted: dict[str, str]) -> None:
    """Make the search attributes (name to type, as `Keyword`) that the namespace lacks.

    Raises:
        PlatformError: UNAVAILABLE, PERMISSION_DENIED.
    """
    with _server_faults():
        known = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
        missing = {
            name: IndexedValueType.Value(f"INDEXED_VALUE_TYPE_{kind.upper()}")
            for name, kind in wanted.items()
            if name not in known.custom_attributes
        }
        if missing:
            await client.operator_service.add_search_attributes(
                AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
            )


async def ensure_janitor_schedule(
    client: Client, host: str, every: timedelta = JANITOR_EVERY
) -> None:
    """Have the janitor sweep `host` regularly, and once now: a worker that starts may have died.

    Raises:
        PlatformError: UNAVAILABLE, PERMISSION_DENIED.
    """
    schedule_id = janitor_schedule_id(host)
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(
            "Janitor",
            host,
            id=schedule_id,
            task_queue=TASK_QUEUE_CONTROL,
            execution_timeout=timedelta(hours=1),
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
    )
    with _server_faults():
        try:
            await client.create_schedule(schedule_id, schedule, trigger_immediately=True)
        except ScheduleAlreadyRunningError:
            handle = client.get_schedule_handle(schedule_id)
            await handle.update(lambda _: ScheduleUpdate(schedule))
            await handle.trigger()


@contextmanager
def _server_faults() -> Generator[None]:
    try:
        yield
    except RPCError as exc:
        denied = exc.status is RPCStatusCode.PERMISSION_DENIED
        code = ErrorCode.PERMISSION_DENIED if denied else ErrorCode.UNAVAILABLE
        raise PlatformError(code, f"Temporal: {exc.message}") from exc
