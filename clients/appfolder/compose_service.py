"""One resolved compose service as a `ServicePlan`; settings not honoured go to the ledger."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from clients.appfolder import settings
from clients.appfolder.compose_model import (
    ComposeBuild,
    ComposeDocument,
    ComposePort,
    ComposeService,
)
from clients.appfolder.faults import AppFault, outside, unsupported
from clients.appfolder.ledger import Ledger
from clients.appfolder.model import Healthcheck, ServicePlan
from clients.appfolder.mounts import mounts
from clients.appfolder.ownfiles import secrets_and_configs
from clients.appfolder.reference import relative, shown
from clients.appfolder.tree import inside, read_text

_MAX_WAIT_S = 3_600.0
_MAX_PORTS = 8


@dataclass(frozen=True, slots=True)
class Reading:
    """The context in which a service is read.

    Attributes:
        file: its name in messages.
        variables: those of `.env`, read when they are first needed.
    """

    root: Path
    file: str
    document: ComposeDocument
    variables: Callable[[], dict[str, str]]
    ledger: Ledger


def service_plan(reading: Reading, name: str) -> ServicePlan:
    """Plan of service `name`.

    Raises:
        AppFault: a file is missing.
        PlatformError: a key that Compose would honour and that cannot be left out.
    """
    body, ledger = reading.document.services[name], reading.ledger
    settings.refuse_unsupported(reading.file, name, body)
    settings.record_extras(name, body, ledger)
    build = body.build or reading.document.build_of(body.image)
    context, dockerfile = _build(reading, name, build) if build else (None, "")
    ports = _ports(name, body, ledger)
    found = mounts(reading.root, name, body, reading.document, ledger)
    own = secrets_and_configs(reading.root, name, body, reading.document, reading.variables, ledger)
    files = (*found.files, *own)
    one_shot = reading.document.is_awaited(name)
    depends_on = {
        other: dependency for other, dependency in body.depends_on.items() if _runs(reading, other)
    }
    if body.read_only and files:
        ledger.note(f"{name}: read_only (files are copied into it)")
    return ServicePlan(
        name=name,
        context=context,
        dockerfile=dockerfile,
        target=build.target if build else "",
        args=_arguments(name, build, ledger) if build else {},
        image="" if build else body.image,
        command=body.command,
        entrypoint=body.entrypoint,
        environment=settings.known_variables(name, body, ledger),
        ports=ports,
        published=_published(body),
        publishes=_is_published(body) and not one_shot,
        working_dir=body.working_dir,
        user=body.user,
        depends_on={other: dependency.condition for other, dependency in depends_on.items()},
        optional=frozenset(
            other for other, dependency in depends_on.items() if not dependency.required
        ),
        one_shot=one_shot,
        restarts=str((body.model_extra or {}).get("restart", "no")) != "no",
        healthcheck=_healthcheck(reading.file, name, body),
        volumes=tuple(found.volumes),
        folders=tuple(found.private),
        files=files,
        tmpfs=tuple(found.tmpfs),
        ulimits=tuple(settings.ulimits(name, body, ledger)),
        sysctls=settings.sysctls(name, body, ledger),
        extra_hosts=settings.extra_hosts(name, body, ledger),
        group_add=tuple(body.group_add),
        hostname=body.hostname if settings.is_dns_name(body.hostname) else "",
        shm_bytes=body.shm_size,
        read_only=body.read_only and not files,
        stdin_open=body.stdin_open,
        tty=body.tty,
    )


def _runs(reading: Reading, other: str) -> bool:
    """Whether a dependency is run at all; Docker Compose has checked the required ones."""
    return other in reading.document.services and reading.document.services[other].copies > 0


def _build(reading: Reading, name: str, build: ComposeBuild) -> tuple[Path, str]:
    field = f"{reading.file}: {name}: build.context"
    below = relative(reading.root, build.context)
    if below is None:
        raise outside(
            f"{field}: {shown(reading.root, build.context)[:100]!r} leads out of the app folder"
        )
    context = inside(reading.root, below, field)
    if not context.is_dir():
        raise AppFault("build", f"{field}: there is no folder {below!r}")
    if build.dockerfile_inline:
        return context, build.dockerfile_inline
    dockerfile = (
        relative(reading.root, build.dockerfile) if build.dockerfile.startswith("/") else None
    )
    where = dockerfile or str(context.relative_to(reading.root.resolve()) / build.dockerfile)
    return context, read_text(reading.root, where, f"{reading.file}: {name}: dockerfile")


def _arguments(name: str, build: ComposeBuild, ledger: Ledger) -> dict[str, str]:
    for key, value in build.args.items():
        if value is None:
            ledger.need(f"{name}: build.args.{key} (the host's environment is not passed on)")
    return {key: value for key, value in build.args.items() if value is not None}


def _ports(name: str, body: ComposeService, ledger: Ledger) -> tuple[int, ...]:
    """Container ports, published ones first. Docker chooses the host's port."""
    found: list[int] = []
    for entry in body.ports:
        host = ":".join(part for part in (entry.host_ip, entry.published) if part)
        if host:
            ledger.note(f"{name}: ports {host} (host port; a free one on 127.0.0.1 is used)")
        if entry.protocol != "tcp":
            ledger.note(f"{name}: ports {entry.target}/{entry.protocol} (only TCP is published)")
        else:
            found.append(entry.target)
    for text in body.expose:
        port, _, protocol = text.partition("/")
        first, _, last = port.partition("-")
        if protocol in ("", "tcp") and first.isdecimal() and (last or first).isdecimal():
            found += range(int(first), min(int(last or first), int(first) + _MAX_PORTS) + 1)
    return tuple(dict.fromkeys(port for port in found if 0 < port < 65_536))[:_MAX_PORTS]


def _is_published(body: ComposeService) -> bool:
    """Whether the service can be reached from the machine that runs it."""
    return bool(body.ports) or body.network_mode == "host"


def _published(body: ComposeService) -> tuple[tuple[int, int], ...]:
    """(host port, container port) published over TCP; a range is given by its first port."""
    found = ((_first(entry), entry.target) for entry in body.ports if entry.protocol == "tcp")
    return tuple((host, port) for host, port in found if 0 < host < 65_536)[:_MAX_PORTS]


def _first(entry: ComposePort) -> int:
    first = entry.published.partition("-")[0]
    return int(first) if first.isdecimal() else 0


def _healthcheck(file: str, name: str, body: ComposeService) -> Healthcheck | None:
    check = body.healthcheck
    if check is None or (not check.test and not check.disable):
        return None
    if check.disable:
        return Healthcheck(("NONE",))
    if max(check.interval, check.timeout, check.start_period) > _MAX_WAIT_S or check.retries > 100:
        raise unsupported(f"{file}: {name}: healthcheck: more than an hour, or than 100 retries,")
    return Healthcheck(check.test, check.interval, check.timeout, check.retries, check.start_period)
