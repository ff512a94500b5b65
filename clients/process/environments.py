"""Installed dependencies of trusted apps, kept by the digest of what asked for them."""

import asyncio
import hashlib
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from clients.appfolder import AppFault
from clients.docker.diagnosis import NETWORK
from clients.process.recipe import Recipe
from clients.source import digest_tree
from contract.errors import ErrorCode, PlatformError
from contract.source_digest import SKIPPED_FOLDERS

OnProgress = Callable[[str], None]
_READY = ".ready"


@dataclass(slots=True)
class Environments:
    """`python-<digest>` (a virtual environment) and `node-<digest>` (the app, built) in `folder`.

    Attributes:
        deadline_s: of one installation.
    """

    folder: Path
    deadline_s: float
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict[str, asyncio.Lock])

    async def ensure(self, recipe: Recipe, on_progress: OnProgress) -> tuple[Path | None, str]:
        """Folder with the dependencies of `recipe`, and the log of installing them, if it was.

        Raises:
            AppFault: the app's dependencies cannot be installed.
            PlatformError: no npm, no network.
        """
        if recipe.language == "static":
            return None, ""
        key = await asyncio.to_thread(_key, recipe)
        target = self.folder / key
        async with self._locks.setdefault(key, asyncio.Lock()):
            if (target / _READY).is_file():
                return target, ""
            on_progress(f"{recipe.name}: installing dependencies")
            await asyncio.to_thread(shutil.rmtree, target, ignore_errors=True)
            install = self._python if recipe.language == "python" else self._node
            log = await install(recipe, target)
            (target / _READY).touch()
            return target, log

    async def _python(self, recipe: Recipe, target: Path) -> str:
        requirements = recipe.context / "requirements.txt"
        log = await self._run(recipe, [sys.executable, "-m", "venv", str(target)], recipe.context)
        pip = [str(target / "bin/python"), "-m", "pip", "install", "--no-input", "-q"]
        return log + await self._run(recipe, [*pip, "-r", str(requirements)], recipe.context)

    async def _node(self, recipe: Recipe, target: Path) -> str:
        if shutil.which("npm") is None:
            raise PlatformError(
                ErrorCode.FAILED_PRECONDITION,
                "npm is not installed: install Node.js 20 or newer, or Docker Engine",
            )
        await asyncio.to_thread(copy_source, recipe.context, target)
        locked = (target / "package-lock.json").is_file()
        log = await self._run(recipe, ["npm", "ci" if locked else "install"], target)
        return log + await self._run(recipe, ["npm", "run", "build", "--if-present"], target)

    async def _run(self, recipe: Recipe, argv: list[str], cwd: Path) -> str:
        """Run an installer in a process group of its own, which a time-out or a cancel ends."""
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=cwd,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(self.deadline_s):
                output, _ = await process.communicate()
        except TimeoutError as error:
            message = (
                f"{recipe.name}: {' '.join(argv[:3])} took longer than {self.deadline_s:.0f} s"
            )
            raise PlatformError(ErrorCode.DEADLINE_EXCEEDED, message) from error
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        text = output.decode(errors="replace")
        if process.returncode != 0:
            raise _failure(recipe, argv, text)
        return text


def copy_source(source: Path, target: Path) -> None:
    """Copy an app folder without dependencies and caches; links are kept as links."""
    skipped = shutil.ignore_patterns(*(SKIPPED_FOLDERS - {"build", "dist"}))
    shutil.copytree(source, target, symlinks=True, ignore=skipped, dirs_exist_ok=True)


def app_environment(
    one: Recipe, ports: Mapping[str, int], installed: Path | None
) -> dict[str, str]:
    """Variables of the app; other services' `name:port` becomes where they really listen."""
    values = dict(one.environment)
    for other, port in ports.items():
        values = {name: _readdressed(value, other, port) for name, value in values.items()}
    bin_dir = f"{installed / 'bin'}:" if installed and one.language == "python" else ""
    return values | {
        "PATH": f"{bin_dir}/usr/local/bin:/usr/bin:/bin",
        "HOME": "/tmp",  # noqa: S108
        "HOST": "127.0.0.1",
        "PORT": str(ports[one.name]),
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


def _failure(recipe: Recipe, argv: list[str], text: str) -> Exception:

    last = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
    what = f"{recipe.name}: {Path(argv[0]).name} {' '.join(argv[1:4])} failed: {last[:300]}"
    if NETWORK.search(text):
        return PlatformError(ErrorCode.UNAVAILABLE, f"no package registry: {what}")
    return AppFault("build", what)
