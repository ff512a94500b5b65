"""What workflows count and time, through the SDK, which records nothing in a replay.

`docs/metrics.md` lists every name. The SDK adds `_total` to counters and `_seconds` to times.
"""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta

from temporalio import workflow
from temporalio.common import MetricCounter
from temporalio.exceptions import WorkflowAlreadyStartedError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.measures import COUNTED, CREATION_FAULTS
    from workflows.breaker import CircuitBreaker


@contextmanager
def creating_task() -> Generator[None]:
    """Count and time the block, which starts the workflow of one app."""
    refused = _counter("assay_tasks_refused")
    began_s = workflow.time()
    try:
        yield
    except WorkflowAlreadyStartedError:
        refused.add(1, {"reason": "duplicate"})
        raise
    except Exception as error:
        if is_cancelled_exception(error):
            raise
        reason = type(error).__name__
        known = reason if reason in CREATION_FAULTS else "other"
        _counter("assay_task_creation_failures").add(1, {"reason": known})
        raise
    _counter("assay_tasks_created").add(1)
    refused.add(0, {"reason": "duplicate"})
    workflow.metric_meter().create_histogram_timedelta(
        "assay_task_creation", "Time until the server has started the workflow of an app."
    ).record(timedelta(seconds=workflow.time() - began_s))


def _counter(name: str) -> MetricCounter:
    return workflow.metric_meter().create_counter(name, COUNTED[name])


def breaker_changed(breaker: CircuitBreaker) -> None:
    """Count that a circuit breaker has got another state."""
    workflow.metric_meter().create_counter(
        "assay_breaker_transitions", "Changes of the state of a pipeline's circuit breakers."
    ).add(1, {"breaker": breaker.name, "to": breaker.state.value})
