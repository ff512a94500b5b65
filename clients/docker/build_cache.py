"""BuildKit's cache on an engine: which part of it apps share, and which part is pruned.

All builds of an engine share layers, safely: the key of a layer covers everything it is made of. A
cache mount is not part of any key, so a hostile build could put something there that another build
installs. Each build therefore gets its own mounts. Builds share mounts only where every step that
has one begins with the same inputs.
"""

import hashlib
import io
import json
import re
import tarfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import docker

from clients.docker.dockerfile import Dockerfile
from clients.docker.engine import moment
from clients.docker.errors import call
from clients.docker.stream import EngineStream
from clients.limits import AppLimits

_CONTEXT = re.compile(r"^http url http://build-context-")
_SLACK_S = 2.0


def cache_scope(read: Dockerfile, archive: bytes, identity: Sequence[Any]) -> str:
    """The name of a build's cache mounts: equal for builds whose steps with mounts start alike.

    Args:
        read: the Dockerfile.
        archive: the build context with the Dockerfile.
        identity: other inputs of the result: arguments, base images, target, scope.
    """
    digest = hashlib.sha256(json.dumps(list(identity), sort_keys=True).encode())
    sources = read.cache_inputs()
    if sources is None:
        digest.update(archive)
        return digest.hexdigest()[:32]
    digest.update("\n".join(read.parsed.lines).encode(errors="replace"))
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        for member in members:
            if any(f"{member.name}/".startswith(f"{source}/") for source in sources):
                kind = [member.name, member.mode, member.type.decode(), member.linkname]
                digest.update(json.dumps(kind).encode())
                stream = members.extractfile(member) if member.isreg() else None
                digest.update(stream.read() if stream else b"")
    return digest.hexdigest()[:32]


@dataclass(slots=True)
class BuildCache:
    """The part of the engine's cache that builds of this process made.

    The engine does not say who made a record. It is ours if it appeared during one of our builds.
    """

    client: docker.DockerClient
    stream: EngineStream
    limits: AppLimits
    _builds: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    _ours: set[str] = field(default_factory=set[str])

    def built(self, since: float) -> None:
        """Note a build that ran from `since` (Unix time) until now."""
        self._builds.append((since - _SLACK_S, time.time() + _SLACK_S))

    async def prune(self) -> int:
        """Remove contexts and, above the limit, records unused for longest; returns bytes freed.

        Raises:
            PlatformError: the engine is unreachable.
        """
        if not self._builds and not self._ours:
            return 0
        usage: dict[str, Any] = await call(self.client.df)
        records: list[dict[str, Any]] = usage.get("BuildCache") or []
        self._ours &= {record["ID"] for record in records}
        self._ours |= {record["ID"] for record in records if self._made(record)}
        self._builds.clear()
        gone = self._surplus([record for record in records if record["ID"] in self._ours])
        freed = 0
        for start in range(0, len(gone), 100):
            names = "|".join(gone[start : start + 100])
            filters = json.dumps({"id": [f"^({names})$"]})
            answer = await self.stream.ask("/build/prune", {"all": "1", "filters": filters})
            freed += int(answer.get("SpaceReclaimed") or 0)
        return freed

    def _made(self, record: dict[str, Any]) -> bool:
        made = moment(str(record["CreatedAt"])).timestamp()
        return any(start <= made <= end for start, end in self._builds)

    def _surplus(self, records: list[dict[str, Any]]) -> list[str]:
        """IDs to remove: contexts, which no later build can use, and records above the limit."""
        free = [record for record in records if not record.get("InUse")]
        gone = [record["ID"] for record in free if _CONTEXT.match(str(record.get("Description")))]
        rested = time.time() - self.limits.image_idle_s
        size = sum(_own_bytes(record) for record in records if record["ID"] not in gone)
        for record in sorted(free, key=_used):
            if size <= self.limits.build_cache_bytes or _used(record) > rested:
                break
            if record["ID"] not in gone:
                gone.append(record["ID"])
                size -= _own_bytes(record)
        return gone


def _own_bytes(record: dict[str, Any]) -> int:
    """Disk that only this record takes: a layer that is also in an image counts for the image."""
    return 0 if record.get("Shared") else int(record.get("Size") or 0)


def _used(record: dict[str, Any]) -> float:
    used_at = record.get("LastUsedAt") or record["CreatedAt"]
    return moment(str(used_at)).timestamp()
