"""The differences between Podman's Docker API and Docker's."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import docker

# Podman puts this before the command of a container with an init.
INIT = "/run/podman-init -- "
_TIMEOUT_S = 30
_LAST_PIECES = 3
_CGROUP = ("memory", "memswap", "cpuperiod", "cpuquota", "cgroupparent")
_NOT_RUN = re.compile(r"error running container: (from \S+ creating container for .*)", re.DOTALL)
_NO_COMMAND = re.compile(rb"\(catatonit:\d+\): failed to exec pid1: (?:No such file|Permission)")
# The last line that Podman prints of a failed step; Docker has a field for it.
_EXIT = re.compile(r"while running runtime: exit status (\d{1,3})\s*$")


def build_params(docker: Mapping[str, str], unlimited: bool) -> dict[str, str]:
    """Docker's query of `POST /build` in Podman's form: limits of processes are words there.

    Podman refuses Docker's form with an empty answer.

    Args:
        docker: Docker's query.
        unlimited: whether it cannot limit a step, and would fail if it had to.
    """
    limits: list[dict[str, Any]] = json.loads(docker.get("ulimits") or "[]")
    words = [f"{limit['Name']}={limit['Soft']}:{limit['Hard']}" for limit in limits]
    kept = {name: value for name, value in docker.items() if not unlimited or name not in _CGROUP}
    return {**kept, "ulimits": json.dumps(words)}


def run_error(log: Sequence[str]) -> str:
    """Why the failed step could not be run at all; empty when it ran.

    Podman prints this in the step's output and then reports exit code 1.
    """
    found = (_NOT_RUN.match(piece) for piece in reversed(log[-_LAST_PIECES:]))
    return next((match[1].strip() for match in found if match), "")


def lacks_command(log: bytes) -> bool:
    """Whether a container ended because its init found no command to run."""
    return _NO_COMMAND.search(log[-2_000:]) is not None


def exit_code_of(error: str) -> int | None:
    """The exit code of the failed step in `error`; None when there is none."""
    found = _EXIT.search(error)
    return int(found[1]) if found else None


def has_names(client: docker.DockerClient, network: str) -> bool:
    """Whether containers of `network` find each other by name, which needs a separate program.

    Blocking. Raises what the SDK raises.
    """
    return _own(client, f"networks/{network}").get("dns_enabled") is not False


def was_stopped(client: docker.DockerClient, container_id: str) -> bool:
    """Whether somebody stopped a container; Podman has no event for it, and none tells before 5.0.

    Blocking. Raises what the SDK raises.
    """
    state = _own(client, f"containers/{container_id}").get("State")
    return isinstance(state, dict) and bool(cast("dict[str, Any]", state).get("StoppedByUser"))


def _own(client: docker.DockerClient, kind: str) -> dict[str, Any]:
    """The answer of Podman's own API about a resource; empty where there is none."""
    answer = client.api.get(f"{client.api.base_url}/v4.0.0/libpod/{kind}/json", timeout=_TIMEOUT_S)
    return answer.json() if answer.ok else {}
