"""`report`: prints the summary of a written report."""

from collections.abc import Collection

from cli.exits import Exit
from cli.summary import show_report
from contract.gate import Gate
from settings import Settings


async def run_report(
    settings: Settings,
    pipeline_id: str,
    *,
    as_json: bool,
    strict: bool,
    gates: Collection[Gate] = (),
) -> Exit:
    """Print a written report; needs no server."""
    return show_report(settings, pipeline_id, as_json=as_json, strict=strict, gates=gates)
