"""Artifacts in memory, on a disk that a test can declare full."""

import hashlib

from contract.analysis import ArtifactRef
from contract.errors import ErrorCode, PlatformError


class MemoryArtifacts:
    """Keeps the latest content by name; refuses everything while `full`."""

    def __init__(self) -> None:
        self.data: dict[str, bytes] = {}
        self.full = False

    async def put_bytes(self, data: bytes, name: str) -> ArtifactRef:
        if self.full:
            raise PlatformError(ErrorCode.RESOURCE_EXHAUSTED, "the disk is full")
        self.data[name] = data
        digest = hashlib.sha256(data).hexdigest()
        return ArtifactRef(key=digest, sha256=digest, size_bytes=len(data), name=name)
