"""Where a tool's advisories come from: a source that it asks each time, or a file of its own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Advisories:
    """A source of known weaknesses.

    Attributes:
        source: its name for people.
        database: file below the folder of tools; None: the source is asked over the network.
    """

    source: str
    database: Path | None = None


@runtime_checkable
class Advised(Protocol):
    """A tool that compares an app with advisories."""

    name: str
    advisory_source: Advisories
