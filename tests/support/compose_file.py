"""Reads docker-compose.yml, and turns its services into options of the Docker SDK.

With it, tests run analyzers exactly as confined as the compose file says, also on machines without
the compose plug-in.
"""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
_NANOSECONDS = 1_000_000_000
# Handed to the SDK as they stand; what is not known here fails the test that uses it.
_SAME = ("read_only", "cap_drop", "security_opt", "mem_limit", "pids_limit", "init", "command")
_ELSEWHERE = {
    *("image", "build", "ports", "networks", "network_mode", "volumes", "secrets", "labels"),
    *("environment", "depends_on", "group_add", "restart"),
    *("logging", "stop_grace_period"),
}


def load() -> dict[str, Any]:
    """The whole file, variables not replaced."""
    return yaml.safe_load(FILE.read_text())


def sdk_options(service: dict[str, Any]) -> dict[str, Any]:
    """Confinement, command and health check of a service for `containers.run`."""
    unknown = set(service) - {*_SAME, *_ELSEWHERE, "tmpfs", "healthcheck", "cpus"}
    assert not unknown, f"docker-compose.yml has options the tests do not carry over: {unknown}"
    options = {name: service[name] for name in _SAME if name in service}
    options["tmpfs"] = dict(entry.split(":", 1) for entry in service["tmpfs"])
    if "cpus" in service:
        default = re.sub(r"\$\{\w+:-(.*)}", r"\1", service["cpus"])
        options["nano_cpus"] = int(float(default) * _NANOSECONDS)
    if "healthcheck" in service:
        options["healthcheck"] = {
            "test": service["healthcheck"]["test"],
            "interval": 2 * _NANOSECONDS,
            "timeout": int(service["healthcheck"]["timeout"].removesuffix("s")) * _NANOSECONDS,
            "start_period": 120 * _NANOSECONDS,
            "retries": service["healthcheck"]["retries"],
        }
    return options
