"""When each app was analysed: so far while a pipeline runs, and of the report when it has ended."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from contract.errors import PlatformError
from control.live_documents import LivePipeline
from control.pipelines import ENDED
from control.reports import read_report, report_path
from control.time_left import Span
from reports.pictures.drawing import Picture
from reports.pictures.gantt import Span as Bar
from reports.pictures.gantt import gantt
from reports.pictures.of_fleet import run


class Timeline:
    """The picture of one pipeline, drawn anew when what it shows has changed."""

    def __init__(self, data_dir: Path, pipeline_id: str) -> None:
        self._data_dir = data_dir
        self._id = pipeline_id
        self._of: object = None
        self.picture: Picture | None = None

    async def update(self, seen: LivePipeline, spans: Sequence[Span]) -> None:
        """Take in how the pipeline looks now, and when its apps began and ended."""
        written = self._written() if seen.phase in ENDED else None
        drawn_of = written or tuple((span.label, span.started, span.ended) for span in spans)
        if drawn_of == self._of:
            return
        self._of = drawn_of
        picture = await asyncio.to_thread(self._of_report) if written else None
        if picture is None and spans:
            picture = await asyncio.to_thread(so_far, seen, list(spans), datetime.now(UTC))
        self.picture = picture

    def _written(self) -> float | None:
        """When the report was written; None: there is none here."""
        try:
            return report_path(self._data_dir, self._id, "json").stat().st_mtime
        except OSError:
            return None

    def _of_report(self) -> Picture | None:
        try:
            return run(read_report(self._data_dir, self._id))
        except PlatformError:  # damaged or old: the page of reports says so
            return None


def so_far(seen: LivePipeline, spans: Sequence[Span], now: datetime) -> Picture | None:
    """The apps that the server lists, from the first one's start on; None: there is none.

    An app that ended, and of which the server does not tell any more how, is left out.
    """
    states = {app.ref.label: app.state for app in seen.apps}
    known = [span for span in spans if span.ended is None or states.get(span.label)]
    if not known:
        return None
    first = min(span.started for span in known)
    bars = [
        Bar(
            span.label,
            (span.started - first).total_seconds(),
            max(0.0, ((span.ended or now) - first).total_seconds()),
            states.get(span.label) if span.ended else None,
        )
        for span in known
    ]
    return gantt(bars, name="timeline", so_far=True)
