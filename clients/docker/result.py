"""The output of a stream of the engine: line by line (classic builder) or by step (BuildKit)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from clients.docker import podman
from clients.docker.trace import Trace, exit_code_of, instruction_of

_MAX_LOG_BYTES = 4 * 1024 * 1024
_STEP_CONTAINER = re.compile(r"^ ---> Running in ([0-9a-f]{12})")
# The engine writes headers; a step's output cannot forge one that counts as the last.
_STEP = re.compile(r"^(?:Step \d+/\d+ |STEP \d+/\d+): (.*)", re.DOTALL)
_LAST_PIECES = 60


@dataclass(slots=True)
class StreamResult:
    """The output of a stream of the engine.

    Attributes:
        error: empty on success.
        exit_code: of the step that failed; None when no command did.
        image: ID of the built image.
        trace: of a build by BuildKit; without steps for other streams.
    """

    log: list[str] = field(default_factory=list[str])
    error: str = ""
    exit_code: int | None = None
    image: str = ""
    trace: Trace = field(default_factory=Trace)

    def take_trace(self, encoded: str) -> list[str]:
        """Take a message of BuildKit; returns lines for people."""
        return self.trace.take(encoded)

    def fail(self, error: str, exit_code: int | None) -> None:
        """Note the engine's error message for the end of a build or pull."""
        self.error = error
        self.exit_code = exit_code
        if exit_code is None and (cause := podman.run_error(self.log)):
            self.error = f"error running container: {cause}"
        elif exit_code is None:
            code = exit_code_of(error) if self.trace.steps else podman.exit_code_of(error)
            self.exit_code = code

    @property
    def text(self) -> str:
        """The log, at most `_MAX_LOG_BYTES` of its end."""
        return "".join((*self.trace.text(), *self.log))[-_MAX_LOG_BYTES:]

    def last_command(self) -> str:
        """The Dockerfile step that ran last."""
        if self.trace.steps:
            return instruction_of(self.trace.at_work())
        steps = (_STEP.match(line) for line in reversed(self.log))
        return next((step[1].strip() for step in steps if step), "")

    def last_container(self) -> str:
        """Short ID of the container of the last step; empty when it needed none."""
        found = (_STEP_CONTAINER.search(line) for line in reversed(self.log))
        return next((match[1] for match in found if match), "")

    def last_step(self) -> Sequence[str]:
        """The output of the failed step, at most its last 60 pieces."""
        if self.trace.steps:
            step = self.trace.failed()
            return step.log[-_LAST_PIECES:] if step else ()
        log = self.log
        start = next((n for n in range(len(log) - 1, -1, -1) if _STEP.match(log[n])), 0)
        return log[max(start, len(log) - _LAST_PIECES) :]

    def failure_log(self) -> str:
        """The log without the engine's last sentence, which the reason repeats anyway."""
        if self.trace.steps:
            return "".join(self.last_step())
        repeats = bool(self.log) and self.log[-1].strip() == self.error.strip()
        return "".join(self.log[:-1] if repeats else self.log)
