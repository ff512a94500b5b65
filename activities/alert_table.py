"""Every alert that Assay raises by itself: how much it matters, and what to do first.

`docs/runbook.md` has a section for each; `deploy/prometheus/rules/` the same ones for Prometheus.
"""

from typing import NamedTuple

from contract.alert import Severity

_CRITICAL, _WARNING, _INFO = Severity.CRITICAL, Severity.WARNING, Severity.INFO


class AlertKind(NamedTuple):
    """One kind of alert.

    Attributes:
        severity: how much it matters.
        next_step: what to do first.
        patience: looks in a row that must see the fault before it fires.
    """

    severity: Severity
    next_step: str
    patience: int = 2


_TOOLS = "see why cells are lost: the page of tools of the pipeline, or `starter.py doctor`"

ALERTS: dict[str, AlertKind] = {
    "TaskDuplicates": AlertKind(_CRITICAL, "stop all workers and compare the store's indexes", 1),
    "StaticSuccessLow": AlertKind(_CRITICAL, _TOOLS, 1),
    "DynamicSuccessLow": AlertKind(_WARNING, _TOOLS, 1),
    "AnalyzerSuccessLow": AlertKind(_WARNING, _TOOLS, 1),
    "WebSocketTimeouts": AlertKind(_WARNING, "look at the load of the analyzers' hosts", 1),
    "BreakerOpen": AlertKind(_INFO, "see its reason: `starter.py status ID`", 1),
    "WorkflowTaskFailing": AlertKind(_CRITICAL, "read the worker's log; roll the code back"),
    "NoPollers": AlertKind(_CRITICAL, "start a worker, or read its log"),
    "WorkerWithoutSlots": AlertKind(_WARNING, "start another worker, or look for stuck activities"),
    "DiskFilling": AlertKind(_WARNING, "prune old pipelines: `starter.py prune`"),
    "DiskFull": AlertKind(_CRITICAL, "free space now: what is measured cannot be kept", 1),
    "StoreFailing": AlertKind(_CRITICAL, "see that the database answers and its disk has room"),
    "AdvisoriesOld": AlertKind(_WARNING, "renew them: `make tools`"),
    "AdvisorySourceAway": AlertKind(_WARNING, "see that the analyzer reaches its source", 3),
    "JanitorSilent": AlertKind(_WARNING, "see the schedule `assay-janitor-HOST`, and its host"),
    "ToolBlind": AlertKind(_WARNING, "read the reason of its canary: `starter.py doctor`"),
    "AnalyzerAway": AlertKind(_WARNING, "start it, or read its log"),
    "HostSilent": AlertKind(_WARNING, "start its worker, or read its log"),
    "AlertsFileWrong": AlertKind(_WARNING, "correct it: `starter.py alerts check`", 1),
}
