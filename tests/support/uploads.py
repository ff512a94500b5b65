"""Checks a log against the rules of GitHub code scanning, and against the files of the app."""

import gzip
import json
from pathlib import Path
from urllib.parse import unquote, urlsplit

from control.reports import read_apps, read_report
from reports.names import FLEET_SARIF_NAME, github_sarif_name, sarif_name
from tests.support.multitool import errors_in, misfits_of

MAX_BYTES = 10 * 1024**2


def refused(report: Path, apps: Path, scratch: Path) -> list[str]:
    """What consumers would refuse in the logs beside a report of the fleet in the folder `apps`.

    Raises:
        AssertionError: an app that was measured has no log to upload.
    """
    data_dir, pipeline_id = report.parents[2], report.parent.name
    documents = list(read_apps(data_dir, read_report(data_dir, pipeline_id)))
    every = [app.ref for app in documents]
    looked = {cell.ref for app in documents for cell in app.cells if cell.finding_count is not None}
    full = [report.parent / sarif_name(app) for app in every]
    uploads = {app: report.parent / github_sarif_name(app) for app in every if app in looked}
    of_fleet = report.parent / FLEET_SARIF_NAME
    assert {*(log.name for log in uploads.values()), *([of_fleet.name] if uploads else [])} <= {
        log.name for log in report.parent.glob("*.github.sarif")
    }
    whole = [of_fleet] if uploads else []
    return [
        *errors_in(full, scratch / "full.sarif", kinds="Sarif"),
        *errors_in([*uploads.values(), *whole], scratch / "uploads.sarif"),
        *(misfit for log in (*full, *uploads.values(), *whole) for misfit in misfits_of(log)),
        *(problem for log in whole for problem in problems_of(log, apps)),
        *(
            problem
            for app, log in uploads.items()
            for problem in problems_of(log, apps / app.label)
        ),
    ]


def problems_of(log: Path, app: Path) -> list[str]:
    """What GitHub would refuse in or drop from `log`, the log of the app in the folder `app`."""
    raw = log.read_bytes()
    runs = json.loads(raw)["runs"]
    found = [f"{len(runs)} runs"] if not 0 < len(runs) <= 20 else []
    if len(gzip.compress(raw)) > MAX_BYTES:
        found.append(f"{len(raw)} bytes")
    ids = [run["automationDetails"]["id"].rpartition("/")[0] for run in runs]
    if len(set(ids)) != len(ids):
        found.append(f"categories are not unique: {ids}")
    known: set[tuple[str, str]] = set()
    for run in runs:
        rules = run["tool"]["driver"]["rules"]
        found += [f"rule {rule['id']}" for rule in rules if not _is_described(rule)]
        if len(run["results"]) > 25_000 or len(rules) > 25_000:
            found.append(f"{len(run['results'])} results of {len(rules)} rules")
        for result in run["results"]:
            place = result["locations"][0]["physicalLocation"]
            if not _exists(place["artifactLocation"]["uri"], app) or not place["region"]:
                found.append(f"{result['ruleId']} at {place}")
            key = (result["ruleId"], result["partialFingerprints"]["primaryLocationLineHash"])
            if key in known:
                found.append(f"{key} twice")
            known.add(key)
    return [f"{log.name}: {problem}" for problem in found]


def _is_described(rule: dict) -> bool:
    texts = [rule[name]["text"] for name in ("shortDescription", "fullDescription", "help")]
    return all(0 < len(text) <= 1_024 for text in texts) and len(rule["properties"]["tags"]) <= 20


def _exists(uri: str, app: Path) -> bool:
    parts = urlsplit(uri)
    relative = not (parts.scheme or parts.netloc or parts.query or parts.fragment)
    return relative and not uri.startswith("/") and (app / unquote(uri)).is_file()
