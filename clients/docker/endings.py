"""How a container ended: by itself, at a limit, or because somebody ended it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import docker

from clients import blame
from clients.docker import podman
from clients.docker.containers import Containers, State
from clients.docker.engine import Event, events_of, folder_of, moment, running_since
from clients.docker.errors import call
from clients.ending import Ending, unless_full

_KILL, _TERMINATE = 9, 15
# Signals of `docker stop`, `docker kill` and `docker rm -f`, whatever exit code an app makes of
# them.
_ENDING_SIGNALS = (2, 3, _KILL, _TERMINATE)
_KILLED = (128 + _KILL, 128 + _TERMINATE)
# An app that takes longer to end after a signal has gone on with its work.
_LAST_BREATH_NS = 60 * 10**9
# The engine records the sender when the signal is sent; the end may be recorded before that.
_SKEW_NS = 2 * 10**9


@dataclass(frozen=True, slots=True)
class Endings:
    """Asks one engine how containers ended."""

    client: docker.DockerClient
    containers: Containers

    async def of(self, container_id: str) -> Ending | None:
        """How the container ended or was changed; None while it runs as it was started.

        Raises:
            PlatformError: the engine is unreachable.
        """
        state = await self.containers.state(container_id)
        if state is None:
            return Ending(blame.REMOVED, "was removed from outside")
        if state.unbroken:
            return None
        since = await running_since(self.client)
        if since is not None and since > moment(state.since) and not state.broke_down:
            text = "was taken away by a restart of the Docker daemon"
            return Ending(blame.ENGINE_RESTARTED, text)
        if state.running or state.paused:
            return Ending(blame.RESTARTED, "was stopped and started again from outside")
        found = ended(state, await events_of(self.client, container_id))
        if found.row is blame.EXIT and await call(podman.was_stopped, self.client, container_id):
            return Ending(blame.KILLED, f"{state.ending} after somebody stopped it from outside")
        return await asyncio.to_thread(unless_full, found, await folder_of(self.client))


def ended(state: State, events: Sequence[Event]) -> Ending:
    """How a stopped container ended.

    Args:
        state: of the container.
        events: oldest first; the engine forgets them after a while.
    """
    sender = _sent(state, events)
    memory_at = max((event.at_ns for event in events if event.action == "oom"), default=0)
    if sender is not None and sender.at_ns > memory_at:
        signal = f"signal {sender.signal}" if sender.signal else "a signal"
        text = f"{state.ending} after somebody sent it {signal} from outside"
        return Ending(blame.KILLED, text)
    if state.out_of_memory or (memory_at and state.exit_code in _KILLED):
        return Ending(blame.MEMORY, f"exited with {state.exit_code} (out of memory)")
    if state.exit_code in _KILLED:
        text = f"{state.ending} (killed; neither a memory limit nor a sender is on record)"
        return Ending(blame.KILLED_BY_NOBODY, text)
    return Ending(blame.EXIT, state.ending)


def _sent(state: State, events: Sequence[Event]) -> Event | None:
    """The signal from outside that ended it; None when there was none."""
    died_at = max((event.at_ns for event in events if event.action == "die"), default=0)
    for event in reversed(events):
        if event.action != "kill" or (died_at and event.at_ns > died_at + _SKEW_NS):
            continue
        in_time = not died_at or died_at - event.at_ns < _LAST_BREATH_NS
        deadly = (
            not event.signal
            or event.signal in _ENDING_SIGNALS
            or state.exit_code == 128 + event.signal
        )
        if in_time and deadly:
            return event
    return None
