"""Connecting to Temporal, and what must exist there before work begins."""

from collections.abc import Generator
from contextlib import contextmanager
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
    ScheduleUpdateInput,
)
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError, RPCStatusCode

from clients.codec import EncryptionCodec, parse_keys
from clients.core_logs import forward_core_logs
from clients.log_context import LogContext
from clients.shared_keys import identity
from contract.errors import ErrorCode, PlatformError
from contract.ids import ALERTS_SCHEDULE_ID, TASK_QUEUE_CONTROL, janitor_schedule_id
from contract.limits import ALERTS_LIMIT, ALERTS_WATCH
from telemetry.spans import is_on

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
    codec = EncryptionCodec(parse_keys(keys))
    config |= {"data_converter": converter(codec), "identity": identity(codec.keys)}
    if is_on():
        from clients.temporal_tracing import TracingPlugin  # it loads OpenTelemetry

        config["plugins"] = [TracingPlugin(LogContext())]
    else:
        config["interceptors"] = [LogContext()]
    forward_core_logs()
    try:
        return await Client.connect(**config)
    except RuntimeError as exc:
        raise PlatformError(
            ErrorCode.UNAVAILABLE,
            f"no Temporal server answers at {target}; start one, or set TEMPORAL_ADDRESS",
        ) from exc
    except (OSError, ValueError) as exc:
        raise _unusable(f"{target}: {exc}") from exc


def converter(codec: EncryptionCodec) -> DataConverter:
    """Payloads as Pydantic writes them, through `codec`; failure texts only if it encrypts."""
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
    """Let the janitor sweep `host` regularly, and once now: this worker may have died before.

    Raises:
        PlatformError: UNAVAILABLE, PERMISSION_DENIED.
    """
    schedule_id = janitor_schedule_id(host)
    skip = ScheduleOverlapPolicy.SKIP
    schedule = _schedule("Janitor", schedule_id, every, timedelta(hours=1), skip, host)
    await _ensure_schedule(client, schedule, schedule_id)


async def ensure_alerts_schedule(client: Client, every: timedelta = ALERTS_WATCH) -> None:
    """Let somebody watch over the installation: one watch after the other, from now on.

    Raises:
        PlatformError: UNAVAILABLE, PERMISSION_DENIED.
    """
    # One that ends late is followed at once. One that no worker goes on with must end some time.
    follow = ScheduleOverlapPolicy.BUFFER_ONE
    schedule = _schedule("Alerts", ALERTS_SCHEDULE_ID, every, ALERTS_LIMIT, follow)
    await _ensure_schedule(client, schedule, ALERTS_SCHEDULE_ID)


def _schedule(
    workflow: str,
    id_: str,
    every: timedelta,
    limit: timedelta,
    overlap: ScheduleOverlapPolicy,
    *args: str,
) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            workflow,
            args=args,
            id=id_,
            task_queue=TASK_QUEUE_CONTROL,
            execution_timeout=limit,
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=overlap),
    )


async def _ensure_schedule(client: Client, schedule: Schedule, schedule_id: str) -> None:
    """Make it, or change the one that is there; and let it begin now, unless somebody paused it."""

    def anew(before: ScheduleUpdateInput) -> ScheduleUpdate:
        return ScheduleUpdate(replace(schedule, state=before.description.schedule.state))

    with _server_faults():
        try:
            await client.create_schedule(schedule_id, schedule, trigger_immediately=True)
        except ScheduleAlreadyRunningError:
            handle = client.get_schedule_handle(schedule_id)
            await handle.update(anew)
            if not (await handle.describe()).schedule.state.paused:
                await handle.trigger()


@contextmanager
def _server_faults() -> Generator[None]:
    try:
        yield
    except RPCError as exc:
        denied = exc.status is RPCStatusCode.PERMISSION_DENIED
        code = ErrorCode.PERMISSION_DENIED if denied else ErrorCode.UNAVAILABLE
        raise PlatformError(code, f"Temporal: {exc.message}") from exc
