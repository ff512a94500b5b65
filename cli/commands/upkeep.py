"""`prune` and `rebuild`: keep a store small, and make it again."""

from cli.exits import Exit
from cli.installation import store_of
from cli.output import print_result, say
from cli.recorded import recorded, typed
from cli.session import open_session
from control.actions import Action
from control.documents import Pruned, RebuiltStore
from control.pipelines import all_running, list_pipelines
from control.pruning import Choice, Served, prune
from control.rebuilding import rebuild
from control.schedule_reading import schedule_names
from settings import Settings
from store.migrate import upgrade
from store.results import SqlResultStore


async def run_prune(settings: Settings, choice: Choice, *, remove: bool, as_json: bool) -> Exit:
    """Tell what would go, or remove it."""
    async with open_session(settings, say, start=False) as session:
        served = Served(
            running=frozenset(await all_running(session.client)),
            known=frozenset(row.id for row in await list_pipelines(session.client)),
            schedules=await schedule_names(session.client),
        )
        if remove:
            async with recorded(settings, typed(Action.PRUNE, _chosen(choice))):
                pruned = await _pruned(settings, choice, served, remove=True)
        else:
            pruned = await _pruned(settings, choice, served, remove=False)
    print_result(pruned, *_pruned_lines(pruned), as_json=as_json)
    return Exit.OK


async def _pruned(settings: Settings, choice: Choice, served: Served, *, remove: bool) -> Pruned:
    await upgrade(settings.database_url)
    store = SqlResultStore.from_url(settings.database_url)
    try:
        return await prune(store, settings.data_dir, choice, served, remove=remove)
    finally:
        await store.close()


def _chosen(choice: Choice) -> str:
    """What is to go, for the log of changes."""
    days, names = choice.older_than_days, ", ".join(choice.named)
    if names:
        many = len(choice.named) > 1
        return f"{len(choice.named)} pipelines: {names}" if many else f"pipeline {names}"
    return f"pipelines older than {days:g} days" if days is not None else "unused results"


async def run_rebuild(settings: Settings, *, as_json: bool) -> Exit:
    """Make the rows again and tell what could not be made."""
    async with open_session(settings, say, start=False) as session:
        async with recorded(settings, typed(Action.REBUILD, "the store")) as kept:
            rebuilt = await rebuild(session.client, store_of(settings), settings.data_dir, say)
        if rebuilt.damaged or not kept:  # the log is a new one, or can be written only now
            aside = f"the log until now is in {rebuilt.damaged}" if rebuilt.damaged else ""
            async with recorded(settings, typed(Action.REBUILD, "the store", aside)):
                pass
    print_result(rebuilt, *_rebuilt_lines(rebuilt), as_json=as_json)
    lost = any(row.lost or row.lost_apps for row in rebuilt.rebuilt)
    return Exit.LOST if lost or not all(row.stored for row in rebuilt.kept) else Exit.OK


def _pruned_lines(pruned: Pruned) -> list[str]:
    verb = "removed" if pruned.done else "would go"
    lines = [
        f"{verb}: pipeline {row.pipeline_id} ({row.apps} apps, report {_size(row.report_bytes)})"
        for row in pruned.pipelines
    ]
    lines.append(
        f"{verb}: {pruned.artifacts} artifacts that nothing refers to"
        f" ({_size(pruned.artifact_bytes)})"
    )
    if pruned.scan_runs:
        lines.append(f"{verb}: {pruned.scan_runs} runs of schedules that are gone")
    lines += [f"stays: {why}" for why in pruned.stays]
    lines += [f"loses: {why}" for why in pruned.loses]
    if not pruned.done:
        lines.append("nothing was removed; add --yes")
    return lines


def _rebuilt_lines(rebuilt: RebuiltStore) -> list[str]:
    lines = [f"made again: {row.pipeline_id} ({row.cells} cells)" for row in rebuilt.rebuilt]
    for row in rebuilt.rebuilt:
        lines += [
            f"  lost: a result of {row.pipeline_id} cannot be read: {name}" for name in row.lost
        ]
        lines += [
            f"  lost: no history tells the end of {label} of {row.pipeline_id}"
            for label in row.lost_apps
        ]
    for row in rebuilt.kept:
        verb = "kept as it was" if row.stored else "cannot be made again"
        lines.append(f"{verb}: {row.pipeline_id}: {row.why}")
    if rebuilt.damaged:
        lines.append(f"the damaged database is kept as {rebuilt.damaged}")
        lines.append("decisions that were made by command were in it; those in files are not lost")
    return lines or ["nothing to make: the server knows no pipeline"]


def _size(number_bytes: int) -> str:
    return f"{number_bytes / 1_000_000:.1f} MB"
