"""Names of the gates at which CI may let a build fail."""

from enum import StrEnum


class Gate(StrEnum):
    """What lets a build fail.

    `high`: a high or critical weakness; `new-high`: one that the baseline does not know;
    `not-measured`: a cell that the platform failed.
    """

    HIGH = "high"
    NEW_HIGH = "new-high"
    NOT_MEASURED = "not-measured"
