"""Faults in the content of an app folder."""

from clients.blame import BEYOND_LIMITS, SETTING_DROPPED, UNSUPPORTED, AppFault, Phase, fault
from contract.errors import PlatformError

__all__ = ["AppFault", "Phase", "beyond", "outside", "unsupported"]


def unsupported(setting: str) -> AppFault | PlatformError:
    """The fault of an app with a setting that Docker's own tools support and we do not yet."""
    return fault(UNSUPPORTED, "build", f"{setting} is not supported here yet: not the app's fault")


def outside(setting: str) -> AppFault | PlatformError:
    """The fault of an app that needs a file outside of its folder, which we do not provide."""
    return fault(SETTING_DROPPED, "build", f"{setting}: only the app's own folder is read")


def beyond(setting: str) -> AppFault | PlatformError:
    """The fault of an app that needs more than a limit of ours."""
    return fault(
        BEYOND_LIMITS, "build", f"{setting}: a limit of this platform, not the app's fault"
    )
