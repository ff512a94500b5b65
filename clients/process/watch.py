"""Watches confined processes come up, answer or fail, and says whose fault it is."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from clients import blame
from clients.blame import AppFault, Phase, fault
from clients.calm import Host, Moment, Patience
from clients.ending import Ending
from clients.excuses import Circumstances, excuse
from clients.log_lines import cause_line
from clients.probe import Answer, ask
from clients.process.recipe import Recipe
from clients.process.sandbox import Confined, sandbox_refusal
from clients.sockets import Listening, parse
from contract.analysis import MeasurementState
from contract.blame import Row
from contract.errors import PlatformError

_WARMING_UP = (502, 503, 504)
_LOG_BYTES = 40_000
_GONE_S = 30.0
_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")


@dataclass(slots=True)
class StartClock:
    """How long a start may take: twice as long on a loaded host."""

    host: Host
    deadline_s: float
    _began: Moment = field(init=False)

    def __post_init__(self) -> None:
        """Begin."""
        self._began = self.host.look()

    def strain(self) -> str:
        """What the host was busy with since the start; empty when it was calm."""
        return self.host.strain(self._began, self.host.look())

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return self.host.look().at_s - self._began.at_s

    def is_over(self) -> bool:
        """Whether the time is over, with no reason to give more."""
        if self.elapsed_s <= self.deadline_s:
            return False
        return self.elapsed_s > 2 * self.deadline_s or not self.strain()

    def is_ready(self, answer: Answer) -> bool:
        """Whether `answer` is good enough: we wait for a warm-up, though not for ever."""
        warm = answer.status not in _WARMING_UP or self.is_over()
        return answer.kind == "http" and warm

    async def require_progress(
        self, recipe: Recipe, confined: Confined, answer: Answer, *, launcher_ended: bool
    ) -> None:
        """Return while the process may still become ready.

        Raises:
            AppFault: it ended by itself, or did not answer in time.
            PlatformError: somebody ended it, it never began, or the host was too busy.
        """
        if launcher_ended and not confined.began:
            lines = confined.log(2_000).decode(errors="replace").strip().splitlines()
            last = lines[-1][:300] if lines else ""
            text = f"{recipe.name}: no sandbox was started: {last or 'it said nothing'}"
            raise sandbox_refusal(last) or fault(blame.SANDBOX_GONE, "start", text)
        if confined.began and (found := await asyncio.to_thread(confined.ending)):
            raise failure(recipe, confined, found.row, "start", found.text)
        if self.is_over():
            raise self._overdue(recipe, confined, answer)

    def _overdue(
        self, recipe: Recipe, confined: Confined, answer: Answer
    ) -> AppFault | PlatformError:
        """The fault of a process that runs and did not answer in time."""
        strained = self.strain()
        row = blame.SLOW_START if strained else blame.NEVER_ANSWERED
        busy = f" (host: {strained})" if strained else ""
        text = f"did not answer HTTP on PORT within {self.elapsed_s:.0f} s{busy}; it {answer}"
        return failure(recipe, confined, row, "answer", text)


def failure(
    recipe: Recipe, confined: Confined, row: Row, phase: Phase, text: str
) -> AppFault | PlatformError:
    """The fault that `row` describes, unless our interpreter may have caused it."""
    log = confined.log(_LOG_BYTES).decode(errors="replace")
    line = cause_line(log)
    command = " ".join(recipe.command)[:200]
    reason = f"{recipe.name} {text}" + (
        f": {line}" if line else f"; its log is empty; it ran `{command}`"
    )
    if row.state is MeasurementState.APP_FAILED and (
        found := excuse(log, Circumstances(recipe.substitutions))
    ):
        return fault(found[0], phase, f"{reason}; {found[1]}")
    return fault(row, phase, reason)


@dataclass(slots=True)
class Asked:
    """One service that is asked until it answers, or until something else explains the silence."""

    confined: Confined
    port: int
    gone_s: float = _GONE_S
    gone: bool = False
    busy: str = ""
    _last: Answer | None = None
    _gone_since_s: float = 0.0

    async def answers(self, timeout_s: float) -> bool:
        """Whether it answers within this time."""
        self._last = await ask(f"http://127.0.0.1:{self.port}", timeout_s)
        return self._last.kind == "http"

    async def interrupted(self) -> bool:
        """Whether its process has ended, or nothing has listened for a while."""
        if not self.confined.identity():
            return True
        tables = await asyncio.to_thread(_tables)
        self.busy = "it has other connections open" if self.port in tables.in_use else ""
        now_s = asyncio.get_running_loop().time()
        if self._last is None or self._last.kind != "refused":
            self._gone_since_s = 0.0
            return False
        self._gone_since_s = self._gone_since_s or now_s
        self.gone = now_s - self._gone_since_s >= self.gone_s
        return self.gone


def _tables() -> Listening:
    lines: list[str] = []
    for table in _TABLES:
        try:
            lines += Path(table).read_text(encoding="ascii").splitlines()
        except OSError:
            continue
    return parse(lines)


async def silent(services: Sequence[tuple[str, Asked]], patience: Patience) -> Ending | None:
    """Why one of `services` is silent; None when all answer, or one has ended."""
    for name, service in services:
        silence = await patience.wait(service)
        if service.gone:
            text = f"{name} runs, but nothing listens on its port {service.port} any more"
            return Ending(blame.LISTENER_GONE, text)
        if silence is not None:
            row = blame.HANG if silence.proven else blame.SILENT
            return Ending(row, f"{name} runs but did not answer HTTP any more: {silence.text}")
    return None
