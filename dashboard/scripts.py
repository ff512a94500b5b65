"""Scripts of others, as npm delivered them by the lock file; nothing is loaded from elsewhere."""

from fastapi.responses import FileResponse

from contract.errors import ErrorCode, PlatformError
from dashboard.known import Here

_FILES = {
    "htmx.js": "htmx.org/dist/htmx.min.js",
    "hx-sse.js": "htmx.org/dist/ext/hx-sse.min.js",
    "hx-csp.js": "htmx.org/dist/ext/hx-csp.min.js",
}


async def vendored(name: str, site: Here) -> FileResponse:
    """One of these files.

    Raises:
        PlatformError: NOT_FOUND: it is none of them, or npm has not delivered it.
    """
    path = site.static / _FILES.get(name, name)
    if name not in _FILES or not path.is_file():
        message = f"no script {name[:40]!r}"
        raise PlatformError(
            ErrorCode.NOT_FOUND, message, next_step="install what the dashboard needs: make tools"
        )
    return FileResponse(path, headers={"Cache-Control": "private, max-age=3600"})
