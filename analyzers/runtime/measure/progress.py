"""How far a run is: the `Progress` that its client receives while it goes on."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from contract.protocol import Progress

_MESSAGE_CHARS = 500


@dataclass(slots=True)
class RunProgress:
    """Which tools of a run are done, at work, or wait for their turn.

    Attributes:
        total: how many tools are planned.
        report: takes each new state.
    """

    subtask_id: str
    total: int
    report: Callable[[Progress], None]
    _done: int = 0
    _begun: tuple[str, ...] = ()
    _working: set[str] = field(default_factory=set)

    def advance(self, done: int, begun: tuple[str, ...]) -> None:
        """So many tools are done, and these have begun and are not done."""
        self._done, self._begun = done, begun
        self.say()

    def say(self, message: str = "") -> None:
        """Report the state, with a message for people."""
        self.report(
            Progress(
                subtask_id=self.subtask_id,
                done=self._done,
                total=self.total,
                running=tuple(name for name in self._begun if name in self._working),
                waiting=tuple(name for name in self._begun if name not in self._working),
                message=message[:_MESSAGE_CHARS],
            )
        )

    @contextmanager
    def at_work(self, tool: str) -> Generator[None]:
        """The tool works inside this block; before it, the tool has begun and waits."""
        self._working.add(tool)
        self.say()
        try:
            yield
        finally:
            self._working.discard(tool)
            self.say()

    @contextmanager
    def waiting(self, tool: str) -> Generator[None]:
        """The tool waits for others inside this block, which is no work."""
        self._working.discard(tool)
        self.say()
        try:
            yield
        finally:
            self._working.add(tool)
