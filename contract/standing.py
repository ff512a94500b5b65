"""What stands of a weakness."""

from enum import StrEnum


class Standing(StrEnum):
    """What stands of a weakness; each has exactly one, the first of these that holds.

    `suppressed`: a decision says that it needs no action; `scaffold`: it came with the scaffold;
    `new`, `unchanged`, `unknown`: what the baseline says of it; `open`: there is no baseline.
    """

    SUPPRESSED = "suppressed"
    SCAFFOLD = "scaffold"
    NEW = "new"
    UNCHANGED = "unchanged"
    UNKNOWN = "unknown"
    OPEN = "open"
