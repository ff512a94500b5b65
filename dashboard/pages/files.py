"""Files that an app under test may have written: never inline, never trusted.

They have a path of their own, `/files/`, below which no page is: what a browser would make of such
a file, it makes of it in a sandbox without origin, scripts and network.
"""

import hashlib
from collections.abc import Generator
from http import HTTPStatus
from typing import IO, Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from control.artifact_files import OpenedFile, artifact_of, open_file, require_there
from dashboard.known import AppHere, Here, PipelineHere, Reader

router = APIRouter()
_BLOCK_BYTES = 256 * 1024
_HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-cache",
    "Vary": "Authorization, Cookie",
}


@router.get("/files/{pipeline_id}/{model}/{app}/{sha256}")
async def file(
    request: Request,
    site: Here,
    _: Reader,
    pipeline_id: PipelineHere,
    ref: AppHere,
    sha256: str,
    member: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """A file to save; a whole PNG or JPEG may also be shown in a page."""
    artifact = await artifact_of(site.stored, pipeline_id, ref, sha256)
    tag = f'"{hashlib.sha256(f"{sha256} {member}".encode()).hexdigest()[:32]}"'
    headers = _HEADERS | {"ETag": tag}
    if tag in request.headers.get("if-none-match", ""):  # whoever has it has what was stored
        await require_there(site.data_dir, artifact)
        return Response(None, HTTPStatus.NOT_MODIFIED, headers)
    return _answer(await open_file(site.data_dir, artifact, member), headers)


def _answer(opened: OpenedFile, headers: dict[str, str]) -> Response:
    shown = "inline" if opened.picture else "attachment"
    return StreamingResponse(
        _blocks(opened.content),
        media_type=opened.picture or "application/octet-stream",
        headers=headers
        | {
            "Content-Disposition": f'{shown}; filename="{opened.name}"',
            "Content-Length": str(opened.size_bytes),
        },
    )


def _blocks(content: IO[bytes]) -> Generator[bytes]:
    with content:
        while block := content.read(_BLOCK_BYTES):
            yield block
