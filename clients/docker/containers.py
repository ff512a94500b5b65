"""Containers of an app: created with every limit, started in order, inspected, saved, removed."""

import asyncio
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import docker
import docker.types

from clients.appfolder import ServicePlan
from clients.appfolder.model import OwnFile
from clients.appfolder.ownfiles import pack
from clients.docker.errors import COMMAND_FAULT, call
from clients.docker.labels import Labels
from clients.docker.settings import settings_of
from clients.limits import AppLimits
from clients.targets import Location
from contract.errors import ErrorCode, PlatformError
from contract.ids import LABEL_SERVICE

KEPT_CAPABILITIES = (
    "CHOWN", "SETUID", "SETGID", "NET_BIND_SERVICE", "DAC_OVERRIDE", "FOWNER", "KILL",
)  # fmt: skip
_NEVER = "0001-01-01T00:00:00Z"
_MIB = 1024 * 1024
_CRASHES = (132, 134, 135, 136, 139)  # SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV


@dataclass(frozen=True, slots=True)
class State:
    """The engine's description of a container now.

    Attributes:
        unbroken: running, and never stopped or restarted since it was first started.
        pid: of its first process on the engine's host; 0 when it does not run.
        command: the command that the container runs.
        ports: port on 127.0.0.1 by container port.
        dns_name: unique on the engine: an analyzer joins the networks of several apps.
        address: IPv4 on the app's network; empty when it does not run.
        since: when it was started or, if it was never started, created (RFC 3339).
        fresh: whether it was created and never started.
        health_test: command of its health check, from the image or the compose file.
    """

    id: str
    name: str
    running: bool
    unbroken: bool
    exit_code: int
    out_of_memory: bool
    health: str
    ports: dict[int, int]
    labels: dict[str, str]
    dns_name: str
    address: str
    error: str = ""
    since: str = _NEVER
    paused: bool = False
    pid: int = 0
    command: str = ""
    fresh: bool = False
    health_test: tuple[str, ...] = ()

    def probe_url(self, location: Location, port: int) -> str:
        """Where this process reaches `port`: an address, because it may not use the app's DNS."""
        if location == "network":
            return f"http://{self.address}:{port}"
        return f"http://127.0.0.1:{self.ports.get(port)}"

    @property
    def has_ended(self) -> bool:
        """Whether none of its processes exists, running or paused."""
        return not self.running and not self.paused

    @property
    def is_done(self) -> bool:
        """Whether it has run once and ended without an error."""
        return self.has_ended and not self.fresh and self.exit_code == 0 and not self.out_of_memory

    @property
    def ending(self) -> str:
        """How it ended, for people."""
        if self.running:
            return "was restarted"
        return f"exited with {self.exit_code}{' (out of memory)' if self.out_of_memory else ''}"

    @property
    def broke_down(self) -> bool:
        """Whether it ended at its memory limit or by a crash: no engine ends a container so."""
        return self.has_ended and (self.out_of_memory or self.exit_code in _CRASHES)


@dataclass(frozen=True, slots=True)
class Containers:
    """The engine's containers that carry our labels."""

    client: docker.DockerClient
    labels: Labels
    limits: AppLimits

    async def create(
        self,
        workflow_id: str,
        plan: ServicePlan,
        image: str,
        network: str,
        labels: dict[str, str],
        ports: Iterable[int],
    ) -> str:
        """ID of a new container for `plan`, not started, with `ports` published on 127.0.0.1.

        Raises:
            PlatformError: the app's own files for it are too large, or the engine refuses.
        """
        options = self._options(workflow_id, plan, network, labels)
        if plan.publishes or plan.is_own:
            options["ports"] = {f"{port}/tcp": ("127.0.0.1", None) for port in ports}
        command = list(plan.command) if plan.command is not None else None
        container = await call(self.client.containers.create, image, command, **options)
        new = [path for path in plan.folders if not await call(self._has, str(container.id), path)]
        files = (*(OwnFile(path, folder=True) for path in new), *plan.files)
        if files:
            data = await asyncio.to_thread(pack, files, self.limits.context_bytes)
            await call(container.put_archive, "/", data)
        return str(container.id)

    def _has(self, container_id: str, path: str) -> bool:
        """Whether a container made of the image has `path`."""
        api = self.client.api
        url = f"{api.base_url}/v{api.api_version}/containers/{container_id}/archive"
        found = api.head(url, params={"path": path}, timeout=api.timeout)
        return found.status_code == HTTPStatus.OK

    def _options(
        self, workflow_id: str, plan: ServicePlan, network: str, labels: dict[str, str]
    ) -> dict[str, Any]:
        aliases = [plan.name, *plan.aliases]
        endpoint = docker.types.EndpointConfig("1.41", aliases=aliases)
        options: dict[str, Any] = {
            "name": self.labels.name(workflow_id, plan.name),
            "labels": labels,
            "environment": plan.environment,
            "network": network,
            "networking_config": {network: endpoint},
            "volumes": [
                f"{self.labels.volume_name(workflow_id, name)}:{path}"
                for name, path in plan.volumes
            ],
            "healthcheck": _healthcheck(plan),
            "restart_policy": {"Name": "no"},
            "detach": True,
        }
        if plan.entrypoint is not None:
            options["entrypoint"] = list(plan.entrypoint)
        return options | self._bounds() | settings_of(plan, self.limits)

    def _bounds(self) -> dict[str, Any]:
        limits = self.limits
        log = {"max-size": str(max(limits.log_bytes, _MIB)), "max-file": "2"}
        return {
            "mem_limit": limits.memory_bytes,
            "memswap_limit": limits.memory_bytes,
            "nano_cpus": int(limits.cpus * 1e9),
            "pids_limit": limits.pids,
            "shm_size": 64 * _MIB,
            "cap_drop": ["ALL"],
            "cap_add": list(KEPT_CAPABILITIES),
            "security_opt": ["no-new-privileges:true"],
            "log_config": docker.types.LogConfig(type="json-file", config=log),
            "init": True,
        }

    async def start(self, container_id: str) -> str:
        """Start it. Returns why the app's command cannot be run (the app's fault); empty: it runs.

        Raises:
            PlatformError: the engine is at fault.
        """
        container = await call(self.client.containers.get, container_id)
        try:
            await call(container.start)
        except PlatformError as error:
            if COMMAND_FAULT.search(error.message):
                return error.message.removeprefix("Docker: ")
            raise
        return ""

    async def states(self, workflow_id: str) -> dict[str, State]:
        """State of each container of the workflow, by service."""
        found = await call(self._list, workflow_id)
        states = [_state(attributes) for attributes in found]
        return {state.name: state for state in states if state.name}

    async def state(self, container_id: str) -> State | None:
        """State of one container; None when it is gone."""
        try:
            container = await call(self.client.containers.get, container_id)
        except PlatformError as error:
            if error.code is ErrorCode.NOT_FOUND:
                return None
            raise
        return _state(container.attrs)

    def _list(self, workflow_id: str | None) -> list[dict[str, Any]]:
        found = self.client.containers.list(
            all=True, filters=self.labels.filters(workflow_id), ignore_removed=True
        )
        return [container.attrs for container in found]

    async def written_bytes(self, workflow_id: str) -> dict[str, int]:
        """Bytes that each container of the workflow has written to its own layer."""
        listing: list[dict[str, Any]] = await call(
            self.client.api.containers, size=True, filters=self.labels.filters(workflow_id)
        )
        return {entry["Id"]: int(entry.get("SizeRw") or 0) for entry in listing}

    async def log(self, container_id: str) -> bytes:
        """End of the container's output, at most `log_bytes`; empty when it is gone."""
        try:
            container = await call(self.client.containers.get, container_id)
            data: bytes = await call(container.logs, tail=10_000)
        except PlatformError as error:
            if error.code is ErrorCode.NOT_FOUND:
                return b""
            raise
        return data[-self.limits.log_bytes :]

    async def remove_all(self, workflow_id: str) -> int:
        """Kill and remove the workflow's containers concurrently. Returns how many there were."""
        # Not `_list`: containers that cannot be inspected are removed as well.
        found: list[dict[str, Any]] = await call(
            self.client.api.containers, all=True, filters=self.labels.filters(workflow_id)
        )
        return sum(await asyncio.gather(*(self._remove(str(row["Id"])) for row in found)))

    async def _remove(self, container_id: str) -> bool:
        try:
            await call(self.client.api.remove_container, container_id, v=True, force=True)
        except PlatformError as error:
            gone = error.code is ErrorCode.NOT_FOUND or "already in progress" in error.message
            if not gone:
                raise
            return False
        return True


def _healthcheck(plan: ServicePlan) -> dict[str, Any] | None:
    check = plan.healthcheck
    if check is None:
        return None
    if check.test[0] not in ("NONE", "CMD", "CMD-SHELL"):
        return {"test": ["CMD", *check.test]}
    return {
        "test": list(check.test),
        "interval": int(check.interval_s * 1e9),
        "timeout": int(check.timeout_s * 1e9),
        "retries": check.retries,
        "start_period": int(check.start_period_s * 1e9),
    }


def _state(attributes: dict[str, Any]) -> State:
    state: dict[str, Any] = attributes["State"]
    labels: dict[str, str] = attributes["Config"].get("Labels") or {}
    published: dict[str, Any] = attributes["NetworkSettings"].get("Ports") or {}
    ports = {
        int(key.split("/")[0]): int(bindings[0]["HostPort"])
        for key, bindings in published.items()
        if bindings
    }
    networks: dict[str, Any] = attributes["NetworkSettings"].get("Networks") or {}
    started = str(state.get("StartedAt") or _NEVER)
    first_life = str(state.get("FinishedAt", _NEVER)).startswith("0001-")
    return State(
        id=str(attributes["Id"]),
        name=labels.get(LABEL_SERVICE, ""),
        running=bool(state.get("Running")) and not state.get("Paused"),
        unbroken=bool(state.get("Running")) and first_life and not attributes.get("RestartCount"),
        exit_code=int(state.get("ExitCode") or 0),
        out_of_memory=bool(state.get("OOMKilled")),
        health=str((state.get("Health") or {}).get("Status", "")),
        ports=ports,
        labels=labels,
        dns_name=str(attributes["Name"]).lstrip("/"),
        address=next((str(network["IPAddress"]) for network in networks.values()), ""),
        error=str(state.get("Error") or ""),
        since=str(attributes["Created"] if started.startswith("0001-") else started),
        paused=bool(state.get("Paused")),
        pid=int(state.get("Pid") or 0),
        fresh=state.get("Status") == "created",
        health_test=tuple((attributes["Config"].get("Healthcheck") or {}).get("Test") or ()),
        command=shlex.join(
            map(str, (attributes.get("Path") or "", *(attributes.get("Args") or ())))
        ),
    )
