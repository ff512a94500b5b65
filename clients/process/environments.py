"""Installed dependencies of trusted apps, kept by a digest of the files that name them."""

import asyncio
import hashlib
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from clients import blame
from clients.blame import AppFault, fault
from clients.ending import NO_ROOM_BYTES
from clients.excuses import Circumstances, excuse
from clients.limits import AppLimits
from clients.log_lines import cause_line, plain
from clients.named_locks import NamedLocks
from clients.process.recipe import Recipe
from clients.process.sandbox import (
    KILLED,
    Installer,
    interpreter_folders,
    node_bin,
    sandbox_refusal,
)
from clients.registries import registry_fault
from clients.source import digest_tree
from contract.errors import ErrorCode, PlatformError
from contract.source_digest import SKIPPED_FOLDERS

OnProgress = Callable[[str], None]
_READY = ".ready"
_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
_WORK = ".installing-"
_MARGIN_S = 600.0
_FULL = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
# What an installer wrote last may be gone when we look: its word counts, too, if there is little.
_LITTLE_BYTES = 1024**3


@dataclass(slots=True)
class Environments:
    """`python-<digest>` (a virtual environment) and `node-<digest>` (the app, built) in `folder`.

    Confined installers make each environment in a temporary folder; it is moved into place when it
    is complete. So every environment in `folder` is complete, whatever was killed meanwhile.

    Attributes:
        limits: `build_*` of one installer.
        hidden: folders that installers do not see.
    """

    folder: Path
    limits: AppLimits
    hidden: tuple[Path, ...]
    _locks: NamedLocks = field(default_factory=NamedLocks)

    async def ensure(self, recipe: Recipe, on_progress: OnProgress) -> tuple[Path | None, str]:
        """Folder with the dependencies of `recipe`, and the log if they were installed just now.

        Raises:
            AppFault: the app's dependencies cannot be installed.
            PlatformError: no npm, no network.
        """
        if recipe.language == "static":
            return None, ""
        key = await asyncio.to_thread(_key, recipe)
        target = self.folder / key
        async with self._locks.of(key):
            if (target / _READY).is_file():
                return target, ""
            on_progress(f"{recipe.name}: installing dependencies")
            return target, await self._install(recipe, target)

    async def _install(self, recipe: Recipe, target: Path) -> str:
        cache = self.folder / "cache"
        cache.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=self.folder, prefix=_WORK))
        readable = (recipe.context, *interpreter_folders())
        sandbox = Installer(work, target, readable, self.hidden, cache)
        install = self._python if recipe.language == "python" else self._node
        try:
            log = await install(recipe, sandbox)
            (work / _READY).touch()
            await asyncio.to_thread(_publish, work, target)
        finally:
            await asyncio.to_thread(shutil.rmtree, work, ignore_errors=True)
        return log

    async def _python(self, recipe: Recipe, sandbox: Installer) -> str:
        target = str(sandbox.target)
        # Not the interpreter of our own virtual environment: the sandbox does not see that one.
        base = str(Path(sys.executable).resolve())
        log = await self._run(recipe, sandbox, [base, "-m", "venv", target], recipe.context)
        pip = [f"{target}/bin/python", "-m", "pip", "install", "--no-input", "-q"]
        pip += ["-r", str(recipe.context / "requirements.txt")]
        return log + await self._run(recipe, sandbox, pip, recipe.context)

    async def _node(self, recipe: Recipe, sandbox: Installer) -> str:
        if shutil.which("npm") is None:
            raise PlatformError(
                ErrorCode.FAILED_PRECONDITION,
                "npm is not there: make tools brings it, or use Docker Engine",
            )
        await asyncio.to_thread(copy_source, recipe.context, sandbox.work)
        install = "ci" if (sandbox.work / "package-lock.json").is_file() else "install"
        log = await self._run(recipe, sandbox, ["npm", install], sandbox.target)
        build = ["npm", "run", "build", "--if-present"]
        return log + await self._run(recipe, sandbox, build, sandbox.target)

    async def _run(self, recipe: Recipe, sandbox: Installer, command: list[str], cwd: Path) -> str:
        """Run one installer; a time-out, a cancellation or our own death ends all its processes."""
        process = await asyncio.create_subprocess_exec(
            *sandbox.argv(command, cwd, self.limits),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(self.limits.build_deadline_s):
                output, _ = await process.communicate()
        except TimeoutError as error:
            message = (
                f"{recipe.name}: {' '.join(command[:3])} took longer than"
                f" {self.limits.build_deadline_s:.0f} s"
            )
            raise PlatformError(ErrorCode.DEADLINE_EXCEEDED, message) from error
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        text = output.decode(errors="replace")
        if process.returncode != 0:
            free_bytes = shutil.disk_usage(self.folder).free
            raise _failure(recipe, command, process.returncode, text, free_bytes)
        return text

    def sweep(self) -> None:
        """Remove unfinished installations of killed workers. Blocking."""
        # A Node environment takes two installers, each with the whole deadline.
        before = time.time() - 2 * self.limits.build_deadline_s - _MARGIN_S
        for work in self.folder.glob(f"{_WORK}*"):
            with suppress(OSError):
                if work.stat().st_mtime < before:
                    shutil.rmtree(work, ignore_errors=True)


def _publish(work: Path, target: Path) -> None:
    """Move a complete environment into place, unless another worker was faster."""
    if target.is_dir() and not (target / _READY).is_file():
        shutil.rmtree(target)
    try:
        work.rename(target)
    except OSError:
        if not (target / _READY).is_file():
            raise


def copy_source(source: Path, target: Path) -> None:
    """Copy an app folder without dependencies and caches; links are kept as links."""
    shutil.copytree(source, target, symlinks=True, ignore=_no_source, dirs_exist_ok=True)


def _no_source(folder: str, names: list[str]) -> set[str]:
    """Names of dependencies and caches; a virtual environment is known by its `pyvenv.cfg`."""
    environments = {name for name in names if Path(folder, name, "pyvenv.cfg").is_file()}
    return environments | (SKIPPED_FOLDERS & set(names))


def app_environment(
    recipe: Recipe, ports: Mapping[str, int], installed: Path | None
) -> dict[str, str]:
    """Variables of the app; `name:port` of other services becomes their real address."""
    values = dict(recipe.environment)
    for other, port in ports.items():
        values = {name: _readdressed(value, other, port) for name, value in values.items()}
    programs = {"python": installed and installed / "bin", "node": node_bin()}.get(recipe.language)
    return values | {
        "PATH": f"{programs}:{_SYSTEM_PATH}" if programs else _SYSTEM_PATH,
        "HOME": "/tmp",  # noqa: S108
        "HOST": "127.0.0.1",
        "PORT": str(ports[recipe.name]),
        "DATA_DIR": "/mnt/data",
    }


def _readdressed(value: str, service: str, port: int) -> str:
    """`http://backend:5000/x` as `http://127.0.0.1:<port>/x`."""
    return re.sub(rf"//{re.escape(service)}(?::\d+)?(?=[/\s]|$)", f"//127.0.0.1:{port}", value)


def _key(recipe: Recipe) -> str:
    """Python: requirements and interpreter. Node: the whole tree, because it is built in place."""
    if recipe.language == "node":
        return f"node-{digest_tree(recipe.context).digest[:24]}"
    requirements = (recipe.context / "requirements.txt").read_bytes()
    return f"python-{hashlib.sha256(sys.version.encode() + requirements).hexdigest()[:24]}"


def _failure(
    recipe: Recipe, command: list[str], code: int | None, text: str, free_bytes: int
) -> AppFault | PlatformError:
    last = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
    if (refusal := sandbox_refusal(last)) is not None:
        return refusal
    last_line = cause_line(text)
    failure = f"{recipe.name}: {Path(command[0]).name} {' '.join(command[1:4])} failed: {last_line}"
    if free_bytes < (_LITTLE_BYTES if _FULL.search(text) else NO_ROOM_BYTES):
        return fault(blame.BUILD_ENGINE, "build", f"the host's disk is full: free some; {failure}")
    if command[1:3] == ["-m", "venv"]:  # the app has no part in it yet
        return fault(blame.BUILD_ENGINE, "build", failure)
    if registry_fault(plain(text)):
        return fault(blame.REGISTRY, "build", f"no package registry: {failure}")
    if code in KILLED:
        return fault(blame.BUILD_KILLED, "build", f"killed from outside: {failure}")
    if found := excuse(text, Circumstances(recipe.substitutions)):
        return fault(found[0], "build", f"{failure}; {found[1]}")
    return fault(blame.BUILD_FAILED, "build", failure, text)
