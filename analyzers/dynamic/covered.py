"""What counts as looked at by a tool, and its verdict where it looked at nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from analyzers.dynamic.http import BoundedClient
from analyzers.runtime.blame import verdict
from analyzers.runtime.live.answers import Unseen
from contract.analysis import Skipped, Target

Seen = tuple[Target, str, int]  # a target, the request, the best status of its answers
LOGIN_OPTIONS = "give the options auth_username and auth_password, or auth_header"


@dataclass(slots=True)
class Unusable:
    """Answers that were not answers to their requests.

    Attributes:
        knows_routes: whether we know anything that the app should answer.
        is_up: whether the app answered something else without a server error.
        rows: each answer with the reason.
        refused: why requests were not sent, or got no answer.
    """

    knows_routes: bool = True
    is_up: bool = False
    rows: list[tuple[Seen, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def add(self, target: Target, request: str, status: int, reason: str) -> None:
        """Note one answer."""
        self.rows.append(((target, request, status), reason))

    def forget(self, guessed: set[str]) -> None:
        """Leave out guessed requests (`service METHOD /path`): nothing is missing there."""
        self.rows = [row for row in self.rows if f"{row[0][0].service} {row[0][1]}" not in guessed]

    def skipped(self) -> list[Skipped]:
        """Each by name."""
        return [
            Skipped(what=f"{target.service} {request}"[:300], reason=reason[:500])
            for (target, request, _), reason in self.rows
        ]

    def raise_it(self) -> NoReturn:
        """Raise the reason why nothing was looked at.

        Raises:
            AppFault, ToolFault, NotApplicable: as `raise_unusable`.
        """
        reasons = [*(reason for _, reason in self.rows), *self.refused]
        seen = [entry for entry, _ in self.rows]
        if self.is_up and any(status >= 500 for _, _, status in seen):
            shown = ", ".join(
                f"{target.service} {request} -> {code}" for target, request, code in seen[:3]
            )
            text = f"server errors are all that was answered where it was asked: {shown}"
            raise verdict("scan-operation-fails", text)
        raise_unusable(seen, reasons, knows_routes=self.knows_routes)


def raise_unusable(
    seen: list[Seen], reasons: Sequence[str] = (), *, knows_routes: bool = True
) -> NoReturn:
    """Raise the reason why none of the answers can be judged.

    Args:
        seen: the requests, and the best status of their answers.
        reasons: why each answer is no answer to its request.
        knows_routes: whether we know anything that the app should answer.

    Raises:
        AppFault: there are server errors among them.
        ToolFault: pages behind a quota, https, a login or an unknown path are missing data.
        NotApplicable: a back end has nothing there.
    """
    shown = ", ".join(
        f"{target.service} {request} -> {status}" for target, request, status in seen[:3]
    )
    statuses = {status for _, _, status in seen}
    limit = _among(reasons, Unseen.RATE_LIMITED) or (Unseen.RATE_LIMITED if 429 in statuses else "")
    if limit:
        text = f"{limit}: the app's quota was spent before an answer came {shown}"
        raise verdict("scan-rate-limited", text.strip())
    if not seen:
        first = next(iter(reasons), "nothing was asked")
        raise verdict("scan-unanswered", f"nothing was answered: {first}")
    if max(statuses) >= 500:
        text = f"the app shows nothing that can be looked at: {shown}"
        raise verdict("scan-server-errors", text)
    if key_and_text := _kept_away(statuses, reasons):
        key, text = key_and_text
        raise verdict(key, f"{text} ({shown})")
    is_page_due = any(target.role == "frontend" for target, _, _ in seen)
    if statuses == {404} and (is_page_due or not knows_routes):
        text = f"only 404 seen: no path that the app answers is known ({shown})"
        raise verdict("scan-only-404", text)
    if is_page_due:
        text = f"the front end shows no page that can be looked at: {shown}"
        raise verdict("scan-no-page", text)
    if reasons and all(reason.startswith(Unseen.LIKE_RANDOM) for reason in reasons):
        raise verdict("scan-alike", f"every path is answered as a random one is ({shown})")
    raise verdict("scan-nothing", f"no answer can be judged: {shown}")


def _kept_away(statuses: set[int], reasons: Sequence[str]) -> tuple[str, str] | None:
    """The obstacle between us and the app, as row and text; None where there is none."""
    away = _among(reasons, Unseen.TO_OTHER_ORIGIN)
    if "https://" in away:
        text = "not measurable over http: it answers with redirects to https"
        return "scan-https-only", text
    if away:
        return "scan-elsewhere", away
    if statuses & {401, 403} or _among(reasons, Unseen.TO_LOGIN):
        return "scan-login", f"the app let nobody in: {LOGIN_OPTIONS}"
    unread = _among(reasons, Unseen.UNREADABLE)
    return ("scan-unreadable", f"no answer could be read: {unread}") if unread else None


def _among(reasons: Sequence[str], wanted: Unseen) -> str:
    """The first reason of that kind."""
    return next((reason for reason in reasons if reason.startswith(wanted)), "")


def client_notes(client: BoundedClient) -> list[str]:
    """Notes on the answers for readers: cut bodies, the first ten by name; quota; https."""
    service = client.target.service
    rows = [f"{service} {key}: {note}" for key, note in client.cut.items()]
    rows = [*rows[:10], f"{len(rows) - 10} more bodies were cut"] if len(rows) > 10 else rows
    if client.facts.headers:
        rows.append(f"{service} redirects plain http: asked as a proxy that ends https would")
    return rows + client.facts.quota.notes(service)


def quota_data(clients: Iterable[BoundedClient]) -> dict[str, Any]:
    """The quotas that were met, by service, as a report's data."""
    met = {client.target.service: client.facts.quota.data() for client in clients}
    found = {service: data for service, data in met.items() if data}
    return {"rate_limits": found} if found else {}
