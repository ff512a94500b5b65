"""The services of an app that came up, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clients.appfolder import ServicePlan
from clients.docker.containers import State
from clients.docker.readiness import Up
from clients.roles import Role, Served, roles
from contract.running import FurtherPort, RunningService


@dataclass(frozen=True, slots=True)
class Found:
    """One service that runs."""

    plan: ServicePlan
    state: State
    up: Up


def running_services(
    found: Sequence[Found], served: Mapping[str, Served | None]
) -> tuple[tuple[RunningService, ...], list[str]]:
    """Services as they run, and a note on each measured one.

    Args:
        found: all running services.
        served: what each measured service serves; None where it gave no answer at last.
    """
    known = roles({name: seen for name, seen in served.items() if seen is not None})
    notes: list[str] = []
    services: list[RunningService] = []
    for service in found:
        name = service.plan.name
        if name not in served:
            services.append(_support(service))
            continue
        services.append(_service(service, known.get(name, "backend")))
        role = f": a {known[name]}" if name in known and len(served) > 1 else ""
        port = f"measured on port {service.up.port} ({service.up.found_by})"
        notes.append(f"{name}: {port}; {served[name] or 'gave no answer at last'}{role}")
    return tuple(services), notes


def _support(found: Found) -> RunningService:
    return RunningService(
        service=found.plan.name,
        container_id=found.state.id,
        dns_name=found.state.dns_name,
        role="support",
    )


def _service(found: Found, role: Role) -> RunningService:
    plan, state, port = found.plan, found.state, found.up.port or 0

    def published(inside: int) -> tuple[int, ...]:
        return tuple(host for host, container in plan.published if container == inside)

    return RunningService(
        service=plan.name,
        container_id=state.id,
        host_port=state.ports.get(port),
        container_port=port,
        dns_name=state.dns_name,
        role=role,
        published=published(port),
        written_for=(port,),
        found_by=found.up.found_by,
        further=tuple(
            FurtherPort(
                host_port=state.ports.get(other), container_port=other, published=published(other)
            )
            for other in found.up.further
        ),
    )
