"""Workflows: what happens to a fleet and to each of its apps, whatever dies meanwhile."""

from workflows.alerts import AlertsWorkflow, UpgradingAlertsWorkflow
from workflows.analyze_app import AnalyzeAppWorkflow
from workflows.guard import GuardWorkflow
from workflows.janitor import JanitorWorkflow, UpgradingJanitorWorkflow
from workflows.pipeline import PipelineWorkflow
from workflows.scheduled_scan import ScheduledScanWorkflow

WORKFLOWS = [
    PipelineWorkflow,
    AnalyzeAppWorkflow,
    GuardWorkflow,
    JanitorWorkflow,
    ScheduledScanWorkflow,
    AlertsWorkflow,
]

_UPGRADING: dict[type, type] = {
    JanitorWorkflow: UpgradingJanitorWorkflow,
    AlertsWorkflow: UpgradingAlertsWorkflow,
}


def workflows_of(build_id: str) -> list[type]:
    """The workflows of a worker with this build ID; empty: it is not versioned.

    What watches over an installation goes on with the current build. To say so is refused by a
    server from a worker that is not versioned: hence two classes of each.
    """
    return [_UPGRADING.get(one, one) for one in WORKFLOWS] if build_id else [*WORKFLOWS]
