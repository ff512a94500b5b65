"""What Assay tells people who are not looking: an alert that fires or is over, a run's news."""

import hashlib
from datetime import datetime
from enum import StrEnum

from contract.base import Frozen


class Severity(StrEnum):
    """How much an alert matters, and to whom."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 is the gravest."""
        return list(Severity).index(self)


class Notice(Frozen):
    """One message to the receivers that the alerts file names.

    Attributes:
        key: what it is about. A second notice of one key that says the same is not sent.
        name: of the alert rule or the kind of news, in CamelCase: `AnalyzerBlind`.
        is_over: the alert has ended; false: it fires, or it is news that does not end.
        is_forgotten: with `is_over`: nobody looks at it any more, and it may last.
        summary: one sentence for a person.
        detail: more sentences; may be empty.
        labels: what it concerns: pipeline, analyzer, host, queue.
        next_step: what to do first; may be empty.
        link: page that shows more, or a section of the runbook; may be empty.
        began_at: when the fault was seen first, UTC.
        repeat: how often it was sent before, because the fault lasts.
    """

    key: str
    name: str
    severity: Severity
    is_over: bool = False
    is_forgotten: bool = False
    summary: str
    detail: str = ""
    labels: dict[str, str] = {}
    next_step: str = ""
    link: str = ""
    began_at: datetime
    repeat: int = 0

    @property
    def id(self) -> str:
        """The same for each attempt to tell it, another one for each notice: 32 hex digits.

        A receiver that gets one twice (a worker died between sending and noting it) knows it by
        this.
        """
        what = (self.key, self.began_at.isoformat(), self.is_over, self.repeat)
        return hashlib.sha256("\0".join(map(str, what)).encode("utf-8", "replace")).hexdigest()[:32]
