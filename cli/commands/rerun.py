"""`rerun`: measures cells of an archive again, on this machine."""

import asyncio
from pathlib import Path

from cli.exits import Exit
from cli.follow import follow
from cli.output import print_result, say
from cli.person import person
from cli.recorded import recorded_in
from cli.session import open_session
from control.actions import Action
from control.archive_documents import Rerun, RerunCell
from control.pipelines import submit
from control.reports import imported_folder, read_apps, read_report
from control.rerunning import Choice, compared, plan_again
from settings import Settings


async def run_rerun(
    settings: Settings, archive: Path, only: str, pipeline_id: str, *, as_json: bool
) -> Exit:
    """Run a pipeline of one app from an archive, and compare it with what the archive tells."""
    choice = Choice(only)
    folder = imported_folder(settings.data_dir, pipeline_id)
    plan, told = await asyncio.to_thread(plan_again, archive, choice, folder, pipeline_id, say)
    async with open_session(settings, say, start=True) as session:
        detail = f"{only} of archive {archive}"
        async with recorded_in(session, Action.START, pipeline_id, detail):
            await submit(session.client, plan, person())
        say(f"submitted pipeline {pipeline_id}")
        if ended := await follow(session, pipeline_id):
            return ended
    report = read_report(settings.data_dir, pipeline_id)
    (again,) = read_apps(settings.data_dir, report)
    rerun = Rerun(
        pipeline_id=pipeline_id,
        archive=str(archive),
        app=choice.label,
        cells=compared(told, again, choice),
    )
    print_result(rerun, *(line for cell in rerun.cells for line in _lines(cell)), as_json=as_json)
    return Exit.OK if rerun.reproduced else Exit.DIFFERS


def _lines(cell: RerunCell) -> list[str]:
    if cell.reproduced:
        head = f"{cell.cell}: reproduced ({cell.told}, {cell.findings[1]:,} findings)"
        return [head, *(f"  {figure}" for figure in cell.figures[:10])]
    return [f"{cell.cell}: not reproduced", *(f"  {reason}" for reason in cell.reasons)]
