"""Workflows: what happens to a fleet and to each of its apps, whatever dies meanwhile."""

from workflows.alerts import AlertsWorkflow
from workflows.analyze_app import AnalyzeAppWorkflow
from workflows.guard import GuardWorkflow
from workflows.janitor import JanitorWorkflow
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
