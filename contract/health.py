"""What an analyzer says about itself: the answer of `GET /health`."""

from contract.analyzers import AnalyzerKind
from contract.base import Frozen


class ToolHealth(Frozen):
    """One tool's canary: whether the tool still finds its planted flaw."""

    name: str
    version: str = ""
    ok: bool
    reason: str = ""


class AnalyzerHealth(Frozen):
    """Answer of `GET /health`.

    Attributes:
        ok: the service takes work; single tools may be blind all the same.
        starting: it takes none yet, and will soon: its canaries run for the first time.
    """

    analyzer: AnalyzerKind
    ok: bool
    starting: bool = False
    reason: str = ""
    version: str = ""
    tools: tuple[ToolHealth, ...] = ()
    running: int = 0
    capacity: int = 0
