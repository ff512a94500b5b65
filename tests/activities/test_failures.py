"""A fault of the platform leaves an activity as one sentence: for the server, and for the log."""

import logging
from typing import Any

import pytest
from temporalio import activity
from temporalio.api.failure.v1 import Failure
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.heartbeat import Attempt
from clients import log_context
from contract.errors import ErrorCode, PlatformError
from tests.activities.fakes import environment

# Beyond it a server says of a failure only that it is too large.
SERVER_KEEPS_BYTES = 4_096
CONFLICT = f'Docker: Conflict. The container name "/web" is in use. {"You have to wait. " * 100}'


async def start_app() -> None:
    """As a runtime fails: an error of a library behind one of ours, each with its stack."""
    async with Attempt("starting"):
        try:
            raise ValueError("409 Client Error " * 300)
        except ValueError as error:
            raise PlatformError(ErrorCode.INTERNAL, CONFLICT) from error


async def bug() -> None:
    async with Attempt("starting"):
        raise KeyError("nobody thought of it")


class Runs(ActivityInboundInterceptor):
    """The worker behind all interceptors."""

    def __init__(self) -> None:
        """It has no next one."""

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        return await input.fn(*input.args)


async def failure_of(function: Any) -> ApplicationError | Exception:
    """How an attempt of `function` ends, told by the worker as the SDK tells it."""
    env, _ = environment()
    worker = log_context.LogContext().intercept_activity(Runs())
    call = ExecuteActivityInput(function, (), None, {})

    async def attempt() -> None:
        try:
            await worker.execute_activity(call)
        except Exception:
            activity.logger.warning("Completing activity as failed", exc_info=True)
            raise

    with pytest.raises(Exception) as caught:
        await env.run(attempt)
    return caught.value


@pytest.fixture(autouse=True)
def _worker_log(monkeypatch: pytest.MonkeyPatch) -> None:
    sdk = activity.logger.base_logger
    monkeypatch.setattr(sdk, "filters", [])
    log_context.leave_names_to_fields()


async def test_the_server_keeps_the_whole_failure() -> None:
    failure = Failure()
    raised = await failure_of(start_app)
    converter = pydantic_data_converter
    converter.failure_converter.to_failure(raised, converter.payload_converter, failure)

    assert failure.ByteSize() < SERVER_KEEPS_BYTES / 2
    assert failure.message.startswith(CONFLICT[:100])
    assert failure.message.endswith(" to…")
    assert not failure.HasField("cause")


async def test_the_log_has_one_line_of_an_expected_fault(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await failure_of(start_app)

    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "failed with INTERNAL (Docker: Conflict." in record.getMessage()
    assert record.exc_info is None


async def test_the_log_has_the_stack_of_a_bug(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await failure_of(bug)

    assert [bool(record.exc_info) for record in caplog.records] == [True]
