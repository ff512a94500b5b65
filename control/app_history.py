"""An app of one name in all pipelines: how it came out, and what changed around one of them."""

import asyncio
from collections.abc import Sequence

from contract.app_run import AppRun
from contract.spec import AppRef
from control.app_documents import AppHistory, Since
from control.app_reading import AppReadings, ReadApp
from control.stored import Stored
from reports.against import against, counted, kinds_of
from store.results import SqlResultStore

MOST_RUNS = 50


async def app_history(stored: Stored, readings: AppReadings, app: ReadApp) -> AppHistory:
    """The runs of apps of this name, and what changed before and after this one.

    Only ended runs are compared: of the others nobody knows yet what they will find.

    Raises:
        PlatformError: the store cannot be read.
    """

    async def ask(results: SqlResultStore) -> tuple[AppRun, ...]:
        return await results.runs_of_app(app.ref, MOST_RUNS + 1)

    found = await stored.answered(app.pipeline_id, ask, lags=True)
    runs = found[:MOST_RUNS]
    earlier, later = _beside(runs, app)
    return AppHistory(
        pipeline_id=app.pipeline_id,
        app=app.ref.label,
        runs=runs,
        has_older=len(found) > len(runs),
        before=await _since(stored, readings, earlier, app.pipeline_id, app.ref),
        after=await _since(stored, readings, app.pipeline_id, later, app.ref),
    )


def _beside(runs: Sequence[AppRun], app: ReadApp) -> tuple[str, str]:
    """The ended runs before and after this one; empty: there is none, or this one has not ended."""
    ended = [run.pipeline_id for run in runs if run.state is not None]
    if app.pipeline_id not in ended:
        return "", ""
    at = ended.index(app.pipeline_id)
    return (*ended[at + 1 : at + 2], "")[0], (*ended[max(0, at - 1) : at], "")[0]


async def _since(
    stored: Stored, readings: AppReadings, then: str, now: str, ref: AppRef
) -> Since | None:
    if not then or not now:
        return None
    before = (await readings.read(stored, then, ref)).report
    after = (await readings.read(stored, now, ref)).report
    told = await asyncio.to_thread(against, after, before)
    digests = before.source_digest, after.source_digest
    return Since(
        then=then,
        now=now,
        counts=counted(kinds_of([*told.weaknesses, *told.gone])),
        same_source=digests[0] == digests[1] if all(digests) else None,
    )
