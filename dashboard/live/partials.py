"""A pipeline as its page shows it: parts of HTML, each replaced when it has changed."""

import hashlib
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from contract.analyzers import AnalyzerKind
from contract.cells import CellsQuery
from contract.errors import PlatformError
from contract.progress import ENDED, AppProgress
from contract.spec import AppRef
from control.cells import Matrix, MatrixRow, MatrixTool, matrix
from control.errors import NotStoredError
from control.live_documents import LivePipeline
from control.stored import Stored
from control.time_left import span_in_words
from control.waiting import is_running
from control.watching import Watcher
from dashboard.live.changes import Changes, Part
from dashboard.live.query import pages_around
from dashboard.live.standing import Standing, standing_of
from dashboard.live.timeline import Timeline
from dashboard.live.view import View, event
from dashboard.rendering import fragment

Shown = Callable[[], str]
_ROW = "row-"
_MATRIX = "live-matrix"
_PARTS = ("now", "controls", "window", "running", "waits", "health", "hosts", "timeline")


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the matrix; `id` names it in the page."""

    id: str
    row: MatrixRow
    standing: Standing


@dataclass(frozen=True, slots=True)
class Table:
    """The matrix of a page: see `control.cells.Matrix`."""

    tools: tuple[MatrixTool, ...]
    rows: tuple[MatrixRow, ...]
    lines: tuple[Line, ...]
    matching: int
    after: str | None

    @property
    def groups(self) -> list[tuple[AnalyzerKind, int]]:
        """Analyzers in the order of their columns, and over how many each goes."""
        return list(Counter(tool.analyzer for tool in self.tools).items())


@dataclass(frozen=True, slots=True)
class Overview:
    """A `LivePipeline` for templates, with `is_over`: whether it has ended."""

    seen: LivePipeline

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.seen.phase in ENDED

    def __getattr__(self, name: str) -> Any:
        return getattr(self.seen, name)


class Page(View):
    """The parts of one page: everything about the pipeline, and some rows of its matrix.

    Args:
        query: which rows.
        stored: has them.
        timeline: shared by all pages of the pipeline.
        watcher: looks at the pipeline.
        workflow_url: where the Temporal UI shows an app.
        may_operate: whether its viewers may change something.
    """

    def __init__(
        self,
        query: CellsQuery,
        stored: Stored,
        timeline: Timeline,
        watcher: Watcher,
        workflow_url: Callable[[str, AppRef | None], str],
        *,
        may_operate: bool,
    ) -> None:
        super().__init__()
        self._query = query
        self._stored = stored
        self._timeline = timeline
        self._watcher = watcher
        self._workflow_url = workflow_url
        self._may_operate = may_operate
        self._changes = Changes[Shown]()
        self._rows: Matrix | None = None
        self._rows_of: Hashable = None
        self._drawn: dict[str, tuple[Line, str]] = {}
        self.seen: Overview | None = None
        self.table: Table | None = None

    @property
    def changes(self) -> Changes[Shown]:
        """Parts by the ID of their element."""
        return self._changes

    @property
    def values(self) -> Mapping[str, Any]:
        """What the templates of the parts need."""
        assert self.seen is not None  # noqa: S101 (asked for when it is made)
        after = self.table.after if self.table else None
        first_page, next_page = pages_around(after, self._query)
        running = [app for app in self.seen.seen.apps if is_running(app)]
        return {
            "seen": self.seen,
            "left": left_in_words(self.seen.seen),
            "running": running,
            "ahead": max(0, len(running) - self.seen.seen.in_flight),
            "picture": self._timeline.picture,
            "is_drawing": self._timeline.is_drawing,
            "table": self.table,
            "first_page": first_page,
            "next_page": next_page,
            "pipeline_id": self._query.pipeline_id,
            "workflow_url": self._url_of,
            "may_operate": self._may_operate,
        }

    def _url_of(self, ref: AppRef) -> str:
        return self._workflow_url(self._query.pipeline_id, ref)

    async def _make(self, seen: LivePipeline) -> bool:
        await self._timeline.update(seen, self._watcher.spans)
        await self._read(seen)
        self.seen = Overview(seen)
        self.table = self._table(seen)
        shown = {line.id for line in self.table.lines} if self.table else set[str]()
        self._drawn = {id_: drawn for id_, drawn in self._drawn.items() if id_ in shown}
        return self._changes.update(dict(self._parts(seen)))

    async def _read(self, seen: LivePipeline) -> None:
        """The rows, again if what the store has of the pipeline has changed."""
        known = {one.analyzer: one.tools for one in seen.analyzers if one.tools}
        revision = (self._watcher.revision, tuple(known.items()))
        if (self._rows_of == revision and self._rows is not None) or seen.store_away:
            return
        try:
            self._rows = await matrix(self._stored, self._query, known)
        except NotStoredError:
            self._rows = None
        except PlatformError:
            if self._rows is None:
                raise
            return  # the next look says that the store is away
        self._rows_of = revision

    def _table(self, seen: LivePipeline) -> Table | None:
        if self._rows is None:
            return None
        lines = {app.ref: app for app in seen.apps}
        found = tuple(_line(row, lines.get(row.ref), seen) for row in self._rows.rows)
        rows = self._rows
        return Table(rows.tools, rows.rows, found, rows.matching, rows.after)

    def _parts(self, seen: LivePipeline) -> Iterator[tuple[str, Part[Shown]]]:
        for name in _PARTS:
            text = fragment("live_part.html.j2", part_name=name, **self.values)
            yield f"live-{name}", Part(text, lambda text=text: text)
        if self.table is None:
            yield _MATRIX, Part(bool(seen.store_away), self._matrix)
            return
        table = self.table
        ids = tuple(line.id for line in table.lines)
        yield _MATRIX, Part((table.tools, ids, table.matching, table.after), self._matrix)
        for line in self.table.lines:
            text = self._row(line)
            yield line.id, Part(text, lambda text=text: text)

    def _matrix(self) -> str:
        return fragment("live_part.html.j2", part_name="matrix", **self.values)

    def _row(self, line: Line) -> str:
        known = self._drawn.get(line.id)
        if known is None or known[0] != line:
            known = (line, fragment("live_row.html.j2", one=line, **self.values))
            self._drawn[line.id] = known
        return known[1]

    def _told(self, version: int) -> str:
        news = self._changes.since(version)
        whole = _MATRIX in news
        parts = [
            _partial(name, shown())
            for name, shown in news.items()
            if shown is not None and not (whole and name.startswith(_ROW))
        ]
        return event("".join(parts))


def left_in_words(seen: LivePipeline) -> str:
    """From the median to where nine of ten end before."""
    left = seen.left
    if left is not None:
        return span_in_words(left.low_s if left.p50_s is None else left.p50_s, left.high_s)
    if seen.phase in ENDED:
        return "none: it has ended"
    return seen.left_unknown or "not known"


def _partial(name: str, text: str) -> str:
    swap = "outerMorph" if name.startswith(_ROW) else "innerMorph"
    return f'<hx-partial hx-target="#{name}" hx-swap="{swap}">{text}</hx-partial>'


def _line(row: MatrixRow, line: AppProgress | None, seen: LivePipeline) -> Line:
    digest = hashlib.sha256(row.ref.label.encode()).hexdigest()[:16]
    return Line(f"{_ROW}{digest}", row, standing_of(row, line, seen))
