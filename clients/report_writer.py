"""Report files: `<root>/<pipeline id>/report.html` and its neighbours."""

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path

from clients.files import disk_faults, remove_stale, write_atomically
from contract.errors import ErrorCode, PlatformError
from contract.ids import PIPELINE_ID_PATTERN

_NAME = re.compile(r"[A-Za-z0-9%_-][A-Za-z0-9._~%-]{0,200}")


class FileReportWriter:
    """Port `ReportWriter`: writes rendered files, each of them whole or not at all."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()

    async def write(self, pipeline_id: str, files: Mapping[str, bytes]) -> Mapping[str, str]:
        """Write the files of one pipeline, replacing earlier ones. Returns their paths by name.

        Raises:
            PlatformError: RESOURCE_EXHAUSTED on a full disk, INVALID_ARGUMENT for an unsafe name.
        """
        for name in files:
            if not _NAME.fullmatch(name):
                message = f"{name!r} is no plain file name"
                raise PlatformError(ErrorCode.INVALID_ARGUMENT, message)
        if not re.fullmatch(PIPELINE_ID_PATTERN, pipeline_id):
            message = f"{pipeline_id!r} is no pipeline ID"
            raise PlatformError(ErrorCode.INVALID_ARGUMENT, message)
        return await asyncio.to_thread(self._write, self._root / pipeline_id, files)

    def _write(self, folder: Path, files: Mapping[str, bytes]) -> dict[str, str]:
        with disk_faults(self._root):
            folder.mkdir(parents=True, exist_ok=True)
            remove_stale(folder)
            for name, data in files.items():
                write_atomically(folder / name, data, folder)
        return {name: str(folder / name) for name in files}
