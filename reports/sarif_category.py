"""Categories of runs for GitHub code scanning: no alert is closed that nobody looked at again.

The category of a run is its ID without the last part. GitHub closes an alert when each category
that had it was uploaded again without it. So two runs may only be of one category if the same tools
looked at the same apps and both runs list all that was found. A category that changes with every
scan closes nothing, ever: it is for runs that do not list all.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from contract.analysis import Category, MeasurementState
from contract.record import PipelineRecord
from reports.model import CellReport

MAX_RUNS = 20
SHOWN_RESULTS = 5_000
OTHERS = "others"
"""Name of the run of what is reported under no tool that measured."""
SHARED = "rest"
"""Name of the run that tools share, where there are more tools than runs."""
_DIGEST_BYTES = 6


@dataclass(slots=True)
class AppSet:
    """A set of apps, of which only size and digest are kept: fleets are large."""

    size: int = 0
    mark: int = 0

    def add(self, app: str) -> None:
        """Take one more app; each is taken once, in any order."""
        self.size += 1
        self.mark ^= int.from_bytes(hashlib.sha256(app.encode()).digest()[:_DIGEST_BYTES])

    def joined(self, other: "AppSet") -> "AppSet":
        """With the apps of `other`, none of which is in this one."""
        return AppSet(self.size + other.size, self.mark ^ other.mark)

    @property
    def name(self) -> str:
        """The same for the same apps."""
        return f"apps-{self.mark:0{2 * _DIGEST_BYTES}x}"


def looked(cell: CellReport) -> bool:
    """Whether the tool has seen all that the app has for it, if only that there is nothing."""
    done = (MeasurementState.MEASURED, MeasurementState.NOT_APPLICABLE)
    return cell.recorded and cell.state in done


def sharing(tools: Mapping[str, CellReport]) -> frozenset[str]:
    """Tools that share a run because there are more tools than runs; those for security come last.

    It depends on the tools alone, not on what they found: the next scan has the same runs. One run
    is kept free for `OTHERS`.

    Args:
        tools: a cell of each tool that was to look, by name, whether it measured or not.
    """
    if len(tools) < MAX_RUNS:
        return frozenset()
    names = sorted(tools, key=lambda name: (Category.SECURITY not in tools[name].looks_for, name))
    return frozenset(names[MAX_RUNS - 2 :])


def digest_of(names: Iterable[str]) -> str:
    """A part of an ID that is the same for the same names."""
    text = "\n".join(sorted(names))
    return hashlib.sha256(text.encode()).hexdigest()[: 2 * _DIGEST_BYTES]


def has_whole_fleet(outline: PipelineRecord) -> bool:
    """Whether the pipeline is over all apps of the fleet's folder and has come to its end."""
    apps = outline.spec.get("apps")
    chosen = apps if isinstance(apps, dict) else {}
    part = any(chosen.get(field) is not None for field in ("models", "numbers", "only"))
    return outline.state == "completed" and not part
