"""Says in every record of a worker's log which pipeline, app and subtask it is about."""

from typing import Any

from temporalio import activity, workflow
from temporalio.client import Interceptor as ClientInterceptor
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from telemetry.bound import bound, of_subtask, of_workflow


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
            return await super().execute_activity(input)


def _subtask(given: Any) -> dict[str, str]:
    """Of an activity whose first argument names one."""
    asked = getattr(given, "request", None)
    name = getattr(asked, "subtask_id", "")
    return of_subtask(name) if isinstance(name, str) and name else {}


def leave_names_to_fields() -> None:
    """Keep the SDK from writing a workflow's and an activity's names into the text of a record."""
    workflow.logger.workflow_info_on_message = False
    activity.logger.activity_info_on_message = False
