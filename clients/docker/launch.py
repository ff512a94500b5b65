"""Bringing an app's containers up: in order of dependence, until every service answers HTTP."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from clients.appfolder import AppFault, ServicePlan
from clients.docker.containers import Containers, State
from clients.probe import answers
from clients.targets import Location
from contract.errors import ErrorCode, PlatformError
from contract.running import RunningService

_POLL_S = 0.25


@dataclass(slots=True)
class Launch:
    """One start of one app.

    Attributes:
        container_ids: by service, filled by the caller before `up`.
    """

    containers: Containers
    workflow_id: str
    plans: Sequence[ServicePlan]
    container_ids: dict[str, str]
    location: Location
    deadline_s: float
    on_progress: Callable[[str], None]

    async def up(self) -> tuple[RunningService, ...]:
        """Start what is not running, then wait until all that should answer do.

        Raises:
            AppFault: a container died, or did not answer in time.
            PlatformError: the engine is at fault, also for a death that it caused itself.
        """
        try:
            return await self._up()
        except AppFault:
            for service, container_id in self.container_ids.items():
                if taken := await self.containers.taken(container_id):
                    raise PlatformError(ErrorCode.UNAVAILABLE, f"{service}: {taken}") from None
            raise

    async def _up(self) -> tuple[RunningService, ...]:
        ends_at = asyncio.get_running_loop().time() + self.deadline_s
        for plan in self.plans:
            await self._wait_for_dependencies(plan, ends_at)
            state = await self._state(plan)
            if not state.running:
                self.on_progress(f"{plan.name}: starting")
                if refusal := await self.containers.start(state.id):
                    raise AppFault("start", f"{plan.name} cannot be run: {refusal[:300]}")
        waits = [asyncio.ensure_future(self._running_service(plan, ends_at)) for plan in self.plans]
        try:
            services = await asyncio.gather(*waits)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        return tuple(service for service in services if service is not None)

    async def _wait_for_dependencies(self, plan: ServicePlan, ends_at: float) -> None:
        by_name = {other.name: other for other in self.plans}
        for name, condition in plan.depends_on.items():
            while not await self._fulfils(by_name[name], condition):
                if asyncio.get_running_loop().time() > ends_at:
                    raise AppFault("start", f"{plan.name} waited for {name} ({condition}) in vain")
                await asyncio.sleep(_POLL_S)

    async def _fulfils(self, plan: ServicePlan, condition: str) -> bool:
        state = await self._state(plan)
        if condition == "service_completed_successfully":
            if not state.running and state.exit_code != 0:
                raise await self._died(plan, state)
            return not state.running
        if not state.running:
            raise await self._died(plan, state)
        return condition == "service_started" or state.health in ("healthy", "")

    async def _running_service(self, plan: ServicePlan, ends_at: float) -> RunningService | None:
        """The service as it runs; None for a support service that has done its work."""
        while True:
            state = await self._state(plan)
            if plan.role == "support" and not state.running and state.exit_code == 0:
                return None
            if not state.unbroken:
                raise await self._died(plan, state)
            if not plan.publishes:
                return _service(plan, state, None)
            for port in self._ports(state):
                if await answers(state.probe_url(self.location, port)):
                    # It answered; is it still the process that we started?
                    after = await self._state(plan)
                    if after.unbroken:
                        return _service(plan, after, port)
            if asyncio.get_running_loop().time() > ends_at:
                ports = ", ".join(str(port) for port in self._ports(state))
                raise AppFault(
                    "answer",
                    f"{plan.name} runs but did not answer HTTP on port {ports} within"
                    f" {self.deadline_s:.0f} s{await self._last_line(state)}",
                )
            await asyncio.sleep(_POLL_S)

    def _ports(self, state: State) -> list[int]:
        return list(state.ports)

    async def _state(self, plan: ServicePlan) -> State:
        state = await self.containers.state(self.container_ids[plan.name])
        if state is None:
            raise AppFault("start", f"{plan.name} has lost its container")
        return state

    async def _died(self, plan: ServicePlan, state: State) -> AppFault:
        return AppFault("start", f"{plan.name} {state.ending}{await self._last_line(state)}")

    async def _last_line(self, state: State) -> str:
        """The last line of the log, which most often says why."""
        lines = (await self.containers.log(state.id)).decode(errors="replace").splitlines()
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f": {last[:300]}" if last else "; its log is empty"


def _service(plan: ServicePlan, state: State, port: int | None) -> RunningService:
    return RunningService(
        service=plan.name,
        container_id=state.id,
        host_port=state.ports.get(port) if port else None,
        container_port=port,
        dns_name=state.dns_name,
        role=plan.role,
        published=tuple(host for host, inside in plan.published if inside == port),
        written_for=(port,) if port else (),
    )
