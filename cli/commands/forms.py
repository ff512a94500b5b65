"""`report --format`: writes a report in other forms."""

import asyncio
import sys
from pathlib import Path

from cli.exits import Exit
from cli.output import print_result
from cli.program import version
from control.forms import FORMS, one_file, source_of, write_forms
from settings import Settings

STANDARD_OUTPUT = Path("-")


async def run_forms(
    settings: Settings, pipeline_id: str, form: str, out: Path | None, *, as_json: bool
) -> Exit:
    """Write the report in one form, or in all; print where the files are."""
    assay = version().partition(" (")[0]
    source = await asyncio.to_thread(source_of, settings.data_dir, pipeline_id, assay)
    if out == STANDARD_OUTPUT:
        for piece in one_file(source, form):
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        return Exit.OK
    forms = FORMS if form == "all" else (form,)
    written = await asyncio.to_thread(write_forms, source, forms, out)
    files = [str(Path(written.folder) / name) for name in written.files]
    print_result(written, *files[:50], f"{len(files):,} files", as_json=as_json)
    return Exit.OK
