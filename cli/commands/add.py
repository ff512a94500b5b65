"""`add`: adds apps to a running pipeline."""

from pathlib import Path

from cli.exits import Exit
from cli.installation import store_of
from cli.output import print_result, say
from cli.recorded import recorded_in
from cli.session import open_session
from control.actions import Action, named
from control.adding import add
from control.naming import app_of
from control.pipelines import Pipeline
from settings import Settings


async def run_add(
    settings: Settings, pipeline_id: str, apps: list[str], root: Path | None, *, as_json: bool
) -> Exit:
    """Add apps to a running pipeline."""
    refs = [app_of(app) for app in apps]
    async with open_session(settings, say, start=False) as session:
        pipeline, labels = Pipeline(session.client, pipeline_id), [ref.label for ref in refs]
        async with recorded_in(session, Action.ADD, pipeline_id, named(labels)):
            added = await add(pipeline, store_of(settings), refs, root)
    names = ", ".join(added.added)
    line = f"added to {pipeline_id}: {names} ({added.apps} apps now)"
    print_result(added, line, as_json=as_json)
    return Exit.OK
