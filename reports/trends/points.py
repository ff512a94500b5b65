"""From the figures of apps in several pipelines to series of comparable measurements."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from contract.figures import AppFigures, FiguresPart, PipelineAt
from contract.roles import is_repeat, repeated
from contract.spec import AppRef
from reports.trends.loads import loads_of
from reports.trends.scans import scans_of
from reports.trends.series import Series


class AppSeries(NamedTuple):
    """All figures of one app."""

    ref: AppRef
    runs: Sequence[tuple[PipelineAt, Sequence[AppFigures]]]

    def loads(self) -> Iterator[Series]:
        """Load figures."""
        return loads_of(self.ref, self.runs)

    def scans(self) -> Iterator[Series]:
        """Findings by tool."""
        return scans_of(self.ref, [(at, found[0]) for at, found in self.runs])


def apps_of(part: FiguresPart) -> Iterator[AppSeries]:
    """Every app that the newest pipeline of the part has, but repeats."""
    if not part.pipelines:
        return
    places = {at.pipeline_id: at for at in part.pipelines}
    repeats: defaultdict[tuple[str, str], list[AppFigures]] = defaultdict(list)
    own: defaultdict[str, list[AppFigures]] = defaultdict(list)
    for row in part.rows:
        if is_repeat(row.ref.model) and (of := repeated(row.ref)):
            repeats[of.label, row.pipeline_id].append(row)
        else:
            own[row.ref.label].append(row)
    last = part.pipelines[-1].pipeline_id
    for label, rows in own.items():
        if rows[-1].pipeline_id != last:
            continue
        runs = [
            (places[row.pipeline_id], [row, *repeats.get((label, row.pipeline_id), ())])
            for row in rows
        ]
        yield AppSeries(rows[-1].ref, runs)
