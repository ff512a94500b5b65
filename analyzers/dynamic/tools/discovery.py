"""The things to look at: pages, operations, inputs and a login, for the other tools."""

from collections.abc import Iterable
from typing import Any

from analyzers.dynamic.alive import require_answer
from analyzers.dynamic.bounds import sampled
from analyzers.dynamic.covered import Unusable, client_notes, quota_data
from analyzers.dynamic.explore import explore
from analyzers.dynamic.http import BoundedClient
from analyzers.dynamic.probe import (
    PROBE_VERSION,
    probes_digest,
    require_usable,
    targets_of,
)
from analyzers.dynamic.sessions import sessions_of
from analyzers.dynamic.surface import Surface
from analyzers.runtime.live.answers import Verdict
from analyzers.runtime.tool import Canary, Execute, Parsed, ToolFault, ToolRun
from contract.analysis import Category, Coverage, Metric, Skipped

MAX_ERRORS = 1_000


class Discovery:
    """Crawls the app, reads its OpenAPI document, its source and its template, and logs in."""

    name = "discovery"
    looks_for = frozenset[Category]()
    canary = Canary(  # `run` checks that the link was followed: there are no findings to expect
        serve={
            "GET /": (200, {"Content-Type": "text/html"}, '<a href="/about">about</a>'),
            "GET /about": (200, {"Content-Type": "text/html"}, "<h1>About</h1>"),
        }
    )
    cost = 0.5
    exclusive = False
    after: tuple[str, ...] = ()

    async def version(self, run: ToolRun, execute: Execute) -> str:
        """Version of our own probes."""
        return PROBE_VERSION

    def rules_digest(self) -> str:
        """Digest of the code: it decides what is found."""
        return probes_digest()

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        """Explore every target and leave the surface for later tools."""
        targets = targets_of(run)
        for target in targets:
            await require_answer(target, "before")
        clients: list[BoundedClient] = []
        surface = await explore(run, execute, clients)
        run.shared[self.name] = surface.model_dump(mode="json")
        logins = [
            f"{target.service}: {len(await sessions_of(run, target, surface.of(target.service)))}"
            for target in targets
        ]
        for target in targets:
            await require_answer(target, "after")
        require_usable(targets, surface)
        if run.canary and "/about" not in surface.services[0].pages:
            raise ToolFault("canary not seen: the crawl did not follow the link to /about")
        return report(surface, clients, logins)


def report(surface: Surface, clients: list[BoundedClient], logins: list[str]) -> Parsed:
    """Coverage counts answers to their requests, and names the others and those left out.

    Raises:
        AppFault, ToolFault, NotApplicable: there is no answer to a request.
    """
    answered, skipped, unseen = list[str](), list[Skipped](), Unusable()
    for client in clients:
        skipped += client.skipped()
        unseen.refused += client.unanswered.values()
        for key, verdicts in client.answered.items():
            whys = [_why_not(status, verdict) for status, verdict in verdicts.items()]
            if not all(whys):
                answered.append(f"{client.target.service} {key}")
            else:
                unseen.add(client.target, key, min(verdicts), whys[0])
    unseen.knows_routes = any(service.operations for service in surface.services)
    if not answered and unseen.rows:
        unseen.raise_it()
    unseen.forget({f"{asker.target.service} {key}" for asker in clients for key in asker.guessed})
    skipped += unseen.skipped()
    unnamed = sum(asker.missed - len(asker.unanswered) for asker in clients)
    missed = len(skipped) + unnamed + surface.unread_total
    operations = sum(len(service.operations) for service in surface.services)
    pages = sum(len(service.pages) for service in surface.services)
    coverage = Coverage(
        unit="urls",
        reached=len(answered),
        given=len(answered) + missed,
        skipped=sampled([*surface.unread_sources, *skipped]),
        skipped_total=missed,
        items=tuple(item[:300] for item in answered[:200]),
    )
    metrics = (
        Metric(name="operations_known", value=operations, unit="count"),
        Metric(name="pages_answered", value=pages, unit="count"),
    )
    client_lines = [note for client in clients for note in client_notes(client)]
    begins = [
        f"{service.service} begins at {service.entry}"
        for service in surface.services
        if service.entry != "/"
    ]
    notes = (f"accounts logged in: {'; '.join(logins)}", *begins, *client_lines)
    data = {
        "surface": surface.model_dump(mode="json"),
        "server_errors": _server_errors(clients),
        **quota_data(clients),
    }
    return Parsed(coverage=coverage, metrics=metrics, notes=notes, data=data)


def _server_errors(clients: Iterable[BoundedClient]) -> dict[str, Any]:
    """Requests that were answered with a server error, also if another time with a page.

    Guessed ones are left out. `total` counts those too that are not named.
    """
    failed = [
        f"{client.target.service} {key}"[:300]
        for client in clients
        for key, verdicts in client.answered.items()
        if key not in client.guessed and any(status >= 500 for status in verdicts)
    ]
    return {"requests": failed[:MAX_ERRORS], "total": len(failed)}


def _why_not(status: int, verdict: Verdict) -> str:
    """Why an answer shows nothing of the app; empty where it does."""
    return f"answered {status}" if status >= 500 else str(verdict)
