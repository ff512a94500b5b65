"""Which pipeline's work comes first where several wait for the same hosts."""

from enum import StrEnum
from typing import Any


class PipelinePriority(StrEnum):
    """Of all the work that waits in a queue, the most urgent comes first.

    Among pipelines that are as urgent, turns are taken. What runs is never interrupted.
    """

    URGENT = "urgent"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"
    BACKGROUND = "background"

    @property
    def key(self) -> int:
        """Temporal's number of it: 1 comes first, 5 last."""
        return tuple(PipelinePriority).index(self) + 1

    @classmethod
    def of_key(cls, key: int) -> "PipelinePriority":
        """What Temporal's number means; 0, none was given, counts there as 3."""
        return tuple(cls)[key - 1] if 1 <= key <= len(cls) else cls.NORMAL


def is_normal(value: Any) -> bool:
    """Whether a pipeline is as urgent as others."""
    return value == PipelinePriority.NORMAL
