"""How each fault is injected into a site, and how it is lifted."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

from contract.ids import LABEL_WORKFLOW
from tests.chaos.counters import KINDS, RunCounter
from tests.chaos.engine import Engine, containers
from tests.chaos.postgres import binary
from tests.chaos.proxy import Mode, Proxy
from tests.chaos.schedule import Fault, FaultKind
from tests.chaos.site import Site

_PROXIED = ("dynamic", "performance", "static", "ai")
_SIGNALS = {
    FaultKind.APP_KILL: "KILL",
    FaultKind.APP_FLOOD: "USR1",
    FaultKind.APP_FORK: "USR2",
    FaultKind.APP_MEMORY: "HUP",
}
_LONGEST_SKEW_S = 7_200
_LONGEST_KEPT_BYTES = 40_000


@dataclass(slots=True)
class Injection:
    """A fault that was injected.

    Attributes:
        at_s: Unix time.
        victim: what was hit: a workflow ID of an app, a role, an analyzer.
        pid: of the process that was killed.
    """

    fault: Fault
    at_s: float
    victim: str
    pid: int = 0


@dataclass(slots=True)
class Injector:
    """Injects faults into one site, and lifts those that last."""

    site: Site
    counter: RunCounter
    done: list[Injection] = field(default_factory=list)
    _lifts: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def inject(self, fault: Fault) -> bool:
        """Inject it now; False when its target does not exist yet."""
        self.counter.note()
        hit = _DEEDS[fault.kind](self, fault)
        if hit is None:
            return False
        victim, pid = hit
        if victim in KINDS and pid:
            self.counter.forget(victim)
        self.done.append(Injection(fault, time.time(), victim, pid))
        return True

    def lift_due(self, *, everything: bool = False) -> None:
        """End the faults whose time is over."""
        now = time.monotonic()
        for entry in [one for one in self._lifts if everything or one[0] <= now]:
            self._lifts.remove(entry)
            entry[1]()

    @property
    def lifting(self) -> bool:
        """Whether a fault still lasts."""
        return bool(self._lifts)

    def later(self, fault: Fault, lift: Callable[[], None]) -> None:
        """Lift `fault` when its time is over."""
        self._lifts.append((time.monotonic() + fault.lasts_s, lift))


Deed = Callable[[Injector, Fault], tuple[str, int] | None]


def possible_kinds(site: Site) -> set[FaultKind]:
    """Faults that are possible here; the run's summary names the others."""
    kinds = set(FaultKind)
    if not isinstance(site.engine, Engine):
        kinds -= {FaultKind.ENGINE_KILL, FaultKind.ENGINE_GONE}
    if not site.disk_is_small:
        kinds.discard(FaultKind.DISK_FULL)
    if site.clock_file is None:
        kinds.discard(FaultKind.CLOCK_SKEW)
    if site.postgres is None or binary("postgres") is None:
        kinds.discard(FaultKind.STORE_GONE)
    return kinds


def _kill(role: str) -> Deed:
    def deed(injector: Injector, _fault: Fault) -> tuple[str, int]:
        process = injector.site.process(role)
        process.kill()
        psutil.wait_procs([process], timeout=5)
        return role, process.pid

    return deed


def _stop(injector: Injector, role: str) -> tuple[str, int]:
    """SIGTERM, as at an upgrade; supervisord starts it again."""
    process = injector.site.process(role)
    process.terminate()
    psutil.wait_procs([process], timeout=20)
    return role, process.pid


def _freeze(role: str) -> Deed:
    """Like a suspended virtual machine: alive, silent, and later back as before."""

    def deed(injector: Injector, fault: Fault) -> tuple[str, int]:
        process = injector.site.process(role)
        process.suspend()

        def thaw() -> None:
            with suppress(psutil.NoSuchProcess):
                process.resume()

        injector.later(fault, thaw)
        return role, 0

    return deed


def _kill_engine(injector: Injector, fault: Fault) -> tuple[str, int] | None:
    engine = injector.site.engine
    assert isinstance(engine, Engine)
    if not engine.is_running:  # it is away for a while, and two of them would share a folder
        return None
    engine.kill()
    if fault.lasts_s:
        injector.later(fault, engine.start)
    else:
        engine.start()
    return "engine", 0


def _proxy_of(injector: Injector, fault: Fault) -> tuple[str, Proxy]:
    name = _PROXIED[fault.target % len(_PROXIED)]
    return name, injector.site.proxies[name]


def _misroute(mode: Mode) -> Deed:
    def deed(injector: Injector, fault: Fault) -> tuple[str, int]:
        name, proxy = _proxy_of(injector, fault)
        proxy.set(mode, cut_after=int(fault.amount * _LONGEST_KEPT_BYTES))
        injector.later(fault, lambda: proxy.set(Mode.PASS))
        return name, 0

    return deed


def _reset(injector: Injector, fault: Fault) -> tuple[str, int]:
    name, proxy = _proxy_of(injector, fault)
    proxy.reset()
    return name, 0


def _fill_disk(injector: Injector, fault: Fault) -> tuple[str, int]:
    injector.site.fill_disk()
    injector.later(fault, injector.site.free_disk)
    return "artifacts", 0


def _take_store(injector: Injector, fault: Fault) -> tuple[str, int] | None:
    postgres = injector.site.postgres
    assert postgres is not None
    if not postgres.is_running:
        return None
    postgres.kill()
    injector.later(fault, postgres.start)
    return "store", 0


def _skew_clock(injector: Injector, fault: Fault) -> tuple[str, int]:
    clock = injector.site.clock_file
    assert clock is not None
    clock.write_text(f"{(fault.amount - 0.5) * 2 * _LONGEST_SKEW_S:+.0f}")
    injector.later(fault, lambda: _set_right(injector.site))
    return "worker", 0


def _set_right(site: Site) -> None:
    assert site.clock_file is not None
    site.clock_file.write_text("+0")


def _victim(injector: Injector, fault: Fault) -> tuple[str, str] | None:
    """Container and workflow of one running app."""
    site = injector.site
    running = [
        row for row in containers(site.engine, site.scope_label) if row["State"] == "running"
    ]
    if not running:
        return None
    row = running[fault.target % len(running)]
    return row["ID"], row["Labels"][LABEL_WORKFLOW]


def _signal_app(injector: Injector, fault: Fault) -> tuple[str, int] | None:
    victim = _victim(injector, fault)
    if victim is None:
        return None
    command = ("kill", "--signal", _SIGNALS[fault.kind], victim[0])
    done = injector.site.engine.docker(*command, check=False)
    return (victim[1], 0) if done.returncode == 0 else None


def _remove_app(injector: Injector, fault: Fault) -> tuple[str, int] | None:
    victim = _victim(injector, fault)
    if victim is None:
        return None
    done = injector.site.engine.docker("rm", "-f", victim[0], check=False)
    return (victim[1], 0) if done.returncode == 0 else None


def _pause_app(injector: Injector, fault: Fault) -> tuple[str, int] | None:
    victim = _victim(injector, fault)
    if victim is None:
        return None
    docker = injector.site.engine.docker
    if docker("pause", victim[0], check=False).returncode != 0:
        return None
    injector.later(fault, lambda: _ignore(docker("unpause", victim[0], check=False)))
    return victim[1], 0


def _ignore(_value: object) -> None:
    """Ignore that a container is gone, which needs no unpausing."""


_DEEDS: dict[FaultKind, Deed] = {
    FaultKind.WORKER_KILL: _kill("worker"),
    FaultKind.WORKER_STOP: lambda injector, _: _stop(injector, "worker"),
    FaultKind.WORKER_FREEZE: _freeze("worker"),
    FaultKind.ANALYZER_STOP: lambda injector, fault: _stop(
        injector, _PROXIED[fault.target % len(_PROXIED)]
    ),
    FaultKind.STATIC_KILL: _kill("static"),
    FaultKind.DYNAMIC_KILL: _kill("dynamic"),
    FaultKind.PERFORMANCE_KILL: _kill("performance"),
    FaultKind.AI_KILL: _kill("ai"),
    FaultKind.TEMPORAL_KILL: _kill("temporal"),
    FaultKind.TEMPORAL_FREEZE: _freeze("temporal"),
    FaultKind.ENGINE_KILL: _kill_engine,
    FaultKind.ENGINE_GONE: _kill_engine,
    FaultKind.SOCKET_STALL: _misroute(Mode.STALL),
    FaultKind.SOCKET_TRUNCATE: _misroute(Mode.TRUNCATE),
    FaultKind.SOCKET_DELAY: _misroute(Mode.DELAY),
    FaultKind.SOCKET_RESET: _reset,
    FaultKind.DISK_FULL: _fill_disk,
    FaultKind.STORE_GONE: _take_store,
    FaultKind.CLOCK_SKEW: _skew_clock,
    FaultKind.APP_KILL: _signal_app,
    FaultKind.APP_FLOOD: _signal_app,
    FaultKind.APP_FORK: _signal_app,
    FaultKind.APP_MEMORY: _signal_app,
    FaultKind.APP_PAUSE: _pause_app,
    FaultKind.APP_REMOVED: _remove_app,
}
