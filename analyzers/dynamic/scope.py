"""One target under one probe: where it sends, what is known, what it found."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from analyzers.dynamic.answer import Answer
from analyzers.dynamic.exchanges import Exchanges, secrets_of
from analyzers.dynamic.findings import make_finding
from analyzers.dynamic.http import BoundedClient
from analyzers.dynamic.sessions import Session
from analyzers.dynamic.surface import Operation, ServiceSurface
from analyzers.runtime.live.answers import Verdict
from analyzers.runtime.tool import ToolRun
from contract.analysis import Finding, Target


@dataclass(slots=True)
class Scope:
    """One target under one probe: where to send, known facts, findings.

    Attributes:
        exchanges: requests that showed its findings.
    """

    tool: str
    run: ToolRun
    target: Target
    surface: ServiceSurface
    client: BoundedClient
    sessions: tuple[Session, ...] = ()
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    exchanges: Exchanges = field(init=False)

    def __post_init__(self) -> None:
        logins = secrets_of(session.headers for session in self.sessions)
        self.exchanges = Exchanges(self.tool, logins)

    def add(
        self,
        rule: str,
        message: str,
        path: str,
        *,
        shown: Iterable[Answer | None] = (),
        **details: Any,
    ) -> None:
        """Record a finding, with the handler's place in the source where it is known.

        Args:
            rule: a key of `RULES`.
            message: one sentence for a person.
            path: of the operation.
            shown: the answers that showed it: each is kept with its request.
            details: as `make_finding` takes them; `operation`: where it is known.
        """
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
        self.exchanges.add(found, shown)

    def by_operation(self) -> dict[str, dict[int, Verdict]]:
        """Statuses and verdicts of each operation, whatever values were in its path."""
        found: dict[str, dict[int, Verdict]] = {}
        for key, verdicts in self.client.answered.items():
            method, _, path = key.partition(" ")
            operation = self.surface.find(method, path)
            known = found.setdefault(f"{method} {operation.path}" if operation else key, {})
            for status, seen in verdicts.items():
                if seen.is_seen or status not in known:
                    known[status] = seen
        return found
