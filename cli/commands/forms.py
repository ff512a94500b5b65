"""`report --format`: writes a report in other forms."""

import asyncio
import sys
from pathlib import Path

from cli.commands.report import made
from cli.exits import Exit
from cli.output import print_result
from cli.program import version
from control.forms import FORMS, Source, one_file, write_forms
from settings import Settings

STANDARD_OUTPUT = Path("-")
_SHOWN = 50


async def run_forms(
    settings: Settings, pipeline_id: str, form: str, out: Path | None, *, anew: bool, as_json: bool
) -> Exit:
    """Write the report in one form, or in all; print where the files are.

    Args:
        settings: of this installation.
        pipeline_id: of which pipeline.
        form: one of `FORMS`, or `all`.
        out: folder; `-`: standard output; None: below the data.
        anew: make the report first from what is recorded until now, even if there is one.
        as_json: print where the files are as a document.
    """
    report = await made(settings, pipeline_id, anew=anew)
    source = Source(settings.data_dir, report, version().partition(" (")[0])
    if out == STANDARD_OUTPUT:
        for piece in one_file(source, form):
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        return Exit.OK
    forms = FORMS if form == "all" else (form,)
    written = await asyncio.to_thread(write_forms, source, forms, out)
    files = [str(Path(written.folder) / name) for name in written.files]
    shown = [*files[:_SHOWN], *([f"and {len(files) - _SHOWN:,} more"] * (len(files) > _SHOWN))]
    print_result(written, *shown, as_json=as_json)
    return Exit.OK
