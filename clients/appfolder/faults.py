"""Why the app under test is at fault: raised inside `clients`, turned into a value at the port."""

from typing import Literal

Phase = Literal["build", "start", "answer"]


class AppFault(Exception):
    """The app's author is at fault: `phase` is where it showed, `reason` one sentence."""

    def __init__(self, phase: Phase, reason: str) -> None:
        super().__init__(reason)
        self.phase: Phase = phase
        self.reason = reason
