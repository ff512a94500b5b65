"""Bookkeeping of a pipeline's apps, without any Temporal call: who waits, runs, ended, and how."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.ids import app_workflow_id
from contract.outcome import AppOutcome
from contract.plan import AppChoice, AppEntry, AppResult, PlanHeader
from contract.progress import AppProgress
from contract.spec import AppRef, AppSpec
from workflows.ended import Ended
from workflows.state import AppOrders, PipelineState

Tools = Mapping[AnalyzerKind, tuple[str, ...]]

# How many apps are read from the store at once.
READ_APPS = 100
# How many ended apps one run remembers for people; the store has all.
LINES_MAX = 500
# And how many the next run: see `PipelineState`.
LINES_CARRIED = 40


class Fleet:
    """The apps of one pipeline. Each is known by its position; the next ones are held in memory.

    Attributes:
        registered: how many apps the store has.
        ended: those that ended, counted.
        cursor: position of the first app that has not been begun; it runs before those of `again`.
        again: positions of ended apps that wait to run again.
        revision: grows with every change that people see in the apps' lines.
    """

    def __init__(self, header: PlanHeader, state: PipelineState) -> None:
        self.header = header
        self.registered = state.registered
        self.cursor = state.cursor
        self.again = list(state.again)
        self.whole = set(state.whole)
        self.repeated = state.repeated
        self.ended = Ended(header, state.counts, state.beside)
        self.tally = state.tally
        self.retried = state.retried
        self.revision = 0
        self._loaded: dict[int, AppEntry] = {}
        self._running: dict[int, AppEntry] = {}
        # By label, the oldest first.
        self._lines = {line.ref.label: line for line in state.lines}

    def state(self) -> PipelineState:
        """What the next run of the pipeline has to know of its apps."""
        return PipelineState(
            registered=self.registered,
            cursor=self.cursor,
            again=tuple(self.again),
            whole=tuple(sorted(self.whole)),
            repeated=self.repeated,
            counts=self.ended.every(),
            beside=self.ended.beside(),
            lines=tuple(islice(self._by_interest(), LINES_CARRIED)),
            tally=self.tally,
            retried=self.retried,
        )

    @property
    def total(self) -> int:
        """Apps of the fleet."""
        return max(self.header.total, self.registered)

    @property
    def is_whole(self) -> bool:
        """Whether the plan has come, page by page."""
        return 0 < self.registered >= self.header.total

    @property
    def waiting(self) -> int:
        """How many apps are to be begun."""
        return self.total - self.cursor + len(self.again)

    @property
    def finished(self) -> int:
        """Apps that ended and do not run again."""
        return self.ended.total - self.repeated

    def to_read(self) -> list[int]:
        """Positions of the next apps, when the next one is not in memory."""
        fresh = range(self.cursor, self.registered)
        wanted = list(islice(chain(fresh, self.again), READ_APPS))
        return [] if not wanted or wanted[0] in self._loaded else wanted

    def load(self, entries: Iterable[AppEntry]) -> None:
        """Take in apps that were read."""
        self._loaded = {entry.position: entry for entry in entries}
        self.revision += 1

    def take(self) -> AppEntry:
        """The next app to run; it is in memory."""
        if self.cursor < self.registered:
            # Whatever the store may have of it is of another time.
            entry = AppEntry(position=self.cursor, app=self._loaded.pop(self.cursor).app)
            self.cursor += 1
        else:
            entry = self._loaded.pop(self.again.pop(0))
        self._running[entry.position] = entry
        self._lines.pop(entry.app.ref.label, None)
        self.revision += 1
        return entry

    def spec(self, entry: AppEntry, tools: Tools) -> AppSpec:
        """The child's input, with the `tools` that preflight found where the user named none.

        Of an analyzer that lacks single measurements, only those tools run again.
        """
        app = self.header.app_spec(entry.app)
        earlier = self._standing(entry)
        again = earlier.tools_to_retry() if earlier else {}
        return app.model_copy(update={"tools": {**tools, **app.tools, **again}})

    def orders(
        self,
        entry: AppEntry,
        down: dict[AnalyzerKind, str],
        *,
        paused: bool = False,
        ahead: bool = False,
    ) -> AppOrders:
        """What of an earlier run stands: all but `infra_failed`; of a named app nothing."""
        earlier = self._standing(entry)
        if earlier is None:
            return AppOrders(down=down, paused=paused, ahead=ahead)
        kept = {kind: s for kind, s in earlier.analyzers.items() if kind not in earlier.missing}
        complete = len(kept) == len(self.header.app_spec(entry.app).analyzers)
        return AppOrders(
            kept={} if complete else kept,
            partly={k: s for k, s in earlier.analyzers.items() if k in earlier.tools_to_retry()},
            down=down,
            paused=paused,
            ahead=ahead,
        )

    def _standing(self, entry: AppEntry) -> AppResult | None:
        return None if entry.position in self.whole else entry.result

    def finish(self, entry: AppEntry, outcome: AppOutcome) -> None:
        """Take in an app that ended."""
        del self._running[entry.position]
        self.whole.discard(entry.position)
        if entry.state is not None:
            self.ended.add(entry.position, entry.state, -1)
            self.repeated -= 1
        self.ended.add(entry.position, outcome.state)
        self.tally = self.tally.plus(outcome)
        self._remember(outcome.ref, outcome.state, outcome.reason)

    def _remember(self, ref: AppRef, state: MeasurementState, reason: str) -> None:
        self._lines[ref.label] = AppProgress(ref=ref, step="finished", state=state, reason=reason)
        if len(self._lines) > LINES_MAX:
            good = (label for label, line in self._lines.items() if not _is_failed(line))
            del self._lines[next(good, next(iter(self._lines)))]
        self.revision += 1

    def drop(self, count: int, reason: str) -> list[int]:
        """Take up to `count` apps that never ran off the list for good: positions, for the store.

        When there are none, those that were to run again are taken off; what they have stands.
        """
        end = min(self.cursor + count, self.registered)
        dropped = list(range(self.cursor, end))
        for position in dropped:
            self.ended.add(position, MeasurementState.INFRA_FAILED)
            if entry := self._loaded.pop(position, None):
                self._remember(entry.app.ref, MeasurementState.INFRA_FAILED, reason)
        self.cursor = end if dropped else self.total
        if not dropped:
            self.again, self.repeated = [], 0
            self.whole.clear()
            self._loaded.clear()
        return dropped

    def idle(self) -> frozenset[int]:
        """Positions of the apps that have ended and do not wait to run again."""
        return frozenset(range(self.cursor)) - {*self._running, *self.again}

    def retry(self, chosen: Sequence[AppChoice], *, whole: bool) -> None:
        """Put apps that ended at the end of the list; `whole`: nothing they have stands."""
        positions = [app.position for app in chosen]
        self.again.extend(positions)
        self.repeated += sum(app.state is not None for app in chosen)
        self.retried += len(positions)
        if whole:
            self.whole.update(positions)

    def lines(self, limit: int) -> tuple[AppProgress, ...]:
        """Up to `limit` lines: of what runs, what failed, what comes next, what ended well."""
        running = (self._line(entry, "analysing") for entry in self._running.values())
        coming = (self._line(entry, "waiting") for entry in self._loaded.values())
        again = {entry.app.ref.label for entry in self._loaded.values()}
        ended = [line for line in self._by_interest() if line.ref.label not in again]
        failed = [line for line in ended if _is_failed(line)]
        every = chain(running, failed, coming, ended[len(failed) :])
        return tuple(islice(every, limit))

    def _by_interest(self) -> list[AppProgress]:
        """Lines of ended apps, failed ones first."""
        return sorted(self._lines.values(), key=lambda line: not _is_failed(line))

    def _line(self, entry: AppEntry, step: str) -> AppProgress:
        ref = entry.app.ref
        runs = entry.position in self._running
        id_ = app_workflow_id(self.header.pipeline_id, ref.model, ref.app_number) if runs else ""
        return AppProgress(ref=ref, step=step, workflow_id=id_)


def _is_failed(line: AppProgress) -> bool:
    return line.state in (MeasurementState.APP_FAILED, MeasurementState.INFRA_FAILED)
