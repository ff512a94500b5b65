"""The bubblewrap command line of one service, and the processes it leaves behind.

The sandbox outlives the activity and even a killed worker, on purpose: a retry adopts it. It is
found again by its state folder, which stands in its command line, and dies whole with its first
process, the init of its PID namespace. It does not outlive the host's boot.
"""

import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from clients.limits import AppLimits

_HIDDEN = ("/home", "/root", "/tmp", "/var/tmp", "/run", "/mnt", "/media")  # noqa: S108
_DEATH_S = 5.0
_MASKED = ("/etc/shadow", "/etc/gshadow")


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What one service may see.

    Attributes:
        folder: the service's state folder: `src` (its copy of the app), `data`, `log`, `status`.
        modules: installed packages, seen read-only at `/app/node_modules`; None: none.
        readable: further folders seen read-only in their place (interpreter, environment).
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
        words = ["prlimit", f"--data={limits.memory_bytes * 4}", f"--fsize={limits.disk_bytes}"]
        words += ["--core=0", "--nofile=4096", f"--nproc={max(limits.pids * 4, 1_024)}", "--"]
        words += ["bwrap", "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
        words += ["--json-status-fd", str(status_fd), "--cap-drop", "ALL", "--ro-bind", "/", "/"]
        words += ["--dev", "/dev", "--proc", "/proc"]
        for path in (*_HIDDEN, *map(str, self.hidden)):
            words += (
                ["--tmpfs", path] if Path(path).is_dir() and not Path(path).is_symlink() else []
            )
        for path in _MASKED:
            words += ["--ro-bind", "/dev/null", path] if Path(path).exists() else []
        for path in self.readable:
            words += ["--ro-bind", str(path), str(path)]
        app, data = str(self.folder / "src"), str(self.folder / "data")
        words += ["--tmpfs", "/mnt", "--bind", app, "/mnt/app", "--bind", data, "/mnt/data"]
        if self.modules is not None:
            words += ["--ro-bind", str(self.modules), "/mnt/app/node_modules"]
        words += ["--chdir", "/mnt/app", "--clearenv"]
        for name, value in sorted(environment.items()):
            words += ["--setenv", name, value]
        return [*words, "--", *command]


@dataclass(frozen=True, slots=True)
class Confined:
    """A sandbox's first process, as its own status file tells."""

    folder: Path

    @property
    def exit_code(self) -> int | None:
        """Exit code of the app; None while it runs, or when it was killed with its sandbox."""
        return self._told("exit-code")

    def identity(self) -> str:
        """`pid:<pid>:<start ticks>` of the running sandbox; empty when it does not run.

        A process that merely has the same number is not ours: ours names its folder.
        """
        pid = self._told("child-pid")
        if pid is None or self.exit_code is not None:
            return ""
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        return f"pid:{pid}:{fields[19]}" if fields[0] not in "ZX" and self._is_ours(pid) else ""

    def kill(self) -> bool:
        """Kill the sandbox with everything in it; whether there was one. Blocking, 5 s at most."""
        identity = self.identity()
        if not identity:
            return False
        pid = int(identity.split(":")[1])
        try:
            launcher = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
            os.kill(pid, signal.SIGKILL)
        except (OSError, IndexError):
            return False
        ends_at = time.monotonic() + _DEATH_S
        while (self._is_ours(pid) or self._is_ours(launcher)) and time.monotonic() < ends_at:
            time.sleep(0.01)
        return True

    def _is_ours(self, pid: int) -> bool:
        """Whether `pid` runs and names this folder; a zombie names nothing."""
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return str(self.folder / "src").encode() in command

    def _told(self, key: str) -> int | None:
        """The status file holds one JSON object per line, written by bubblewrap itself."""
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


def interpreter_folders() -> tuple[Path, ...]:
    """Folders the running Python needs when they are not part of the system."""
    real = Path(sys.executable).resolve().parent.parent
    found = {Path(sys.base_prefix), Path(sys.base_prefix).resolve(), real}
    return tuple(sorted(path for path in found if not path.is_relative_to("/usr")))
