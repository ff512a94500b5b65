"""Whether an app is still the app that was started, and still answers."""

import asyncio
from dataclasses import dataclass

from clients import blame
from clients.calm import Patience, Silence
from clients.docker.containers import Containers, State
from clients.docker.endings import Endings
from clients.docker.sockets import listening
from clients.ending import Ending, app_check
from clients.log_lines import error_line
from clients.probe import ask
from clients.targets import Location, resolve_targets
from contract.analysis import MeasurementState
from contract.running import AppCheck, RunningApp, RunningService

_PAUSE_S = 30.0
# A server that reloads closes its port for a moment.
_GONE_S = 30.0
_POLL_S = 0.5
# A container that is paused during the check is checked again later.
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class AppChecker:
    """Compares containers with what `start` recorded."""

    containers: Containers
    endings: Endings
    location: Location
    disk_bytes: int
    patience: Patience
    pause_s: float = _PAUSE_S
    gone_s: float = _GONE_S

    async def check(self, app: RunningApp) -> AppCheck:
        """Check containers, answers, then containers again, so that the answers came from these."""
        found = (
            await self._changed(app)
            or await self._too_much_written(app)
            or await self._silent(app)
            or await self._changed(app)
        )
        if found is None:
            return AppCheck(alive=True, targets=resolve_targets(app, self.location))
        return app_check(found)

    async def _last_words(self, container_id: str) -> str:
        """The error line of a dead container's log, or its command if the log is empty."""
        log = await self.containers.log(container_id)
        if log.strip():
            line = error_line(log)
            return f": {line}" if line else ""
        state = await self.containers.state(container_id)
        return f"; its log is empty; it ran `{state.command[:200]}`" if state else ""

    async def _changed(self, app: RunningApp) -> Ending | None:
        """How the containers have changed; a change by the platform explains the others."""
        found = [
            Ending(ending.row, f"{service.service} {ending.text}")
            for service in app.services
            if (ending := await self._service_changed(service))
        ]
        platform_endings = (
            ending for ending in found if ending.row.state is not MeasurementState.APP_FAILED
        )
        return next(platform_endings, None) or next(iter(found), None)

    async def _service_changed(self, service: RunningService) -> Ending | None:
        if ending := await self.endings.of(service.container_id):
            if service.role == "support" and await self._has_done_its_work(service, ending):
                return None
            words = await self._last_words(service.container_id) if ending.row is blame.EXIT else ""
            return Ending(ending.row, ending.text + words)
        state = await self._unpaused(service)
        if state is None or not state.unbroken:
            return await self.endings.of(service.container_id)
        if state.paused:
            return Ending(blame.PAUSED, "is paused from outside")
        if service.container_port and state.ports.get(service.container_port) != service.host_port:
            return Ending(blame.RESTARTED, "is published on another port than at its start")
        return None

    async def _has_done_its_work(self, service: RunningService, ending: Ending) -> bool:
        """Whether it ended by itself and without an error, as a migration does."""
        state = await self.containers.state(service.container_id)
        return ending.row is blame.EXIT and state is not None and state.is_done

    async def _unpaused(self, service: RunningService) -> State | None:
        """The container's state once it is no longer paused, or after a while of waiting."""
        ends_at = asyncio.get_running_loop().time() + self.pause_s
        while True:
            state = await self.containers.state(service.container_id)
            over = asyncio.get_running_loop().time() > ends_at
            if state is None or not state.paused or over:
                return state
            await asyncio.sleep(_POLL_S)

    async def _too_much_written(self, app: RunningApp) -> Ending | None:
        written = await self.containers.written_bytes(app.workflow_id)
        names = {service.container_id: service.service for service in app.services}
        for container_id, size in written.items():
            if size > self.disk_bytes and container_id in names:
                text = f"has written {size} bytes; {self.disk_bytes} allowed"
                return Ending(blame.DISK, f"{names[container_id]} {text}")
        return None

    async def _silent(self, app: RunningApp) -> Ending | None:
        for service in app.services:
            if service.container_port is not None and (
                found := await self._unanswered(app, service, service.container_port)
            ):
                return found
        return None

    async def _unanswered(
        self, app: RunningApp, service: RunningService, port: int
    ) -> Ending | None:
        """What it means that the service does not answer; None when it answers."""
        silence = Silence(False, "its container was changed again and again")
        for _ in range(_ROUNDS):
            listener = _Listener(self, service, port)
            found = await self.patience.wait(listener)
            if listener.gone:
                text = f"{service.service} runs, but nothing listens on its port {port} any more"
                return Ending(blame.LISTENER_GONE, text)
            if listener.answered:
                return None
            if found is not None:
                silence = found
                break
            if changed := await self._changed(app):
                return changed
        row = blame.HANG if silence.proven else blame.SILENT
        text = f"{service.service} runs but did not answer HTTP any more: {silence.text}"
        return Ending(row, text)


@dataclass(slots=True)
class _Listener:
    """One service that is asked until it answers, or until something else explains the silence."""

    checker: AppChecker
    service: RunningService
    port: int
    gone: bool = False
    answered: bool = False
    refused: bool = False
    busy: str = ""
    _gone_since_s: float = 0.0

    async def answers(self, timeout_s: float) -> bool:
        """Whether it answers within this time."""
        state = await self.checker.containers.state(self.service.container_id)
        is_reached = self.checker.location == "network" or self.port in (
            state.ports if state else ()
        )
        if state is None or state.has_ended or not is_reached:
            return False
        url = state.probe_url(self.checker.location, self.port)
        answer = await ask(url, timeout_s)
        self.answered, self.refused = answer.kind == "http", answer.kind == "refused"
        return self.answered

    async def interrupted(self) -> bool:
        """Whether the container has changed, or nothing has listened for a while."""
        state = await self.checker.containers.state(self.service.container_id)
        if state is None or not state.unbroken or state.paused:
            return True
        local = self.checker.patience.host.local
        found = await listening(self.checker.endings.client, state, local)
        now_s = asyncio.get_running_loop().time()
        self.busy = "it has other connections open" if self.port in found.in_use else ""
        if self.refused and self.port in found.outside:
            self.busy = "its port is open, and its engine's publication of it refuses connections"
        if not found.known:
            self.busy = "whether anybody else is connected cannot be seen"
        if not found.known or self.port in found.outside:
            self._gone_since_s = 0.0
            return False
        self._gone_since_s = self._gone_since_s or now_s
        self.gone = now_s - self._gone_since_s >= self.checker.gone_s
        return self.gone
