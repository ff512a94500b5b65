"""What the worker of a host sees of it: room on its disks, and its analyzers."""

import asyncio
import re
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import httpx

from clients.authorities import authorities
from contract.alerting import AnalyzerFacts, Disk, HostFacts
from contract.analyzers import AnalyzerKind
from contract.errors import ErrorCode, PlatformError
from contract.health import AnalyzerHealth
from contract.shortening import shortened

_ASK_S = 5.0
_MOST_BYTES = 1024 * 1024
_WHY, _TOOLS = 300, 50
_AGE = re.compile(
    r'^assay_advisories_age_seconds\{[^}\n]*source="([^"\n]{1,100})"[^}\n]*\} (\S+)$', re.MULTILINE
)
Health = Callable[[AnalyzerKind], Awaitable[AnalyzerHealth]]


class HostWatch:
    """Port `HostLook` of this host."""

    def __init__(
        self,
        host: str,
        disks: Mapping[str, Path],
        health: Health,
        urls: Mapping[AnalyzerKind, str],
        token: str | None = None,
    ) -> None:
        """Nothing is looked at yet.

        Args:
            host: its name.
            disks: a folder on each disk, by what it is for.
            health: asks an analyzer for its health; one that is away is an answer.
            urls: WebSocket addresses of the analyzers.
            token: they share.
        """
        self.host = host
        self._disks = dict(disks)
        self._health = health
        self._urls = dict(urls)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._measuring: asyncio.Future[dict[str, Disk | None]] | None = None

    async def look(self, before: HostFacts | None) -> HostFacts:
        """See `HostLook.look`."""
        answered = {one.analyzer: one.answered_at for one in before.analyzers} if before else {}
        disks, analyzers = await asyncio.gather(
            self._room(),
            asyncio.gather(*(self._analyzer(kind, answered.get(kind)) for kind in self._urls)),
        )
        return HostFacts(
            host=self.host,
            at=datetime.now(UTC),
            disks=tuple(disk for disk in disks.values() if disk),
            unseen_disks=tuple(name for name, disk in disks.items() if disk is None),
            analyzers=tuple(analyzers),
        )

    async def _room(self) -> dict[str, Disk | None]:
        """Room on the disks; one that hangs is asked once, or it would take thread after thread."""
        if self._measuring is None or self._measuring.done():
            self._measuring = asyncio.ensure_future(asyncio.to_thread(self._measured))
        done, _ = await asyncio.wait([self._measuring], timeout=_ASK_S)
        if not done:
            folders = ", ".join(map(str, self._disks.values()))
            message = f"a disk gives no answer within {_ASK_S:g} s, one of {folders}"
            raise PlatformError(ErrorCode.UNAVAILABLE, message)
        return self._measuring.result()

    def _measured(self) -> dict[str, Disk | None]:
        return {name: _disk(name, path) for name, path in self._disks.items()}

    async def _analyzer(self, kind: AnalyzerKind, answered_at: datetime | None) -> AnalyzerFacts:
        health = await self._health(kind)
        ages = await self._ages(kind) if health.ok else None
        blind = [tool for tool in health.tools if tool.blind and not tool.is_unset][:_TOOLS]
        return AnalyzerFacts(
            analyzer=kind,
            ok=health.ok,
            starting=health.starting,
            reason=shortened(health.reason, _WHY),
            answered_at=datetime.now(UTC) if health.ok else answered_at,
            blind={
                tool.name: shortened(tool.reason, _WHY) for tool in blind if not tool.lacks_source
            },
            no_source={
                tool.name: shortened(tool.reason, _WHY) for tool in blind if tool.lacks_source
            },
            untried=tuple(tool.name for tool in health.tools if tool.starting)[:_TOOLS],
            advisories_age_s=ages or {},
            has_told_ages=ages is not None,
        )

    async def _ages(self, kind: AnalyzerKind) -> dict[str, float] | None:
        """How old its advisories are, by source, as its metrics say; None: they do not answer."""
        url = f"{self._urls[kind].replace('ws', 'http', 1).rstrip('/')}/metrics"
        try:
            async with (
                asyncio.timeout(_ASK_S),
                httpx.AsyncClient(
                    verify=authorities(), trust_env=False, headers=self._headers
                ) as client,
            ):
                answer = (await client.get(url)).raise_for_status()
                text = answer.text[:_MOST_BYTES]
            return {source: float(age) for source, age in _AGE.findall(text)}
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError):
            return None


def host_disks(data_dir: Path, database: str | None) -> dict[str, Path]:
    """The disks that Assay writes to: a store that is a file may be elsewhere than the data.

    Args:
        data_dir: folder of everything that Assay writes.
        database: path of the store's file; None: it is on a server.
    """
    folders = {"data": data_dir, "tmp": Path(tempfile.gettempdir())}
    if database:
        folders["store"] = Path(database).absolute().parent
    return folders


def _disk(name: str, path: Path) -> Disk | None:
    try:
        usage = shutil.disk_usage(path)
    except OSError:
        return None
    return Disk(of=name, free_bytes=usage.free, size_bytes=usage.total)
