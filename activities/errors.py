"""From platform faults to Temporal failures: the code becomes the failure's type."""

from datetime import timedelta
from typing import Any

from temporalio.exceptions import ApplicationError

from contract.errors import PlatformError

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
