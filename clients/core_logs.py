"""What the SDK's core (written in Rust) says goes through Python's log, not to standard output."""

import logging
from functools import cache

from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

_LOGGER = "temporal.core"


def core_logging() -> LoggingConfig:
    """For the telemetry of a `Runtime`: warnings of the core, errors of its libraries."""
    return LoggingConfig(
        filter=TelemetryFilter(core_level="WARN", other_level="ERROR"),
        forwarding=LogForwardingConfig(logger=logging.getLogger(_LOGGER)),
    )


@cache
def forward_core_logs() -> None:
    """Forward them in this process, unless it has a runtime already, which then decides."""
    try:
        Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=core_logging())))
    except RuntimeError:
        return
