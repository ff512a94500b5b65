"""Bubblewrap command lines for an app's service and for an installer, and their processes.

An app's sandbox runs without --die-with-parent, on purpose: it outlives the activity and even a
killed worker, and a retry adopts it. Its state folder, which is part of its command line,
identifies it. It ends as a whole with its first process, the init of its PID namespace, and at the
latest with the host. An installer ends with its worker.

A sandbox shares the network of its host. In its own network namespace an app would have a loopback
that no analyzer can reach; a bridge between the two needs root or another trusted program.
"""

import json
import math
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from clients import blame
from clients.ending import Ending, unless_full
from clients.limits import AppLimits
from contract.errors import ErrorCode, PlatformError

_HIDDEN = ("/home", "/root", "/tmp", "/var/tmp", "/run", "/mnt", "/media")  # noqa: S108
# A process has no command line for an instant while it becomes another program.
_EMPTY_LOOKS = 3
_DEATH_S = 5.0
_MASKED = ("/etc/shadow", "/etc/gshadow")
_APP = "/mnt/app"
_HOME = "/tmp/home"  # noqa: S108 - the sandbox's own /tmp
# Variables that an installer needs: where its registries are, and which certificates it trusts.
_CONFIGURATION = (".npmrc", ".config/pip", ".pip", ".pydistutils.cfg")
# Exit codes of killed processes: no limit of a sandbox kills.
KILLED = tuple(
    code
    for number in (signal.SIGKILL, signal.SIGTERM)
    for code in (-int(number), 128 + int(number))
)
_FORBIDDEN = re.compile(r"namespace|uid map|setuid|Operation not permitted|Permission denied")
_SECRETS = ("ASSAY_AI_API_KEY", "ASSAY_DB_URL", "ASSAY_TOKEN_FILE", "TEMPORAL_API_KEY")


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The view of one service.

    Attributes:
        folder: the service's state folder: `src` (its copy of the app), `data`, `log`, `status`.
        modules: installed packages, read-only at `/app/node_modules`; None: none.
        readable: further folders, read-only at their place (interpreter, environment).
        hidden: folders replaced by empty ones (the project's data, with other apps' secrets).
    """

    folder: Path
    modules: Path | None
    readable: tuple[Path, ...]
    hidden: tuple[Path, ...]

    def argv(
        self,
        command: tuple[str, ...],
        environment: dict[str, str],
        limits: AppLimits,
        status_fd: int,
    ) -> list[str]:
        """Command line: limits, then namespaces, then the view of the file system."""
        words = [*_cores(limits.cpus, str(self.folder))]
        words += _limited(limits.memory_bytes, limits.disk_bytes, limits.pids)
        words += ["bwrap", "--json-status-fd", str(status_fd)]
        words += _view(self.hidden, self.readable)
        app, data = str(self.folder / "src"), str(self.folder / "data")
        words += ["--tmpfs", "/mnt", "--bind", app, _APP, "--bind", data, "/mnt/data"]
        if self.modules is not None:
            words += ["--ro-bind", str(self.modules), f"{_APP}/node_modules"]
        words += ["--chdir", _APP, "--clearenv"]
        for name, value in sorted(environment.items()):
            words += ["--setenv", name, value]
        return [*words, "--", *command]


@dataclass(frozen=True, slots=True)
class Installer:
    """The view of one environment's installer: the network, its sources, its own folder.

    Attributes:
        work: the folder to write to; installers see it as `target`, its final place, because
            scripts of a virtual environment contain their own path.
        readable: folders, read-only at their place (the app, the interpreter).
        hidden: folders replaced by empty ones.
        cache: downloads kept for the next installation.
    """

    work: Path
    target: Path
    readable: tuple[Path, ...]
    hidden: tuple[Path, ...]
    cache: Path

    def argv(self, command: list[str], cwd: Path, limits: AppLimits) -> list[str]:
        """Command line of one installer in `cwd`; it dies with the process that starts it."""
        words = _limited(limits.build_memory_bytes, limits.disk_bytes, limits.pids)
        words += ["bwrap", "--die-with-parent", *_view(self.hidden, self.readable)]
        for name in _CONFIGURATION:
            path = Path.home() / name
            words += ["--ro-bind", str(path), f"{_HOME}/{name}"] if path.exists() else []
        resolver = Path("/etc/resolv.conf").resolve()
        if resolver.is_relative_to("/run"):
            words += ["--ro-bind-try", str(resolver), str(resolver)]
        words += ["--bind", str(self.work), str(self.target)]
        words += ["--bind", str(self.cache), f"{_HOME}/.cache", "--setenv", "HOME", _HOME]
        words += ["--setenv", "npm_config_cache", f"{_HOME}/.cache/npm"]
        for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", *_SECRETS):
            words += ["--unsetenv", name]
        return [*words, "--chdir", str(cwd), "--", *command]


def _cores(cpus: float, key: str) -> list[str]:
    """A `taskset` command for `cpus` cores, rounded up, chosen by `key`; empty: all cores."""
    cores = sorted(os.sched_getaffinity(0))
    count = math.ceil(cpus)
    if count >= len(cores):
        return []
    start = sum(key.encode()) % len(cores)
    chosen = [str((cores + cores)[start + step]) for step in range(count)]
    return ["taskset", "--cpu-list", ",".join(chosen)]


def _limited(memory_bytes: int, file_bytes: int, processes: int) -> list[str]:
    words = ["prlimit", f"--data={memory_bytes * 4}", f"--fsize={file_bytes}"]
    return [*words, "--core=0", "--nofile=4096", f"--nproc={max(processes * 4, 1_024)}", "--"]


def _view(hidden: tuple[Path, ...], readable: tuple[Path, ...]) -> list[str]:
    """Own namespaces except for the network; the system read-only, without home folders."""
    words = ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
    words += ["--cap-drop", "ALL", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    for path in (*_HIDDEN, *map(str, hidden)):
        words += ["--tmpfs", path] if Path(path).is_dir() and not Path(path).is_symlink() else []
    for path in _MASKED:
        words += ["--ro-bind", "/dev/null", path] if Path(path).exists() else []
    for path in readable:
        words += ["--ro-bind", str(path), str(path)]
    return words


@dataclass(frozen=True, slots=True)
class Confined:
    """A sandbox's first process, as described by its status file."""

    folder: Path

    @property
    def exit_code(self) -> int | None:
        """Exit code of the app; None while it runs, or when it was killed with its sandbox."""
        return self._recorded("exit-code")

    def ending(self) -> Ending | None:
        """How the app ended; None while it runs. Blocks while it is about to end.

        A sandbox whose host went down has no exit code. Nobody knows who sent a signal: no limit of
        a sandbox kills.
        """
        if self.identity():
            return None
        ends_at = time.monotonic() + _DEATH_S
        while self.exit_code is None and any(self._processes()) and time.monotonic() < ends_at:
            time.sleep(0.01)
        code = self.exit_code
        if code is None:
            text = "is gone without an exit code: its host or its sandbox was killed"
            return Ending(blame.SANDBOX_GONE, text)
        if code in KILLED:
            text = f"exited with {code} (killed; who sent the signal is not on record)"
            return Ending(blame.KILLED_BY_NOBODY, text)
        return unless_full(Ending(blame.EXIT, f"exited with {code}"), self.folder)

    def identity(self) -> str:
        """`pid:<pid>:<start ticks>` of the running sandbox; empty when it does not run.

        Another process with the same number is not ours: our command line names the folder.
        """
        pid = self._recorded("child-pid")
        if pid is None or self.exit_code is not None:
            return ""
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        return f"pid:{pid}:{fields[19]}" if fields[0] not in "ZX" and self._is_ours(pid) else ""

    @property
    def began(self) -> bool:
        """Whether bubblewrap has started a first process."""
        return self._recorded("child-pid") is not None

    def kill(self) -> bool:
        """Kill the sandbox with everything in it; returns whether it existed. Blocks 5 s at most.

        This includes a sandbox that began this moment and has no status yet.

        Raises:
            PlatformError: UNAVAILABLE when it does not die.
        """
        found, empty_looks = False, 0
        ends_at = time.monotonic() + _DEATH_S
        while empty_looks < _EMPTY_LOOKS:
            processes = list(self._processes())
            empty_looks = 0 if processes else empty_looks + 1
            found = found or bool(processes)
            if processes and time.monotonic() > ends_at:
                message = f"processes of {self.folder} do not die: {processes}"
                raise PlatformError(ErrorCode.UNAVAILABLE, message)
            for pid in processes:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)
        return found

    def _processes(self) -> Iterator[int]:
        """Launcher and first process: both name the folder; the others end with the latter."""
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and self._is_ours(int(entry.name)):
                yield int(entry.name)

    def _is_ours(self, pid: int) -> bool:
        """Whether `pid` runs and names this folder; a zombie names nothing."""
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return str(self.folder / "src").encode() in command

    def log(self, size: int) -> bytes:
        """The last `size` bytes of its output."""
        path = self.folder / "log"
        try:
            with path.open("rb") as stream:
                stream.seek(max(path.stat().st_size - size, 0))
                return stream.read(size)
        except OSError:
            return b""

    def _recorded(self, key: str) -> int | None:
        """Read the status file: bubblewrap writes one JSON object per line."""
        try:
            lines = (self.folder / "status").read_text().splitlines()
        except OSError:
            return None
        for line in lines:
            try:
                found = json.loads(line).get(key)
            except ValueError:
                continue
            if isinstance(found, int):
                return found
        return None


def node_bin() -> Path | None:
    """Folder of the Node.js that this process finds, if it is not part of the system."""
    node = shutil.which("node")
    if node is None or Path(node).is_relative_to("/usr"):
        return None
    return Path(node).parent.resolve()


def interpreter_folders() -> tuple[Path, ...]:
    """Folders that the running Python and Node.js need and that are not part of the system."""
    real = Path(sys.executable).resolve().parent.parent
    found = {Path(sys.base_prefix), Path(sys.base_prefix).resolve(), real}
    node = node_bin()
    found |= {node.parent} if node else set()
    return tuple(sorted(path for path in found if not path.is_relative_to("/usr")))


def sandbox_refusal(text: str) -> PlatformError | None:
    """The fault behind bubblewrap's own last line; None when it ran the command.

    It ends before its first process when users of the host may make no namespaces.
    """
    if not text.startswith(("bwrap: ", "prlimit: ", "taskset: ")) or "execvp" in text:
        return None
    if _FORBIDDEN.search(text):
        return PlatformError(
            ErrorCode.FAILED_PRECONDITION,
            f"no sandbox on this host ({text[:200]}): allow unprivileged user namespaces"
            " (sysctl kernel.unprivileged_userns_clone=1), or install and start Docker Engine",
        )
    return PlatformError(ErrorCode.UNAVAILABLE, f"the sandbox did not start: {text[:200]}")
