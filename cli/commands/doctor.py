"""`doctor`: says what this machine can measure, and how to get what it lacks."""

import asyncio
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

import httpx
from rich.text import Text

from analyzers.runtime.live.confine import BEST_WAY, trial
from analyzers.runtime.tool import ToolFault
from cli.documents import Check, Diagnosis
from cli.exits import Exit
from cli.output import print_json
from cli.program import command
from cli.sources import unanswered
from cli.stack.lifecycle import running_stack
from cli.stack.model import Stack
from cli.stack.readiness import dashboard_answers, temporal_binary, why_worker_waits
from cli.terminal import stdout
from cli.versions_check import versions_check
from clients.appfolder.composer import brought_along, confined
from clients.artifacts import FileArtifactStore
from clients.docker.address import neighbours
from clients.docker.runtime import DockerRuntime
from clients.runtime import choose_runtime
from contract.analyzers import AnalyzerKind
from contract.errors import PlatformError
from contract.health import AnalyzerHealth
from settings import Settings

_LOW_DISK_BYTES = 5 * 1024**3


async def run_doctor(settings: Settings, *, as_json: bool) -> Exit:
    """Print every check; `UNAVAILABLE` when something needed is missing."""
    confinement = await asyncio.to_thread(_confinement)
    checks = [*_machine(settings), confinement, *await _apps(settings), *await _sources(settings)]
    checks += await _analyzers(settings)
    checks += await versions_check(settings)
    missing = any(check.needed and not check.ok for check in checks)
    if as_json:
        print_json(Diagnosis(ok=not missing, checks=tuple(checks)))
    else:
        for check in checks:
            mark = ("ok", "green") if check.ok else ("no", "red" if check.needed else "yellow")
            stdout.print(Text.assemble(mark, f"  {check.name}: {check.detail}"))
            if not check.ok and check.next_step:
                stdout.print(f"      next: {check.next_step}")
    return Exit.UNAVAILABLE if missing else Exit.OK


def _machine(settings: Settings) -> list[Check]:
    return [
        _disk(settings),
        _data_folder(settings),
        Check(
            "Temporal server",
            temporal_binary().exists(),
            str(temporal_binary()),
            "make setup",
            needed=True,
        ),
        *(_tools(settings, kind) for kind in AnalyzerKind if kind.row.equipment == "tools"),
        _node(settings),
        _scripts(settings),
        _program("chromium", "browser checks and Lighthouse"),
        _program("nmap", "port scan"),
        Check(
            "AI endpoint",
            settings.ai_configured,
            settings.ai_base_url or "none: AI cells would be infra_failed",
            "set ASSAY_AI_BASE_URL and ASSAY_AI_MODELS",
        ),
    ]


def _disk(settings: Settings) -> Check:
    folder = settings.data_dir
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    return Check(
        "disk",
        free > _LOW_DISK_BYTES,
        f"{free / 1024**3:.1f} GiB free for {settings.data_dir}",
        "free the disk or move ASSAY_DATA",
        needed=True,
    )


def _data_folder(settings: Settings) -> Check:
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=settings.data_dir):
            pass
    except OSError as error:
        cause = f"{settings.data_dir}: {error.strerror}"
        return Check("data folder", False, cause, "move ASSAY_DATA or correct its owner", True)
    return Check("data folder", True, str(settings.data_dir), needed=True)


async def _apps(settings: Settings) -> list[Check]:
    try:
        artifacts = FileArtifactStore(settings.data_dir / "artifacts")
        runtime = await asyncio.to_thread(
            choose_runtime, settings, artifacts, docker_host=settings.docker_host
        )
        docker, why = isinstance(runtime, DockerRuntime), runtime.description
    except PlatformError as error:
        docker, why = False, error.message
    sandbox = shutil.which("bwrap") is not None
    return [
        engine_check(settings, why, is_used=docker),
        Check(
            "bubblewrap",
            sandbox,
            "trusted apps can run as confined processes" if sandbox else "not installed",
            "apt-get install bubblewrap",
            needed=not docker,
        ),
        await asyncio.to_thread(_compose, docker),
    ]


def engine_check(settings: Settings, why: str, *, is_used: bool) -> Check:
    """Whether containers can be used. Where only processes are asked for, nobody misses it."""
    is_right = is_used or settings.engine == "process"
    return Check("Docker engine", is_right, why, _engine_hint(settings.docker_host))


def _compose(engine: bool) -> Check:
    """Whether apps with a compose file can be read; in a container where there is no sandbox."""
    try:
        with TemporaryDirectory() as folder:
            detail = f"{confined(Path(folder)).program} under bubblewrap"
    except PlatformError as error:
        works = engine and brought_along() is not None
        detail = f"in a container of the engine ({error.message})" if works else error.message
        return Check("Docker Compose", works, detail, "apt-get install bubblewrap, make venv")
    return Check("Docker Compose", True, detail)


def _engine_hint(docker_host: str) -> str:
    start = "start dockerd (Debian: apt-get install docker.io)"
    others = neighbours(docker_host)
    return f"{start}, or use what is here: DOCKER_HOST={others[0]}" if others else start


def _tools(settings: Settings, kind: AnalyzerKind) -> Check:
    folder = settings.tools_dir / kind
    return Check(
        f"tools of {kind}",
        folder.is_dir() and any(folder.iterdir()),
        str(folder),
        "make tools",
        needed=True,
    )


def _node(settings: Settings) -> Check:
    node = settings.node_bin / "node"
    return Check("Node.js", node.is_file(), str(node), "make tools", needed=True)


def _scripts(settings: Settings) -> Check:
    scripts = settings.tools_dir / "dashboard" / "node_modules"
    detail = str(scripts) if scripts.is_dir() else f"no {scripts}: pages only change when reloaded"
    return Check("scripts of the dashboard", scripts.is_dir(), detail, "make tools")


def _program(name: str, purpose: str) -> Check:
    path = shutil.which(name)
    return Check(
        name, path is not None, path or f"missing: no {purpose}", f"apt-get install {name}"
    )


def _confinement() -> Check:
    """Whether what executes an app's pages can be kept from this host."""
    name = "confined browsers"
    next_step = "apt-get install bubblewrap; an ordinary user needs user namespaces, too"
    try:
        held = trial()
    except ToolFault as fault:
        detail = f"no: their cells would be infra_failed: {fault}"
        return Check(name, False, detail, next_step)
    return Check(name, held.way == BEST_WAY, held.text, next_step)


async def _sources(settings: Settings) -> list[Check]:
    """Advisories are no part of the tools: tools ask the package registries for them."""
    return [
        Check(
            f"advisories for {name}",
            not reason,
            f"none: {reason}: its cells would be infra_failed" if reason else "its source answers",
            "let this machine reach the registry's advisories, or do without: apps count as"
            " measured without them",
        )
        for name, reason in (await unanswered(settings)).items()
    ]


async def _analyzers(settings: Settings) -> list[Check]:
    stack = running_stack(settings)
    if stack is None:
        return [Check("local stack", True, f"not running; {command('up')} starts it")]
    checks = [
        Check("local stack", True, f"Temporal UI {stack.ui_url}"),
        await asyncio.to_thread(_dashboard, stack),
        await asyncio.to_thread(_worker, stack),
    ]
    async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
        for kind, port in stack.analyzers.items():
            log = stack.run_dir / f"{kind}.log"
            checks += await analyzer_checks(client, kind, f"http://127.0.0.1:{port}/health", log)
    return checks


def _dashboard(stack: Stack) -> Check:
    if not stack.dashboard_url:
        detail = "none: the stack was started by an earlier version"
        return Check("dashboard", False, detail, f"{command('down')}, then {command('up')}")
    if dashboard_answers(stack):
        return Check("dashboard", True, stack.dashboard_url)
    log = stack.run_dir / "dashboard.log"
    return Check("dashboard", False, f"{stack.dashboard_url} does not answer", f"read {log}")


def _worker(stack: Stack) -> Check:
    if not stack.worker_url:
        detail = "shows no metrics: the stack was started by an earlier version"
        return Check("worker", False, detail, f"{command('down')}, then {command('up')}")
    if why := why_worker_waits(stack):
        return Check("worker", False, why, f"read {stack.run_dir / 'worker.log'}")
    return Check("worker", True, f"{stack.worker_url}/metrics")


async def analyzer_checks(client: httpx.AsyncClient, kind: str, url: str, log: Path) -> list[Check]:
    """What an analyzer says of itself and its tools; of one that does not, where its log is."""
    name = f"analyzer {kind}"
    try:
        health = AnalyzerHealth.model_validate_json((await client.get(url)).content)
    except (httpx.HTTPError, ValueError) as error:
        why = str(error) or f"does not answer ({type(error).__name__})"
        return [Check(name, False, why, f"read {log}")]
    head = Check(name, health.ok, health.reason or f"{len(health.tools)} tools")
    return [
        head,
        *(Check(f"  {kind}/{t.name}", t.ok, t.version if t.ok else t.reason) for t in health.tools),
    ]
