"""Connecting to Temporal, and what must exist there before work begins."""

from collections.abc import Generator
from contextlib import contextmanager
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
    WorkflowHandle,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from contract.errors import ErrorCode, PlatformError
from contract.ids import TASK_QUEUE_CONTROL, janitor_schedule_id, pipeline_workflow_id
from contract.progress import PipelineResult
from contract.spec import PipelinePlan

JANITOR_EVERY = timedelta(minutes=10)


async def connect(address: str | None = None, namespace: str | None = None) -> Client:
    """Connect as the SDK's environment configuration says; arguments win over it.

    Raises:
        PlatformError: UNAVAILABLE, naming the address and the next step.
    """
    config: dict[str, Any] = dict(ClientConfig.load_client_connect_config())
    config.update({k: v for k, v in (("target_host", address), ("namespace", namespace)) if v})
    config.setdefault("target_host", "localhost:7233")
    try:
        return await Client.connect(**config, data_converter=pydantic_data_converter)
    except RuntimeError as exc:
        raise PlatformError(
            ErrorCode.UNAVAILABLE,
            f"no Temporal server answers at {config['target_host']}; start one, or set "
            "TEMPORAL_ADDRESS",
        ) from exc


async def start_pipeline(
    client: Client, plan: PipelinePlan, *, again: bool = False
) -> WorkflowHandle[Any, PipelineResult]:
    """Start the pipeline, or get hold of the one that has this ID, whoever started it.

    Args:
        client: of the server.
        plan: what to do; a `PipelineRun` to go on from a state (retry of a closed pipeline).
        again: run a closed pipeline again; else its ID names the closed one for ever.
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
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=f"{len(plan.apps)} apps, {', '.join(plan.spec.analyzers)}",
        )
    except WorkflowAlreadyStartedError:
        return client.get_workflow_handle(id_, result_type=PipelineResult)


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
