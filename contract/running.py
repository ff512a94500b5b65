"""A running app, as a value: what `start_app` answers and teardown needs."""

from typing import Literal

from contract.analysis import SubtaskRequest, Target
from contract.base import Frozen
from contract.outcome import AppFacts


class FurtherPort(Frozen):
    """A port of a service beside the one that is measured: of a WebSocket, of an admin's pages.

    Attributes:
        host_port: port on 127.0.0.1 of the host; None where analyzers reach the container itself.
        container_port: port inside.
        published: as `RunningService.published`.
    """

    host_port: int | None = None
    container_port: int
    published: tuple[int, ...] = ()


class RunningService(Frozen):
    """One service of a running app.

    Attributes:
        container_id: engine's full ID; for a confined process `pid:<pid>:<start ticks>`.
        host_port: port on 127.0.0.1 of the host; None for what is not measured (databases).
        container_port: the port that is measured, inside; None: it speaks no HTTP, or is nothing
            of the app's own.
        dns_name: name on the app's own network.
        role: by what it answers, see `Target`; `support` is not measured.
        published, written_for, folder: see `Target`.
        found_by: how `container_port` was found (`open socket, EXPOSE`); empty: nobody looked.
        further: other ports of it that accept connections.
    """

    service: str
    container_id: str
    host_port: int | None = None
    container_port: int | None = None
    dns_name: str = ""
    role: Literal["backend", "frontend", "support"] = "backend"
    published: tuple[int, ...] = ()
    written_for: tuple[int, ...] = ()
    folder: str = ""
    found_by: str = ""
    further: tuple[FurtherPort, ...] = ()


class RunningApp(Frozen):
    """An app that answered HTTP on its own port.

    Attributes:
        host: name of the host that runs it; live subtasks and teardown go to that host's queues.
        network: name of the app's own network, empty for processes.
        conditions: digest of engine, limits, egress and images, see `SubtaskRequest`.
    """

    workflow_id: str
    host: str
    engine: Literal["docker", "process"]
    services: tuple[RunningService, ...]
    network: str = ""
    conditions: str = ""


class StartOutcome(Frozen):
    """Result of building and starting an app: running, or why the app's author failed.

    Attributes:
        app: None when the app did not build, start or answer, or was only built.
        phase: where it stopped; `built`: it is ready to be started, and only a build was asked for.
        reason: one sentence, with the last telling line of the log.
        facts: its logs, what was replaced or not honoured, and the images it runs from.
    """

    app: RunningApp | None = None
    phase: Literal["build", "built", "start", "answer", "running"] = "running"
    reason: str = ""
    host: str = ""
    facts: AppFacts = AppFacts()


class SubtaskOrder(SubtaskRequest):
    """Input of `run_analysis`: a `SubtaskRequest` alone will do.

    Attributes:
        app: the running app that is measured, to be looked at on the host that runs it; None for
            what reads sources alone.
    """

    app: RunningApp | None = None

    @property
    def request(self) -> SubtaskRequest:
        """The part of it that the analyzer gets."""
        return SubtaskRequest(**{name: getattr(self, name) for name in SubtaskRequest.model_fields})


class AppCheck(Frozen):
    """Whether the processes that answer are still the ones we started.

    Attributes:
        alive: same containers, running, never restarted since `start_app`.
        taken: not alive because the platform took it away; never the app's fault.
        silent: its processes run unchanged and gave no answer. That alone proves nothing, because
            the host may be too busy.
        killed: not alive because SIGKILL or SIGTERM ended a process, and no memory limit is on
            record. It is unknown who sent the signal, so the measurement is made once more.
        reason: what changed (`exited with 137 (out of memory)`), empty when alive.
        targets: addresses for the analyzer, resolved for where it runs.
        facts: logs of an app that is not alive.
    """

    alive: bool
    taken: bool = False
    silent: bool = False
    killed: bool = False
    reason: str = ""
    targets: tuple[Target, ...] = ()
    facts: AppFacts = AppFacts()


class TeardownReport(Frozen):
    """What teardown removed; removing what is already gone is success.

    Attributes:
        facts: logs that were saved before what wrote them was removed; notes on those that could
            not be saved.
    """

    containers: int = 0
    networks: int = 0
    volumes: int = 0
    images: int = 0
    processes: int = 0
    facts: AppFacts = AppFacts()


class SweepReport(Frozen):
    """What one round of the janitor did.

    Attributes:
        removed: IDs of the workflows whose leftovers were removed.
        kept: IDs of the workflows that still run.
    """

    removed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
