"""Why an app did not come up: the fault of the app or of the platform."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from clients import blame
from clients.blame import AppFault, Phase, PlatformFault, fault
from clients.docker import podman
from clients.docker.containers import Containers, State
from clients.ending import Ending
from clients.excuses import Circumstances, excuse
from clients.log_lines import cause_line
from contract.analysis import MeasurementState
from contract.blame import Row
from contract.errors import PlatformError


async def _never(_state: State) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class StartFaults:
    """Decides by the log of the failed container and by the circumstances of its start.

    Attributes:
        under: circumstances by service.
        tried_outside: whether the container tried to reach an address outside.
    """

    containers: Containers
    under: Mapping[str, Circumstances]
    tried_outside: Callable[[State], Awaitable[bool]] = _never

    async def death(self, service: str, state: State, ending: Ending) -> AppFault | PlatformError:
        """The fault of a container that ended while the app was started."""
        if ending.row is blame.EXIT and podman.lacks_command(await self.containers.log(state.id)):
            command = state.command.removeprefix(podman.INIT).partition(" ")[0]
            text = f'exec: "{command}": executable file not found in $PATH'
            return await self.refusal(service, text)
        return await self.failure(service, state, ending.row, "start", ending.text)

    async def refusal(self, service: str, message: str) -> AppFault | PlatformError:
        """The fault of a command that the engine could not run, in the engine's words."""
        text = f"{service} cannot be run: {message[:300]}"
        if found := excuse(message, self._under(service)):
            return fault(found[0], "start", f"{text}; {found[1]}")
        return fault(blame.COMMAND_MISSING, "start", text)

    async def failure(
        self, service: str, state: State, row: Row, phase: Phase, text: str
    ) -> AppFault | PlatformError:
        """The fault that `row` describes, unless something else may have caused the failure.

        Args:
            service: its name.
            state: of its container.
            row: the row that fits what was seen.
            phase: where it was seen.
            text: what was seen, to put after the service's name.
        """
        log = (await self.containers.log(state.id)).decode(errors="replace")
        line = cause_line(log)
        sign = f": {line}" if line else f"; its log is empty; it ran `{state.command[:200]}`"
        reason = f"{service} {text}{sign}"
        if row.state is not MeasurementState.APP_FAILED or row is blame.MEMORY:
            return fault(row, phase, reason)
        under = self._under(service)
        if under.egress_denied and await self.tried_outside(state):
            under = replace(under, asked_outside=True)
        if found := excuse(log, under):
            return fault(found[0], phase, f"{reason}; {found[1]}")
        return fault(row, phase, reason)

    def is_on_stand_in(self, service: str) -> bool:
        """Whether a part of its image was substituted."""
        return bool(self._under(service).substitutions)

    def _under(self, service: str) -> Circumstances:
        return self.under.get(service, Circumstances())


def with_notes(error: PlatformError, notes: Sequence[str]) -> PlatformError:
    """`error` with the substitutions, where its text does not name them already."""
    missing = [
        note
        for note in notes
        if "base image " in note and note.partition("base image ")[2] not in error.message
    ]
    if not missing:
        return error
    message = f"{error.message} (on stand-ins: {'; '.join(missing[:3])})"
    if isinstance(error, PlatformFault):
        return PlatformFault(error.code, message, error.row)
    return PlatformError(error.code, message, retry_after_s=error.retry_after_s)
