"""How every part of an installation is: all asked side by side, none of them for long."""

import asyncio
import os
import platform
import shutil
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from contract.errors import PlatformError
from control.alerts import alerts_part
from control.analyzer_health import Analyzers, Asked, ask_all
from control.checks import Checks
from control.schedule_reading import with_result
from control.stored import Stored
from control.system_documents import Part, PartState, ScheduleHealth, SystemHealth
from control.system_server import Connect, ServerHealth, server_health
from reports.model import SCHEMA_VERSION
from store.engine import parse_url

LIMIT_S = 1.5
_LOW_DISK_BYTES, _NO_DISK_BYTES = 5 * 1024**3, 512 * 1024**2
_ORDER = (PartState.OK, PartState.UNKNOWN, PartState.ATTENTION, PartState.AWAY)
_OK, _ATTENTION, _AWAY, _UNKNOWN = (
    PartState.OK,
    PartState.ATTENTION,
    PartState.AWAY,
    PartState.UNKNOWN,
)


@dataclass(frozen=True, slots=True)
class Installation:
    """What is asked.

    Attributes:
        data_dir: folder of everything that Assay writes.
        stored: the store.
        connect: opens, or has, a connection to the Temporal server; raises a `PlatformError`.
        analyzers: where they are.
        engine: says in a few words what runs the apps, or raises a `PlatformError`; blocking.
            None: nobody here knows.
        scripts: folder of what the pages of the dashboard load; None: nobody here knows.
        assay: name and version of the program.
        versions: more versions to tell, by name.
        worker_url: where the worker shows its figures; empty: nobody here knows.
        deployment: that its workers belong to.
        checks: those under way; shared by all who ask of one installation.
    """

    data_dir: Path
    stored: Stored
    connect: Connect
    analyzers: Analyzers = field(default_factory=Analyzers)
    engine: Callable[[], str] | None = None
    scripts: Path | None = None
    assay: str = "Assay"
    versions: Mapping[str, str] = field(default_factory=dict)
    worker_url: str = ""
    deployment: str = "assay"
    checks: Checks = field(default_factory=Checks)


async def system_health(installation: Installation) -> SystemHealth:
    """Ask every part; that one is away, or does not answer in time, is an answer."""
    began = time.monotonic()
    server, asked, engine, store, alerts, machine = await asyncio.gather(
        server_health(installation.connect, installation.deployment),
        ask_all(installation.analyzers),
        _engine(installation),
        _store(installation),
        _limited("alerts", "Alerts", alerts_part(installation.stored)),
        _machine(installation),
    )
    analyzers = tuple(_analyzer(one, installation.analyzers) for one in asked)
    served = _shown(server.parts, installation.worker_url)
    parts = (*served, *(analyzers or (_no_analyzers(),)), engine, store, alerts, *machine)
    return SystemHealth(
        asked_at=datetime.now(UTC),
        state=_worst(parts, server),
        parts=parts,
        queues=server.queues,
        schedules=await _with_results(server.schedules, installation.stored),
        schedules_left_out=server.schedules_left_out,
        hosts_left_out=server.hosts_left_out,
        hosts=server.hosts,
        slots_left_out=server.slots_left_out,
        versions=_versions(installation, server),
        took_s=round(time.monotonic() - began, 3),
    )


def _shown(parts: tuple[Part, ...], worker_url: str) -> tuple[Part, ...]:
    """The parts; the worker's with the address of its figures."""
    facts = {"Metrics": f"{worker_url}/metrics"} if worker_url else {}
    return tuple(
        part.model_copy(update={"facts": {**part.facts, **facts}}) if part.id == "worker" else part
        for part in parts
    )


async def _with_results(
    schedules: tuple[ScheduleHealth, ...] | None, stored: Stored
) -> tuple[ScheduleHealth, ...] | None:
    """What came of the latest runs of recurring scans; a store that is away says nothing of it."""
    if schedules is None:
        return None
    try:
        async with asyncio.timeout(LIMIT_S):
            return tuple(await asyncio.gather(*(with_result(one, stored) for one in schedules)))
    except (PlatformError, TimeoutError):
        return schedules


async def _machine(installation: Installation) -> tuple[Part, ...]:
    data_dir, scripts, checks = installation.data_dir, installation.scripts, installation.checks
    return await asyncio.gather(
        _timed(checks, "artifacts", "Artifacts", lambda: _artifacts(data_dir)),
        _timed(checks, "disk", "Disk", lambda: _disk(data_dir)),
        _timed(checks, "scripts", "Scripts of the pages", lambda: _scripts(scripts)),
    )


def _worst(parts: tuple[Part, ...], server: ServerHealth) -> PartState:
    states = [part.state for part in (*parts, *server.queues, *(server.schedules or ()))]
    return max((state for state in states if state is not _UNKNOWN), key=_ORDER.index, default=_OK)


def _versions(installation: Installation, server: ServerHealth) -> dict[str, str]:
    return {
        "Program": installation.assay,
        "Python": platform.python_version(),
        "Temporal server": server.version or "unknown",
        "Report format": SCHEMA_VERSION,
        "System": f"{platform.system()} {platform.release()} {platform.machine()}",
        **installation.versions,
    }


def _analyzer(asked: Asked, analyzers: Analyzers) -> Part:
    health, kind = asked.health, asked.health.analyzer
    blind = [tool for tool in health.tools if tool.blind]
    facts = {f"{tool.name} is blind": tool.reason for tool in blind}
    lacks = analyzers.lacks(kind)
    if not health.ok:
        state = _ATTENTION if health.starting else _AWAY
        step = "" if health.starting else lacks or "start it, or read its log"
        detail = health.reason or "it takes no work"
    else:
        state = _ATTENTION if blind else _OK
        step = (lacks or "see what each tool says of its canary") if blind else ""
        seeing = len(health.tools) - len(blind)
        detail = (
            f"{seeing} of {len(health.tools)} tools see; {health.running} of {health.capacity} "
            "places for subtasks in use"
        )
    return Part(
        id=f"analyzer/{kind}",
        name=f"Analyzer {kind}",
        state=state,
        detail=detail,
        next_step=step,
        facts=facts,
    )


def _no_analyzers() -> Part:
    return Part(
        id="analyzers",
        name="Analyzers",
        state=_UNKNOWN,
        detail="nobody said where they are",
        next_step="set ASSAY_ANALYZER_URLS for this program",
    )


async def _engine(installation: Installation) -> Part:
    id_, name, engine = "engine", "Engine of the apps", installation.engine
    if engine is None:
        detail = "this program does not know it: the worker does"
        return Part(id=id_, name=name, state=_UNKNOWN, detail=detail)

    def asked() -> Part:
        return Part(id=id_, name=name, state=_OK, detail=engine())

    return await _timed(installation.checks, id_, name, asked)


async def _store(installation: Installation) -> Part:
    stored = installation.stored
    url = parse_url(stored.url)
    where = url.render_as_string(hide_password=True).partition("?")[0]
    path = Path(url.database or "") if url.get_backend_name() == "sqlite" else None

    def on_disk() -> Part:
        if not stored.exists():
            detail, step = f"{where}: none yet; the first worker makes it", "start a worker"
            return Part(id="store", name="Store", state=_ATTENTION, detail=detail, next_step=step)
        size = {"Size": _size(path.stat().st_size)} if path else {}
        return Part(id="store", name="Store", state=_OK, detail=where, facts=size)

    async def asked() -> Part:
        found = await asyncio.wrap_future(installation.checks.start("store", on_disk))
        if found.state is not _OK:
            return found
        listed = await stored.pipelines()
        facts = {"Pipelines": f"{len(listed):,}", **found.facts}
        return found.model_copy(update={"facts": facts})

    return await _limited("store", "Store", asked())


async def _timed(checks: Checks, id_: str, name: str, check: Callable[[], Part]) -> Part:
    """A check that blocks, in a thread; a disk may hang."""
    return await _limited(id_, name, asyncio.wrap_future(checks.start(id_, check)))


async def _limited(id_: str, name: str, check: Awaitable[Part]) -> Part:
    began = time.monotonic()
    try:
        async with asyncio.timeout(LIMIT_S):
            part = await check
    except TimeoutError:
        detail, step = f"no answer within {LIMIT_S:g} s", "see whether it is overloaded"
        part = Part(id=id_, name=name, state=_AWAY, detail=detail, next_step=step)
    except PlatformError as error:
        detail, step = error.message, error.next_step
        part = Part(id=id_, name=name, state=_AWAY, detail=detail, next_step=step)
    except OSError as error:
        detail = f"{error.filename or name}: {error.strerror or error}"
        step = "see the disk, and who owns the folder"
        part = Part(id=id_, name=name, state=_AWAY, detail=detail, next_step=step)
    return part.model_copy(update={"took_s": round(time.monotonic() - began, 3)})


def _artifacts(data_dir: Path) -> Part:
    folder = data_dir / "artifacts"
    if not folder.is_dir():
        state, detail = _OK, f"{folder}: none yet"
    elif not os.access(folder, os.R_OK | os.X_OK):
        state, detail = _AWAY, f"{folder} cannot be read"
    elif not os.access(folder, os.W_OK):
        state, detail = _ATTENTION, f"{folder} can be read, and not be written by this program"
    else:
        state, detail = _OK, str(folder)
    step = "" if state is _OK else "correct its owner, or move ASSAY_DATA"
    return Part(id="artifacts", name="Artifacts", state=state, detail=detail, next_step=step)


def _disk(data_dir: Path) -> Part:
    folder = data_dir
    while not folder.exists():
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    low = usage.free < _LOW_DISK_BYTES
    state = _AWAY if usage.free < _NO_DISK_BYTES else _ATTENTION if low else _OK
    return Part(
        id="disk",
        name="Disk",
        state=state,
        detail=f"{_size(usage.free)} of {_size(usage.total)} free for {data_dir}",
        next_step="free the disk, prune old pipelines, or move ASSAY_DATA" if low else "",
    )


def _scripts(folder: Path | None) -> Part:
    id_, name = "scripts", "Scripts of the pages"
    if folder is None:
        return Part(id=id_, name=name, state=_UNKNOWN, detail="this program serves no pages")
    if (folder / "htmx.org").is_dir():
        return Part(id=id_, name=name, state=_OK, detail=str(folder))
    detail = f"{folder} lacks them: pages work, and do not change by themselves"
    return Part(id=id_, name=name, state=_ATTENTION, detail=detail, next_step="make tools")


def _size(count: int) -> str:
    return f"{count / 1024**3:,.1f} GiB" if count >= 1024**3 else f"{count / 1024**2:,.1f} MiB"
