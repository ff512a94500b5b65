"""Logs of containers that are about to be removed. A log that cannot be kept stops no removal."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

from contract.analysis import ArtifactRef
from contract.errors import PlatformError


class Artifacts(Protocol):
    """Where logs are stored."""

    async def put_bytes(self, data: bytes, name: str) -> ArtifactRef:
        """Store `data` as an artifact called `name`."""
        ...


@dataclass(slots=True)
class SavedLogs:
    """Logs kept so far, and a note on each that a full disk or an unreadable file cost us."""

    artifacts: Artifacts
    refs: tuple[ArtifactRef, ...] = ()
    notes: tuple[str, ...] = ()

    async def keep(self, name: str, content: bytes | Awaitable[bytes]) -> None:
        """Store `content` under `name`, or note why it cannot be read or stored."""
        try:
            data = content if isinstance(content, bytes) else await content
            self.refs += (await self.artifacts.put_bytes(data, name),)
        except PlatformError as error:
            self.notes += (f"{name} is not kept: {error.message}",)
