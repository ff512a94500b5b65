"""Brings an app's containers up, each as soon as its dependencies are there, until all are up."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from clients import blame
from clients.appfolder import AppFault, ServicePlan
from clients.blame import PlatformFault, fault
from clients.calm import Host
from clients.docker.containers import Containers, State
from clients.docker.endings import Endings
from clients.docker.finding import Finder
from clients.docker.health import HealthChecks
from clients.docker.readiness import Readiness, Wanted
from clients.docker.services import Found, running_services
from clients.docker.settling import Settling
from clients.docker.start_faults import StartFaults
from clients.docker.starttime import StartTime
from clients.ending import Ending
from clients.log_lines import cause_line
from clients.roles import Served, look
from clients.targets import Location
from contract.analysis import MeasurementState
from contract.errors import PlatformError
from contract.running import RunningService
from telemetry.spans import span, traced

T = TypeVar("T")

# How often we look at a service: often at first, which costs little while no port is open.
_POLL_S = 0.25
_FIRST_POLL_S = 0.05
# A server that answered, and no longer does when all others are up, is waited for again.
_ROUNDS = 10
# Seconds before a failed service starts again: another one that it needs may not be there yet.
_RESTARTS_AFTER_S = (1.0, 2.0, 4.0, 8.0)


@dataclass(slots=True)
class Launch:
    """One start of one app.

    Attributes:
        container_ids: by service, filled by the caller before `up`.
        deadline_s: until all must answer; it is extended while there is a reason.
        host: the one that runs the engine.
        declared: by service, its ports -> where they are declared, likeliest first.
        source: by service, ports that its own files name.
        renew: makes a new container in place of one that has ended.
        notes: facts seen about an app that came up.
    """

    containers: Containers
    endings: Endings
    faults: StartFaults
    plans: Sequence[ServicePlan]
    container_ids: dict[str, str]
    location: Location
    deadline_s: float
    host: Host
    on_progress: Callable[[str], None]
    declared: Mapping[str, Mapping[int, str]] = field(default_factory=dict[str, dict[int, str]])
    renew: Callable[[ServicePlan, str], Awaitable[str]] | None = None
    source: Mapping[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    notes: list[str] = field(default_factory=list[str])
    _restarts: dict[str, int] = field(default_factory=dict[str, int])
    _replacing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @traced("wait until it answers")
    async def up(self) -> tuple[RunningService, ...]:
        """Start what is not running, then wait until all have come up.

        Raises:
            AppFault: a container died, or did not answer in time.
            PlatformError: the platform is at fault, also for a death that it caused.
            Moved: a service listens on a port that is not published.
        """
        try:
            return await self._up()
        except (AppFault, PlatformFault):
            # The end of one container may have been caused by the end of another.
            for service, container_id in self.container_ids.items():
                found = await self.endings.of(container_id)
                if found and found.row.state is not MeasurementState.APP_FAILED:
                    raise fault(found.row, "start", f"{service} {found.text}") from None
            raise

    async def _up(self) -> tuple[RunningService, ...]:
        client, host = self.endings.client, self.host
        reaches = host.local and host.reaches
        ready = Readiness(
            Finder(client, self.location, host.local, reaches, self.containers.log),
            HealthChecks(client),
            StartTime(client, self.deadline_s, self.host, self.on_progress),
            self.declared,
            Settling(host.local),
            self.source,
        )
        found = await together([self._bring_up(plan, ready) for plan in self.plans])
        services = [service for service in found if service is not None]
        services, served = await self._confirmed(services, ready)
        order = [plan.name for plan in self.plans]
        services.sort(key=lambda service: order.index(service.plan.name))
        running, notes = running_services(services, served)
        self.notes += [*ready.notes, *notes]
        return running

    async def _confirmed(
        self, services: list[Found], ready: Readiness
    ) -> tuple[list[Found], dict[str, Served | None]]:
        """Services, and what the measured ones serve now that all are up.

        A service that no longer answers is waited for again: a splash page gave way to the app.
        """
        rounds_left = _ROUNDS
        while True:
            measured = await self._measured(services, ready)
            looks = await together([self._look(service) for service in measured])
            gone = [service for service, seen in zip(measured, looks, strict=True) if seen is None]
            if not gone or not rounds_left:
                names = [service.plan.name for service in measured]
                return services, dict(zip(names, looks, strict=True))
            rounds_left -= 1
            again = await together([self._watch(service.plan, ready) for service in gone])
            services = [service for service in services if service not in gone] + [
                service for service in again if service
            ]

    async def _bring_up(self, plan: ServicePlan, ready: Readiness) -> Found | None:
        """Start one service as soon as it may start, and watch it until it is up."""
        by_name = {other.name: other for other in self.plans}
        for name, condition in plan.depends_on.items():
            if name in by_name:  # else it is optional and left out
                await self._wait_for(by_name[name], condition, plan, ready)
        state = await self._state(plan)
        if state.fresh:
            self.on_progress(f"{plan.name}: starting")
            with span("start container"):
                if refusal := await self.containers.start(state.id):
                    raise await self.faults.refusal(plan.name, refusal)
        ready.begin(plan.name)
        return await self._watch(plan, ready)

    async def _wait_for(
        self, plan: ServicePlan, condition: str, waiting: ServicePlan, ready: Readiness
    ) -> None:
        """Wait until the service that `plan` runs fulfils the condition of `waiting`."""
        is_optional = plan.name in waiting.optional
        while True:
            state = await self._state(plan)
            if not state.fresh:
                if await self._fulfils(plan, state, condition, ready):
                    return
                ended = state.has_ended and not self._may_restart(plan, state)
                if ended or await ready.is_over(plan.name, state):
                    break
            await asyncio.sleep(_POLL_S)
        if is_optional:
            text = f"{plan.name} did not become ready ({condition}), and it can do without"
            self.notes.append(f"{waiting.name}: {text}")
            return
        if state.has_ended:
            raise await self._died(plan, state)
        text = f"did not become ready for {waiting.name} ({condition}) {ready.time.waited()}"
        row = blame.SLOW_START if ready.time.strain() else blame.NEVER_ANSWERED
        raise await self.faults.failure(plan.name, state, row, "start", text)

    async def _fulfils(
        self, plan: ServicePlan, state: State, condition: str, ready: Readiness
    ) -> bool:
        if condition == "service_completed_successfully":
            return state.is_done
        if condition == "service_started":
            return state.running or state.is_done
        if not state.running:
            return False
        health = await ready.health.of(state)
        # A stand-in image may lack the program that the check needs.
        excused = health == "broken" and self.faults.is_on_stand_in(plan.name)
        return health in ("none", "healthy") or excused

    async def _watch(self, plan: ServicePlan, ready: Readiness) -> Found | None:
        """The service as it runs; None for a service that has finished its work."""
        wanted = self._wanted(plan)
        while True:
            state = await self._state(plan)
            if state.is_done and not wanted.expected:
                return None
            if not state.unbroken:
                await self._restart(plan, state)
                ready.forget(plan.name)
                continue
            up = await ready.look(wanted, state)
            if up is None and await ready.is_over(plan.name, state):
                up = await ready.judged(wanted, state)
                if up is None:
                    raise await self._unanswered(plan, state, ready)
            if up is not None:
                # It answered; check that it is still the process that we started.
                after = await self._state(plan)
                if after.unbroken:
                    return Found(plan, after, up)
            await asyncio.sleep(min(_POLL_S, max(_FIRST_POLL_S, ready.age_s(plan.name) / 10)))

    def _may_restart(self, plan: ServicePlan, state: State) -> bool:
        """Whether the app's author restarts it: the thing that it needs may exist by then."""
        tried = self._restarts.get(plan.name, 0)
        is_hopeful = len(self.plans) > 1 and self.renew is not None and plan.restarts
        failed = state.has_ended and not state.is_done and not state.out_of_memory
        return is_hopeful and failed and tried < len(_RESTARTS_AFTER_S)

    async def _restart(self, plan: ServicePlan, state: State) -> None:
        """Start a service again that ended by itself, in a new container.

        Raises:
            AppFault, PlatformError: it does not get another try.
        """
        found = await self.endings.of(state.id) or Ending(blame.EXIT, state.ending)
        if self.renew is None or found.row is not blame.EXIT or not self._may_restart(plan, state):
            raise await self.faults.death(plan.name, state, found)
        tried = self._restarts.get(plan.name, 0)
        line = cause_line((await self.containers.log(state.id)).decode(errors="replace"))
        note = f"{plan.name}: {found.text} at its start and was started again: {line}"
        self.notes.append(note)
        self.on_progress(note)
        await asyncio.sleep(_RESTARTS_AFTER_S[tried])
        # Nobody looks for the old container while there is no new one.
        async with self._replacing:
            made = await self.renew(plan, state.id)
            self.container_ids[plan.name] = made
            self._restarts[plan.name] = tried + 1
        if refusal := await self.containers.start(made):
            raise await self.faults.refusal(plan.name, refusal)

    def _wanted(self, plan: ServicePlan) -> Wanted:
        """What we expect of a service: one of the app's own that publishes a port should serve.

        A service of an image made by others need only run, unless the app consists of such
        services.
        """
        is_app = plan.is_own or not any(other.is_own for other in self.plans)
        may_move = plan.publishes or not any(other.publishes for other in self.plans)
        expected = plan.publishes and is_app and not plan.one_shot
        return Wanted(plan, expected, may_move and is_app and not plan.listens)

    async def _measured(self, services: Sequence[Found], ready: Readiness) -> list[Found]:
        """Services that answer HTTP: the app's own, or any where none of its own does.

        Raises:
            AppFault: an app without any HTTP answer did not come up, whatever else it speaks.
        """
        answering = [service for service in services if service.up.port is not None]
        if not answering:
            plans = sorted(self.plans, key=lambda candidate: not self._wanted(candidate).expected)
            states = [(plan, await self._state(plan)) for plan in plans]
            plan, state = next((pair for pair in states if pair[1].running), states[0])
            if state.has_ended:
                raise await self._died(plan, state)
            raise await self._unanswered(plan, state, ready)
        return [service for service in answering if service.plan.is_own] or answering

    async def _look(self, service: Found) -> Served | None:
        state = await self._state(service.plan)
        return await look(state.probe_url(self.location, service.up.port or 0))

    async def _unanswered(
        self, plan: ServicePlan, state: State, ready: Readiness
    ) -> AppFault | PlatformError:
        row, text = await ready.verdict(plan.name, state)
        return await self.faults.failure(plan.name, state, row, "answer", text)

    async def _state(self, plan: ServicePlan) -> State:
        async with self._replacing:
            state = await self.containers.state(self.container_ids[plan.name])
        if state is None:
            gone = Ending(blame.REMOVED, "was removed from outside")
            found = await self.endings.of(self.container_ids[plan.name]) or gone
            raise fault(found.row, "start", f"{plan.name} {found.text}")
        return state

    async def _died(self, plan: ServicePlan, state: State) -> AppFault | PlatformError:
        found = await self.endings.of(state.id) or Ending(blame.EXIT, state.ending)
        return await self.faults.death(plan.name, state, found)


async def together(parts: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """The results of all; the first failure cancels the others."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
