"""The address of a running service for analyzers: the one place that knows where they run."""

from typing import Literal

from contract.running import RunningApp
from contract.target import Further, Target

Location = Literal["host", "network"]


def base_url(location: Location, dns_name: str, host_port: int | None, port: int | None) -> str:
    """Address of a service for an analyzer on this host, or on the app's network."""
    if location == "network":
        return f"http://{dns_name}:{port}"
    return f"http://127.0.0.1:{host_port}"


def resolve_targets(app: RunningApp, location: Location) -> tuple[Target, ...]:
    """Every service of `app` that answers HTTP, back ends first."""
    targets = [
        Target(
            service=service.service,
            base_url=base_url(
                location, service.dns_name, service.host_port, service.container_port
            ),
            container_id=service.container_id,
            role=service.role,
            published=service.published,
            written_for=service.written_for,
            folder=service.folder,
            further=tuple(
                Further(
                    base_url=base_url(
                        location, service.dns_name, extra.host_port, extra.container_port
                    ),
                    published=extra.published,
                    written_for=(extra.container_port,),
                )
                for extra in service.further
            ),
        )
        for service in app.services
        if service.role != "support" and service.container_port is not None
    ]
    return tuple(sorted(targets, key=lambda target: target.role != "backend"))
