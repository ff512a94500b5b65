"""The port on which reports are written; `clients/report_writer.py` provides it."""

from collections.abc import Collection, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol


class ReportDraft(Protocol):
    """Files of a report that nobody sees yet."""

    @property
    def folder(self) -> Path:
        """Where they are, for adapters that write files by themselves."""
        ...

    @property
    def names(self) -> Collection[str]:
        """Names of all files so far."""
        ...

    async def write(self, files: Mapping[str, bytes]) -> None:
        """Add these files; a name may have folders: `apps/m-app1.json`."""
        ...

    async def append(self, files: Mapping[str, bytes]) -> None:
        """Add these bytes to the ends of the files; one that is not there begins with them."""
        ...

    async def publish(self) -> Mapping[str, str]:
        """Put every file in its place by atomic rename, `report.json` last; paths by name."""
        ...


class ReportWriter(Protocol):
    """Keeps the files of reports."""

    def draft(self, pipeline_id: str) -> AbstractAsyncContextManager[ReportDraft]:
        """An empty draft of a report; what is not published at its end is removed."""
        ...
