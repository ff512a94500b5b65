"""Runs Docker Compose itself, where it sees nothing but one app's folder.

A compose file may name any file and any address (`env_file`, `extends`, `include`). So the
reference implementation runs under bubblewrap: the app's folder is read-only; there is no network,
no socket, no variable of the host; time, memory and output are bounded. Where bubblewrap cannot
work, `clients/docker/composer.py` offers a second way; without either, no compose file is read.
"""

import re
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Protocol

from clients.blame import NO_COMPOSE, AppFault, fault
from contract.errors import PlatformError

MOUNT = "/run/assay-app"
HOME = "/home/nobody"
MAX_SECONDS = 20
MAX_MEMORY_BYTES = 512 * 1024 * 1024
MAX_OUTPUT_BYTES = 16 * 1024 * 1024
# The lowest version of a host's own plug-in: the answers of these versions were tested.
_OLDEST = (5, 0)
_PLUGINS = (
    Path("/usr/local/lib/docker/cli-plugins"),
    Path("/usr/local/libexec/docker/cli-plugins"),
    Path("/usr/lib/docker/cli-plugins"),
    Path("/usr/libexec/docker/cli-plugins"),
)
# By path and time of change: a program that answered once is not asked again.
_usable: set[tuple[Path, int]] = set()


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of Docker Compose.

    Attributes:
        code: its exit code; None: it was stopped when its time was over.
        out: its output, at most `MAX_OUTPUT_BYTES`.
        messages: what it wrote to stderr.
    """

    code: int | None
    out: bytes
    messages: str


class Composer(Protocol):
    """Runs Docker Compose on an app folder."""

    def run(self, root: Path, words: tuple[str, ...]) -> Answer:
        """The answer to `docker compose WORDS` in `root`, which it sees at `place(root)`. Blocking.

        Raises:
            PlatformError: it could not be run.
        """
        ...


def place(root: Path) -> str:
    """Where Docker Compose sees `root`; the last part names the project, as on any machine."""
    name = re.sub(r"[^a-z0-9_-]", "", root.resolve().name.lower()).lstrip("_-")
    return f"{MOUNT}/{name or 'app'}"


def environment(root: Path) -> dict[str, str]:
    """All variables that Docker Compose gets."""
    return {"HOME": HOME, "PWD": place(root)}


@dataclass(frozen=True, slots=True)
class Confined:
    """A program of Docker Compose under bubblewrap."""

    program: Path

    def run(self, root: Path, words: tuple[str, ...]) -> Answer:
        """The answer to `docker compose WORDS` in `root`. Blocking, `MAX_SECONDS` at most.

        Raises:
            PlatformError: the sandbox does not start.
        """
        argv = self._argv(root, words)
        with TemporaryFile() as out, TemporaryFile() as err:
            try:
                done = subprocess.run(
                    argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, timeout=MAX_SECONDS,
                    check=False,
                )  # fmt: skip
                code = done.returncode
            except subprocess.TimeoutExpired:
                code = None
            except OSError as error:
                raise _no_sandbox(str(error)) from error
            out.seek(0)
            err.seek(0)
            messages = err.read(100_000).decode(errors="replace")
            if code and messages.startswith(("bwrap: ", "prlimit: ")):
                raise _no_sandbox(messages[:200])
            return Answer(code, out.read(MAX_OUTPUT_BYTES), messages)

    def _argv(self, root: Path, words: tuple[str, ...]) -> list[str]:
        limits = [f"--data={MAX_MEMORY_BYTES}", f"--fsize={MAX_OUTPUT_BYTES}", "--core=0"]
        argv = ["prlimit", *limits, f"--cpu={MAX_SECONDS}", "--"]
        argv += [
            "bwrap",
            "--die-with-parent",
            "--new-session",
            "--unshare-all",
            "--cap-drop",
            "ALL",
        ]
        argv += ["--ro-bind", str(root.resolve()), place(root)]
        argv += ["--ro-bind", str(self.program.resolve()), "/compose", "--clearenv"]
        for name, value in environment(root).items():
            argv += ["--setenv", name, value]
        return [*argv, "--remount-ro", "/", "--chdir", place(root), "--", "/compose", *words]

    def trouble(self, folder: Path) -> str:
        """Why it cannot be used here: it does not run, or is too old. Empty: it can. Blocking."""
        try:
            answer = self.run(folder, ("version", "--short"))
        except PlatformError as error:
            return error.message
        found = re.match(rb"v?(\d+)\.(\d+)", answer.out)
        if found is None or (int(found[1]), int(found[2])) < _OLDEST:
            return f"{self.program} is no Docker Compose {_OLDEST[0]} or newer"
        return ""


def _no_sandbox(why: str) -> AppFault | PlatformError:
    next_step = "install bubblewrap, or run apps on a Docker engine"
    return fault(NO_COMPOSE, "build", f"no sandbox for Docker Compose ({why}): {next_step}")


def brought_along() -> Path | None:
    """The program that Assay's own lock file installs; None: it is not installed."""
    path = Path(sysconfig.get_path("scripts")) / "docker-compose"
    return path if path.is_file() else None


def confined(root: Path) -> Confined:
    """The host's own plug-in if there is one, else the program that Assay brings. Blocking.

    Raises:
        PlatformError: neither runs under bubblewrap here.
    """
    trouble = ""
    for program in _programs():
        key = (program, program.stat().st_mtime_ns)
        trouble = "" if key in _usable else Confined(program).trouble(root)
        if not trouble:
            _usable.add(key)
            return Confined(program)
    if brought_along() is None:
        raise fault(NO_COMPOSE, "build", "Docker Compose is not installed: run `make venv`")
    missing = [name for name in ("bwrap", "prlimit") if shutil.which(name) is None]
    if missing:
        raise _no_sandbox(f"{' and '.join(missing)} missing")
    raise fault(NO_COMPOSE, "build", trouble)


def _programs() -> list[Path]:
    own = brought_along()
    folders = (Path.home() / ".docker" / "cli-plugins", *_PLUGINS)
    plugins = [folder / "docker-compose" for folder in folders]
    return [path for path in (*plugins, own) if path is not None and path.is_file()]
