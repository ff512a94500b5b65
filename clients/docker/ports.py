"""Which ports of a container may answer HTTP, and where they are named."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from clients.appfolder import ServicePlan
from clients.docker.named_ports import command_ports

WELL_KNOWN_PORTS = (8000, 5000, 3000, 8080, 80)
_MAX_DECLARED = 8
_MAX_LINES = 400
_LINE_BYTES = 400
# `Listening on http://0.0.0.0:3000`, `Local: http://localhost:5173/`, `Uvicorn running on ...`.
_URL = re.compile(r"https?://(?:\[[0-9a-f:]*\]|[\w.*-]+):(\d{2,5})\b", re.IGNORECASE)
_LISTENS = re.compile(r"\b(?:listen|serv|run|start|ready|bound|bind|local:)", re.IGNORECASE)
_PORT = re.compile(
    r"(?:\bport(?:\(s\)|s)?[ :=#]+|\bon :|(?:0\.0\.0\.0|\[::\]|\*):|\bon (?=\d{3,5}(?![\w:/.-])))"
    r"(\d{2,5})\b",
    re.IGNORECASE,
)


def declared_ports(plan: ServicePlan, image: Mapping[str, Any]) -> dict[int, str]:
    """Ports that the app declares -> where it declares them; likeliest first.

    A port that it was seen to listen on goes first, then a port that both EXPOSE and the compose
    file name.

    Args:
        plan: the service.
        image: configuration of its image.
    """
    exposed = [int(str(key).split("/")[0]) for key in image.get("ExposedPorts") or {}]
    env = [str(item).partition("=") for item in image.get("Env") or []]
    variables = {name: value for name, _, value in env} | plan.environment
    port = variables.get("PORT", "")
    named = [int(port)] if port.isdecimal() and 0 < int(port) < 65_536 else []
    found = {plan.listens: "seen before"} if plan.listens else {}
    both = [port for port in plan.ports if port in exposed]
    ways = (
        (both, "EXPOSE"),
        (exposed, "EXPOSE"),
        (plan.ports, "compose file"),
        (named, "PORT"),
        (command_ports(_command(plan, image)), "command"),
    )
    for ports, how in ways:
        for candidate in ports:
            found.setdefault(candidate, how)
    return dict(list(found.items())[:_MAX_DECLARED])


def _command(plan: ServicePlan, image: Mapping[str, Any]) -> list[str]:
    """The words of the command that its container runs."""
    entrypoint = plan.entrypoint if plan.entrypoint is not None else image.get("Entrypoint")
    # A plan with an entrypoint does not use the image's own arguments.
    own = image.get("Cmd") if plan.entrypoint is None else None
    command = plan.command if plan.command is not None else own
    return [str(word) for word in (*(entrypoint or ()), *(command or ()))]


def candidate_ports(declared: Iterable[int], source: Iterable[int]) -> tuple[int, ...]:
    """Ports to publish: declared or named ones, and those that apps use without naming them.

    Each port costs a process of a few megabytes on the engine's host and 0.02 s; a port that we
    missed costs another start of the app.
    """
    return tuple(dict.fromkeys((*declared, *source, *WELL_KNOWN_PORTS)))


def logged_ports(log: bytes) -> tuple[int, ...]:
    """Ports that a container's log says it listens on, latest first. Hostile text."""
    found: list[int] = []
    for raw in log.splitlines()[-_MAX_LINES:]:
        line = raw[:_LINE_BYTES].decode(errors="replace")
        if _LISTENS.search(line):
            found += map(int, _URL.findall(line) or _PORT.findall(line))
    return tuple(dict.fromkeys(port for port in reversed(found) if 0 < port < 65_536))
