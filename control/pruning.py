"""Removes ended pipelines, their reports, and artifacts that nothing refers to any more.

First the rows go, in one transaction, then the reports with their other forms, then the artifacts:
what an interrupted run left is found by the next one. A pipeline that runs never goes.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from clients.sweeping import Sweep, folder_bytes, remove_folder, sweep
from contract.record import FINISHED_STATES, PipelineListing
from control.documents import Pruned, PrunedPipeline
from control.errors import WrongInputError
from control.reports import exports_folder, imported_folder, report_folder
from store.results import SqlResultStore

# A result is stored some time before the row that refers to it.
_YOUNG = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to go.

    Attributes:
        named: these pipelines; they must have ended.
        older_than_days: and those that ended longer ago; None: no others.
    """

    named: tuple[str, ...] = ()
    older_than_days: float | None = None


@dataclass(frozen=True, slots=True)
class Served:
    """What the server knows: pipelines that run, and all of them."""

    running: frozenset[str]
    known: frozenset[str]


async def prune(
    store: SqlResultStore, data_dir: Path, choice: Choice, served: Served, *, remove: bool
) -> Pruned:
    """What goes; with `remove`, it went.

    Args:
        store: the store.
        data_dir: folder of reports and artifacts.
        choice: what is to go.
        served: what the server knows of.
        remove: whether anything is removed.

    Raises:
        WrongInputError: a named pipeline is unknown or runs.
        PlatformError: the store or the disk does not do its work.
    """
    now = datetime.now(UTC)
    listings = await store.list_pipelines()
    baselines = await store.baselines()
    chosen, stays = _chosen(listings, choice, served, baselines, now)
    lines = [_line(data_dir, listing) for listing in chosen]
    gone = [listing.pipeline_id for listing in chosen]
    if remove:
        gone = await store.prune(gone)
        lines = [line for line in lines if line.pipeline_id in gone]
        for pipeline_id in {*gone, *await store.pruned()} - _present(await store.list_pipelines()):
            for folder in _written(data_dir, pipeline_id):
                remove_folder(folder, folder.with_name(f".{pipeline_id}"))
    rest = [listing for listing in listings if listing.pipeline_id not in gone]
    swept = Sweep()
    unknown = served.known - _present(listings) - await store.pruned()
    if unknown or not listings:
        named = ", ".join(sorted(unknown)[:3]) or "there are no pipelines"
        stays.append(f"artifacts: the store may be incomplete ({named}); rebuild it first")
    else:
        before = _young_since(rest, served.running, now)
        keep = await store.artifacts(gone)
        swept = await sweep(data_dir / "artifacts", keep, before.timestamp(), remove=remove)
    return Pruned(
        done=remove,
        pipelines=tuple(lines),
        artifacts=swept.artifacts,
        artifact_bytes=swept.size_bytes,
        stays=tuple(stays),
        loses=tuple(_loses(_present(rest), gone, baselines)),
    )


def _loses(
    rest: Collection[str], gone: Collection[str], baselines: Mapping[str, str]
) -> Iterator[str]:
    """What pipelines that stay lose with their baselines."""
    for name, base in sorted(baselines.items()):
        if name in rest and base in gone:
            decisions = (
                f"; decisions for {baselines[base]} and its baselines count no more for it"
                if base in baselines
                else ""
            )
            yield f"{name}: nobody knows what is new or fixed since its baseline {base}{decisions}"


def _present(listings: Sequence[PipelineListing]) -> set[str]:
    return {listing.pipeline_id for listing in listings}


def _chosen(
    listings: Sequence[PipelineListing],
    choice: Choice,
    served: Served,
    baselines: dict[str, str],
    now: datetime,
) -> tuple[list[PipelineListing], list[str]]:
    by_id = {listing.pipeline_id: listing for listing in listings}
    for pipeline_id in choice.named:
        _require_ended(pipeline_id, by_id, served.running)
    chosen = dict.fromkeys(choice.named)
    if choice.older_than_days is not None:
        limit = now - timedelta(days=choice.older_than_days)
        chosen |= dict.fromkeys(
            listing.pipeline_id
            for listing in listings
            if _has_ended(listing, served.running) and (listing.finished_at or now) < limit
        )
    stays: list[str] = []
    for pipeline_id in [name for name in chosen if name not in choice.named]:
        users = [user for user, base in baselines.items() if base == pipeline_id]
        if left := sorted(user for user in users if user in by_id and user not in chosen):
            stays.append(f"{pipeline_id}: it is the baseline of {left[0]}; name it to remove it")
            del chosen[pipeline_id]
    return [by_id[name] for name in chosen], stays


def _require_ended(
    pipeline_id: str, by_id: dict[str, PipelineListing], running: Collection[str]
) -> None:
    if pipeline_id not in by_id:
        message = f"no pipeline {pipeline_id} in the store"
        raise WrongInputError(message, next_step="list the pipelines there are")
    if not _has_ended(by_id[pipeline_id], running):
        message = f"pipeline {pipeline_id} has not ended"
        raise WrongInputError(message, next_step="wait for its end, or cancel it")


def _has_ended(listing: PipelineListing, running: Collection[str]) -> bool:
    return listing.state in FINISHED_STATES and listing.pipeline_id not in running


def _young_since(
    rest: Sequence[PipelineListing], running: Collection[str], now: datetime
) -> datetime:
    """Everything that was stored later may belong to work that is not recorded yet."""
    begun = [listing.created_at for listing in rest if not _has_ended(listing, running)]
    return min([now, *begun]) - _YOUNG


def _line(data_dir: Path, listing: PipelineListing) -> PrunedPipeline:
    return PrunedPipeline(
        pipeline_id=listing.pipeline_id,
        finished_at=listing.finished_at,
        apps=listing.apps + sum(listing.beside.values()),
        report_bytes=sum(map(folder_bytes, _written(data_dir, listing.pipeline_id))),
    )


def _written(data_dir: Path, pipeline_id: str) -> tuple[Path, ...]:
    """Its folders: its report, forms of it where nobody named a place, sources of an archive."""
    folders = (report_folder, exports_folder, imported_folder)
    return tuple(folder(data_dir, pipeline_id) for folder in folders)
