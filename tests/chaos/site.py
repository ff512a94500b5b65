"""The system under test: a local stack of its own, with access to everything that can break."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from analyzers.runtime.folders import work_folder
from contract.analyzers import AnalyzerKind
from contract.ids import LABEL_SCOPE
from tests.chaos.engine import Engine, MachineEngine
from tests.chaos.judge import MODEL, Judge
from tests.chaos.postgres import Postgres
from tests.chaos.proxy import Proxy
from tests.e2e.conftest import Assay
from tests.support.tools_folder import tools_folder

HERE = Path(__file__).parent
HOST = "chaos"
SCOPE = f"chaos-{os.getpid()}"
ANALYZERS = ("static", "dynamic", "performance", "ai")
# One scan and one load test at a time: the other apps wait, alive, in a queue.
SLOTS = {
    "ASSAY_APP_SLOTS": "2",
    "ASSAY_STATIC_SLOTS": "2",
    "ASSAY_DYNAMIC_SLOTS": "1",
    "ASSAY_AI_SLOTS": "2",
}
_FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
_DISK_BYTES = 256 * 1024 * 1024
_FILL_TRIES = 100
_ROLES: dict[str, Callable[[list[str]], bool]] = {
    "worker": lambda argv: any(part.endswith("/worker.py") for part in argv),
    "temporal": lambda argv: "start-dev" in argv,
    "supervisor": lambda argv: "supervisor.supervisord" in argv,
    **{kind: (lambda argv, k=kind: f"analyzers.{k}" in argv) for kind in ANALYZERS},
}


@dataclass(slots=True)
class Site:
    """One data folder, one engine, one store, one stack.

    Attributes:
        proxies: between the worker and each analyzer.
        judge: the endpoint that the AI analyzer asks.
        clock_file: what libfaketime reads; None where it is not installed.
    """

    data: Path
    engine: Engine | MachineEngine
    postgres: Postgres | None
    proxies: dict[str, Proxy] = field(default_factory=dict)
    judge: Judge = field(default_factory=Judge)
    clock_file: Path | None = None
    disk_is_small: bool = False

    @property
    def shell(self) -> Assay:
        """The user's shell."""
        env = {
            "DOCKER_HOST": self.engine.address,
            "ASSAY_ENGINE": "docker",
            "ASSAY_HOST": HOST,
            "ASSAY_SCOPE": SCOPE,
            "ASSAY_APP_MEMORY_MB": "96",
            "ASSAY_APP_PIDS": "64",
            "ASSAY_TOOLS": str(self.tools),
            "ASSAY_LOAD_LOCK": str(self.load_lock),
            "ASSAY_AI_BASE_URL": self.judge.url,
            "ASSAY_AI_MODELS": MODEL,
            **SLOTS,
        }
        if self.postgres:
            env["ASSAY_DB_URL"] = self.postgres.url
        return Assay(self.data, tuple(env.items()))

    @property
    def tools(self) -> Path:
        """The tools of its analyzers."""
        return self.data.parent / "tools"

    @property
    def load_lock(self) -> Path:
        """The lock of its load tests, a file of its own: no figure of this suite is compared."""
        return self.data.parent / "load.lock"

    @property
    def run_dir(self) -> Path:
        """The stack's configuration and logs."""
        return self.data / "run"

    @property
    def scope_label(self) -> str:
        """Label of everything this site makes on the engine."""
        return f"{LABEL_SCOPE}={SCOPE}"

    @property
    def temporal_address(self) -> str:
        """The embedded server's frontend."""
        stack = json.loads((self.run_dir / "stack.json").read_text())
        return f"127.0.0.1:{stack['temporal_port']}"

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of the store."""
        path = f"sqlite+aiosqlite:///{self.data / 'assay.db'}"
        return self.postgres.url if self.postgres else path

    def up(self) -> None:
        """Start the stack, then put the proxies and the adjustable clock before its worker."""
        self._mount_small_disk()
        # Only the quick tools: the canaries of the others would outlast a run.
        tools_folder(self.tools, "static/venv/bin/bandit", "static/venv/bin/ruff")
        self.judge.start()
        if self.postgres:
            self.postgres.create()
            self.postgres.start()
        self._start_stack()
        stack = json.loads((self.run_dir / "stack.json").read_text())
        for kind, port in stack["analyzers"].items():
            self.proxies[kind] = Proxy(port)
            self.proxies[kind].start()
        if _FAKETIME.exists():
            self.clock_file = self.data / "clock"
            self.clock_file.write_text("+0")
        self._rewire_worker()
        self._start_stack()

    def _start_stack(self) -> None:
        done = self.shell.run("up", timeout_s=180)
        assert done.returncode == 0, done.stderr[-3000:] + self.last_words()

    def _rewire_worker(self) -> None:
        urls = {kind: f"ws://127.0.0.1:{proxy.port}" for kind, proxy in self.proxies.items()}
        environment = {"ASSAY_ANALYZER_URLS": json.dumps(urls, separators=(",", ":"))}
        if self.clock_file:
            environment |= {
                "LD_PRELOAD": str(_FAKETIME),
                "FAKETIME_TIMESTAMP_FILE": str(self.clock_file),
                "FAKETIME_CACHE_DURATION": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "NO_FAKE_STAT": "1",
            }
        pairs = ",".join(f"{name}='{value}'" for name, value in environment.items())
        config = self.run_dir / "supervisord.conf"
        head, _, tail = config.read_text().partition("[program:worker]\n")
        config.write_text(f"{head}[program:worker]\nenvironment={pairs}\n{tail}")
        before = self.process("worker")
        command = [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(config)]
        done = subprocess.run([*command, "update", "worker"], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        psutil.wait_procs([before], timeout=20)

    def down(self) -> list[str]:
        """Stop everything; returns what is still there afterwards, which should be nothing."""
        done = self.shell.run("down", timeout_s=120)
        left = [done.stderr] if done.returncode else []
        left += self.shell.processes()
        for proxy in self.proxies.values():
            proxy.stop()
        self.judge.stop()
        if self.postgres:
            self.postgres.stop()
        if self.disk_is_small:
            subprocess.run(["umount", str(self.data / "artifacts")], check=True)
        return left

    def process(self, role: str) -> psutil.Process:
        """The process of the stack with this `role`; waits while it restarts."""
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            for process in self.processes():
                if _ROLES[role](_argv(process)) and process.status() != psutil.STATUS_ZOMBIE:
                    return process
            time.sleep(0.1)
        raise AssertionError(f"no {role} runs{self.last_words()}")

    def processes(self) -> list[psutil.Process]:
        """Every process of the stack."""
        return [one for one in psutil.process_iter() if _marker(one) == str(self.data)]

    def tool_processes(self) -> list[str]:
        """Command lines of tools: processes in the private folder of a run."""
        found: list[str] = []
        for process in psutil.process_iter():
            try:
                places = (process.cwd(), process.environ().get("HOME", "/"))
                if any(self.is_run_folder(Path(place)) for place in places):
                    found.append(" ".join(process.cmdline()))
            except (psutil.Error, OSError):
                continue
        return found

    def work_folders(self) -> list[Path]:
        """Where the analyzers' runs have their private folders."""
        return [work_folder(self.data / "analyzers" / kind) for kind in AnalyzerKind]

    def is_run_folder(self, path: Path) -> bool:
        """Whether `path` is, or lies in, the private folder of a subtask; canaries do not count."""
        return any(
            path.is_relative_to(below)
            and any(part.startswith("run-") for part in path.relative_to(below).parts)
            for below in self.work_folders()
        )

    def last_words(self) -> str:
        """The ends of the stack's logs, for a failure's message."""
        words = ""
        for log in sorted(self.run_dir.glob("*.log")):
            lines = log.read_text(errors="replace").splitlines()[-5:]
            words += f"\n--- {log.name}\n" + "\n".join(line[:400] for line in lines)
        return words

    def fill_disk(self) -> None:
        """Leave the artifacts' file system without a byte, while others write to it."""
        ballast = self.data / "artifacts" / ".ballast"
        with ballast.open("wb") as file:
            for _ in range(_FILL_TRIES):
                room = shutil.disk_usage(ballast).free
                if not room:
                    return
                with suppress(OSError):  # somebody was faster: less is left
                    os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size + room)

    def free_disk(self) -> None:
        """Free the space again."""
        (self.data / "artifacts" / ".ballast").unlink(missing_ok=True)

    def _mount_small_disk(self) -> None:
        folder = self.data / "artifacts"
        folder.mkdir(parents=True)
        if os.geteuid() != 0:
            return
        command = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "assay-chaos", str(folder)]
        self.disk_is_small = subprocess.run(command, capture_output=True).returncode == 0


def _argv(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _marker(process: psutil.Process) -> Any:
    try:
        return process.environ().get("ASSAY_STACK")
    except (psutil.Error, OSError):
        return None
