"""A compose file as a plan: Docker Compose resolves it, and we honour a safe part."""

import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from clients.appfolder.compose_model import ComposeDocument
from clients.appfolder.compose_service import Reading, service_plan
from clients.appfolder.composer import Composer
from clients.appfolder.faults import AppFault, beyond, outside, unsupported
from clients.appfolder.ledger import Ledger
from clients.appfolder.model import AppPlan, ServicePlan
from clients.appfolder.names import aliases
from clients.appfolder.reference import environment_of, resolve
from clients.appfolder.tree import has_file, inside

COMPOSE_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
MAX_SERVICES = 24
MAX_FILE_BYTES = 8 * 1024 * 1024
_OVERRIDES = tuple(
    f"{stem}.override.{ending}"
    for stem in ("compose", "docker-compose")
    for ending in ("yml", "yaml")
)
_OTHER_FILE = re.compile(rb"^\s*(?:export\s+)?COMPOSE_FILE\s*=\s*\S", re.MULTILINE)


def compose_file(root: Path) -> str | None:
    """Name of the compose file of `root`, for messages; None: it has none.

    Raises:
        AppFault: the path with its name is no file.
        PlatformError: it, or `.env`, leads out of the app folder, or is larger than we read.
    """
    for name in (*COMPOSE_NAMES, *_OVERRIDES, ".env"):
        _require_plain(root, name)
    found = next((name for name in COMPOSE_NAMES if has_file(root, name)), None)
    if found is None and has_file(root, ".env"):
        try:
            named = _OTHER_FILE.search(inside(root, ".env", ".env").read_bytes())
        except OSError as error:
            raise outside(f".env: {error.strerror}") from error
        found = "COMPOSE_FILE of .env" if named else None
    return found


def _require_plain(root: Path, name: str) -> None:
    """Docker Compose reads these files unasked; a pipe among them would make it wait for ever."""
    path = root / name
    if not path.is_symlink() and not path.exists():
        return
    found = inside(root, name, name)
    if found.exists() and not found.is_file():
        raise AppFault("build", f"{name}: it is no regular file")
    if found.exists() and found.stat().st_size > MAX_FILE_BYTES:
        raise beyond(f"{name}: it is larger than {MAX_FILE_BYTES} bytes")


def read_compose(root: Path, name: str, composer: Composer) -> AppPlan:
    """Plan of the compose file `name` in `root`; variables come only from the app's own `.env`.

    Raises:
        AppFault: Docker Compose refuses it, or it names no service that can be run.
        PlatformError: it needs a setting that we do not support, or could not be read.
    """
    resolved = resolve(root, composer)
    document = _document(resolved.document)
    if len(document.services) > MAX_SERVICES:
        count = len(document.services)
        raise beyond(f"{name}: {count} services, of which {MAX_SERVICES} are run at most")
    ledger = Ledger()
    for variable in resolved.unset:
        ledger.need(f"environment.{variable} (.env does not set it, so it is blank)")

    @cache
    def variables() -> dict[str, str]:
        return environment_of(root, composer)

    reading = Reading(root, name, document, variables, ledger)
    names = aliases(document, ledger)
    _record_top(document, ledger)
    plans: dict[str, ServicePlan] = {}
    for service, body in document.services.items():
        if body.copies:
            plans[service] = replace(service_plan(reading, service), aliases=names[service])
        else:
            ledger.note(f"{service}: left out (no copy of it is asked for)")
    if refusal := ledger.refusal():
        raise refusal
    services = _with_entry(name, _start_order(name, plans))
    return AppPlan(services, tuple(ledger.noted), tuple(ledger.needed))


def _document(document: dict[str, Any]) -> ComposeDocument:
    try:
        return ComposeDocument.model_validate(document)
    except ValidationError as error:  # Docker Compose has accepted it, so the gap is ours
        first = error.errors()[0]
        where = ".".join(str(part)[:60] for part in first["loc"])
        raise unsupported(f"compose file: {where[:200]} ({first['msg'][:100]})") from error


def _record_top(document: ComposeDocument, ledger: Ledger) -> None:
    """Record top-level keys that change nothing here; we make `volumes` without their options."""
    for key in document.model_extra or {}:
        if key != "name" and not key.startswith("x-"):
            ledger.note(f"{key} (not in the honoured subset)")
    for name, options in document.volumes.items():
        if options.keys() - {"name", "external"}:
            ledger.note(f"volumes.{name}: options (volumes are ours, bounded in size)")


def _start_order(file: str, plans: dict[str, ServicePlan]) -> list[ServicePlan]:
    """Services after their dependencies, otherwise in the order of the file."""
    ordered: dict[str, ServicePlan] = {}
    waiting = dict(plans)
    while waiting:
        ready = [
            name
            for name, plan in waiting.items()
            if all(other in ordered or other not in plans for other in plan.depends_on)
        ]
        if not ready:
            raise unsupported(f"{file}: a cycle of depends_on: {', '.join(sorted(waiting))[:200]}")
        ordered.update((name, waiting.pop(name)) for name in ready)
    return list(ordered.values())


def _with_entry(file: str, plans: list[ServicePlan]) -> tuple[ServicePlan, ...]:
    if not any(plan.publishes or plan.is_own for plan in plans):
        raise AppFault("build", f"{file}: no service has a port that could answer HTTP")
    return tuple(plans)
