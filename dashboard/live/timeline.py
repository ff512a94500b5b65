"""When each app was analysed: so far while a pipeline runs, and of the report when it has ended."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from contract.errors import PlatformError
from contract.progress import ENDED
from control.live_documents import LivePipeline
from control.reports import read_report, report_path
from control.time_left import Span
from reports.pictures.drawing import Picture
from reports.pictures.gantt import Span as Bar
from reports.pictures.gantt import gantt
from reports.pictures.of_fleet import run

# A report of this size is read and drawn in a tenth of a second.
_SMALL_BYTES = 1_000_000
_KEPT = 50
# A bar that has not ended grows: it is drawn so often, and no more.
_GROWS_S = 5.0


class Timeline:
    """The picture of one pipeline, drawn anew when what it shows has changed, as time does.

    That of a report is drawn aside where the report is large: no page waits for it.

    Attributes:
        picture: None: nothing is known, or it is not drawn yet.
        is_drawing: whether it is.
    """

    def __init__(self, data_dir: Path, pipeline_id: str) -> None:
        self._data_dir = data_dir
        self._id = pipeline_id
        self._of: object = None
        self._drawing: asyncio.Task[None] | None = None
        self.picture: Picture | None = None

    @property
    def is_drawing(self) -> bool:
        """Whether a picture is being drawn."""
        return self._drawing is not None and not self._drawing.done()

    async def update(self, seen: LivePipeline, spans: Sequence[Span]) -> None:
        """Take in how the pipeline looks now, and when its apps began and ended."""
        now = datetime.now(UTC)
        written = self._written() if seen.phase in ENDED else None
        shown = written or _shown(seen, spans, now)
        given_up = self._drawing is not None and self._drawing.cancelled()
        if self.is_drawing or (shown == self._of and not given_up):
            return
        self._of, self._drawing = shown, None
        if written is None:
            self.picture = so_far(seen, spans, now)
            return
        self._drawing = asyncio.create_task(self._draw(seen, list(spans)))
        if written.size_bytes <= _SMALL_BYTES:
            await asyncio.wait({self._drawing})  # who waits and what draws do not end one another

    def close(self) -> None:
        """Draw no more."""
        if self._drawing is not None:
            self._drawing.cancel()

    def _written(self) -> "_Written | None":
        """The report as it lies there; None: there is none here."""
        try:
            status = report_path(self._data_dir, self._id, "json").stat()
        except OSError:
            return None
        return _Written(status.st_mtime_ns, status.st_size)

    async def _draw(self, seen: LivePipeline, spans: Sequence[Span]) -> None:
        picture = await asyncio.to_thread(self._of_report)
        self.picture = picture or so_far(seen, spans, datetime.now(UTC))

    def _of_report(self) -> Picture | None:
        try:
            return run(read_report(self._data_dir, self._id))
        except PlatformError:  # damaged or old: the page of reports says so
            return None


class _Written(NamedTuple):
    written_ns: int
    size_bytes: int


class Timelines:
    """Those of the pipelines that were looked at lately."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._known = OrderedDict[str, Timeline]()

    def of(self, pipeline_id: str) -> Timeline:
        """That of one pipeline."""
        found = self._known.pop(pipeline_id, None) or Timeline(self._data_dir, pipeline_id)
        self._known[pipeline_id] = found
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)[1].close()
        return found

    def close(self) -> None:
        """Draw no more."""
        for timeline in self._known.values():
            timeline.close()


def _shown(seen: LivePipeline, spans: Sequence[Span], now: datetime) -> tuple[object, ...]:
    """Differs when the picture so far would."""
    states = {app.ref.label: app.state for app in seen.apps}
    grows = any(span.ended is None for span in spans)
    until = _told_until(seen, now).timestamp() // _GROWS_S if grows else None
    return (*((span, states.get(span.label)) for span in spans), until)


def _told_until(seen: LivePipeline, now: datetime) -> datetime:
    """Up to when it is known that what had begun went on."""
    ended = seen.finished_at if seen.phase in ENDED else None
    return seen.away_since or ended or now


def so_far(seen: LivePipeline, spans: Sequence[Span], now: datetime) -> Picture | None:
    """The apps that the server lists, from the first one's start on; None: there is none.

    An app that ended, and of which the server does not tell any more how, is left out.
    """
    states = {app.ref.label: app.state for app in seen.apps}
    known = [span for span in spans if span.ended is None or states.get(span.label)]
    if not known:
        return None
    first, until = min(span.started for span in known), _told_until(seen, now)
    bars = [
        Bar(
            span.label,
            (span.started - first).total_seconds(),
            max(0.0, ((span.ended or until) - first).total_seconds()),
            states.get(span.label) if span.ended else None,
        )
        for span in known
    ]
    return gantt(bars, name="timeline", so_far=True)
