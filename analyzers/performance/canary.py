"""The canary of the load generators, and how a tool knows it: a token only this process knows."""

import secrets

from analyzers.performance.options import LoadOptions
from analyzers.runtime.tool import Canary, ToolRun

_FILE = "canary-token"
_TOKEN = secrets.token_hex(16)

# A page that paints nothing is a fault of the page to Lighthouse, so this one has a heading.
_PAGE = '<!doctype html><html lang="en"><title>Canary</title><h1>Canary</h1></html>'
LOAD_CANARY = Canary(
    files={_FILE: _TOKEN}, serve={"GET /": (200, {"Content-Type": "text/html"}, _PAGE)}
)


def is_canary(run: ToolRun) -> bool:
    """Whether the runtime asks about our own canary server; no app can pass for it."""
    file = run.source.root / _FILE
    return file.is_file() and file.read_text(encoding="utf-8", errors="replace") == _TOKEN


def gentle(options: LoadOptions) -> LoadOptions:
    """Ten requests: enough to see that the generator works, too few to disturb a load test."""
    return options.model_copy(
        update={"rates": (20.0,), "step_s": 0.5, "warmup_s": 0.0, "check_rate": 5.0, "check_s": 1}
    )
