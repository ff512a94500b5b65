"""From platform faults to Temporal failures: the code becomes the failure's type.

Two failures are nobody's fault (`Deferred`): the workflow schedules the same work again.
"""

from datetime import timedelta
from typing import Any

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from contract.attempt import APP_GONE, HELD
from contract.errors import PlatformError
from contract.running import AppCheck
from contract.shortening import shortened

# Temporal truncates large failures; a message is one sentence anyway.
MESSAGE_CHARS = 900


def as_application_error(fault: PlatformError, *details: Any) -> ApplicationError:
    """`fault` as Temporal's retry policies understand it.

    Args:
        fault: one that no retry can cure is marked as not to be retried.
        details: what the workflow finds in the failure.
    """
    after_s = fault.retry_after_s
    return ApplicationError(
        shortened(fault.message, MESSAGE_CHARS),
        *details,
        type=fault.code.value,
        non_retryable=not fault.retryable,
        next_retry_delay=None if after_s is None else timedelta(seconds=after_s),
    )


class Deferred(Exception):
    """Ends an activity whose work cannot begin now; nobody is blamed, and no attempt is used up.

    Attributes:
        type: type of the failure that the workflow sees.
        details: what the workflow finds in the failure, after the last heartbeat.
    """

    def __init__(self, type: str, message: str, *details: Any) -> None:
        super().__init__(message)
        self.type = type
        self.details = details

    def as_application_error(self, *before: Any) -> ApplicationError:
        """The failure: the server does not retry it, and counts it as benign."""
        return ApplicationError(
            shortened(str(self), MESSAGE_CHARS),
            *before,
            *self.details,
            type=self.type,
            non_retryable=True,
            category=ApplicationErrorCategory.BENIGN,
        )


class Held(Deferred):
    """The pipeline was paused while the activity waited in its queue."""

    def __init__(self) -> None:
        super().__init__(HELD, "the pipeline is paused: it begins after the resume")


class AppGone(Deferred):
    """The app cannot be measured any more; the heartbeat says whether the work had begun."""

    def __init__(self, check: AppCheck) -> None:
        super().__init__(APP_GONE, f"the app is gone: {check.reason}", check)
