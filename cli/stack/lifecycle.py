"""Starting and stopping the local stack.

supervisord restarts what dies; we choose ports, write its configuration, wait until everything
answers, and stop all of it again, stragglers included. One stack per data folder.
"""

import fcntl
import hashlib
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TextIO

import psutil

from analyzers.ai.config import AiConfig
from cli.errors import UserError
from cli.exits import Exit
from cli.program import command
from cli.stack.build import build_id
from cli.stack.model import MARKER, Stack
from cli.stack.ports import Ports, require_free, reserved_ports
from cli.stack.readiness import temporal, wait_until_ready
from cli.stack.records import record, recorded_in, write, writing
from cli.stack.supervision import render_config
from clients.address import Address
from contract.analyzers import AnalyzerKind
from contract.backup import SWAPPING
from settings import PROJECT_ROOT, Settings

_STOP_LIMIT_S = 40.0
METRICS_PORT = 9464


def running_stack(settings: Settings) -> Stack | None:
    """The stack of this data folder, if its supervisor lives."""
    stack = recorded_in(settings.data_dir)
    return stack if stack and _supervisor(stack) else None


def start_stack(
    settings: Settings, say: Callable[[str], None], interrupted: Event
) -> tuple[Stack, bool]:
    """Start the stack unless it runs; return it, and whether this call started it. Blocking.

    Raises:
        UserError: a part did not start, or `interrupted` was set; all that was started is stopped
            again.
    """
    with _lock(settings.data_dir):
        stack = running_stack(settings)
        if stack:
            wait_until_ready(stack, say, interrupted)
            return stack, False
        _check_ai(settings)
        _check_restored(settings)
        with reserved_ports() as ports:  # until all parts listen
            stack = _prepare(settings, ports)
            kill_stragglers(stack.data_dir)
            say("starting Temporal, four analyzers, a worker and the dashboard")
            _launch(stack, settings)
            try:
                wait_until_ready(stack, say, interrupted)
                _keep_closed_workflows(stack)
            except BaseException:
                stop_stack(stack)
                raise
        return stack, True


def stop_stack(stack: Stack) -> None:
    """Stop every process of the stack and wait until they are gone. Safe to repeat."""
    supervisor = _supervisor(stack)
    if supervisor:
        supervisor.terminate()
        try:
            supervisor.wait(_STOP_LIMIT_S)
        except psutil.TimeoutExpired:
            supervisor.kill()
    kill_stragglers(stack.data_dir)
    (stack.run_dir / "supervisord.pid").unlink(missing_ok=True)


def hold_stack(data_dir: Path) -> TextIO:
    """A lease on the stack of this data folder: nobody else stops the stack until it is closed.

    Blocking while another command stops it.
    """
    with writing(data_dir):
        (data_dir / "run").mkdir(parents=True, exist_ok=True)
        lease = (data_dir / "run" / "users").open("w")
    fcntl.flock(lease, fcntl.LOCK_SH)
    return lease


def stop_unless_held(stack: Stack, lease: TextIO) -> bool:
    """Stop the stack, unless another command has a lease: then False. Blocking."""
    with _lock(Path(stack.data_dir)):
        try:
            fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        stop_stack(stack)
        return True


def kill_stragglers(data_dir: str) -> int:
    """Kill processes started for this data folder's stack that its supervisor no longer holds."""
    found = [process for process in psutil.process_iter() if _belongs(process, data_dir)]
    for process in found:
        with _gone_is_fine():
            process.kill()
    psutil.wait_procs(found, timeout=5)
    return len(found)


def _belongs(process: psutil.Process, data_dir: str) -> bool:
    try:
        return process.pid != os.getpid() and process.environ().get(MARKER) == data_dir
    except (psutil.Error, OSError):
        return False


@contextmanager
def _gone_is_fine() -> Generator[None]:
    try:
        yield
    except psutil.NoSuchProcess:
        return


@contextmanager
def _lock(data_dir: Path) -> Generator[None]:
    """A lock, so that two commands that start the same stack at once get one stack."""
    run_dir = data_dir / "run"
    with writing(data_dir):
        run_dir.mkdir(parents=True, exist_ok=True)
        handle = (run_dir / "lock").open("w")
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _check_ai(settings: Settings) -> None:
    """Refuse a wrong AI setting now; else only the log of the analyzer would name it."""
    try:
        AiConfig.from_environment(settings.ai_environment)
    except ValueError as error:
        raise UserError(
            str(error), next_step="correct the variable, or the line of .env"
        ) from error


def _check_restored(settings: Settings) -> None:
    """Refuse a data folder in which a restore was ended while old and new changed places."""
    if (settings.data_dir / SWAPPING).exists():
        raise UserError(
            f"a restore into {settings.data_dir} was ended half-way",
            next_step=f"repeat it: {command('restore BACKUP --force')}; what was there before "
            f"is in {settings.data_dir}/before-restore-*",
        )


def _prepare(settings: Settings, ports: Ports) -> Stack:
    before = recorded_in(settings.data_dir)
    kept = before.analyzers if before else {}
    worker = _worker_address(settings, ports, before)
    stack = Stack(
        data_dir=str(settings.data_dir),
        temporal_port=ports.choose(before.temporal_port if before else 7233),
        ui_port=ports.choose(before.ui_port if before else 8233),
        analyzers={kind: ports.choose(kept.get(kind, kind.row.port)) for kind in AnalyzerKind},
        dashboard_port=ports.choose(_dashboard_port(settings, before)),
        dashboard_host=settings.dashboard_host,
        worker_port=worker.port,
        worker_host=worker.host,
        build_id=settings.build_id or build_id(),
        deployment=settings.deployment,
    )
    with writing(stack.data_dir):
        if not (stack.token_file.exists() and stack.token_file.read_text().strip()):
            write(stack.token_file, secrets.token_urlsafe(32))
        record(stack)
    return stack


def _worker_address(settings: Settings, ports: Ports, before: Stack | None) -> Address:
    """The one that is set, else a free port on loopback."""
    if not settings.metrics_address:
        wanted = before.worker_port if before else 0
        return Address("127.0.0.1", ports.choose(wanted or METRICS_PORT))
    address = Address.parse(settings.metrics_address)
    require_free("ASSAY_METRICS_ADDRESS", address.host, address.port)
    return address


def _dashboard_port(settings: Settings, before: Stack | None) -> int:
    """The one that is set, else the one of the last time."""
    is_set = "dashboard_port" in settings.model_fields_set
    return settings.dashboard_port if is_set or not before else before.dashboard_port or 8240


def _launch(stack: Stack, settings: Settings) -> None:
    config = stack.run_dir / "supervisord.conf"
    # A short path: those of sockets end at 107 bytes.
    name = hashlib.sha256(stack.data_dir.encode()).hexdigest()[:12]
    socket_dir = Path(tempfile.gettempdir()) / f"assay-{name}-supervisor"
    with writing(stack.data_dir):
        socket_dir.mkdir(mode=0o700, exist_ok=True)
        write(config, render_config(stack, settings, socket_dir / "supervisor.sock"))
    env = {
        **os.environ,
        "PATH": settings.search_path,
        "USER": os.environ.get("USER", "assay"),
        **settings.ai_environment,
        "ASSAY_LOAD_LOCK": str(settings.load_lock.absolute()),  # a service reads no `.env`
        **stack.environment(),
    }
    command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(config)]
    done = subprocess.run(
        command, env=env, cwd=PROJECT_ROOT, capture_output=True, text=True, start_new_session=True
    )
    if done.returncode != 0:
        output = (done.stderr or done.stdout).strip()[-300:]
        raise UserError(f"supervisord did not start: {output}", code=Exit.UNAVAILABLE)


def _supervisor(stack: Stack) -> psutil.Process | None:
    try:
        process = psutil.Process(int((stack.run_dir / "supervisord.pid").read_text()))
        return process if process.is_running() and _belongs(process, stack.data_dir) else None
    except (OSError, ValueError, psutil.Error):
        return None


def _keep_closed_workflows(stack: Stack) -> None:
    """Make the embedded server keep closed workflows for 30 days; its default is one day."""
    temporal(stack, "operator", "namespace", "update", "-n", "default", "--retention", "30d")
