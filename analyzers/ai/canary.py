"""Tiny apps with a known answer. Asking costs money, so an answer is believed for some hours."""

import secrets
import time
from collections.abc import Awaitable, Callable

from analyzers.runtime.tool import Canary, Parsed, ToolRun
from contract.spec import Requirement, TemplateSpec

_FILE = "canary-token.txt"
_TOKEN = secrets.token_hex(16)
_SEEN_S = 6 * 3600.0
_MISSED_S = 600.0
_APP = """\
from flask import Flask

app = Flask(__name__)


@app.get("/health")
def health():
    return {"status": "ok"}
"""

REQUIREMENTS_CANARY = Canary(
    files={"app.py": _APP, _FILE: _TOKEN}, expect=frozenset({"canary-card-payment"})
)
QUALITY_CANARY = Canary(files={"app.py": _APP, _FILE: _TOKEN})


def is_canary(run: ToolRun) -> bool:
    """Whether the runtime asks about our own app; no stranger's app can know the token."""
    file = run.source.root / _FILE
    return file.is_file() and file.read_bytes() == _TOKEN.encode()


def canary_template() -> TemplateSpec:
    """One requirement the canary meets and one it clearly does not."""
    return TemplateSpec(
        slug="canary",
        requirements=(
            Requirement(id="canary-health", text="GET /health answers with a status."),
            Requirement(id="canary-card-payment", text="Visitors can pay by credit card."),
        ),
    )


class CanaryMemory:
    """The last answer to a tool's canary: kept for hours when it was right, else for minutes.

    A failure of the endpoint is not kept: it cost nothing and may be over in a second.
    """

    def __init__(self, canary: Canary) -> None:
        self._expect = canary.expect
        self._parsed: Parsed | None = None
        self._until_s = 0.0

    async def recall(self, ask: Callable[[], Awaitable[Parsed]]) -> Parsed:
        """The kept answer, or a new one from `ask`."""
        if self._parsed is None or time.monotonic() > self._until_s:
            self._parsed = await ask()
            found = {finding.rule_id for finding in self._parsed.findings}
            seen = not self._expect or bool(self._expect & found)
            self._until_s = time.monotonic() + (_SEEN_S if seen else _MISSED_S)
        return self._parsed
