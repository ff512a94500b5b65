"""What workflows count and time, through the SDK, which records nothing in a replay.

`docs/metrics.md` lists every name. The SDK adds `_total` to counters and `_seconds` to times.
"""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import WorkflowAlreadyStartedError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from workflows.breaker import CircuitBreaker


@contextmanager
def creating_task() -> Generator[None]:
    """Count and time the block, which starts the workflow of one app."""
    meter = workflow.metric_meter()
    refused = meter.create_counter(
        "assay_tasks_refused",
        "Starts of an app's workflow that found it there already, and made no second one.",
    )
    began_s = workflow.time()
    try:
        yield
    except WorkflowAlreadyStartedError:
        refused.add(1, {"reason": "duplicate"})
        raise
    except Exception as error:
        if is_cancelled_exception(error):
            raise
        failures = meter.create_counter(
            "assay_task_creation_failures", "Starts of an app's workflow that failed."
        )
        failures.add(1, {"reason": type(error).__name__})
        raise
    meter.create_counter("assay_tasks_created", "Workflows of apps that were started.").add(1)
    refused.add(0, {"reason": "duplicate"})
    meter.create_histogram_timedelta(
        "assay_task_creation", "Time until the server has started the workflow of an app."
    ).record(timedelta(seconds=workflow.time() - began_s))


def breaker_changed(breaker: CircuitBreaker) -> None:
    """Count that a circuit breaker has got another state."""
    workflow.metric_meter().create_counter(
        "assay_breaker_transitions", "Changes of the state of a pipeline's circuit breakers."
    ).add(1, {"breaker": breaker.name, "to": breaker.state.value})
