"""The honoured subset of a compose service, in its many spellings; the rest is `model_extra`."""

import re
import shlex
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h)")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def _words(value: Any) -> Any:
    """Compose splits a command string like a shell does, without running one."""
    return shlex.split(value) if isinstance(value, str) else value


def _strings(value: Any) -> Any:
    return [str(item) for item in value] if isinstance(value, list) else value


def _mapping(value: Any) -> Any:
    """`[A=1, B]` or `{A: 1, B: null}`; a name without a value would come from the host: None."""
    if isinstance(value, list):
        pairs = (str(item).partition("=") for item in value)
        return {name: text if equals else None for name, equals, text in pairs}
    if isinstance(value, dict):
        return {str(name): _scalar(item) for name, item in value.items()}
    return value


def _scalar(value: Any) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _dependencies(value: Any) -> Any:
    if isinstance(value, list):
        return {str(name): {} for name in value}
    return {name: item or {} for name, item in value.items()} if isinstance(value, dict) else value


def _build(value: Any) -> Any:
    return {"context": value} if isinstance(value, str) else value


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) or value is None else [value]


def _seconds(value: Any) -> Any:
    """`1m30s` in seconds."""
    if not isinstance(value, str):
        return value
    parts = _DURATION.findall(value)
    if "".join(f"{number}{unit}" for number, unit in parts) != value.replace(" ", "") or not parts:
        raise ValueError(f"{value!r} is no duration such as 10s or 1m30s")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def _test(value: Any) -> Any:
    return ["CMD-SHELL", value] if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], BeforeValidator(_strings), BeforeValidator(_words)]
Mapping = Annotated[dict[str, str | None], BeforeValidator(_mapping)]
Seconds = Annotated[float, BeforeValidator(_seconds), Field(ge=0, le=3_600)]


class _Part(BaseModel):
    """Keeps what it does not know in `model_extra`, so that it can be recorded as dropped."""

    model_config = ConfigDict(extra="allow", coerce_numbers_to_str=True)


class ComposeBuild(_Part):
    """`build:`."""

    context: str = "."
    dockerfile: str = "Dockerfile"
    args: Mapping = {}
    target: str = ""


class ComposeHealthcheck(_Part):
    """`healthcheck:`."""

    test: Annotated[tuple[str, ...], BeforeValidator(_test)] = ()
    interval: Seconds = 10.0
    timeout: Seconds = 5.0
    retries: Annotated[int, Field(ge=1, le=100)] = 3
    start_period: Seconds = 0.0
    disable: bool = False


class ComposeDependency(_Part):
    """One entry of `depends_on:`."""

    condition: Literal["service_started", "service_healthy", "service_completed_successfully"] = (
        "service_started"
    )


class ComposeService(_Part):
    """One entry of `services:`."""

    build: Annotated[ComposeBuild | None, BeforeValidator(_build)] = None
    image: str = ""
    command: Words | None = None
    entrypoint: Words | None = None
    environment: Mapping = {}
    env_file: Annotated[list[Any] | None, BeforeValidator(_listed)] = None
    ports: list[Any] = []
    expose: list[Any] = []
    depends_on: Annotated[dict[str, ComposeDependency], BeforeValidator(_dependencies)] = {}
    healthcheck: ComposeHealthcheck | None = None
    volumes: list[Any] = []
    working_dir: str = ""
    user: str = ""
    container_name: str = ""
    hostname: str = ""
    profiles: list[str] = []
    secrets: list[Any] = []
    configs: list[Any] = []
