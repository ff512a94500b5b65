"""The weaknesses of one app in pages, and one of them with all that is known of it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from contract.analysis import Finding
from contract.app_run import AppRun
from contract.errors import ErrorCode
from contract.findings import FindingsQuery
from contract.spec import AppRef
from contract.weakness import Weakness
from control.app_documents import (
    AppDocument,
    AppWeaknesses,
    Elsewhere,
    Sighting,
    WeaknessDocument,
)
from control.app_exchanges import exchanges_of
from control.app_flow import flow_of
from control.app_reading import ReadApp
from control.app_sources import excerpt_of
from control.errors import PipelineError, WrongInputError
from control.stored import Stored
from reports.formats import place
from store.results import SqlResultStore

_MOST_RUNS = 20


def app_document(app: ReadApp) -> AppDocument:
    """An app without its weaknesses."""
    report = app.report
    return AppDocument(
        pipeline_id=app.pipeline_id,
        app=app.ref.label,
        pipeline_state=app.pipeline_state,
        source_path=app.record.source.path,
        listed=app.listed,
        baseline=app.baseline,
        uncompared=app.uncompared,
        weaknesses=len(report.weaknesses),
        gone=len(report.gone),
        report=report.model_copy(update={"weaknesses": (), "gone": ()}),
    )


def app_weaknesses(app: ReadApp, after: str, limit: int, *, gone: bool = False) -> AppWeaknesses:
    """Some weaknesses of an app.

    Args:
        app: the app.
        after: place where the page begins, as the page before says; empty: the first.
        limit: at most so many.
        gone: those that its baseline has and it has not, instead.

    Raises:
        WrongInputError: the place is none.
    """
    every = app.report.gone if gone else app.report.weaknesses
    if after and not (after.isascii() and after.isdecimal() and len(after) < 10):
        raise WrongInputError(
            f"{after[:40]!r} is no place in a list", next_step="begin with the first page again"
        )
    first = int(after or 0)
    last = first + limit
    return AppWeaknesses(
        pipeline_id=app.pipeline_id,
        app=app.ref.label,
        weaknesses=every[first:last],
        first=first,
        total=len(every),
        after=str(last) if last < len(every) else None,
        listed=app.listed,
        uncompared=app.uncompared,
    )


def question_of(app: ReadApp, *, gone: bool) -> dict[str, object]:
    """What a place in its weaknesses belongs to: a list that is another one begins anew."""
    return {
        "of": "app",
        "pipeline": app.pipeline_id,
        "app": app.ref.label,
        "gone": gone,
        "revision": app.revision,
    }


async def weakness_document(
    stored: Stored, data_dir: Path, app: ReadApp, fingerprint: str, occurrence: int = 0
) -> WeaknessDocument:
    """One weakness of an app.

    Args:
        stored: has the other pipelines.
        data_dir: folder of the artifacts.
        app: the app.
        fingerprint: of the weakness, or one of its aliases.
        occurrence: number among those of the app with this fingerprint, from 0.

    Raises:
        PipelineError: NOT_FOUND: the app has no such weakness now.
        PlatformError: the store cannot be read.
    """
    at, weakness = _named(app, fingerprint, occurrence)
    sighted = tuple(_sightings(app, weakness.finding))
    steps, path_note = await asyncio.to_thread(flow_of, data_dir, app.report, sighted)
    sent, sent_note = await asyncio.to_thread(exchanges_of, data_dir, app.report, sighted)
    told = [found for _, found in sighted]
    excerpt = await asyncio.to_thread(excerpt_of, app.record.source, weakness.finding, told)
    elsewhere, looked_in = await _elsewhere(stored, app, weakness.finding)
    return WeaknessDocument(
        pipeline_id=app.pipeline_id,
        app=app.ref.label,
        place=at,
        total=len(app.report.weaknesses),
        weakness=weakness,
        excerpt=excerpt,
        path=steps,
        path_note=path_note,
        exchanges=sent,
        exchanges_note=sent_note,
        sightings=tuple(one for one, _ in sighted),
        elsewhere=elsewhere,
        looked_in=looked_in,
    )


def _named(app: ReadApp, fingerprint: str, occurrence: int) -> tuple[int, Weakness]:
    every = app.report.weaknesses
    for at, each in enumerate(every):
        if each.finding.fingerprint == fingerprint and each.occurrence == occurrence:
            return at, each
    for at, each in enumerate(every):
        if fingerprint in each.finding.aliases:
            return at, each
    raise PipelineError(
        app.pipeline_id,
        ErrorCode.NOT_FOUND,
        f"{app.ref.label} has no weakness {fingerprint[:80]!r} now",
        next_step="see the weaknesses that it has; another run of its tools may have told others",
    )


def _sightings(app: ReadApp, fused: Finding) -> Iterator[tuple[Sighting, Finding]]:
    """What each tool said before fusion, as far as the app's cells have it."""
    names = {fused.fingerprint, *fused.aliases} - {""}
    seen_by = set(fused.witnesses) or {f"{fused.tool}:{fused.rule_id}"}
    for cell in app.report.cells:
        for found in cell.report.findings:
            own = set(found.witnesses) or {f"{found.tool}:{found.rule_id}"}
            if found.fingerprint in names and not own.isdisjoint(seen_by):
                told = Sighting(
                    analyzer=cell.analyzer,
                    tool=cell.tool,
                    rule_id=found.rule_id,
                    message=found.message,
                    severity=found.severity,
                    confidence=found.confidence,
                    place=place(found),
                )
                yield told, found


async def _elsewhere(
    stored: Stored, app: ReadApp, finding: Finding
) -> tuple[tuple[Elsewhere, ...], int]:
    """Other pipelines whose app of this name has the weakness, and how many were asked."""
    names = tuple(dict.fromkeys(name for name in (finding.fingerprint, *finding.aliases) if name))

    async def ask(results: SqlResultStore) -> tuple[tuple[Elsewhere, ...], int]:
        runs = await results.runs_of_app(app.ref, _MOST_RUNS)
        others = [run for run in runs if run.pipeline_id != app.pipeline_id]
        asked = [run for run in others if run.weaknesses is not None] if names else []
        found = [await _in_run(results, run, app.ref, names) for run in asked]
        return tuple(filter(None, found)), len(asked)

    return await stored.answered(app.pipeline_id, ask, lags=True)


async def _in_run(
    results: SqlResultStore, run: AppRun, ref: AppRef, names: tuple[str, ...]
) -> Elsewhere | None:
    """Where a pipeline has a weakness that one of these names, its own there or an alias, names."""
    query = FindingsQuery(
        pipeline_id=run.pipeline_id, apps=(ref,), identities=names, roles=(run.role,), limit=50
    )
    there = [item.weakness for item in (await results.findings_page(query)).items]
    if not there:
        return None
    return Elsewhere(
        pipeline_id=run.pipeline_id,
        created_at=run.created_at,
        fingerprint=there[0].finding.fingerprint,
        occurrence=there[0].occurrence,
        places=len(there),
    )
