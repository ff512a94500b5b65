"""What is told of alerts and of those who hear of them."""

from datetime import datetime

from contract.alert import Severity
from contract.base import Frozen


class FiringAlert(Frozen):
    """An alert that fires now.

    Attributes:
        since: when its fault was seen first.
        told_at: when the receivers were last told; null: there were none.
    """

    key: str
    name: str
    severity: Severity
    summary: str
    detail: str = ""
    labels: dict[str, str] = {}
    next_step: str = ""
    link: str = ""
    since: datetime
    told_at: datetime | None = None


class UnsentNotice(Frozen):
    """A notice that a receiver has not taken yet.

    Attributes:
        why: how the last attempt ended.
    """

    receiver: str
    key: str
    is_over: bool
    attempts: int
    why: str = ""


class FiringAlerts(Frozen):
    """All alerts that fire, the gravest first, and what could not be told yet.

    Attributes:
        looked_at: when a worker last looked for alerts; null: never. A look is work that the
            server hands out: where no worker gets any, nobody looks.
        watched: whether that was within the last five minutes; false: nobody watches, and what
            fired then may be over.
    """

    alerts: tuple[FiringAlert, ...] = ()
    unsent: tuple[UnsentNotice, ...] = ()
    looked_at: datetime | None = None
    watched: bool = False


class ReceiverAnswer(Frozen):
    """How a receiver took a notice.

    Attributes:
        why: why it did not; empty: it did.
    """

    name: str
    type: str
    min_severity: Severity
    why: str = ""


class Receivers(Frozen):
    """The receivers of the alerts file.

    Attributes:
        sent: whether each was sent a test notice.
    """

    file: str
    sent: bool = False
    receivers: tuple[ReceiverAnswer, ...] = ()
