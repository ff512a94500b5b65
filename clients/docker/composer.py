"""Docker Compose in its own container, for hosts where this process cannot run a sandbox.

A worker in a container cannot make namespaces, and other systems have no bubblewrap. There the
program that Assay brings along runs in a container without network, volumes, capabilities and
variables of the host. The parts of the app that it may read are copied in, so that the engine need
not see the app's folder.
"""

import hashlib
import io
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import docker.errors
import docker.types
import requests.exceptions

from clients.appfolder.composer import (
    MAX_MEMORY_BYTES,
    MAX_OUTPUT_BYTES,
    MAX_SECONDS,
    Answer,
    brought_along,
    confined,
    environment,
    place,
)
from clients.appfolder.faults import beyond, outside
from clients.blame import NO_COMPOSE, fault
from clients.docker.errors import platform_error
from contract.errors import PlatformError

_REPOSITORY = "assay/compose"
_LEFT_OUT = frozenset({".git", "node_modules", "__pycache__", ".venv", "venv"})
# A larger file is no text that Docker Compose reads.
_MAX_FILE_BYTES = 8 * 1024 * 1024
_MAX_BYTES = 64 * 1024 * 1024
_MAX_FILES = 20_000
_NOBODY = "65534:65534"


@dataclass(frozen=True, slots=True)
class Composers:
    """Docker Compose under bubblewrap where that works, else in a container. Blocking.

    Attributes:
        labels: find and remove a leftover container together with its app.
    """

    client: docker.DockerClient
    labels: dict[str, str]

    def run(self, root: Path, words: tuple[str, ...]) -> Answer:
        """The answer to `docker compose WORDS` in `root`.

        Raises:
            PlatformError: neither way works.
        """
        try:
            sandbox = confined(root)
        except PlatformError:
            if brought_along() is None:
                raise
            return InContainer(self.client, self.labels).run(root, words)
        return sandbox.run(root, words)


@dataclass(frozen=True, slots=True)
class InContainer:
    """Docker Compose in a container without network. Blocking."""

    client: docker.DockerClient
    labels: dict[str, str]

    def run(self, root: Path, words: tuple[str, ...]) -> Answer:
        """The answer to `docker compose WORDS` in a copy of `root`, within `MAX_SECONDS`.

        Raises:
            PlatformError: the engine is at fault, or cannot run this host's program.
        """
        try:
            return self._run(root, words)
        except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
            raise platform_error(error) from error

    def _run(self, root: Path, words: tuple[str, ...]) -> Answer:
        container: Any = self.client.containers.create(
            program_image(self.client), ["/compose", *words], **self._options(root)
        )
        try:
            container.put_archive("/", pack_text(root))
            try:
                container.start()
            except docker.errors.APIError as error:
                raise _cannot_run(str(error.explanation)) from error
            return _answer(container)
        finally:
            container.remove(force=True, v=True)

    def _options(self, root: Path) -> dict[str, Any]:
        fsize = docker.types.Ulimit(name="fsize", soft=MAX_OUTPUT_BYTES, hard=MAX_OUTPUT_BYTES)
        log = {"max-size": str(2 * MAX_OUTPUT_BYTES), "max-file": "1"}
        return {
            "labels": self.labels,
            "environment": environment(root),
            "working_dir": place(root),
            "user": _NOBODY,
            "network_mode": "none",
            "mem_limit": MAX_MEMORY_BYTES,
            "memswap_limit": MAX_MEMORY_BYTES,
            "pids_limit": 256,
            "nano_cpus": 10**9,
            "ulimits": [fsize],
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges:true"],
            "log_config": docker.types.LogConfig(type="json-file", config=log),
        }


def program_image(client: docker.DockerClient) -> str:
    """An image that holds only the program; it is made if it is missing. Blocking.

    Raises:
        PlatformError: this host's program is not one for Linux.
    """
    program = brought_along()
    data = program.read_bytes() if program else b""
    if not data.startswith(b"\x7fELF"):
        raise _cannot_run("this host's is no program of Linux")
    name = hashlib.sha256(data).hexdigest()[:12]
    try:
        client.images.get(f"{_REPOSITORY}:{name}")
    except docker.errors.ImageNotFound:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            info = tarfile.TarInfo("compose")
            info.size, info.mode = len(data), 0o755
            archive.addfile(info, io.BytesIO(data))
        client.api.import_image_from_data(buffer.getvalue(), repository=_REPOSITORY, tag=name)
    return f"{_REPOSITORY}:{name}"


def _answer(container: Any) -> Answer:
    try:
        code: int | None = int(container.wait(timeout=MAX_SECONDS)["StatusCode"])
    except (requests.exceptions.ReadTimeout, requests.exceptions.ConnectionError):
        code = None
        container.kill()
    out: bytes = container.logs(stdout=True, stderr=False)
    messages: bytes = container.logs(stdout=False, stderr=True)
    return Answer(code, out[:MAX_OUTPUT_BYTES], messages[:100_000].decode(errors="replace"))


def _cannot_run(why: str) -> Exception:
    next_step = "install bubblewrap, or use an engine of this host's platform"
    return fault(NO_COMPOSE, "build", f"no container for Docker Compose ({why[:200]}): {next_step}")


def pack_text(root: Path) -> bytes:
    """A tar of the files in `root` that Docker Compose may read, at their place. Blocking.

    Raises:
        PlatformError: the files are larger than the limit, or cannot be read.
    """
    buffer = io.BytesIO()
    try:
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
            _pack(archive, root.resolve(), place(root).lstrip("/"), buffer)
    except OSError as error:
        raise outside(f"compose file: {error.strerror}: {error.filename}") from error
    return buffer.getvalue()


def _pack(archive: tarfile.TarFile, root: Path, top: str, buffer: io.BytesIO) -> None:
    pending, count = [root], 0
    while pending:
        folder = pending.pop()
        info = tarfile.TarInfo(f"{top}/{folder.relative_to(root).as_posix()}")
        info.type, info.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(info)
        for path in sorted(folder.iterdir()):
            count += 1
            if count > _MAX_FILES or buffer.tell() > _MAX_BYTES:
                raise beyond("compose file: the app has more text beside it than is read")
            if not path.is_dir() or path.is_symlink():
                _add(archive, path, f"{top}/{path.relative_to(root).as_posix()}")
            elif path.name not in _LEFT_OUT:
                pending.append(path)


def _add(archive: tarfile.TarFile, path: Path, name: str) -> None:
    """Add a file, or a link that leads nowhere but to the copy; no pipe, no device."""
    if not path.is_symlink() and not path.is_file():
        return
    info = archive.gettarinfo(path, arcname=name)
    info.uid = info.gid = 0
    info.mode = 0o644
    if path.is_symlink():
        archive.addfile(info)
    elif path.stat().st_size <= _MAX_FILE_BYTES:
        info.type, info.linkname, info.size = tarfile.REGTYPE, "", path.stat().st_size
        archive.addfile(info, io.BytesIO(path.read_bytes()))
