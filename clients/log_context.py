"""Says in every record of a worker's log which pipeline, app and subtask it is about."""

import logging
import time
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Interceptor as ClientInterceptor
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from telemetry.bound import bound, of_subtask, of_workflow

# The large steps of an app and a pipeline; the others are told at DEBUG.
_TOLD = frozenset({"prepare_app", "start_app", "run_analysis", "teardown_app", "write_report"})
logger = logging.getLogger("assay.worker")


class LogContext(ClientInterceptor, Interceptor):
    """Binds names for the time of an activity; it changes nothing that is sent or kept."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """As the SDK asks for it."""
        return _Bound(super().intercept_activity(next))


class _Bound(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info = activity.info()
        names = of_workflow(info.workflow_id or "") | _subtask(input.args[0] if input.args else "")
        with bound(**names, activity=info.activity_type, attempt=str(info.attempt)):
            level = logging.INFO if info.activity_type in _TOLD else logging.DEBUG
            began_s, how = time.monotonic(), "ended"
            try:
                return await super().execute_activity(input)
            except BaseException as error:
                how = f"ended with {type(error).__name__}"
                raise
            finally:
                took_s = time.monotonic() - began_s
                logger.log(level, "%s %s after %.1f s", info.activity_type, how, took_s)


def _subtask(given: Any) -> dict[str, str]:
    """Of an activity whose first argument names one."""
    asked = getattr(given, "request", None)
    name = getattr(asked, "subtask_id", "")
    return of_subtask(name) if isinstance(name, str) and name else {}


def leave_names_to_fields() -> None:
    """Keep the SDK from writing a workflow's and an activity's names into the text of a record."""
    workflow.logger.workflow_info_on_message = False
    activity.logger.activity_info_on_message = False
