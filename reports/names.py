"""Names of the files of a report, as its writers make them and its page links to them."""

import hashlib
from urllib.parse import quote

from contract.analysis import ArtifactRef
from contract.ids import safe_model

JSON_NAME = "report.json"
HTML_NAME = "report.html"
CSV_NAME = "cells.csv"
_MODEL_CHARS = 100
_LOG_CHARS = 60


def app_stem(model: str, app_number: int) -> str:
    """How each file of one app begins; a long model name is cut and told apart by its digest."""
    name = safe_model(model)
    if len(name) > _MODEL_CHARS:
        name = f"{name[:_MODEL_CHARS]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    return f"{name}-app{app_number}"


def sarif_name(model: str, app_number: int) -> str:
    """File of one app's full SARIF log."""
    return f"{app_stem(model, app_number)}.sarif"


def github_sarif_name(model: str, app_number: int) -> str:
    """File of one app's log for GitHub code scanning; there is none where nothing was measured."""
    return f"{app_stem(model, app_number)}.github.sarif"


def log_name(model: str, app_number: int, place: int, log: ArtifactRef) -> str:
    """File of an app's log at `place`; it ends so that each browser shows it, and as text."""
    name = quote(log.name or "log", safe="")[:_LOG_CHARS]
    return f"{app_stem(model, app_number)}.{place + 1}.{name}.txt"
