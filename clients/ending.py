"""How a running app ended, as a value: a row of the table of blame and a text for it."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from clients import blame
from contract.analysis import MeasurementState
from contract.blame import Row
from contract.running import AppCheck

NO_ROOM_BYTES = 16 * 1024**2
"""With less than this free, a disk is full: what could not be written is gone when we look."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a running app ended: the row of the table, and the text to put after a service's name."""

    row: Row
    text: str


def unless_full(found: Ending, folder: Path) -> Ending:
    """`found`; nobody is blamed for an exit while the disk of `folder` is full. Blocks."""
    try:
        is_full = shutil.disk_usage(folder).free < NO_ROOM_BYTES
    except OSError:  # the engine's disk is another host's, or the folder is gone
        is_full = False
    if found.row is not blame.EXIT or not is_full:
        return found
    return Ending(blame.HOST_FULL, f"{found.text} while the host's disk was full: free some")


def app_check(found: Ending) -> AppCheck:
    """The answer to "is this still the app that was started?" when it ended in this way."""
    platform = found.row.state is not MeasurementState.APP_FAILED
    silent, killed = found.row is blame.SILENT, found.row is blame.KILLED_BY_NOBODY
    return AppCheck(
        alive=False,
        taken=platform and not silent and not killed,
        silent=silent,
        killed=killed,
        reason=found.text,
    )
