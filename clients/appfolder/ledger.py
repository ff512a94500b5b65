"""The settings of a compose file that are not honoured: noted, possibly needed, or refused."""

from dataclasses import dataclass, field

from clients.blame import SETTING_DROPPED, AppFault, fault
from contract.errors import PlatformError

_SHOWN = 4


@dataclass(slots=True)
class Ledger:
    """The settings not honoured so far.

    Attributes:
        noted: all of them, for the record.
        needed: those that an app may need to start; if it starts, it is measured.
        refused: those that could change the measurement, even if the app starts.
    """

    noted: list[str] = field(default_factory=list[str])
    needed: list[str] = field(default_factory=list[str])
    refused: list[str] = field(default_factory=list[str])

    def note(self, line: str) -> None:
        """Record a setting that changes nothing that is measured."""
        self.noted.append(line)

    def need(self, line: str) -> None:
        """Record a setting that an app may need to start."""
        self.noted.append(line)
        self.needed.append(line)

    def refuse(self, line: str) -> None:
        """Record a setting without which the app is not measured."""
        self.refused.append(line)

    def refusal(self) -> AppFault | PlatformError | None:
        """The fault for the refused settings; None: there are none."""
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
