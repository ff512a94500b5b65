"""Faults of what an app folder says of itself."""

from clients.blame import UNSUPPORTED, AppFault, Phase, fault
from contract.errors import PlatformError

__all__ = ["AppFault", "Phase", "unsupported"]


def unsupported(what: str) -> AppFault | PlatformError:
    """The fault of an app that uses what Docker's own tools honour, and we do not yet."""
    return fault(UNSUPPORTED, "build", f"{what} is not supported here yet: not the app's fault")
