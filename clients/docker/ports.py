"""Which ports of a container may answer HTTP."""

from typing import Any

from clients.appfolder import ServicePlan

WELL_KNOWN_PORTS = (8000, 5000, 3000, 8080, 80)
_MAX_PORTS = 5


def candidate_ports(plan: ServicePlan, image: dict[str, Any]) -> tuple[int, ...]:
    """Ports that may answer, likeliest first: EXPOSE, compose, PORT, well-known ones.

    A port that the app was seen to listen on goes first, then one that both EXPOSE and the compose
    file name.
    """
    exposed = [int(str(key).split("/")[0]) for key in image.get("ExposedPorts") or {}]
    both = [port for port in plan.ports if port in exposed]
    env = [str(item).partition("=") for item in image.get("Env") or []]
    variables = {name: value for name, _, value in env}
    port = (variables | plan.environment).get("PORT", "")
    named = [int(port)] if port.isdecimal() and 0 < int(port) < 65_536 else []
    seen = [plan.listens] if plan.listens else []
    declared = list(dict.fromkeys([*seen, *both, *exposed, *plan.ports, *named]))
    return tuple(declared[:_MAX_PORTS]) or WELL_KNOWN_PORTS
