"""`report`: prints the summary of a report, and writes it first where that is needed."""

from collections.abc import Collection

from cli.exits import Exit
from cli.installation import store_of
from cli.output import say
from cli.summary import show
from contract.gate import Gate
from control.reporting import report_of, write_anew
from settings import Settings


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
    make = write_anew if anew else report_of
    report = await make(store_of(settings), settings.data_dir, pipeline_id, say)
    return show(settings, report, as_json=as_json, strict=strict, gates=gates)
