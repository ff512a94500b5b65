"""What a build tells: its log, and whether there was anything to build."""

from collections.abc import Callable
from dataclasses import dataclass

OnBuilt = Callable[[bool], None]
"""Called when an app is built: with whether anything had to be built for it."""


def untold(_anew: bool) -> None:
    """Of a build that nobody waits for."""


@dataclass(slots=True)
class BuildLog:
    """The log of all builds of one app so far.

    Attributes:
        ahead: whether the app is only built: then it tells, too, what was there already.
        text: of the log.
        anew: whether anything had to be built.
    """

    ahead: bool = False
    text: str = ""
    anew: bool = False

    def add(self, log: str, there_already: str = "") -> None:
        """Add the log of one build; without one, `there_already` says what made it needless."""
        self.anew = self.anew or bool(log)
        if self.ahead and there_already and not log:
            log = f"{there_already}\n"
        self.text += log
