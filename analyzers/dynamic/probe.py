"""The skeleton of our own probes: check that the app answers, look at each target, check again.

A probe subclasses `Probe` and implements `check`; this module has budgets, coverage and the checks.
"""

import hashlib
from abc import ABC, abstractmethod
from pathlib import Path
from typing import NoReturn

from analyzers.dynamic.alive import require_answer
from analyzers.dynamic.answer import Answer
from analyzers.dynamic.bounds import budget_of, sampled
from analyzers.dynamic.covered import Seen, Unusable, client_notes, quota_data, raise_unusable
from analyzers.dynamic.crawl import is_safe_to_follow
from analyzers.dynamic.exchanges import document_of
from analyzers.dynamic.explore import surface_of
from analyzers.dynamic.findings import stable_path, unique
from analyzers.dynamic.http import BoundedClient
from analyzers.dynamic.rules import PROBES
from analyzers.dynamic.scope import Scope as Scope
from analyzers.dynamic.sessions import require_login, sessions_of
from analyzers.dynamic.surface import Operation, ServiceSurface, Surface
from analyzers.dynamic.target_facts import facts_of
from analyzers.runtime.blame import verdict
from analyzers.runtime.live.answers import Unseen, Verdict
from analyzers.runtime.tool import (
    Canary,
    Execute,
    NotApplicable,
    Parsed,
    ToolFault,
    ToolRun,
)
from contract.analysis import Category, Coverage, Metric, Skipped, Target
from contract.attached import EXCHANGES

PROBE_VERSION = "1.2.0"
# Only one tool writes to the app at a time, our own before the scanners that fill it with payloads:
# so a value stored by one is no finding of another, and does not disturb byte-by-byte comparisons.
WRITERS = ("browser", "injection", "access-control", "error-pages", "wapiti", "schemathesis")
UNSAFE = "its name says that it changes something"
FAILS = "answers nothing but server errors"


class Probe(ABC):
    """A tool in our own code that sends bounded HTTP requests.

    Attributes:
        judges_errors: a server error tells it something, so an app with only errors is measured.
    """

    name: str
    looks_for: frozenset[Category]
    grades = PROBES
    canary: Canary
    cost = 0.3
    exclusive = False
    after: tuple[str, ...] = ("discovery",)
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
        """Why this probe has nothing to look at in a service; empty when it has.

        It is asked only about a service whose routes could be read.
        """
        return ""

    def can_judge(self, status: int, path: str) -> bool:
        """Whether an answer of this status tells the probe anything; only such answers count."""
        return status < 500 or self.judges_errors

    def why_not(self, status: int, path: str, verdict: Verdict) -> str:
        """Why an answer does not answer its request; empty where it does."""
        if not self.can_judge(status, path):
            return f"answered {status}: cannot be judged"
        if self.judges_errors and status >= 500 and verdict.reason is Unseen.LIKE_RANDOM:
            return ""  # the failure itself is what the probe asks for
        return str(verdict)

    def nothing_seen(self, unseen: Unusable) -> NoReturn:
        """Raise the reason why nothing was looked at.

        Raises:
            AppFault, ToolFault, NotApplicable: as `raise_unusable`.
        """
        unseen.raise_it()

    def asks_anyway(self, operation: Operation) -> bool:
        """Whether the probe asks for a GET although it changes something."""
        return False

    def _without_effects(self, client: BoundedClient, surface: ServiceSurface) -> ServiceSurface:
        """The surface without GETs that would change the app; they are left out by name."""
        unsafe = {
            operation.key: operation.effect or UNSAFE
            for operation in surface.operations
            if operation.method == "GET"
            and not is_safe(operation)
            and not self.asks_anyway(operation)
        }
        for key, reason in unsafe.items():
            client.leave_out(key, f"not asked: {reason}"[:300])
        kept = tuple(operation for operation in surface.operations if operation.key not in unsafe)
        return surface.model_copy(update={"operations": kept})

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        """Check every target, and prove before and after that the app is there."""
        targets = targets_of(run)
        for target in targets:
            await require_answer(target, "before")
        surface = await surface_of(run, execute)
        if self.needs_login:
            await require_login(run, surface)
        failing = [] if self.judges_errors else failing_always(targets, surface)
        scopes, reasons, unknown = list[Scope](), list[str](), list[str]()
        for target in targets:
            broken = any(failing_target is target for failing_target, _, _ in failing)
            reason = FAILS if broken else self.applies_to(surface.of(target.service))
            unread = surface.unread_by(target.service) if reason and not broken else ""
            unknown += [f"{target.service}: {reason}, but {unread}"] if unread else []
            if reason:
                reasons.append(f"{target.service}: {reason}")
            else:
                scopes.append(await self._scan(run, target, surface.of(target.service)))
        for target in targets:
            await require_answer(target, "after")
        if kept := document_of(scope.exchanges for scope in scopes):
            run.attach(EXCHANGES, kept)
        if not scopes and failing:
            raise_unusable(failing)
        if not scopes and unknown:
            raise verdict("scan-routes-unread", "; ".join(unknown)[:2_000])
        if not scopes:
            raise NotApplicable("; ".join(reasons))
        return self._fold(scopes, reasons)

    def _fold(self, scopes: list[Scope], reasons: list[str]) -> Parsed:
        """One report for all targets. Coverage counts operations whose answers were judged."""
        judged, skipped = list[str](), list[Skipped]()
        surfaces = [part.surface for part in scopes]
        unseen = Unusable(
            knows_routes=all(surface.operations for surface in surfaces),
            is_up=any(
                surface.lowest_status is not None and surface.lowest_status < 500
                for surface in surfaces
            ),
        )
        for scope in scopes:
            skipped += scope.client.skipped()
            unseen.refused += list(scope.client.unanswered.values())
            proven = {(finding.location.method, finding.location.url) for finding in scope.findings}
            for key, verdicts in scope.by_operation().items():
                method, _, path = key.partition(" ")
                whys = {code: self.why_not(code, path, seen) for code, seen in verdicts.items()}
                if not all(whys.values()) or (method, stable_path(path)) in proven:
                    judged.append(f"{scope.target.service} {key}")
                else:
                    unseen.add(scope.target, key, min(whys), whys[min(whys)])
        if not judged and (unseen.rows or unseen.refused):
            self.nothing_seen(unseen)
        skipped += unseen.skipped()
        skipped += [Skipped(what=reason.split(":")[0], reason=reason) for reason in reasons]
        missed = sum(scope.client.missed for scope in scopes) + len(unseen.rows) + len(reasons)
        spent = sum(scope.client.budget.spent for scope in scopes)
        notes = [note for part in scopes for note in (*part.notes, *client_notes(part.client))]
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
            data=quota_data([scope.client for scope in scopes]),
        )

    async def _scan(self, run: ToolRun, target: Target, surface: ServiceSurface) -> Scope:
        budget = budget_of(run, self.name)
        sessions = await sessions_of(run, target, surface) if self.needs_login else ()
        run.progress(target.service)
        async with BoundedClient(target, budget, facts=facts_of(run, target)) as client:
            surface = self._without_effects(client, surface)
            scope = Scope(self.name, run, target, surface, client, sessions)
            client.place = surface.place_of
            await self.check(scope)
        return scope


def is_safe(operation: Operation) -> bool:
    """Whether a GET looks free of side effects, by its handler or by its name."""
    was_read = (operation.path,) if "source" in operation.origins else ()
    return not operation.effect and is_safe_to_follow(operation.path, was_read)


def targets_of(run: ToolRun) -> tuple[Target, ...]:
    """The targets of the request.

    Raises:
        ToolFault: there are none.
    """
    if not run.request.targets:
        raise ToolFault("the request names no running target")
    return run.request.targets


def behind(tool: str) -> tuple[str, ...]:
    """The tools that must end before a tool that writes to the app begins."""
    return ("discovery", *WRITERS[: WRITERS.index(tool)])


def require_usable(targets: tuple[Target, ...], surface: Surface) -> None:
    """Refuse an app that only answers server errors: none of its pages can be looked at.

    Raises:
        AppFault: it is one.
    """
    failing = failing_always(targets, surface)
    if failing and len(failing) == len(targets):
        raise_unusable(failing)


def failing_always(targets: tuple[Target, ...], surface: Surface) -> list[Seen]:
    """Targets that answered discovery only with server errors."""
    best = [
        (target, "any request", surface.of(target.service).lowest_status or 0) for target in targets
    ]
    return [(target, request, status) for target, request, status in best if status >= 500]


def request_line(answer: Answer) -> str:
    """Evidence in one line: the request and the status of its answer."""
    return f"{answer.method} {answer.path[:500]} -> {answer.status}"


def probes_digest() -> str:
    """Digest of our own code: the findings depend on every line of it."""
    folder = Path(__file__).parent
    sources = sorted([*folder.glob("*.py"), *folder.glob("tools/*.py")])
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
