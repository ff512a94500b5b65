"""Bookkeeping of a pipeline's apps, without any Temporal call: who waits, runs, ended, and how."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.outcome import AppOutcome
from contract.progress import AnalyzerReadiness, AppProgress
from contract.spec import AppSpec, PipelinePlan, PlannedApp
from workflows.planning import unmeasured
from workflows.state import AppOrders, AppResult, PipelineState, Tally

# Stands for all tools of an analyzer whose results of an earlier run are kept.
_REST = ""


class Fleet:
    """The apps of one pipeline. Every app is known by its key `model/appN`."""

    def __init__(self, plan: PipelinePlan, state: PipelineState) -> None:
        self.plan = plan
        self._apps = {app.ref.label: app for app in plan.apps}
        self.pending = list(self._apps if state.pending is None else state.pending)
        self.running: set[str] = set()
        self.results = dict(state.results)
        self.whole = set(state.whole)
        self.tools = dict(state.tools)
        self.tally: Tally = state.tally
        self.retried = state.retried

    def take(self) -> str:
        """The next app to run."""
        key = self.pending.pop(0)
        self.running.add(key)
        return key

    def spec(self, key: str) -> AppSpec:
        """The child's input, with the tools that preflight found where the user named none.

        Of an analyzer that lacks single measurements, only those tools run again.
        """
        app = self.plan.app_spec(self._apps[key])
        earlier = self._standing(key)
        again = earlier.tools_to_retry() if earlier else {}
        return app.model_copy(update={"tools": {**self.tools, **app.tools, **again}})

    def orders(
        self, key: str, down: dict[AnalyzerKind, str], *, paused: bool, ahead: bool = False
    ) -> AppOrders:
        """What of an earlier run stands: all but `infra_failed`; of a named app nothing."""
        earlier = self._standing(key)
        if earlier is None:
            return AppOrders(down=down, paused=paused, ahead=ahead)
        kept = {kind: s for kind, s in earlier.analyzers.items() if kind not in earlier.missing}
        complete = len(kept) == len(self.plan.spec.analyzers)
        return AppOrders(
            kept={} if complete else kept,
            partly={k: s for k, s in earlier.analyzers.items() if k in earlier.tools_to_retry()},
            down=down,
            paused=paused,
            ahead=ahead,
        )

    def _standing(self, key: str) -> AppResult | None:
        return None if key in self.whole else self.results.get(key)

    def finish(self, key: str, outcome: AppOutcome, orders: AppOrders) -> None:
        """Take in a finished app."""
        self.running.discard(key)
        cells = {kind: {_REST: state} for kind, state in (orders.kept | orders.partly).items()}
        for subtask in outcome.subtasks:
            tools = {tool.tool: tool.state for tool in subtask.tools}
            cells[subtask.analyzer] = {**cells.get(subtask.analyzer, {}), **tools}
        self.results[key] = AppResult.of(outcome.state, outcome.reason, cells)
        self.whole.discard(key)
        self.tally = self.tally.plus(outcome)

    def missing(self, key: str, reason: str) -> AppOutcome:
        """The outcome of an app that did not run to its end."""
        app = self.spec(key)
        return AppOutcome(
            ref=app.ref,
            state=MeasurementState.INFRA_FAILED,
            reason=reason,
            subtasks=tuple(
                unmeasured(app, kind, MeasurementState.INFRA_FAILED, reason)
                for kind in app.analyzers
            ),
        )

    def drop_pending(self, count: int) -> list[str]:
        """Take up to `count` waiting apps off the list for good; those that never ran are named."""
        dropped, self.pending = self.pending[:count], self.pending[count:]
        self.whole.difference_update(dropped)
        return [key for key in dropped if key not in self.results]

    def subset(self, keys: Sequence[str]) -> PipelinePlan:
        """The plan with these apps only."""
        return self.plan.model_copy(update={"apps": tuple(self._apps[key] for key in keys)})

    def retryable(self, keys: Sequence[str]) -> list[str]:
        """The finished apps that `keys` name; without names, those with an `infra_failed` analyzer.

        Raises:
            ValueError: a key that is no app of this pipeline, or one that has not ended.
        """
        for key in keys:
            if key not in self._apps:
                raise ValueError(f"no app {key!r} in this pipeline; write MODEL/appN")
            if key in self.running or key in self.pending:
                raise ValueError(f"{key} has not ended; only ended apps can be run again")
        chosen = keys or [key for key, result in self.results.items() if result.lacks_measurement]
        busy = self.running.union(self.pending)
        return [key for key in dict.fromkeys(chosen) if key not in busy]

    def retry(self, keys: Sequence[str], *, whole: bool) -> None:
        """Put finished apps at the end of the list; `whole`: nothing they have stands."""
        self.pending.extend(keys)
        self.retried += len(keys)
        if whole:
            self.whole.update(keys)

    def check_new(self, apps: Sequence[PlannedApp]) -> None:
        """Refuse apps that are in the fleet, or twice in `apps`.

        Raises:
            ValueError: the duplicate, by name.
        """
        counts = Counter(app.ref.label for app in apps)
        for key, count in counts.items():
            if key in self._apps or count > 1:
                raise ValueError(f"duplicate app: {key}")

    def add(self, apps: Sequence[PlannedApp]) -> None:
        """Append apps to the plan; `enqueue` lets them run, once they are registered."""
        self.check_new(apps)
        self.plan = self.plan.model_copy(update={"apps": (*self.plan.apps, *apps)})
        self._apps.update({app.ref.label: app for app in apps})

    def remove(self, apps: Sequence[PlannedApp]) -> None:
        """Undo `add`."""
        kept = tuple(app for app in self.plan.apps if app not in apps)
        self.plan = self.plan.model_copy(update={"apps": kept})
        self._apps = {app.ref.label: app for app in kept}

    def enqueue(self, apps: Sequence[PlannedApp]) -> None:
        """Put added apps at the end of the list."""
        self.pending.extend(app.ref.label for app in apps)

    def learn(self, readiness: Iterable[AnalyzerReadiness]) -> None:
        """Remember the tools an analyzer named; one that is down keeps those it named before."""
        self.tools.update({r.analyzer: r.tools for r in readiness if r.tools})

    @property
    def total(self) -> int:
        """Apps of the fleet."""
        return len(self._apps)

    @property
    def finished(self) -> int:
        """Apps that ended and do not run again."""
        busy = self.running.union(self.pending)
        return sum(key not in busy for key in self.results)

    def counts(self) -> dict[MeasurementState, int]:
        """How many apps ended in each state."""
        return dict(Counter(result.state for result in self.results.values()))

    def apps(self) -> tuple[AppProgress, ...]:
        """A line for each app, in order of the plan."""
        return tuple(self._line(key) for key in self._apps)

    def highlights(self, limit: int) -> tuple[AppProgress, ...]:
        """Lines of what runs, then of what failed, then of the rest."""
        measured = MeasurementState.MEASURED
        failed = [k for k, result in self.results.items() if result.state is not measured]
        order = dict.fromkeys([*sorted(self.running), *failed, *self.results, *self.pending])
        return tuple(self._line(key) for key in islice(order, limit))

    def _line(self, key: str) -> AppProgress:
        app = self._apps[key]
        id_ = self.plan.app_spec(app).workflow_id if key in self.running else ""
        result = self.results.get(key)
        if key in self.running or key in self.pending or result is None:
            step = "analysing" if key in self.running else "waiting"
            return AppProgress(ref=app.ref, step=step, workflow_id=id_)
        return AppProgress(ref=app.ref, step="finished", state=result.state, reason=result.reason)
