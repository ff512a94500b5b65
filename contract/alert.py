"""What Assay tells people who are not looking: an alert that fires or is over, a run's news."""

from datetime import datetime
from enum import StrEnum

from contract.base import Frozen


class Severity(StrEnum):
    """How much an alert matters, and to whom."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class Notice(Frozen):
    """One message to the receivers that the alerts file names.

    Attributes:
        key: what it is about. A second notice of one key that says the same is not sent.
        name: of the alert rule or the kind of news, in CamelCase: `AnalyzerBlind`.
        is_over: the alert has ended; false: it fires, or it is news that does not end.
        summary: one sentence for a person.
        detail: more sentences; may be empty.
        labels: what it concerns: pipeline, analyzer, host, queue.
        next_step: what to do first; may be empty.
        link: page that shows more, or a section of the runbook; may be empty.
        began_at: when the fault was seen first, UTC.
    """

    key: str
    name: str
    severity: Severity
    is_over: bool = False
    summary: str
    detail: str = ""
    labels: dict[str, str] = {}
    next_step: str = ""
    link: str = ""
    began_at: datetime
