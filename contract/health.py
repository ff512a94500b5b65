"""What an analyzer says about itself: the answer of `GET /health`."""

from datetime import datetime

from contract.analyzers import AnalyzerKind, Category
from contract.base import Frozen

NO_ENDPOINT = "no endpoint configured"
"""How the reason of a tool begins that was given nobody to ask."""


class ToolHealth(Frozen):
    """One tool's canary: whether the tool still finds its planted flaw.

    Attributes:
        ok: it does; if not, `reason` says why, and it is blind unless it is `starting`.
        starting: its canary has not ended yet: nobody knows.
        lacks_source: it does not, because a source outside that it must ask gave no answer.
        rules_digest: sha256 of its rules, where the version does not say all.
        looks_for: categories of the findings it looks for; None: its analyzer never said.
        checked_at: when its canary was run.
    """

    name: str
    version: str = ""
    ok: bool
    reason: str = ""
    starting: bool = False
    lacks_source: bool = False
    rules_digest: str = ""
    looks_for: tuple[Category, ...] | None = None
    checked_at: datetime | None = None

    @property
    def blind(self) -> bool:
        """Whether it is known that it does not see: what it would measure counts nowhere."""
        return not self.ok and not self.starting

    @property
    def is_unset(self) -> bool:
        """Whether nobody named an endpoint for it to ask: an installation's choice, no fault."""
        return self.blind and self.reason.startswith(NO_ENDPOINT)


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
