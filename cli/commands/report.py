"""`report`: prints the summary of a report, and writes it first where that is needed."""

from collections.abc import Collection

from cli.exits import Exit
from cli.installation import store_of
from cli.output import say
from cli.recorded import recorded, typed
from cli.summary import show
from contract.gate import Gate
from control.actions import Action
from control.reporting import report_of, write_anew
from reports.model import FleetReport
from settings import Settings


async def made(settings: Settings, pipeline_id: str, *, anew: bool) -> FleetReport:
    """The report of a pipeline; made from what is recorded until now if that is asked for."""
    stored, data_dir = store_of(settings), settings.data_dir
    if not anew:
        return await report_of(stored, data_dir, pipeline_id, say)
    change = typed(Action.REPORT, f"pipeline {pipeline_id}", "anew")
    async with recorded(settings, change, make=False):
        return await write_anew(stored, data_dir, pipeline_id, say)


async def run_report(
    settings: Settings,
    pipeline_id: str,
    *,
    as_json: bool,
    strict: bool,
    gates: Collection[Gate] = (),
    anew: bool = False,
) -> Exit:
    """Print a report; needs no server.

    Args:
        settings: of this installation.
        pipeline_id: of which pipeline.
        as_json: print the whole document.
        strict: see `verdict`.
        gates: see `verdict`.
        anew: write it from what is recorded until now, even if there is one.
    """
    report = await made(settings, pipeline_id, anew=anew)
    return show(settings, report, as_json=as_json, strict=strict, gates=gates)
