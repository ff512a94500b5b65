"""How a program that executes what an app wrote is confined, and which confinement held.

One rule for every browser: it reaches the app's own origins and nothing else. `egress.py` enforces
it. The ways to confine are, the best first:

- `namespace`: no network but a loopback of its own, no file but the system, its tools and one
  folder, own processes, not root. The proxy is the only way out because there is no other.
- `files`: the same, but on the host's network, if no network namespace is possible. Chromium's own
  switches send everything to the proxy.
- `flags`: those switches alone, as the current user.

A program that cannot be confined is not run.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from analyzers.runtime.live.chromium import ASKED_BY_ITSELF
from analyzers.runtime.tool import Command, ToolFault

UID = 65_534
WAYS = ("namespace", "files", "flags")
BEST_WAY = WAYS[0]
_PROGRAM = Path(__file__).with_name("egress.py")
_SYSTEM = ("/usr", "/etc")
_LINKED = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_OPTIONAL = ("/opt/google", "/var/cache/fontconfig", "/sys/devices/system/cpu")
_BOX = "/box"
_SEEN_NAMES = 12


@dataclass(frozen=True, slots=True)
class Held:
    """Which confinement held, and which connections it let through or refused.

    Attributes:
        way: one of `WAYS`.
        failed: why each better way did not hold.
        sandbox: whether Chromium's own sandbox was on.
        served: `host:port` -> number of connections that were let through to the app.
        refused: `host:port` -> number of connections that were refused.
    """

    way: str
    failed: Mapping[str, str]
    sandbox: bool
    served: Mapping[str, int]
    refused: Mapping[str, int]

    @property
    def notes(self) -> tuple[str, ...]:
        """For the report: how the program was confined, and which connections were refused."""
        refused = self.refusals
        return (f"confined: {self.text}", *((refused,) if refused else ()))

    @property
    def refusals(self) -> str:
        """The refused connections that the app's content asked for, the most frequent first."""
        names = [name for name in self.refused if not ASKED_BY_ITSELF.match(name)]
        names.sort(key=lambda name: (-self.refused[name], name))
        shown = ", ".join(f"{name} ({self.refused[name]})" for name in names[:_SEEN_NAMES])
        more = f" and {len(names) - _SEEN_NAMES} more" if len(names) > _SEEN_NAMES else ""
        refused = f"connections beyond the app's own origins were refused: {shown}{more}"
        return refused if names else ""

    @property
    def text(self) -> str:
        """The confinement in one line."""
        way = {
            "namespace": "own network namespace, own view of files, not root",
            "files": "own view of files, not root, the proxy as the only way out",
            "flags": "not root, the proxy as the only way out",
        }[self.way]
        off = "" if self.sandbox else "; without Chromium's own sandbox: no user namespaces here"
        reasons = dict.fromkeys(self.failed.values())
        why = "; ".join(f"{_names(self.failed, reason)}: {reason}" for reason in reasons)
        return f"{way}{off}{f' ({why})' if why else ''}"


def _names(failed: Mapping[str, str], reason: str) -> str:
    better = {"namespace": "no network namespace", "files": "no own view of files"}
    return ", ".join(better[way] for way, why in failed.items() if why == reason)


class Confinement:
    """Runs a tool's programs confined, with a folder of their own and one way out.

    Args:
        workspace: the tool's own folder; the programs see only a folder below it.
        routes: `host:port` as a page asks for it -> `host:port` of the app, see `origins.py`.
        programs: executables (absolute) that the confined program starts or is, whose folders it
            must see.
        readable: further files and folders it must see, in their place.
        ways: which confinements may be used, the best first; None: all of `WAYS`.
    """

    def __init__(
        self,
        workspace: Path,
        routes: Mapping[str, str],
        programs: Sequence[Path],
        readable: Sequence[Path] = (),
        ways: Sequence[str] | None = None,
    ) -> None:
        self.folder = workspace / "confined"
        self._workspace = workspace
        self._routes = dict(routes)
        self._programs = tuple(programs)
        self._readable = tuple(readable)
        self._ways = tuple(ways or WAYS)
        self._reports = list[Path]()
        self._uid = UID if os.getuid() == 0 else 0

    def command(
        self, argv: Sequence[str], env: Mapping[str, str] | None = None, **more: Any
    ) -> Command:
        """The command that runs `argv` confined, in `folder`.

        In `argv`, `{egress}` becomes the proxy's port. `{sandbox}` becomes `--no-sandbox` if
        Chromium's own sandbox is not possible, else nothing. `more` is as in `Command`.
        """
        self.folder.mkdir(exist_ok=True)
        if self._uid:
            os.chown(self.folder, self._uid, self._uid)
        number = len(self._reports) + 1
        report = self._workspace / f"egress-{number}.json"
        job_file = self._workspace / f"egress-{number}.job.json"
        self._reports.append(report)
        job_file.write_text(json.dumps(self._job(report, env or {})), encoding="utf-8")
        called = more.pop("called", "") or Path(argv[0]).name
        line = (*_python(), str(_PROGRAM), str(job_file), *argv)
        return Command(argv=line, called=called, **more)

    def opened(self, path: Path) -> BinaryIO:
        """A file that a confined program left, opened for reading. Links are not followed.

        Raises:
            ToolFault: there is none.
        """
        try:
            return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")
        except OSError as error:
            raise ToolFault(f"no {path.name} was written: {error.strerror}") from error

    def held(self) -> Held:
        """How the last command was confined.

        Raises:
            ToolFault: it left no report.
        """
        return _read(self._reports[-1])

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes of all commands so far, each once."""
        held = [_read(path) for path in self._reports if path.is_file()]
        if not held:
            return ()
        merged: dict[str, int] = {}
        for report in held:
            for name, count in report.refused.items():
                merged[name] = merged.get(name, 0) + count
        ways = dict.fromkeys(note for report in held for note in report.notes[:1])
        last = held[-1]
        return (*ways, *Held(last.way, last.failed, last.sandbox, {}, merged).notes[1:])

    def _job(self, report: Path, env: Mapping[str, str]) -> dict[str, Any]:
        attempts = [self._attempt(name, env) for name in self._ways]
        return {
            "routes": self._routes,
            "uid": self._uid,
            "inside": [*_python(), str(_PROGRAM)],
            "attempts": attempts,
            "report": str(report),
        }

    def _attempt(self, name: str, more: Mapping[str, str]) -> dict[str, Any]:
        own_network, argv, home = name == "namespace", list[str](), "/proc/self/cwd"
        if name != "flags":
            argv = [*_bubblewrap(own_network, bool(self._uid)), *self._view(), "--"]
            home = _BOX
        folders = [str(program.parent) for program in self._programs]
        path = os.pathsep.join(dict.fromkeys([*folders, "/usr/local/bin", "/usr/bin", "/bin"]))
        env = {"PATH": path, "HOME": home, "TMPDIR": home, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
        return {
            "name": name,
            "argv": argv,
            "own_network": own_network,
            "cwd": str(self.folder),
            "env": {**env, **more},
        }

    def _view(self) -> list[str]:
        """Mounts: the system, the tools and the one folder, no other files of the host."""
        words = list[str]()
        for name in _SYSTEM:
            words += ["--ro-bind", name, name]
        for name in _LINKED:
            path = Path(name)
            if path.is_symlink():
                words += ["--symlink", os.readlink(path), name]
            elif path.is_dir():
                words += ["--ro-bind", name, name]
        for name in _OPTIONAL:
            words += ["--ro-bind-try", name, name]
        words += ["--proc", "/proc", "--dev", "/dev"]
        seen = [_PROGRAM, *self._readable, *_homes(Path(sys.executable))]
        seen += [folder for program in self._programs for folder in _homes(program)]
        parents = {parent for path in seen for parent in path.parents if parent != Path("/")}
        for parent in sorted(parents):  # bubblewrap's default is readable by root alone
            in_system = any(parent.is_relative_to(name) for name in (*_SYSTEM, *_LINKED))
            words += [] if in_system else ["--perms", "0755", "--dir", str(parent)]
        for path in dict.fromkeys(seen):
            words += ["--ro-bind", str(path), str(path)]
        words += ["--bind", str(self.folder), _BOX, "--chdir", _BOX, "--remount-ro", "/"]
        return words


def _bubblewrap(own_network: bool, is_root: bool) -> list[str]:
    words = ["bwrap", "--die-with-parent", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
    words += ["--unshare-net"] if own_network else []
    # Root needs no user namespace, but the capabilities to become another user.
    more = ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] if is_root else ["--unshare-user"]
    return [*words, "--cap-drop", "ALL", *more]


def _python() -> tuple[str, ...]:
    return (str(Path(sys.executable).resolve()), "-I", "-S")


def _homes(program: Path) -> list[Path]:
    """Installation folders of an executable outside /usr, one for each link that leads to it."""
    found = list[Path]()
    while True:
        home = program.parent.parent
        if not program.is_relative_to("/usr") and home != Path("/"):
            found.append(home)
        if not program.is_symlink():
            return found
        program = Path(os.path.normpath(program.parent / os.readlink(program)))


def _read(report: Path) -> Held:
    try:
        row = json.loads(report.read_bytes())
        return Held(row["held"], row["failed"], row["sandbox"], row["served"], row["refused"])
    except (OSError, ValueError, KeyError) as error:
        raise ToolFault(f"no report of the confinement: {error!r}") from error


def trial() -> Held:
    """Confine a program that does nothing, to see what this machine can do. Blocking, 20 s at most.

    Raises:
        ToolFault: no confinement holds here.
    """
    with TemporaryDirectory(prefix="assay-confine-") as name:
        box = Confinement(Path(name), {}, ())
        command = box.command((shutil.which("true") or "true",))
        done = subprocess.run(command.argv, capture_output=True, timeout=60, check=False)
        if done.returncode:
            raise ToolFault(done.stderr.decode("utf-8", "replace").strip()[:300])
        return box.held()
