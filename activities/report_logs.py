"""The apps' logs, copied beside the report as text."""

from activities.ports import ArtifactStore
from activities.report_ports import ReportDraft
from contract.analysis import ArtifactRef
from contract.errors import ErrorCode, PlatformError
from reports.model import AppReport
from reports.names import log_name

_MIB = 1024 * 1024
# Limits: one log that is copied, and all of them together.
_LOG_BYTES, _ALL_LOGS_BYTES = 4 * _MIB, 256 * _MIB


class AppLogs:
    """Copies logs; one that is gone, too long, or no text is only named on the page."""

    def __init__(self, artifacts: ArtifactStore, draft: ReportDraft) -> None:
        self._artifacts = artifacts
        self._draft = draft
        self._room = _ALL_LOGS_BYTES

    async def copy(self, app: AppReport) -> list[str]:
        """Copy the logs of one app; the names of their files.

        Raises:
            PlatformError: the store of artifacts or the disk does not do its work.
        """
        names: list[str] = []
        for place, log in enumerate(app.facts.logs):
            fits = log.size_bytes <= min(_LOG_BYTES, self._room)
            data = await self._content(log) if fits and log.name.endswith(".log") else b""
            if data:
                name = log_name(app.ref, place, log)
                await self._draft.write({name: data})
                names.append(name)
                self._room -= len(data)
        return names

    async def _content(self, log: ArtifactRef) -> bytes:
        try:
            return await self._artifacts.get(log)
        except PlatformError as error:
            if error.code in (ErrorCode.NOT_FOUND, ErrorCode.DATA_LOSS):
                return b""  # a report without this log is better than none
            raise
