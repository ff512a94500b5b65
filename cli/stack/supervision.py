"""supervisord's configuration of the local stack: programs, their order, how they stop."""

import sys
from pathlib import Path

from cli.stack.model import Stack
from contract.analyzers import AnalyzerKind
from settings import PROJECT_ROOT, Settings, secret_variables
from telemetry import variables as traces

# What the embedded server is tuned for: exact priorities, quick first activities, fine timers.
DYNAMIC_CONFIG = (
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
    "matching.enableFairness=true",
    "history.transferProcessorMaxPollRPS=1000",
    "history.timerProcessorMaxPollRPS=1000",
    'history.timerProcessorMaxTimeShift="20ms"',
)


def render_config(stack: Stack, settings: Settings, control_socket: Path) -> str:
    """The whole configuration file."""
    head = [
        "[supervisord]",
        f"pidfile={_escape(stack.run_dir / 'supervisord.pid')}",
        f"logfile={_escape(stack.run_dir / 'supervisord.log')}",
        "logfile_maxbytes=5MB",
        "logfile_backups=1",
        "loglevel=warn",
        "minfds=4096",
        "[unix_http_server]",
        f"file={_escape(control_socket)}",
        "chmod=0700",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
        "[supervisorctl]",
        f"serverurl=unix://{_escape(control_socket)}",
    ]
    # Secrets of the environment are for the worker and the dashboard, which is a client as commands
    # are: it finds the stack by its data folder.
    empty = ",".join(f'{name}=""' for name in secret_variables())
    untraced = ",".join([*([empty] if empty else []), *(f'{name}=""' for name in traces.names())])
    programs = [_program(stack, "temporal", _temporal_command(stack), priority=1, env=untraced)]
    for kind in AnalyzerKind:
        command = _analyzer_command(stack, settings, kind)
        programs.append(_program(stack, kind, command, priority=2, env=empty))
    worker = [sys.executable, str(PROJECT_ROOT / "worker.py")]
    shown = "" if settings.metrics_address else _worker_environment(stack)
    programs.append(_program(stack, "worker", worker, priority=3, env=shown))
    found = 'TEMPORAL_ADDRESS="",TEMPORAL_NAMESPACE=""'
    programs.append(_program(stack, "dashboard", _dashboard_command(stack), priority=3, env=found))
    return "\n".join([*head, *programs, ""])


def _worker_environment(stack: Stack) -> str:
    """Where the worker shows itself, unless somebody set another address."""
    return f'ASSAY_METRICS_ADDRESS="{stack.worker_host}:{stack.worker_port}"'


def _program(stack: Stack, name: str, command: list[str], *, priority: int, env: str = "") -> str:
    quoted = " ".join(f'"{_escape(part)}"' for part in command)
    lines = [
        f"[program:{name}]",
        f"command={quoted}",
        f"directory={_escape(PROJECT_ROOT)}",
        f"priority={priority}",
        f"environment={env}",
        "autorestart=true",
        "startsecs=2",
        "startretries=1000",
        "stopwaitsecs=12",
        "stopasgroup=true",
        "killasgroup=true",
        "redirect_stderr=true",
        f"stdout_logfile={_escape(stack.run_dir / f'{name}.log')}",
        "stdout_logfile_maxbytes=10MB",
        "stdout_logfile_backups=1",
    ]
    return "\n".join(lines)


def _temporal_command(stack: Stack) -> list[str]:
    command = [
        *(str(Path(sys.executable).parent / "temporal"), "server", "start-dev"),
        *("--ip", "127.0.0.1", "--port", str(stack.temporal_port)),
        *("--ui-port", str(stack.ui_port), "--ui-disable-news-fetch"),
        *("--db-filename", str(Path(stack.data_dir) / "temporal.db")),
        *("--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"),
        *("--log-level", "warn"),
    ]
    for value in DYNAMIC_CONFIG:
        command += ["--dynamic-config-value", value]
    return command


def _analyzer_command(stack: Stack, settings: Settings, kind: AnalyzerKind) -> list[str]:
    return [
        *(sys.executable, "-m", f"analyzers.{kind}"),
        *("--host", "127.0.0.1", "--port", str(stack.analyzers[kind])),
        *("--data", str(Path(stack.data_dir) / "analyzers")),
        *("--tools-dir", str(settings.tools_dir / kind)),
        *("--token-file", str(stack.token_file)),
        *("--capacity", str(settings.analyzer_slots[kind])),
        *("--log-level", settings.log_level, "--log-format", settings.log_format),
        *("--load-lock", str(settings.load_lock.absolute())),
    ]


def _dashboard_command(stack: Stack) -> list[str]:
    return [
        *(sys.executable, str(PROJECT_ROOT / "starter.py"), "dashboard"),
        *("--host", stack.dashboard_host, "--port", str(stack.dashboard_port)),
    ]


def _escape(value: object) -> str:
    r"""Supervisor expands `%`, and a quote or a backslash would end or change the argument."""
    return str(value).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
