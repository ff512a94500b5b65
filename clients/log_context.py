"""What a worker's log says of activities: which pipeline and app, and how each attempt ended."""

import logging
import time
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Interceptor as ClientInterceptor
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from contract.errors import ErrorCode
from telemetry.bound import bound, of_subtask, of_workflow

# The large steps of an app and a pipeline; the others are told at DEBUG.
_TOLD = frozenset({"prepare_app", "start_app", "run_analysis", "teardown_app", "write_report"})
logger = logging.getLogger("assay.worker")


class LogContext(ClientInterceptor, Interceptor):
    """Binds names for the time of an activity, and tells its end in one line.

    A fault of the platform leaves without a stack: it says nothing of the fault, and the server
    keeps no large failures.
    """

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """As the SDK asks for it."""
        return _Bound(super().intercept_activity(next))


class _Bound(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info = activity.info()
        names = of_workflow(info.workflow_id or "") | _subtask(input.args[0] if input.args else "")
        with bound(**names, activity=info.activity_type, attempt=str(info.attempt)):
            began_s, error = time.monotonic(), None
            try:
                return await super().execute_activity(input)
            except BaseException as raised:
                error = raised
                if is_platform_fault(raised):
                    raise raised.with_traceback(None) from None
                raise
            finally:
                _tell_end(info.activity_type, time.monotonic() - began_s, error)


def is_platform_fault(error: BaseException | None) -> bool:
    """Whether an activity says by `error` that the platform failed it: no bug, no cancel."""
    return isinstance(error, ApplicationError) and error.type in ErrorCode.__members__


def _tell_end(name: str, took_s: float, error: BaseException | None) -> None:
    level = logging.INFO if name in _TOLD else logging.DEBUG
    how = f"ended with {type(error).__name__}" if error else "ended"
    if isinstance(error, ApplicationError) and is_platform_fault(error):
        level, how = logging.WARNING, f"failed with {error.type} ({error.message})"
    logger.log(level, "%s %s after %.1f s", name, how, took_s)


def _subtask(given: Any) -> dict[str, str]:
    """Of an activity whose first argument names one."""
    asked = getattr(given, "request", None)
    name = getattr(asked, "subtask_id", "")
    return of_subtask(name) if isinstance(name, str) and name else {}


def leave_names_to_fields() -> None:
    """Keep the SDK from writing a workflow's and an activity's names into the text of a record.

    And from telling of a platform's fault once more, with stacks.
    """
    workflow.logger.workflow_info_on_message = False
    activity.logger.activity_info_on_message = False
    activity.logger.base_logger.addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    return not (record.exc_info and is_platform_fault(record.exc_info[1]))
