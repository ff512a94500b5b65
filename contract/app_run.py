"""One app in one pipeline, in one line of its history."""

from datetime import datetime

from contract.analysis import MeasurementState, Severity
from contract.base import Frozen
from contract.role import AppRole


class AppRun(Frozen):
    """How an app of one name came out in one pipeline.

    Attributes:
        state: of the app; None: it has not ended there.
        source_digest: of its files there: an equal one, the same source; empty: unknown.
        weaknesses: those listed, of all categories; None: none are listed yet, so nobody knows.
        security: security weaknesses among them by severity; None: as `weaknesses`.
    """

    pipeline_id: str
    pipeline_state: str
    created_at: datetime
    role: AppRole = AppRole.SUBJECT
    state: MeasurementState | None = None
    reason: str = ""
    source_digest: str = ""
    weaknesses: int | None = None
    security: dict[Severity, int] | None = None
