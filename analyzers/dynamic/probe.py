"""The skeleton of every probe of our own: the app answers, each target is looked at, it answers.

A probe subclasses `Probe` and implements `check`; budgets, coverage and the app's death are here.
"""

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from analyzers.dynamic.explore import surface_of
from analyzers.dynamic.findings import make_finding, unique
from analyzers.dynamic.http import Answer, BoundedClient, Budget, require_answer, sampled
from analyzers.dynamic.sessions import Session, sessions_of
from analyzers.dynamic.surface import Operation, ServiceSurface, Surface
from analyzers.runtime.tool import (
    AppFault,
    Canary,
    Execute,
    NotApplicable,
    Parsed,
    ToolFault,
    ToolRun,
)
from contract.analysis import Coverage, Finding, Metric, Skipped, Target

PROBE_VERSION = "1.1.0"
# One writes to the app at a time, our own before the scanners that fill it with payloads: what one
# stores is no finding of another, and does not disturb answers that are compared byte by byte.
WRITERS = ("browser", "injection", "access-control", "error-pages", "wapiti", "schemathesis")
FAILS = "answers nothing but server errors"
Seen = tuple[Target, str, int]  # a target, what was asked of it, the best status it answered


@dataclass(slots=True)
class Scope:
    """One target under one probe: where to send, what is known, what was found.

    Attributes:
        secrets: what must not stand in evidence (session tokens).
    """

    tool: str
    run: ToolRun
    target: Target
    surface: ServiceSurface
    client: BoundedClient
    sessions: tuple[Session, ...] = ()
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, rule: str, message: str, path: str, **details: Any) -> None:
        """Record a finding; the handler's place in the source is added where it is known."""
        method = details.setdefault("method", "GET")
        operation: Operation | None = details.pop("operation", None)
        operation = operation or self.surface.find(method, path)
        if operation is not None:
            path = operation.path
            details.setdefault("source", operation.source)
        where = f" ({self.target.service})" if len(self.run.request.targets) > 1 else ""
        details["service"] = self.target.service
        found = make_finding(self.tool, rule, message + where, path=path, **details)
        self.findings.append(found)

    def by_operation(self) -> dict[str, set[int]]:
        """Statuses of each operation, whatever values its path was asked with."""
        found: dict[str, set[int]] = {}
        for key, statuses in self.client.answered.items():
            method, _, path = key.partition(" ")
            operation = self.surface.find(method, path)
            name = f"{method} {operation.path}" if operation else key
            found[name] = found.get(name, set()) | statuses
        return found


class Probe(ABC):
    """A tool in our own code that sends bounded HTTP requests.

    Attributes:
        judges_errors: a server error tells it something, so an app of nothing else is measured.
    """

    name: str
    canary: Canary
    cost = 0.3
    exclusive = False
    after: tuple[str, ...] = ("discovery",)
    limit_s = 90.0
    needs_login = False
    judges_errors = False

    async def version(self, run: ToolRun, execute: Execute) -> str:
        """Version of our own probes."""
        return PROBE_VERSION

    def rules_digest(self) -> str:
        """Digest of the code that holds the rules and payloads."""
        return probes_digest()

    @abstractmethod
    async def check(self, scope: Scope) -> None:
        """Look at one target: send through `scope.client`, report through `scope.add`."""

    def applies_to(self, surface: ServiceSurface) -> str:
        """Why this probe has nothing to look at in a service; empty when it has."""
        return ""

    def can_judge(self, status: int, path: str) -> bool:
        """Whether an answer of this status tells the probe anything; only those are coverage."""
        return status < 500 or self.judges_errors

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        """Check every target, and prove before and after that the app is there."""
        targets = targets_of(run)
        for target in targets:
            await require_answer(target, "before")
        surface = await surface_of(run, execute)
        failing = [] if self.judges_errors else failing_always(targets, surface)
        scopes, reasons = list[Scope](), list[str]()
        for target in targets:
            broken = any(one is target for one, _, _ in failing)
            reason = FAILS if broken else self.applies_to(surface.of(target.service))
            if reason:
                reasons.append(f"{target.service}: {reason}")
            else:
                scopes.append(await self._scan(run, target, surface.of(target.service)))
        for target in targets:
            await require_answer(target, "after")
        if not scopes and failing:
            raise_unusable(failing)
        documented = all(surface.of(target.service).openapi for target in targets)
        if not scopes and surface.routes_unread and not documented:
            raise ToolFault(f"{surface.routes_unread} ({'; '.join(reasons)})")
        if not scopes:
            raise NotApplicable("; ".join(reasons))
        return self._fold(scopes, reasons)

    def _fold(self, scopes: list[Scope], reasons: list[str]) -> Parsed:
        """One report for all targets. Coverage counts operations whose answers were judged."""
        judged, skipped, unjudged = list[str](), list[Skipped](), list[Seen]()
        for scope in scopes:
            skipped += scope.client.skipped()
            for key, statuses in scope.by_operation().items():
                path = key.partition(" ")[2]
                if any(self.can_judge(status, path) for status in statuses):
                    judged.append(f"{scope.target.service} {key}")
                else:
                    unjudged.append((scope.target, key, min(statuses)))
        if not judged and unjudged:
            raise_unusable(unjudged)
        skipped += [
            Skipped(what=f"{target.service} {key}", reason=f"answered {status}: cannot be judged")
            for target, key, status in unjudged
        ]
        skipped += [Skipped(what=reason.split(":")[0], reason=reason) for reason in reasons]
        missed = sum(scope.client.missed for scope in scopes) + len(unjudged) + len(reasons)
        spent = sum(scope.client.budget.spent for scope in scopes)
        notes = [note for scope in scopes for note in (*scope.notes, *cut_notes(scope.client))]
        return Parsed(
            coverage=Coverage(
                unit="urls",
                reached=len(judged),
                given=len(judged) + missed,
                skipped=sampled(skipped),
                skipped_total=missed,
                items=tuple(item[:300] for item in judged[:200]),
            ),
            findings=unique([finding for scope in scopes for finding in scope.findings]),
            metrics=(Metric(name="requests_sent", value=spent, unit="count"),),
            notes=tuple(dict.fromkeys(notes)),
        )

    async def _scan(self, run: ToolRun, target: Target, surface: ServiceSurface) -> Scope:
        budget = budget_of(run, self.name, self.limit_s)
        sessions = await sessions_of(run, target, surface) if self.needs_login else ()
        run.progress(f"{self.name}: {target.service}")
        async with BoundedClient(target, budget) as client:
            scope = Scope(self.name, run, target, surface, client, sessions)
            await self.check(scope)
        return scope


def targets_of(run: ToolRun) -> tuple[Target, ...]:
    """The targets of the request.

    Raises:
        ToolFault: there are none.
    """
    if not run.request.targets:
        raise ToolFault("the request names no running target")
    return run.request.targets


def behind(tool: str) -> tuple[str, ...]:
    """What a tool that writes to the app waits for."""
    return ("discovery", *WRITERS[: WRITERS.index(tool)])


def is_canary(run: ToolRun, tool: str) -> bool:
    """Whether the run is the proof that `tool` sees, not a subtask: their ids have four parts."""
    return run.request.subtask_id == f"canary/{tool}"


def budget_of(run: ToolRun, tool: str, limit_s: float) -> Budget:
    """What `tool` may spend on one target; options `max_requests` and `<tool>_limit_s`.

    Raises:
        ToolFault: an option is not a positive number.
    """
    requests = positive_option(run, "max_requests", 2_000)
    seconds = positive_option(run, f"{tool}_limit_s".replace("-", "_"), limit_s)
    allowed = min(seconds, run.request.deadline_s * 0.6)
    return Budget(max_requests=int(requests), limit_s=allowed)


def positive_option(run: ToolRun, name: str, default: float) -> float:
    """A numeric option of the request.

    Raises:
        ToolFault: it is not a positive number.
    """
    value = run.request.options.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise ToolFault(f"option {name}: expected a positive number, got {value!r}")
    return float(value)


def require_usable(targets: tuple[Target, ...], surface: Surface) -> None:
    """Refuse an app that answers nothing but server errors: none of its pages can be looked at.

    Raises:
        AppFault: it is one.
    """
    failing = failing_always(targets, surface)
    if failing and len(failing) == len(targets):
        raise_unusable(failing)


def failing_always(targets: tuple[Target, ...], surface: Surface) -> list[Seen]:
    """Those that answered discovery with nothing but server errors."""
    best = [(one, "any request", surface.of(one.service).lowest_status or 0) for one in targets]
    return [(target, what, status) for target, what, status in best if status >= 500]


def raise_unusable(seen: list[Seen]) -> NoReturn:
    """Say why none of the answers can be judged.

    Raises:
        AppFault: there are server errors among them, or a front end shows no page.
        ToolFault: a back end wants a login that was not found: what lies behind it is missing data.
        NotApplicable: a back end has nothing there.
    """
    shown = ", ".join(f"{one.service} {what} -> {status}" for one, what, status in seen[:3])
    if any(status >= 500 or one.role == "frontend" for one, _, status in seen):
        raise AppFault(f"the app shows nothing that can be looked at: {shown}")
    if any(status in {401, 403} for _, _, status in seen):
        options = "auth_username and auth_password, or auth_header"
        raise ToolFault(f"the app let nobody in ({shown}): give the options {options}")
    raise NotApplicable(f"no answer can be judged: {shown}")


def cut_notes(client: BoundedClient) -> list[str]:
    """Which bodies were read in part only, the first ten by name."""
    rows = [f"{client.target.service} {key}: {note}" for key, note in client.cut.items()]
    return [*rows[:10], f"{len(rows) - 10} more bodies were cut"] if len(rows) > 10 else rows


def request_line(answer: Answer) -> str:
    """Evidence in one line: what was asked and what status came back."""
    return f"{answer.method} {answer.path[:500]} -> {answer.status}"


def probes_digest() -> str:
    """Digest of our own code: what it finds depends on every line of it."""
    folder = Path(__file__).parent
    sources = sorted([*folder.glob("*.py"), *folder.glob("tools/*.py")])
    return hashlib.sha256(b"".join(one.read_bytes() for one in sources)).hexdigest()
