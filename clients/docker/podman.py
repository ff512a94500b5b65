"""Where Podman's Docker API differs from Docker's."""

import json
import re
from collections.abc import Mapping
from typing import Any

import docker

_TIMEOUT_S = 30
# Its last word of a step that failed, for which Docker has a field.
_EXIT = re.compile(r"while running runtime: exit status (\d{1,3})\s*$")


def build_params(docker: Mapping[str, str]) -> dict[str, str]:
    """Docker's query of `POST /build` as Podman reads it: limits of processes are words.

    Docker's form it refuses, with an empty answer.
    """
    limits: list[dict[str, Any]] = json.loads(docker.get("ulimits") or "[]")
    words = [f"{one['Name']}={one['Soft']}:{one['Hard']}" for one in limits]
    return {**docker, "ulimits": json.dumps(words)}


def exit_code_of(error: str) -> int | None:
    """The exit code of the step that `error` tells of; None when it tells of none."""
    found = _EXIT.search(error)
    return int(found[1]) if found else None


def has_names(client: docker.DockerClient, network: str) -> bool:
    """Whether containers of `network` find each other by name, which takes a program of its own.

    Blocking. Raises what the SDK raises.
    """
    url = f"{client.api.base_url}/v4.0.0/libpod/networks/{network}/json"
    told = client.api.get(url, timeout=_TIMEOUT_S)
    return not told.ok or told.json().get("dns_enabled") is not False
