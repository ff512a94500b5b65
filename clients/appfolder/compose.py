"""Compose files come from strangers: read as data, a safe subset honoured, the rest recorded."""

import re
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from clients.appfolder.compose_model import ComposeService
from clients.appfolder.compose_service import service_plan
from clients.appfolder.document import interpolate, load_document
from clients.appfolder.envfile import dotenv
from clients.appfolder.faults import AppFault, unsupported
from clients.appfolder.model import AppPlan, ServicePlan
from clients.appfolder.tree import has_file, read_text

COMPOSE_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
MAX_SERVICES = 12
# Compose would merge these by itself.
_OVERRIDES = tuple(
    f"{stem}.override.{ending}"
    for stem in ("compose", "docker-compose")
    for ending in ("yml", "yaml")
)
_ENV_CHOICES = ("COMPOSE_FILE", "COMPOSE_PROFILES")
# What an app may need to start, of what is dropped: not what only says where or how often it runs.
_NEEDED = frozenset(
    re.findall(
        r"\S+",
        "network_mode privileged devices cap_add extra_hosts links external_links tmpfs pid ipc"
        " gpus sysctls runtime dns dns_search userns_mode cgroup cgroup_parent uts"
        " device_cgroup_rules"
        " group_add shm_size security_opt secrets configs environment build.args build.extra_hosts"
        " models post_start pre_stop use_api_socket credential_spec domainname platform",
    )
)
_SERVICE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def read_compose(root: Path, name: str) -> AppPlan:
    """Plan of the compose file `name` in `root`; variables come from the app's own `.env` alone.

    Raises:
        AppFault: the file cannot be read, names no service that can be run, or has a cycle.
        PlatformError: it uses what Compose would honour and we do not.
    """
    document = load_document(read_text(root, name, name), name)
    variables = dotenv(root, ".env") if has_file(root, ".env") else {}
    _refuse_unsupported(root, name, document, variables)
    document = interpolate(document, {"PWD": "."} | variables)
    services = document.get("services")
    if not isinstance(services, dict) or not services:
        raise AppFault("build", f"{name}: expected `services` with at least one service")
    if len(cast("dict[str, Any]", services)) > MAX_SERVICES:
        raise unsupported(f"{name}: more than {MAX_SERVICES} services")
    dropped = _dropped_at_top(document)
    plans: dict[str, ServicePlan] = {}
    for service, body in cast("dict[str, Any]", services).items():
        parsed = _parse(name, str(service), body)
        if parsed.profiles:
            dropped.append(f"{service}: profiles (not started by default, so left out)")
            continue
        plans[str(service)] = service_plan(root, name, str(service), parsed, dropped, document)
    services = _with_entry(name, _start_order(name, plans))
    return AppPlan(services, tuple(dropped), tuple(filter(_is_needed, dropped)))


def _refuse_unsupported(
    root: Path, file: str, document: dict[str, Any], variables: dict[str, str]
) -> None:
    """What cannot be left out without measuring another app."""
    if "include" in document:
        raise unsupported(f"{file}: `include`")
    for other in _OVERRIDES:
        if has_file(root, other):
            raise unsupported(f"{other}, which Compose merges into {file},")
    for choice in _ENV_CHOICES:
        if variables.get(choice):
            raise unsupported(f"{choice} in .env")


def _is_needed(line: str) -> bool:
    """Whether an app may need what this line says is dropped."""
    key = line.partition(": ")[2].split(" ")[0]
    if key == "volumes":
        return line.endswith("(no host path is mounted)")
    return key in _NEEDED or key.split(".")[0] in _NEEDED or key.startswith("build.args.")


def _parse(file: str, service: str, body: Any) -> ComposeService:
    if not _SERVICE_NAME.fullmatch(service):
        raise AppFault("build", f"{file}: {service[:70]!r} is no service name")
    try:
        return ComposeService.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in ("services", service, *first["loc"]))
        if first["type"] in ("less_than_equal", "greater_than_equal"):  # bounds of ours
            raise unsupported(f"{file}: {where}: {first['input']!r}") from error
        raise AppFault("build", f"{file}: {where}: {first['msg']}") from error


def _dropped_at_top(document: dict[str, Any]) -> list[str]:
    """Top-level keys that change nothing here; `volumes` are made by us, without their options."""
    known = {"services", "version", "name", "volumes", "secrets", "configs"}
    why = {"networks": "every app has one network of its own"}
    dropped = [
        f"{key} ({why.get(str(key), 'not in the honoured subset')})"
        for key in document
        if key not in known and not str(key).startswith("x-")
    ]
    volumes = document.get("volumes")
    for name, options in (volumes if isinstance(volumes, dict) else {}).items():
        if options:
            dropped.append(f"volumes.{name}: options (volumes are ours, bounded in size)")
    return dropped


def _start_order(file: str, plans: dict[str, ServicePlan]) -> list[ServicePlan]:
    """Services after those they depend on, otherwise in the order of the file."""
    ordered: dict[str, ServicePlan] = {}
    waiting = dict(plans)
    while waiting:
        ready = [
            name
            for name, plan in waiting.items()
            if all(other in ordered or other not in plans for other in plan.depends_on)
        ]
        if not ready:
            raise AppFault("build", f"{file}: depends_on has a cycle: {', '.join(sorted(waiting))}")
        ordered.update((name, waiting.pop(name)) for name in ready)
    for plan in ordered.values():
        missing = sorted(set(plan.depends_on) - set(plans))
        if missing:
            raise AppFault("build", f"{file}: {plan.name} depends on unknown {missing[0]!r}")
    return list(ordered.values())


def _with_entry(file: str, plans: list[ServicePlan]) -> tuple[ServicePlan, ...]:
    if not any(plan.publishes for plan in plans):
        raise AppFault("build", f"{file}: no service has a port that could answer HTTP")
    return tuple(plans)
