"""Carries a trace through Temporal: from who starts a workflow, through it, to its activities.

Temporal's `OpenTelemetryPlugin` does it, not its older `TracingInterceptor`: the span of a workflow
has a length, and its ID comes out the same when another worker replays the workflow, so that what
ran before and after a worker's death hangs on one span.
"""

from typing import Any

from opentelemetry.trace import get_current_span
from temporalio import activity
from temporalio.client import OutboundInterceptor, QueryWorkflowInput
from temporalio.contrib.opentelemetry import OpenTelemetryInterceptor, OpenTelemetryPlugin
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    HandleQueryInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)


class TracingPlugin(OpenTelemetryPlugin):
    """Spans of starts, signals, updates, workflows and activities; of queries none."""

    def __init__(self, *inner: Interceptor) -> None:
        """`inner` are called within the spans: what they log belongs to one."""
        super().__init__(add_temporal_spans=True)
        self.interceptors = [_WithoutQueries(add_temporal_spans=True), *inner]


class _WithoutQueries(OpenTelemetryInterceptor):
    """Who looks at a pipeline asks each second: its trace would be full of that."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        return _AskedPlainly(super().intercept_client(next), next)

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return super().intercept_activity(_Attempt(next))

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> Any:
        traced: Any = super().workflow_interceptor_class(input)

        class AnsweredPlainly(traced):
            async def handle_query(self, input: HandleQueryInput) -> Any:
                inner: WorkflowInboundInterceptor = self.next
                return await inner.handle_query(input)

        return AnsweredPlainly


class _AskedPlainly(OutboundInterceptor):
    def __init__(self, traced: OutboundInterceptor, plain: OutboundInterceptor) -> None:
        super().__init__(traced)
        self._plain = plain

    async def query_workflow(self, input: QueryWorkflowInput) -> Any:
        return await self._plain.query_workflow(input)


class _Attempt(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info = activity.info()
        waited = info.started_time - info.current_attempt_scheduled_time
        span = get_current_span()
        span.set_attribute("assay.attempt", info.attempt)
        span.set_attribute("assay.queue", info.task_queue)
        span.set_attribute("assay.queue_seconds", round(waited.total_seconds(), 3))
        return await super().execute_activity(input)
