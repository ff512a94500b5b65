"""What there is to look at: handed to the other tools as `shared["discovery"]`."""

from analyzers.dynamic.explore import explore
from analyzers.dynamic.http import BoundedClient, require_answer
from analyzers.dynamic.probe import PROBE_VERSION, targets_of
from analyzers.dynamic.sessions import sessions_of
from analyzers.dynamic.surface import Surface
from analyzers.runtime.tool import Canary, Execute, Parsed, ToolRun
from contract.analysis import Coverage, Metric


class Discovery:
    """Crawls the app, reads its OpenAPI document, its source and its template, and logs in."""

    name = "discovery"
    canary = Canary(
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
        """It has no rules; its code decides what is found."""
        return ""

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        """Explore every target and leave the surface for the tools that come after."""
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
        return report(surface, clients, logins)


def report(surface: Surface, clients: list[BoundedClient], logins: list[str]) -> Parsed:
    """Coverage counts operations known and pages that answered."""
    answered = [f"{one.target.service} {key}" for one in clients for key in one.answered]
    missed = [row for one in clients for row in one.skipped()]
    skipped = [*missed, *surface.unread_sources]
    operations = sum(len(one.operations) for one in surface.services)
    pages = sum(len(one.pages) for one in surface.services)
    coverage = Coverage(
        unit="urls",
        reached=len(answered),
        given=len(answered) + len(missed),
        skipped=tuple(skipped[:50]),
        skipped_total=len(skipped),
        items=tuple(item[:300] for item in answered[:200]),
    )
    metrics = (
        Metric(name="operations_known", value=operations, unit="count"),
        Metric(name="pages_answered", value=pages, unit="count"),
    )
    notes = (f"accounts logged in: {'; '.join(logins)}",)
    data = {"surface": surface.model_dump(mode="json")}
    return Parsed(coverage=coverage, metrics=metrics, notes=notes, data=data)
