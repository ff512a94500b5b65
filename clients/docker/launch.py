"""Bringing an app's containers up: in order of dependence, until every service answers HTTP."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from clients import blame
from clients.appfolder import AppFault, ServicePlan
from clients.blame import Ending, PlatformFault, fault
from clients.calm import Host
from clients.docker.autopsy import Autopsy
from clients.docker.containers import Containers, State
from clients.docker.endings import Endings
from clients.docker.readiness import Readiness
from clients.targets import Location
from contract.analysis import MeasurementState
from contract.errors import PlatformError
from contract.running import RunningService

_POLL_S = 0.25


@dataclass(slots=True)
class Launch:
    """One start of one app.

    Attributes:
        container_ids: by service, filled by the caller before `up`.
        deadline_s: until all must answer; more is given while there is a reason for it.
        host: that runs the engine.
        notes: what was seen of an app that came up.
    """

    containers: Containers
    endings: Endings
    autopsy: Autopsy
    plans: Sequence[ServicePlan]
    container_ids: dict[str, str]
    location: Location
    deadline_s: float
    host: Host
    on_progress: Callable[[str], None]
    notes: list[str] = field(default_factory=list[str])

    async def up(self) -> tuple[RunningService, ...]:
        """Start what is not running, then wait until all that should answer do.

        Raises:
            AppFault: a container died, or did not answer in time.
            PlatformError: the platform is at fault, also for a death that it caused itself.
            Moved: a service listens on a port that is not published.
        """
        try:
            return await self._up()
        except (AppFault, PlatformFault):
            # The end of one may have come of the end of another.
            for service, container_id in self.container_ids.items():
                found = await self.endings.of(container_id)
                if found and found.row.state is not MeasurementState.APP_FAILED:
                    raise fault(found.row, "start", f"{service} {found.text}") from None
            raise

    async def _up(self) -> tuple[RunningService, ...]:
        ready = Readiness(
            self.endings.client, self.location, self.deadline_s, self.host, self.on_progress
        )
        for plan in self.plans:
            await self._wait_for_dependencies(plan, ready)
            state = await self._state(plan)
            if state.has_ended:
                self.on_progress(f"{plan.name}: starting")
                if refusal := await self.containers.start(state.id):
                    raise await self.autopsy.refusal(plan.name, refusal)
        waits = [asyncio.ensure_future(self._running_service(plan, ready)) for plan in self.plans]
        try:
            found = await asyncio.gather(*waits)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        self.notes += ready.notes
        services = tuple(service for service in found if service is not None)
        await self._require_one(services, ready)
        return services

    async def _require_one(self, services: Sequence[RunningService], ready: Readiness) -> None:
        """An app of which nothing answers HTTP did not come up, whatever else it speaks."""
        if any(service.container_port for service in services):
            return
        for plan in self.plans:
            if plan.publishes:
                raise await self._unanswered(plan, await self._state(plan), ready)

    async def _wait_for_dependencies(self, plan: ServicePlan, ready: Readiness) -> None:
        by_name = {other.name: other for other in self.plans}
        for name, condition in plan.depends_on.items():
            while not await self._fulfils(by_name[name], condition):
                state = await self._state(by_name[name])
                if await ready.is_over(state):
                    text = f"did not become ready for {plan.name} ({condition}) {ready.waited()}"
                    row = blame.SLOW_START if ready.strain() else blame.NEVER_ANSWERED
                    raise await self.autopsy.failure(name, state, row, "start", text)
                await asyncio.sleep(_POLL_S)

    async def _fulfils(self, plan: ServicePlan, condition: str) -> bool:
        state = await self._state(plan)
        if state.paused:
            return False
        if condition == "service_completed_successfully":
            if not state.running and state.exit_code != 0:
                raise await self._died(plan, state)
            return not state.running
        if not state.running:
            raise await self._died(plan, state)
        return condition == "service_started" or state.health in ("healthy", "")

    async def _running_service(self, plan: ServicePlan, ready: Readiness) -> RunningService | None:
        """The service as it runs; None for a support service that has done its work."""
        while True:
            state = await self._state(plan)
            if plan.role == "support" and state.has_ended and state.exit_code == 0:
                return None
            if not state.unbroken:
                raise await self._died(plan, state)
            if not plan.publishes:
                return _service(plan, state, None)
            port = await ready.port(plan.name, state, may_move=not plan.listens)
            if port is not None:
                # It answered; is it still the process that we started?
                after = await self._state(plan)
                if after.unbroken:
                    return _service(plan, after, port)
            if ready.is_foreign(plan.name) or await ready.is_over(state):
                if await ready.speaks_no_http(plan.name, state):
                    return _service(plan, state, None)
                raise await self._unanswered(plan, state, ready)
            await asyncio.sleep(_POLL_S)

    async def _unanswered(
        self, plan: ServicePlan, state: State, ready: Readiness
    ) -> AppFault | PlatformError:
        row, text = await ready.verdict(plan.name, state)
        return await self.autopsy.failure(plan.name, state, row, "answer", text)

    async def _state(self, plan: ServicePlan) -> State:
        state = await self.containers.state(self.container_ids[plan.name])
        if state is None:
            gone = Ending(blame.REMOVED, "was removed from outside")
            found = await self.endings.of(self.container_ids[plan.name]) or gone
            raise fault(found.row, "start", f"{plan.name} {found.text}")
        return state

    async def _died(self, plan: ServicePlan, state: State) -> AppFault | PlatformError:
        found = await self.endings.of(state.id) or Ending(blame.EXIT, state.ending)
        return await self.autopsy.death(plan.name, state, found)


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
