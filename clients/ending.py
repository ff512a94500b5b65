"""How a running app ended, as a value: a row of the table of blame and the words for it."""

from dataclasses import dataclass

from clients import blame
from contract.analysis import MeasurementState
from contract.blame import Row
from contract.running import AppCheck


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of a running app: the row of the table, and how it is said of a service."""

    row: Row
    text: str


def app_check(found: Ending) -> AppCheck:
    """What `found` means for whoever asked whether the app is still the one that was started."""
    platform = found.row.state is not MeasurementState.APP_FAILED
    silent, killed = found.row is blame.SILENT, found.row is blame.KILLED_BY_NOBODY
    return AppCheck(
        alive=False,
        taken=platform and not silent and not killed,
        silent=silent,
        killed=killed,
        reason=found.text,
    )
