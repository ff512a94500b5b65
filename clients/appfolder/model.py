"""How an app is built and run: the answer of `read_plan`, which both runtimes follow."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Condition = Literal["service_started", "service_healthy", "service_completed_successfully"]


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A file or folder of the app that its container gets at `target`.

    Attributes:
        source: inside the app folder; None: the compose file itself holds the `content`.
        folder: an empty folder, as Docker makes one for a mount whose source is missing.
        masked: paths in the container below `target` that a volume hides; nothing of `source` is
            put there.
    """

    target: str
    source: Path | None = None
    content: str = ""
    folder: bool = False
    masked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tmpfs:
    """A folder in memory; `options` as mount(8) has them; `size_bytes` 0: our own bound."""

    target: str
    size_bytes: int = 0
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Healthcheck:
    """A container health check; times in seconds."""

    test: tuple[str, ...]
    interval_s: float = 10.0
    timeout_s: float = 5.0
    retries: int = 3
    start_period_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """One service of an app.

    Attributes:
        context: build context inside the app folder; None: the service runs `image` as it is.
        dockerfile: text of the Dockerfile, the app's own or our scaffold's.
        ports: container ports, most likely first; empty: find out from the image.
        published: (port on its author's machine, container port) of the compose file.
        publishes: whether its author reaches it from outside: its ports are published, or it is the
            only service.
        optional: dependencies (of `depends_on`) that may fail without stopping it.
        restarts: whether its author restarts it when it fails.
        one_shot: whether another service waits for its end: it finishes its work and exits.
        volumes: (volume name, path in the container), of volumes that services share.
        folders: paths of its own volumes: parts of its container, with the image's files there, or
            made where the image has none.
        aliases: further names on the app's own network.
        files: the app's own files that its container gets in addition to its image.
        tmpfs: folders in memory.
        ulimits: (name, soft, hard); -1: no limit but ours.
        sysctls: of its own network namespace.
        shm_bytes: size of /dev/shm; 0: ours.
        listens: port that it was seen to listen on, whatever it declares; 0: not seen yet.
    """

    name: str
    context: Path | None = None
    dockerfile: str = ""
    target: str = ""
    args: dict[str, str] = field(default_factory=dict[str, str])
    image: str = ""
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    environment: dict[str, str] = field(default_factory=dict[str, str])
    ports: tuple[int, ...] = ()
    published: tuple[tuple[int, int], ...] = ()
    publishes: bool = True
    working_dir: str = ""
    user: str = ""
    depends_on: dict[str, Condition] = field(default_factory=dict[str, Condition])
    optional: frozenset[str] = frozenset()
    one_shot: bool = False
    restarts: bool = False
    healthcheck: Healthcheck | None = None
    volumes: tuple[tuple[str, str], ...] = ()
    folders: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    files: tuple[OwnFile, ...] = ()
    tmpfs: tuple[Tmpfs, ...] = ()
    ulimits: tuple[tuple[str, int, int], ...] = ()
    sysctls: dict[str, str] = field(default_factory=dict[str, str])
    extra_hosts: dict[str, str] = field(default_factory=dict[str, str])
    group_add: tuple[str, ...] = ()
    hostname: str = ""
    shm_bytes: int = 0
    read_only: bool = False
    stdin_open: bool = False
    tty: bool = False
    listens: int = 0

    @property
    def is_own(self) -> bool:
        """Whether some part of it is the app's own work, not only an image made by others."""
        return self.context is not None or bool(self.files)


@dataclass(frozen=True, slots=True)
class AppPlan:
    """Every service of an app in start order, and the settings that are not honoured.

    Attributes:
        dropped: settings that are not honoured, for the record.
        needed: those of them that an app may need to start.
    """

    services: tuple[ServicePlan, ...]
    dropped: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
