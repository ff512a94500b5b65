"""A service as Docker Compose resolves it: one spelling per key; keys not honoured are extra."""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(us|µs|ns|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def _seconds(value: Any) -> Any:
    """`1m30s` in seconds."""
    if not isinstance(value, str):
        return value
    parts = _DURATION.findall(value)
    if "".join(f"{number}{unit}" for number, unit in parts) != value or not parts:
        raise ValueError(f"{value!r} is no duration")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def _nothing_as_empty(value: Any) -> Any:
    return {} if value is None else value


Words = tuple[str, ...] | None
Mapping = dict[str, str | None]
Seconds = Annotated[float, BeforeValidator(_seconds), Field(ge=0)]


class _Part(BaseModel):
    """Keeps unknown keys in `model_extra`, so that they can be recorded as dropped."""

    model_config = ConfigDict(extra="allow", coerce_numbers_to_str=True)


class ComposeBuild(_Part):
    """`build`."""

    context: str = ""
    dockerfile: str = "Dockerfile"
    dockerfile_inline: str = ""
    args: Mapping = {}
    target: str = ""


class ComposeHealthcheck(_Part):
    """`healthcheck`. Without an interval of its own it runs more often than Docker would run it."""

    test: tuple[str, ...] = ()
    interval: Seconds = 10.0
    timeout: Seconds = 30.0
    retries: int = 3
    start_period: Seconds = 0.0
    disable: bool = False


class ComposeDependency(_Part):
    """One entry of `depends_on`."""

    condition: Literal["service_started", "service_healthy", "service_completed_successfully"] = (
        "service_started"
    )
    required: bool = True


class ComposePort(_Part):
    """One entry of `ports`."""

    target: int
    published: str = ""
    host_ip: str = ""
    protocol: str = "tcp"


class ComposeMount(_Part):
    """One entry of `volumes`."""

    type: str = "volume"
    source: str = ""
    target: str = ""
    read_only: bool = False
    bind: dict[str, Any] | None = None
    tmpfs: Annotated[dict[str, Any], BeforeValidator(_nothing_as_empty)] = {}
    volume: Annotated[dict[str, Any], BeforeValidator(_nothing_as_empty)] = {}


class ComposeFile(_Part):
    """One entry of `secrets` or `configs`; owner and mode are ignored, as by Docker Compose."""

    source: str
    target: str = ""


class ComposeNetwork(_Part):
    """One entry of `networks` of a service."""

    aliases: list[str] = []


class ComposeLimits(_Part):
    """One entry of `ulimits`."""

    soft: int
    hard: int


class ComposeDeploy(_Part):
    """`deploy`."""

    replicas: int | None = None
    resources: Annotated[dict[str, Any], BeforeValidator(_nothing_as_empty)] = {}


Networks = dict[str, Annotated[ComposeNetwork, BeforeValidator(_nothing_as_empty)]]


class ComposeService(_Part):
    """One entry of `services`."""

    build: ComposeBuild | None = None
    image: str = ""
    command: Words = None
    entrypoint: Words = None
    environment: Mapping = {}
    ports: list[ComposePort] = []
    expose: list[str] = []
    depends_on: dict[str, ComposeDependency] = {}
    healthcheck: ComposeHealthcheck | None = None
    volumes: list[ComposeMount] = []
    working_dir: str = ""
    user: str = ""
    container_name: str = ""
    hostname: str = ""
    secrets: list[ComposeFile] = []
    configs: list[ComposeFile] = []
    networks: Annotated[Networks, BeforeValidator(_nothing_as_empty)] = {}
    network_mode: str = ""
    links: list[str] = []
    extra_hosts: list[str] = []
    tmpfs: list[str] = []
    ulimits: dict[str, int | ComposeLimits] = {}
    sysctls: dict[str, str] = {}
    group_add: list[str] = []
    shm_size: int = 0
    read_only: bool = False
    stdin_open: bool = False
    tty: bool = False
    scale: int | None = None
    deploy: ComposeDeploy | None = None
    ipc: str = ""
    pid: str = ""
    cap_add: list[str] = []

    @property
    def copies(self) -> int:
        """How many containers of it Docker Compose runs."""
        replicas = self.deploy.replicas if self.deploy else None
        return next((count for count in (self.scale, replicas) if count is not None), 1)


class ComposeDocument(_Part):
    """The resolved document."""

    services: dict[str, ComposeService]
    networks: dict[str, Annotated[dict[str, Any], BeforeValidator(_nothing_as_empty)]] = {}
    volumes: dict[str, Annotated[dict[str, Any], BeforeValidator(_nothing_as_empty)]] = {}
    secrets: dict[str, dict[str, Any]] = {}
    configs: dict[str, dict[str, Any]] = {}

    def is_awaited(self, name: str) -> bool:
        """Whether a service waits for `name` to end."""
        return any(
            body.depends_on[name].condition == "service_completed_successfully"
            for body in self.services.values()
            if name in body.depends_on
        )

    def build_of(self, image: str) -> ComposeBuild | None:
        """The build of another service that makes `image`; None: there is none, so it is pulled."""
        named = (body for body in self.services.values() if body.build and body.image)
        found = (body.build for body in named if _tagged(body.image) == _tagged(image))
        return next(found, None)


def _tagged(image: str) -> str:
    return image if ":" in image.rpartition("/")[2] else f"{image}:latest"
