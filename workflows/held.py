"""Deferred activities: their failure is nobody's fault, and the work is scheduled again."""

from dataclasses import dataclass

from temporalio.exceptions import ActivityError, ApplicationError

from contract.attempt import APP_GONE, HELD, Beat
from contract.running import AppCheck
from workflows.planning import Loss
from workflows.settle import failure_code


@dataclass(frozen=True, slots=True)
class Absence:
    """The app was not there to be measured.

    Attributes:
        begun: whether the measurement was under way, so that it may have been the cause.
        loss: what the attempts before had done.
    """

    check: AppCheck
    begun: bool
    loss: Loss


def is_held(exc: BaseException) -> bool:
    """Whether the activity was kept back because the pipeline is paused."""
    cause = _cause(exc)
    return cause is not None and cause.type == HELD


def absence_of(exc: BaseException) -> Absence | None:
    """What the activity saw of the app it should have measured; None: it failed otherwise."""
    cause = _cause(exc)
    if cause is None or cause.type != APP_GONE:
        return None
    beat, check = cause.details
    return Absence(
        check=AppCheck.model_validate(check),
        begun=Beat.model_validate(beat).begun,
        loss=loss_of(exc),
    )


def loss_of(exc: BaseException) -> Loss:
    """What the attempts of a deferred activity had done before."""
    fault = failure_code(exc)
    return Loss(lost=dict(fault.lost), causes=fault.causes)


def _cause(exc: BaseException) -> ApplicationError | None:
    cause = exc.cause if isinstance(exc, ActivityError) else None
    return cause if isinstance(cause, ApplicationError) else None
