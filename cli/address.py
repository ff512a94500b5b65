"""Where the dashboard of an installation answers: it says so itself while it serves."""

from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from cli.stack.lifecycle import running_stack
from cli.stack.readiness import is_dashboard_of
from clients.files import write_atomically
from contract.doors import base_url
from settings import Settings


@contextmanager
def announced(settings: Settings, address: str) -> Generator[None]:
    """Let commands of this installation find what serves at `address`, whatever its port."""
    path = _path(settings)
    with suppress(OSError):  # they then know the address of the settings
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, address.encode(), path.parent)
    try:
        yield
    finally:
        with suppress(OSError):
            if _announced(settings) == address:
                path.unlink()


def dashboard_address(settings: Settings) -> tuple[str, bool]:
    """Where the dashboard of this installation answers, or would; and whether it does. Blocking."""
    stack = running_stack(settings)
    own = base_url(settings.dashboard_host, settings.dashboard_port)
    expected = (stack.dashboard_url if stack else "") or own
    for address in (expected, _announced(settings)):
        if address and is_dashboard_of(str(settings.data_dir), address):
            return address, True
    return expected, False


def _announced(settings: Settings) -> str:
    with suppress(OSError, UnicodeError):
        return _path(settings).read_text().strip()
    return ""


def _path(settings: Settings) -> Path:
    return settings.data_dir / "run" / "dashboard.address"
