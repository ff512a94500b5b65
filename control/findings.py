"""The weaknesses of a recorded pipeline, page by page, with the decisions that hold today."""

import math
import time
from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from activities.decisions import decisions_of, spec_of
from activities.ports import ResultStore
from contract.analyzers import Category
from contract.base import Frozen
from contract.findings import PAGE_LIMIT, FindingsPage, FindingsQuery, FoundWeakness
from contract.overview import LooksOverview, PipelineOverview
from contract.role import AppRole
from contract.standing import Standing
from contract.weakness import BaselineState, Origin
from control.findings_narrowed import suppressed_in
from control.findings_scope import NotMeasured, ToolLooks, checked, not_measured, says, tool_looks
from control.stored import Stored
from control.void_tools import void_tools
from reports.suppressions import Decisions

_OF_BASELINE = {
    None: Standing.OPEN,
    BaselineState.NEW: Standing.NEW,
    BaselineState.UNCHANGED: Standing.UNCHANGED,
    BaselineState.UNKNOWN: Standing.UNKNOWN,
}
_GROWTH = 4
NOT_COMPARED = "not compared yet: writing the report does it"
_BASELINES = {standing: state for state, standing in _OF_BASELINE.items() if state is not None}


class Findings(Frozen):
    """Some weaknesses of a pipeline.

    Attributes:
        findings: each a `FoundWeakness`: the app (`ref`), its place there and the weakness.
        after: where the next page begins (`--after`); null: this is the last one.
        total: on all pages; null: they were not counted.
        total_at_least: there are more than `total`.
        unlisted_apps: ended apps whose weaknesses are not listed yet: writing the report lists
            them. No list is whole while this is above zero.
        uncompared_apps: apps whose weaknesses are not compared with the baseline yet: writing the
            report does it. Until then their state is `unknown`.
        unsure_apps: asked for what the scaffold brought: apps with weaknesses of which nobody knows
            who brought them, because the report is not written, or a tool did not look at it.
        pipeline_state: `running`, `completed`, `cancelled` or `failed`.
        unfinished_apps: apps that have not ended; of a pipeline that has, they never will.
        found_apps: those of them of which tools have found something: it is listed when they end.
        not_measured: each a `NotMeasured`; nobody knows what these looks would have shown.
        looks: each a `ToolLooks`: what the tools that were asked for look for, and where they did.
        categories: what all this is about: security alone, unless others are asked for.
    """

    pipeline_id: str
    findings: tuple[FoundWeakness, ...]
    after: str | None = None
    total: int | None = None
    total_at_least: bool = False
    unlisted_apps: int = 0
    uncompared_apps: int = 0
    unsure_apps: int = 0
    pipeline_state: str = ""
    unfinished_apps: int = 0
    found_apps: int = 0
    not_measured: tuple[NotMeasured, ...] = ()
    looks: tuple[ToolLooks, ...] = ()
    categories: tuple[Category, ...] = ()


def standing_of(item: FoundWeakness) -> Standing:
    """What stands of a weakness whose decisions are known."""
    weakness = item.weakness
    if weakness.suppression is not None:
        return Standing.SUPPRESSED
    if weakness.origin is Origin.SCAFFOLD:
        return Standing.SCAFFOLD
    return _OF_BASELINE.get(weakness.baseline, Standing.OPEN)


async def findings(
    stored: Stored,
    query: FindingsQuery,
    standings: Collection[Standing],
    limit: int,
) -> Findings:
    """The weaknesses that are asked for, gravest first.

    Args:
        stored: has the pipeline.
        query: which, from which place on.
        standings: these alone; none: all.
        limit: at most so many.

    Raises:
        NotStoredError: there is no such pipeline.
        WrongInputError: the place is none.
        PlatformError: the store cannot be read.
    """

    async def ask(results: ResultStore) -> Findings:
        search = await Search.open(results, query, standings)
        return search.document(await search.take(limit))

    return await stored.answered(query.pipeline_id, ask, lags=True)


@dataclass(slots=True)
class Search:
    """A search that goes on page by page.

    Attributes:
        total: as the store counted; None: decisions must be known to count.
        unlisted_apps, uncompared_apps, unsure_apps: as in `Findings`.
        after: where the search goes on; None: it has ended.
    """

    _results: ResultStore
    _query: FindingsQuery
    _standings: frozenset[Standing]
    _decisions: Decisions
    overview: PipelineOverview
    _recorded: LooksOverview
    _looks: tuple[ToolLooks, ...]
    after: str | None
    total: int | None = None
    total_at_least: bool = False
    unlisted_apps: int = 0
    uncompared_apps: int = 0
    unsure_apps: int = 0

    @classmethod
    async def open(
        cls, results: ResultStore, query: FindingsQuery, standings: Collection[Standing]
    ) -> "Search":
        """A search that begins where `query` says.

        Raises:
            WrongInputError: it names what the pipeline does not have.
        """
        wanted = frozenset(standings)
        overview = await results.overview(query.pipeline_id)
        query, recorded = await checked(results, query, overview)
        decisions = await decisions_of(results, query.pipeline_id)
        known = Decisions.of(decisions, datetime.now(UTC).date())
        void = await void_tools(results, query.pipeline_id, overview)
        looks = tool_looks(recorded, void, query)
        search = cls(results, query, wanted, known, overview, recorded, looks, query.after)
        await search._ask_doubts()
        search._query = query.model_copy(update=search._narrowed())
        if wanted == frozenset({Standing.SUPPRESSED}) and not search._decisions.any_holds:
            await search._page(1)  # that nothing is suppressed needs no look at all of them
            search.after = None
        return search

    async def _ask_doubts(self) -> None:
        """Learn whose weaknesses the report has not compared with others."""
        id_ = self._query.pipeline_id
        spec = await spec_of(self._results, id_)
        if spec is None or AppRole.SUBJECT not in self._query.roles:
            return
        compared, sorts = spec.baseline is not None, Standing.SCAFFOLD in self._standings
        if not compared and not (spec.scaffold and sorts):
            return
        page = await self._results.findings_page(
            FindingsQuery(pipeline_id=id_, limit=1, doubted=True)
        )
        self.uncompared_apps = page.uncompared_apps if compared else 0
        self.unsure_apps = page.unsure_apps if spec.scaffold and sorts else 0

    def _narrowed(self) -> dict[str, Any]:
        """What the store itself can leave out; it lists no state of what is not compared."""
        wanted = self._standings
        if wanted == frozenset({Standing.SCAFFOLD}):
            return {"origins": (Origin.SCAFFOLD,)}
        if wanted == frozenset({Standing.SUPPRESSED}):
            return suppressed_in(self._decisions, self._query)
        if self.uncompared_apps and Standing.UNKNOWN in wanted:
            return {}
        if wanted and wanted <= _BASELINES.keys():
            return {"baselines": tuple(_BASELINES[each] for each in sorted(wanted))}
        return {}

    async def pages(self, size: int = PAGE_LIMIT) -> AsyncGenerator[list[FoundWeakness]]:
        """All of them, a page at a time."""
        while self.after is not None:
            yield await self.take(size)

    async def take(self, limit: int, seconds: float = math.inf) -> list[FoundWeakness]:
        """The next ones, at most `limit`.

        No further page of the store is read, of which a decision or a text may leave little, if it
        would end after so many seconds, were it like the one before: what there is by then is
        returned, maybe nothing.
        """
        taken: list[FoundWeakness] = []
        spent_s = longest_s = 0.0
        size = limit
        while self.after is not None and len(taken) < limit and spent_s + longest_s <= seconds:
            begun, left = time.monotonic(), limit - len(taken)
            size = min(PAGE_LIMIT, size if self._sifts else left)
            taken += await self._wanted(size, left)
            size *= _GROWTH  # this one left little
            took_s = time.monotonic() - begun
            spent_s, longest_s = spent_s + took_s, max(longest_s, took_s)
        return taken

    async def _wanted(self, size: int, limit: int) -> list[FoundWeakness]:
        """What is wanted of the next `size` of the store, at most `limit`; goes on behind it."""
        page = await self._page(size)
        wanted = [
            (place, item)
            for place, item in enumerate(map(self._decided, page.items))
            if self._is_wanted(item)
        ][:limit]
        used = wanted[-1][0] + 1 if len(wanted) == limit else len(page.items)
        if used < len(page.items):  # the store knows where that one ends
            page = await self._page(used)
        self.after = page.after
        return [item for _, item in wanted]

    @property
    def _sifts(self) -> bool:
        """Whether not all that the store lists is wanted."""
        return bool(self._standings or self._query.text)

    def _is_wanted(self, item: FoundWeakness) -> bool:
        stands = not self._standings or standing_of(item) in self._standings
        return stands and says(item.weakness, self._query.text)

    async def _page(self, size: int) -> FindingsPage:
        counted = self.total is None and not self._sifts
        update: dict[str, Any] = {"after": self.after, "limit": size, "counted": counted}
        page = await self._results.findings_page(self._query.model_copy(update=update))
        self.unlisted_apps = page.unlisted_apps
        if counted:
            self.total, self.total_at_least = page.total, page.total_at_least
        return page

    def _decided(self, item: FoundWeakness) -> FoundWeakness:
        known = item.weakness
        update: dict[str, Any] = {}
        if (decision := self._decisions.holding(item.ref, known.finding)) != known.suppression:
            update["suppression"] = decision
        if self.uncompared_apps and known.baseline is None and item.role is AppRole.SUBJECT:
            update |= {"baseline": BaselineState.UNKNOWN, "baseline_reason": NOT_COMPARED}
        if not update:
            return item
        return item.model_copy(update={"weakness": known.model_copy(update=update)})

    def document(self, found: Sequence[FoundWeakness]) -> Findings:
        """What was found, with what nobody could find."""
        unfinished = [group for group in self._recorded.apps if group.state is None]
        return Findings(
            pipeline_id=self._query.pipeline_id,
            findings=tuple(found),
            after=self.after,
            total=self.total,
            total_at_least=self.total_at_least,
            unlisted_apps=self.unlisted_apps,
            uncompared_apps=self.uncompared_apps,
            unsure_apps=self.unsure_apps,
            pipeline_state=self._recorded.state,
            unfinished_apps=sum(group.apps for group in unfinished),
            found_apps=sum(group.found for group in unfinished),
            not_measured=tuple(not_measured(self._looks)),
            looks=self._looks,
            categories=self._query.categories or tuple(Category),
        )
