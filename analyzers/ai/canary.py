"""Tiny apps with a known answer. They cost a call each: the runtime asks rarely and remembers."""

import secrets

from analyzers.runtime.tool import Canary, ToolRun
from contract.spec import Requirement, TemplateSpec

_FILE = "canary-token.txt"
_TOKEN = secrets.token_hex(16)
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
