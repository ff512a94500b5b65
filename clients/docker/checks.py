"""Whether an app is still the app that was started, and still answers."""

import asyncio
from dataclasses import dataclass

from clients.docker.containers import Containers
from clients.probe import answers
from clients.targets import Location, resolve_targets
from contract.running import AppCheck, RunningApp, RunningService

_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class AppChecker:
    """Compares containers with what `start` recorded."""

    containers: Containers
    location: Location
    disk_bytes: int

    async def check(self, app: RunningApp) -> AppCheck:
        """Containers first, then answers, then containers again: the answer came from these."""
        targets = resolve_targets(app, self.location)
        reason = (
            await self._changed(app)
            or await self._too_much_written(app)
            or await self._silent(app)
            or await self._changed(app)
        )
        if reason and (taken := await self._taken(app)):
            return AppCheck(alive=False, taken=True, reason=taken)
        return AppCheck(alive=not reason, reason=reason, targets=() if reason else targets)

    async def _taken(self, app: RunningApp) -> str:
        """How the platform took the app away, so that nothing proves a fault of the app."""
        for service in app.services:
            if taken := await self.containers.taken(service.container_id):
                return f"{service.service}: {taken}"
        return ""

    async def _changed(self, app: RunningApp) -> str:
        for service in app.services:
            if reason := await self._service_changed(service):
                return f"{service.service} {reason}"
        return ""

    async def _service_changed(self, service: RunningService) -> str:
        state = await self.containers.state(service.container_id)
        if state is None:
            return "has lost its container"
        if not state.unbroken:
            return state.ending
        if service.container_port and state.ports.get(service.container_port) != service.host_port:
            return "is published on another port than at its start"
        return ""

    async def _too_much_written(self, app: RunningApp) -> str:
        written = await self.containers.written_bytes(app.workflow_id)
        names = {service.container_id: service.service for service in app.services}
        for container_id, size in written.items():
            if size > self.disk_bytes and container_id in names:
                return f"{names[container_id]} has written {size} bytes; {self.disk_bytes} allowed"
        return ""

    async def _silent(self, app: RunningApp) -> str:
        for service in app.services:
            state = await self.containers.state(service.container_id)
            if state is None or service.container_port is None:
                continue
            if not await _answers_soon(state.probe_url(self.location, service.container_port)):
                return f"{service.service} runs but does not answer HTTP any more"
        return ""


async def _answers_soon(base_url: str) -> bool:
    """Ask until it answers, for `_PATIENCE_S`: a busy app may drop a connection."""
    ends_at = asyncio.get_running_loop().time() + _PATIENCE_S
    while not await answers(base_url):
        if asyncio.get_running_loop().time() > ends_at:
            return False
        await asyncio.sleep(0.5)
    return True
