"""Simple settings of a service: kept, noted, or a reason to refuse."""

import ipaddress
import re
from collections.abc import Iterator

from pydantic import BaseModel

from clients.appfolder.compose_model import ComposeService
from clients.appfolder.faults import unsupported
from clients.appfolder.ledger import Ledger

_WHY = {
    "restart": "once the app is up, a restart would hide a crash",
    "privileged": "no app runs privileged",
    "cap_add": "capabilities are fixed",
    "cap_drop": "capabilities are fixed",
    "security_opt": "no-new-privileges is fixed",
    "deploy": "limits are the platform's",
    "mem_limit": "limits are the platform's",
    "cpus": "limits are the platform's",
}
_REST = "not in the honoured subset"
# Without these an app may not start; if it starts, it is the app as written.
_NEEDED = frozenset(
    {
        "privileged", "external_links", "runtime", "dns", "dns_search", "dns_opt", "userns_mode",
        "cgroup", "cgroup_parent", "uts", "security_opt", "domainname", "platform",
        "credential_spec",
    }
)  # fmt: skip
# Without these it may start and behave as another app.
_REFUSED = {
    "devices": "no host devices",
    "device_cgroup_rules": "no host devices",
    "gpus": "no host devices",
    "models": "no model is run",
    "post_start": "no hook is run",
    "use_api_socket": "no app commands Docker",
}
# Without these there would be nothing to build or to run.
_UNSUPPORTED = ("volumes_from", "provider")
_UNSUPPORTED_BUILD = ("additional_contexts", "secrets", "ssh", "entitlements", "privileged")
# Capabilities of every container of ours.
_CAPABILITIES = frozenset(
    {"CHOWN", "SETUID", "SETGID", "NET_BIND_SERVICE", "DAC_OVERRIDE", "FOWNER", "KILL"}
)
_LIMITS = frozenset(
    {
        "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nofile", "nproc",
        "sigpending", "stack",
    }
)  # fmt: skip
_SYSCTL = re.compile(
    r"net\.core\.somaxconn|net\.ipv4\.(?:tcp_\w+|ip_local_port_range|ip_unprivileged_port_start)"
)
_DNS_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def refuse_unsupported(file: str, name: str, body: ComposeService) -> None:
    """Raise for keys without which there is nothing to build or to run.

    Raises:
        PlatformError: the service has one.
    """
    for key in _UNSUPPORTED:
        if (body.model_extra or {}).get(key):
            raise unsupported(f"{file}: `{key}` of {name}")
    for key in _UNSUPPORTED_BUILD:
        if body.build and (body.build.model_extra or {}).get(key):
            raise unsupported(f"{file}: `build.{key}` of {name}")


def record_extras(name: str, body: ComposeService, ledger: Ledger) -> None:
    """Record the keys that are not honoured."""
    for key, value in (body.model_extra or {}).items():
        if key.startswith("x-") or value in (None, False, [], {}, ""):
            continue
        if key in _REFUSED:
            ledger.refuse(f"{name}: {key} ({_REFUSED[key]})")
        elif key in _NEEDED:
            ledger.need(f"{name}: {key} ({_WHY.get(key, _REST)})")
        else:
            ledger.note(f"{name}: {key} ({_WHY.get(key, _REST)})")
    parts: tuple[tuple[str, BaseModel | None], ...] = (
        ("build", body.build),
        ("healthcheck", body.healthcheck),
    )
    for prefix, part in parts:
        for key in (part.model_extra or {}) if part else {}:
            record = ledger.need if (prefix, key) == ("build", "extra_hosts") else ledger.note
            record(f"{name}: {prefix}.{key} ({_REST})")
    _record_capabilities(name, body, ledger)
    _record_copies(name, body, ledger)
    for key, mode in (("ipc", body.ipc), ("pid", body.pid)):
        if mode.startswith(("service:", "container:")):
            ledger.refuse(f"{name}: {key} {mode[:80]} (each container has namespaces of its own)")
        elif mode == "host":
            ledger.need(f"{name}: {key} (no host namespaces)")


def _record_capabilities(name: str, body: ComposeService, ledger: Ledger) -> None:
    more = sorted(
        {capability.upper().removeprefix("CAP_") for capability in body.cap_add} - _CAPABILITIES
    )
    if more:
        ledger.need(f"{name}: cap_add {', '.join(more)[:100]} ({_WHY['cap_add']})")


def _record_copies(name: str, body: ComposeService, ledger: Ledger) -> None:
    if body.copies > 1:
        ledger.refuse(f"{name}: {body.copies} copies (one of each service is run)")
    if body.deploy is None:
        return
    reserved = body.deploy.resources.get("reservations")
    if isinstance(reserved, dict) and reserved.get("devices"):
        ledger.refuse(f"{name}: deploy.resources.reservations.devices ({_REFUSED['devices']})")
    extras = body.deploy.model_extra or {}
    if body.deploy.resources or any(value for value in extras.values()):
        ledger.note(f"{name}: deploy ({_WHY['deploy']})")


def known_variables(name: str, body: ComposeService, ledger: Ledger) -> dict[str, str]:
    """Variables with a value; variables that the host would set are dropped."""
    for key, value in body.environment.items():
        if value is None:
            ledger.need(f"{name}: environment.{key} (the host's environment is not passed on)")
    return {key: value for key, value in body.environment.items() if value is not None}


def ulimits(name: str, body: ComposeService, ledger: Ledger) -> Iterator[tuple[str, int, int]]:
    """(name, soft, hard) of limits that affect only the service itself."""
    for key, value in body.ulimits.items():
        if key not in _LIMITS:
            ledger.need(f"{name}: ulimits.{key[:40]} ({_REST})")
        elif isinstance(value, int):
            yield key, value, value
        else:
            yield key, value.soft, value.hard


def sysctls(name: str, body: ComposeService, ledger: Ledger) -> dict[str, str]:
    """Settings of its own network namespace that affect only the service itself."""
    for key in body.sysctls:
        if not _SYSCTL.fullmatch(key):
            ledger.need(f"{name}: sysctls.{key[:60]} ({_REST})")
    return {key: value for key, value in body.sysctls.items() if _SYSCTL.fullmatch(key)}


def extra_hosts(name: str, body: ComposeService, ledger: Ledger) -> dict[str, str]:
    """Names with an address; nobody gets the host's own address."""
    found: dict[str, str] = {}
    for entry in body.extra_hosts:
        host, _, address = entry.partition("=")
        if is_dns_name(host) and _is_address(address):
            found[host] = address.strip("[]")
        else:
            ledger.need(f"{name}: extra_hosts {entry[:80]} (the host is not reachable)")
    return found


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def is_dns_name(text: str) -> bool:
    """Whether `text` can be a name on a network."""
    return _DNS_NAME.fullmatch(text) is not None
