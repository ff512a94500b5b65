"""What of a compose file is not honoured: noted, possibly needed to start, or reason to refuse."""

from dataclasses import dataclass, field

from clients.blame import SETTING_DROPPED, AppFault, fault
from contract.errors import PlatformError

_SHOWN = 4


@dataclass(slots=True)
class Ledger:
    """What is not honoured, as far as the reading has got.

    Attributes:
        noted: all of it, for the record.
        needed: of that, what an app may need to start; where it starts, it is measured.
        refused: what could change what is measured, also of an app that starts.
    """

    noted: list[str] = field(default_factory=list[str])
    needed: list[str] = field(default_factory=list[str])
    refused: list[str] = field(default_factory=list[str])

    def note(self, line: str) -> None:
        """Record what changes nothing that is measured."""
        self.noted.append(line)

    def need(self, line: str) -> None:
        """Record what an app may need to start."""
        self.noted.append(line)
        self.needed.append(line)

    def refuse(self, line: str) -> None:
        """Record what must be honoured, or the app is not measured."""
        self.refused.append(line)

    def refusal(self) -> AppFault | PlatformError | None:
        """The fault of what was refused; None: nothing was."""
        if not self.refused:
            return None
        more = len(self.refused) - _SHOWN
        text = "; ".join(line[:200] for line in self.refused[:_SHOWN])
        text += f"; and {more} more" if more > 0 else ""
        return fault(
            SETTING_DROPPED,
            "build",
            f"not honoured here, and it could change what is measured: {text}",
        )
