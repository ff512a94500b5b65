"""One compose service as a `ServicePlan`; what is not honoured goes to `dropped` with a reason."""

import re
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel

from clients.appfolder.compose_model import ComposeBuild, ComposeService
from clients.appfolder.envfile import dotenv
from clients.appfolder.faults import AppFault, unsupported
from clients.appfolder.model import Healthcheck, OwnFile, Role, ServicePlan
from clients.appfolder.ownfiles import own_mount, secrets_and_configs
from clients.appfolder.tree import inside, read_text

_WHY = {
    "privileged": "no app runs privileged",
    "restart": "a restart would hide a crash",
    "networks": "every app has one network of its own",
    "network_mode": "every app has one network of its own",
    "cap_add": "capabilities are fixed",
    "cap_drop": "capabilities are fixed",
    "devices": "no host devices",
    "deploy": "limits are the platform's",
    "pid": "no host namespaces",
    "ipc": "no host namespaces",
    "security_opt": "no-new-privileges is fixed",
}
# Left out, the app would be another one, or would fail by our fault alone.
_UNSUPPORTED = ("extends", "volumes_from", "provider")
_UNSUPPORTED_BUILD = ("additional_contexts", "secrets", "ssh", "entitlements", "privileged")
_SUPPORT_IMAGE = re.compile(
    r"(postgres|postgis|mysql|mariadb|mongo|redis|valkey|memcached|rabbitmq|kafka|zookeeper|nats|minio"
    r"|elasticsearch|cassandra|mailhog|mailpit|adminer|phpmyadmin|pgadmin4?)$"
)
_FRONTEND_NAME = re.compile(r"front|client|web-?ui|^ui$|^web$|nginx|static|spa", re.IGNORECASE)
_DNS_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_PORT = re.compile(r"(?:.*:)?(\d{1,5})(?:-(\d{1,5}))?(?:/(tcp|udp))?$")


def service_plan(
    root: Path,
    file: str,
    name: str,
    body: ComposeService,
    dropped: list[str],
    document: dict[str, Any],
) -> ServicePlan:
    """Plan of service `name`; `document` is the whole file.

    Raises:
        AppFault: neither build nor image, or a path that leads out of the app folder.
        PlatformError: a key that Compose would honour and cannot be left out.
    """
    _refuse_unsupported(file, name, body)
    if body.build is None and not body.image:
        raise AppFault("build", f"{file}: {name} has neither build nor image")
    _drop_extras(name, body, dropped)
    context, dockerfile = (
        _build(root, file, name, body.build, dropped) if body.build else (None, "")
    )
    ports = _ports(name, body, dropped)
    role = _role(name, body, ports)
    volumes, files = _volumes(root, name, body.volumes, dropped)
    files += secrets_and_configs(root, file, name, document, body, dropped)
    return ServicePlan(
        name=name,
        role=role,
        context=context,
        dockerfile=dockerfile,
        target=body.build.target if body.build else "",
        args=_known(name, "build.args", body.build.args, dropped) if body.build else {},
        image="" if body.build else body.image,
        command=body.command,
        entrypoint=body.entrypoint,
        environment=_environment(root, name, body, dropped),
        ports=ports,
        published=_published(body),
        publishes=role != "support",
        working_dir=body.working_dir,
        user=body.user,
        depends_on={other: item.condition for other, item in body.depends_on.items()},
        healthcheck=_healthcheck(body),
        volumes=tuple(volumes),
        aliases=_aliases(name, body, dropped),
        files=tuple(files),
    )


def _refuse_unsupported(file: str, name: str, body: ComposeService) -> None:
    for key in _UNSUPPORTED:
        if (body.model_extra or {}).get(key):
            raise unsupported(f"{file}: `{key}` of {name}")
    for key in _UNSUPPORTED_BUILD:
        if body.build and (body.build.model_extra or {}).get(key):
            raise unsupported(f"{file}: `build.{key}` of {name}")


def _drop_extras(name: str, body: ComposeService, dropped: list[str]) -> None:
    for key in body.model_extra or {}:
        if not key.startswith("x-"):
            dropped.append(f"{name}: {key} ({_WHY.get(key, 'not in the honoured subset')})")
    parts: tuple[tuple[str, BaseModel | None], ...] = (
        ("build", body.build),
        ("healthcheck", body.healthcheck),
    )
    for prefix, part in parts:
        for key in (part.model_extra or {}) if part else {}:
            dropped.append(f"{name}: {prefix}.{key} (not in the honoured subset)")


def _build(
    root: Path, file: str, name: str, build: ComposeBuild, dropped: list[str]
) -> tuple[Path, str]:
    context = inside(root, build.context, f"{file}: {name}: build.context")
    if not context.is_dir():
        raise AppFault("build", f"{file}: {name}: there is no folder {build.context!r}")
    if "dockerfile_inline" in (build.model_extra or {}):
        inline = str((build.model_extra or {})["dockerfile_inline"])
        dropped.remove(f"{name}: build.dockerfile_inline (not in the honoured subset)")
        return context, inline
    where = context.relative_to(root.resolve()) / build.dockerfile
    return context, read_text(root, str(where), f"{file}: {name}: dockerfile")


def _environment(root: Path, name: str, body: ComposeService, dropped: list[str]) -> dict[str, str]:
    merged: dict[str, str] = {}
    for entry in body.env_file or []:
        fields = cast("dict[str, Any]", entry) if isinstance(entry, dict) else {"path": entry}
        path, required = str(fields.get("path", "")), fields.get("required", True)
        try:
            merged.update(dotenv(root, path))
        except AppFault as fault:
            if required:
                raise AppFault(fault.phase, f"{name}: {fault.reason}") from fault
    return merged | _known(name, "environment", body.environment, dropped)


def _known(
    name: str, what: str, values: dict[str, str | None], dropped: list[str]
) -> dict[str, str]:
    """Variables with a value; those that would be taken from the host are dropped."""
    for key, value in values.items():
        if value is None:
            dropped.append(f"{name}: {what}.{key} (the host's environment is not passed on)")
    return {key: value for key, value in values.items() if value is not None}


def _ports(name: str, body: ComposeService, dropped: list[str]) -> tuple[int, ...]:
    """Container ports, published ones first. The host's side is chosen by Docker."""
    found: list[int] = []
    for entry in [*body.ports, *body.expose]:
        port, host, protocol = _port(entry)
        if port is None or not 0 < port < 65_536:
            raise AppFault("build", f"{name}: {str(entry)[:60]!r} is no port")
        if host:
            dropped.append(f"{name}: ports {host} (host port; a free one on 127.0.0.1 is used)")
        if protocol == "udp":
            dropped.append(f"{name}: ports {port}/udp (only TCP is published)")
        elif port not in found:
            found.append(port)
    return tuple(found[:8])


def _published(body: ComposeService) -> tuple[tuple[int, int], ...]:
    """(host port, container port) of what the file publishes over TCP; a range by its first."""
    found: list[tuple[int, int]] = []
    for entry in body.ports:
        port, host, protocol = _port(entry)
        first = host.rpartition(":")[2].partition("-")[0]
        if port is not None and protocol == "tcp" and first.isdecimal():
            found += [(int(first), port)] if 0 < int(first) < 65_536 else []
    return tuple(found[:8])


def _port(entry: Any) -> tuple[int | None, str, str]:
    """(container port, host port as written, protocol) of the short or the long syntax."""
    if isinstance(entry, dict):
        fields = cast("dict[str, Any]", entry)
        target = str(fields.get("target", ""))
        host = str(fields.get("published") or "")
        return (
            (int(target) if target.isdecimal() else None),
            host,
            str(fields.get("protocol", "tcp")),
        )
    match = _PORT.fullmatch(str(entry))
    if match is None:
        return None, "", ""
    return int(match[1]), str(entry).rpartition(":")[0], match[3] or "tcp"


def _role(name: str, body: ComposeService, ports: tuple[int, ...]) -> Role:
    """What a service is for. A database, or an image without a published port, answers no HTTP."""
    image = body.image.split("@")[0].rsplit("/", 1)[-1].split(":")[0]
    if body.build is None and (_SUPPORT_IMAGE.search(image) or not body.ports):
        return "support"
    if (
        body.build is not None
        and not ports
        and not body.environment.get("PORT")
        and (re.search(r"worker|queue|cron|celery|scheduler|migrat|seed", name, re.IGNORECASE))
    ):
        return "support"
    return "frontend" if _FRONTEND_NAME.search(name) else "backend"


def _healthcheck(body: ComposeService) -> Healthcheck | None:
    check = body.healthcheck
    if check is None or (not check.test and not check.disable):
        return None
    if check.disable:
        return Healthcheck(("NONE",))
    return Healthcheck(check.test, check.interval, check.timeout, check.retries, check.start_period)


def _volumes(
    root: Path, name: str, entries: list[Any], dropped: list[str]
) -> tuple[list[tuple[str, str]], list[OwnFile]]:
    """Named volumes, and the app's own files; what is of the host or has no name is dropped."""
    kept: list[tuple[str, str]] = []
    files: list[OwnFile] = []
    for entry in entries:
        source, target, kind = _volume(entry)
        if kind == "volume" and source and target.startswith("/"):
            kept.append((source, target))
        elif kind == "bind":
            found = own_mount(root, name, source, target, dropped)
            files += [found] if found else []
        else:
            dropped.append(f"{name}: volumes {source or target} (only named volumes)")
    return kept, files


def _volume(entry: Any) -> tuple[str, str, str]:
    if isinstance(entry, dict):
        fields = cast("dict[str, Any]", entry)
        source, target = str(fields.get("source") or ""), str(fields.get("target") or "")
        return source, target, str(fields.get("type", "volume"))
    source, _, rest = str(entry).partition(":")
    if not rest:
        return "", source, "anonymous"
    kind = "volume" if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", source) else "bind"
    return source, rest.split(":")[0], kind


def _aliases(name: str, body: ComposeService, dropped: list[str]) -> tuple[str, ...]:
    if body.container_name:
        kept = f"kept as a name on the app's network: {body.container_name}"
        dropped.append(f"{name}: container_name ({kept})")
    names = {body.container_name, body.hostname, *_network_aliases(body)} - {"", name}
    return tuple(sorted(alias for alias in names if _DNS_NAME.fullmatch(alias)))


def _network_aliases(body: ComposeService) -> set[str]:
    """Names that the service has on networks of its own choice."""
    networks = (body.model_extra or {}).get("networks")
    found: set[str] = set()
    for options in cast("dict[str, Any]", networks).values() if isinstance(networks, dict) else ():
        aliases = (
            cast("dict[str, Any]", options).get("aliases") if isinstance(options, dict) else ()
        )
        found |= {str(alias) for alias in aliases} if isinstance(aliases, list) else set()
    return found
