"""What the running apps of a pipeline do now, read from the pipeline's own description.

The pipeline's activity `watch_apps` asks the apps, and its heartbeat carries their answers
(`activities/watch.py`): one description is all that a viewer costs.
"""

from collections.abc import Mapping

from temporalio.client import WorkflowExecutionDescription, WorkflowExecutionStatus

from contract.attempt import Beat
from contract.progress import AppProgress


async def doings_of(pipeline: WorkflowExecutionDescription) -> dict[str, str]:
    """A sentence for each running app that tells something, by the app's label (`model/appN`).

    Raises:
        PlatformError: FAILED_PRECONDITION, it is encrypted with a key that this process lacks.
    """
    doings: dict[str, str] = {}
    if pipeline.status is not WorkflowExecutionStatus.RUNNING:
        return doings  # the server still lists what was pending when it ended
    for pending in pipeline.raw_description.pending_activities:
        details = pending.heartbeat_details.payloads
        if details:
            (beat,) = await pipeline.data_converter.decode(details[:1], [Beat])
            doings |= {label: doing for label, doing in beat.apps.items() if doing}
    return doings


def closer(app: AppProgress, doings: Mapping[str, str]) -> AppProgress:
    """The app with what its running activities last reported."""
    doing = doings.get(app.ref.label)
    return app if app.state is not None or not doing else app.model_copy(update={"step": doing})
