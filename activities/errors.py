"""From platform faults to Temporal failures: the code becomes the failure's type.

Two endings of an attempt are no faults at all; the workflow then schedules the work anew.
"""

from datetime import timedelta
from typing import Any

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from contract.attempt import APP_GONE, HELD
from contract.errors import PlatformError
from contract.running import AppCheck

# Temporal truncates large failures; a message is one sentence anyway.
MESSAGE_CHARS = 900


def as_application_error(fault: PlatformError, *details: Any) -> ApplicationError:
    """`fault` as Temporal's policies understand it: what no retry cures is not retried.

    The workflow finds `details` in the failure.
    """
    after_s = fault.retry_after_s
    return ApplicationError(
        fault.message[:MESSAGE_CHARS],
        *details,
        type=fault.code.value,
        non_retryable=not fault.retryable,
        next_retry_delay=None if after_s is None else timedelta(seconds=after_s),
    )


class Aside(Exception):
    """Ends an activity without a fault of anybody: no attempt is used up, none is blamed.

    Attributes:
        type: of the failure that the workflow sees.
        details: what the workflow finds in it behind the last heartbeat.
    """

    def __init__(self, type: str, message: str, *details: Any) -> None:
        super().__init__(message)
        self.type = type
        self.details = details

    def as_application_error(self, *before: Any) -> ApplicationError:
        """As Temporal shows it: not retried by the server, and no alarm."""
        return ApplicationError(
            str(self)[:MESSAGE_CHARS],
            *before,
            *self.details,
            type=self.type,
            non_retryable=True,
            category=ApplicationErrorCategory.BENIGN,
        )


class Held(Aside):
    """The pipeline was paused while this waited in its queue: it begins after the resume."""

    def __init__(self) -> None:
        super().__init__(HELD, "the pipeline is paused: it begins after the resume")


class AppGone(Aside):
    """The app is not there to be measured; the heartbeat tells whether it was under way."""

    def __init__(self, check: AppCheck) -> None:
        super().__init__(APP_GONE, f"the app is gone: {check.reason}", check)
