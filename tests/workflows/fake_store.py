"""What the store keeps of one pipeline's plan, beside the outcomes that a platform recorded."""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from contract.analysis import MeasurementState
from contract.errors import ErrorCode, PlatformError
from contract.missing import unended
from contract.outcome import AppOutcome, SubtaskOutcome
from contract.plan import (
    AppChoice,
    AppEntry,
    AppResult,
    PlanHeader,
    PlanPage,
    Reopening,
    UnendedApps,
)
from contract.role import AppRole
from contract.spec import PlannedApp


class FakeStore:
    """Keeps the rules of `store.registering` and `store.plans`, in memory."""

    def __init__(self) -> None:
        self.header: PlanHeader | None = None
        self.planned: list[PlannedApp] = []
        self.subtasks: dict[str, SubtaskOutcome] = {}
        self.apps: dict[str, AppOutcome] = {}

    def register(self, header: PlanHeader, page: PlanPage) -> None:
        self.header = header
        positions = {app.ref: position for position, app in enumerate(self.planned)}
        for position, app in enumerate(page.apps, page.first):
            if position >= header.total and positions.get(app.ref, position) != position:
                raise PlatformError(ErrorCode.ALREADY_EXISTS, f"duplicate app: {app.ref.label}")
        self.planned += [app for app in page.apps if app.ref not in positions]

    def read(self, positions: Collection[int]) -> list[AppEntry]:
        return [self._entry(position) for position in positions]

    def choices(self, labels: Collection[str]) -> list[AppChoice]:
        every = [self._entry(position) for position in range(len(self.planned))]
        known = {entry.app.ref.label for entry in every}
        for label in labels:
            if label not in known:
                message = f"no app {label!r} in this pipeline; write MODEL/appN"
                raise PlatformError(ErrorCode.INVALID_ARGUMENT, message)
        if labels:
            return [_choice(entry) for entry in every if entry.app.ref.label in labels]
        return [_choice(entry) for entry in every if _is_lacking(entry)]

    def reopening(self, labels: Collection[str], detail: Mapping[str, Any]) -> Reopening:
        assert self.header is not None
        unended = [_choice(e) for e in self.read(range(len(self.planned))) if e.state is None]
        choices = {choice.position: choice for choice in (*unended, *self.choices(labels))}
        return Reopening(
            header=self.header,
            registered=len(self.planned),
            counts=Counter(app.state for app in self.apps.values()),
            beside=self._beside(self.header),
            detail=dict(detail),
            choices=tuple(choices[position] for position in sorted(choices)),
        )

    def _beside(self, header: PlanHeader) -> dict[AppRole, dict[MeasurementState, int]]:
        ended = [entry for entry in self.read(range(len(self.planned))) if entry.state]
        return {
            role: Counter(e.state for e in ended if e.state and e.app.role is role)
            for role in header.beside
        }

    def skip(self, skipped: UnendedApps) -> None:
        assert self.header is not None
        for entry in self.read(skipped.positions):
            app = self.header.app_spec(entry.app)
            tools = {**skipped.tools, **app.tools}
            outcome = unended(app.model_copy(update={"tools": tools}), skipped.reason)
            for subtask in outcome.subtasks:
                self.subtasks.setdefault(subtask.subtask_id, subtask)
            self.apps.setdefault(app.ref.label, outcome)

    def _entry(self, position: int) -> AppEntry:
        assert self.header is not None
        app = self.header.app_spec(self.planned[position])
        found = {k: self.subtasks.get(app.subtask_id(k)) for k in app.analyzers}
        cells = {k: {t.tool: t.state for t in s.tools} for k, s in found.items() if s}
        ended = self.apps.get(app.ref.label)
        result = AppResult.of(ended.state, ended.reason, cells) if ended else None
        state = ended.state if ended else None
        return AppEntry(position=position, app=self.planned[position], state=state, result=result)


def _is_lacking(entry: AppEntry) -> bool:
    """As the store decides it: the app did not end, or the platform owes it a tool's work."""
    failed = MeasurementState.INFRA_FAILED
    result = entry.result
    return result is None or result.state is failed or bool(result.missing)


def _choice(entry: AppEntry) -> AppChoice:
    return AppChoice(position=entry.position, ref=entry.app.ref, state=entry.state)
