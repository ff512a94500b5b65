"""How an app is built and run: what `read_plan` answers and both runtimes follow."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Role = Literal["backend", "frontend", "support"]
Condition = Literal["service_started", "service_healthy", "service_completed_successfully"]


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A file or folder of the app that its container finds at `target`.

    Attributes:
        source: inside the app folder; None: `content` is written in the compose file itself.
    """

    target: str
    source: Path | None = None
    content: str = ""


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
        published: (port of its author's machine, container port) of the compose file.
        publishes: whether the service is expected to answer HTTP.
        volumes: (volume name, path in the container).
        aliases: further names on the app's own network.
        files: the app's own files that its container gets besides its image.
        listens: port that it was seen to listen on, whatever it declares; 0: not seen yet.
    """

    name: str
    role: Role = "backend"
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
    healthcheck: Healthcheck | None = None
    volumes: tuple[tuple[str, str], ...] = ()
    aliases: tuple[str, ...] = ()
    files: tuple[OwnFile, ...] = ()
    listens: int = 0


@dataclass(frozen=True, slots=True)
class AppPlan:
    """Every service of an app in start order, and what of its files is not honoured.

    Attributes:
        dropped: what is not honoured, for the record.
        needed: of that, what an app may need to start.
    """

    services: tuple[ServicePlan, ...]
    dropped: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
