"""Written forms of a report, as files to keep: never inside a page of ours."""

import asyncio
from email.utils import formatdate
from pathlib import Path
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import FileResponse, Response, StreamingResponse

from control.form_files import files_of, one_of, zipped
from control.report_jobs import ReportJobs

# What is in a report was written by apps and tools: a browser keeps it, and shows nothing of it.
_KEPT = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_ANY = "application/octet-stream"


async def download(data_dir: Path, pipeline_id: str, form: str, name: str = "") -> Response:
    """A form of a report: its one file, the file of this name, or all of them as a zip archive.

    Raises:
        PlatformError: NOT_FOUND: it is not written, or has no such file; WrongInputError: no form.
    """
    files = await asyncio.to_thread(files_of, data_dir, pipeline_id, form)
    if name or len(files.names) < 2:
        path = one_of(files, form, name or next(iter(files.names), ""))
        kept = f"{pipeline_id}-{path.name}"
        return FileResponse(path, media_type=_ANY, filename=kept, headers=_KEPT)
    folder = f"{pipeline_id}-{form}"
    headers = {
        **_KEPT,
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(folder)}.zip",
        "Last-Modified": formatdate(files.newest, usegmt=True),
    }
    return StreamingResponse(zipped(files, folder), media_type="application/zip", headers=headers)


async def jobs_of(request: Request) -> ReportJobs:
    """What writes reports in the background."""
    return request.app.state.report_jobs
