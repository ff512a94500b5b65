"""Names of the files of a report, as its writers make them and its page links to them."""

import hashlib
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from contract.analysis import ArtifactRef
from contract.ids import model_from_safe, safe_model
from contract.spec import AppRef

JSON_NAME = "report.json"
HTML_NAME = "report.html"
CSV_NAME = "cells.csv"
FLEET_SARIF_NAME = "fleet.github.sarif"
_MODEL_CHARS = 100
_LOG_CHARS = 60


def app_stem(ref: AppRef) -> str:
    """Beginning of the name of each file of one app; a long model name is cut, with its digest."""
    name = safe_model(ref.model)
    if len(name) > _MODEL_CHARS:
        name = f"{name[:_MODEL_CHARS]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    return f"{name}-app{ref.app_number}"


def app_folder(ref: AppRef, path: str = "") -> str:
    """The folder `<model>/app<N>` of an app, below that of its fleet.

    The model's part is as `path`, the folder of the app's source, calls it. If `path` is no folder
    of this app, it is the safe form of the model's name.

    >>> app_folder(AppRef(model="a/b", app_number=2), "/fleet/a%2Fb/app2")
    'a%2Fb/app2'
    """
    *_, model, app = ("", "", *PurePosixPath(path).parts)
    number = f"app{ref.app_number}"
    found = app == number and model_from_safe(model) == ref.model
    return f"{model if found else safe_model(ref.model)}/{number}"


def sarif_name(ref: AppRef) -> str:
    """File of one app's full SARIF log."""
    return f"{app_stem(ref)}.sarif"


def github_sarif_name(ref: AppRef) -> str:
    """File of one app's log for GitHub code scanning; not written if nothing was measured."""
    return f"{app_stem(ref)}.github.sarif"


def log_name(ref: AppRef, place: int, log: ArtifactRef) -> str:
    """File of an app's log at `place`; each browser shows a file of that ending as text."""
    name = quote(log.name or "log", safe="")[:_LOG_CHARS]
    return f"{app_stem(ref)}.{place + 1}.{name}.txt"


def document_name(ref: AppRef) -> str:
    """File of one app's whole report."""
    return f"apps/{app_stem(ref)}.json"


def app_page_name(ref: AppRef) -> str:
    """File of one app's page for people."""
    return f"apps/{app_stem(ref)}.html"


def fleet_name(spec: Mapping[str, Any]) -> str:
    """The folder of the fleet that a spec names: the same in each pipeline over it."""
    apps = spec.get("apps")
    root = apps.get("root") if isinstance(apps, dict) else None
    return PurePosixPath(str(root or "")).name or "fleet"
