"""DefectDojo's generic findings format (dojo/tools/generic/json_parser.py), one file per pipeline.

DefectDojo closes what a new import does not have. So weaknesses of the baseline that nobody looked
for again are in the file as active; only what is known to be fixed is not.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from contract.analysis import Category
from contract.spec import AppRole
from contract.weakness import BaselineState, Weakness
from reports.cwe import weakness as cwe_entry
from reports.formats import place, witnesses
from reports.model import AppReport, FleetReport
from reports.sarif_text import cleaned

# Lengths of its columns.
_TITLE, _ID, _PATH, _SERVICE = 500, 500, 4_000, 200
_NAME = "Assay"


def defectdojo(report: FleetReport, apps: Iterable[AppReport], assay: str) -> Iterator[bytes]:
    """The file in pieces, one app after another: security findings of the pipeline's own apps."""
    head = {
        "name": _NAME,
        "type": _NAME,
        "version": assay,
        "description": f"pipeline {report.pipeline.id}",
        "static_tool": True,
        "dynamic_tool": True,
    }
    yield f'{json.dumps(head)[:-1]}, "findings": ['.encode()
    first = True
    for app in apps:
        lines = [json.dumps(finding) for finding in _findings(report, app)]
        if lines:
            yield f"{'' if first else ','}\n{(',' + chr(10)).join(lines)}".encode()
            first = False
    yield b"\n]}\n"


def _findings(report: FleetReport, app: AppReport) -> Iterator[dict[str, Any]]:
    if app.role is not AppRole.SUBJECT:
        return
    date = (report.pipeline.finished_at or report.generated_at).date().isoformat()
    lost = [one for one in app.gone if one.baseline is BaselineState.UNKNOWN]
    for weakness in (*app.weaknesses, *lost):
        if weakness.finding.category is Category.SECURITY:
            yield _finding(app, weakness) | {"date": date}


def _finding(app: AppReport, weakness: Weakness) -> dict[str, Any]:
    found, decision = weakness.finding, weakness.suppression
    known = cwe_entry(found.cwe[0]) if found.cwe else None
    title = f"{known.name if known else found.rule_id}: {place(found)}"
    fields: dict[str, Any] = {
        "title": cleaned(title)[:_TITLE],
        "severity": found.severity.value.capitalize(),
        "description": _description(weakness),
        "active": decision is None,
        "verified": False,
        "risk_accepted": decision is not None,
        "static_finding": bool(found.location.path),
        "dynamic_finding": bool(found.location.url),
        "unique_id_from_tool": _identity(app, weakness),
        "vuln_id_from_tool": cleaned(f"{found.tool}:{found.rule_id}")[:_ID],
        "service": cleaned(app.ref.label)[:_SERVICE],
        "tags": _tags(app, weakness),
    }
    if found.cwe and found.cwe[0] > 0:
        fields["cwe"] = found.cwe[0]
    if found.location.path:
        fields["file_path"] = cleaned(found.location.path)[:_PATH]
    if found.location.line and found.location.line < 2**31:
        fields["line"] = found.location.line
    if found.location.parameter:
        fields["param"] = cleaned(found.location.parameter)
    if known and known.mitigation:
        fields["mitigation"] = known.mitigation
    if decision:
        until = f" (until {decision.until.isoformat()})" if decision.until else ""
        fields["severity_justification"] = cleaned(f"{decision.who}: {decision.why}{until}")
    return fields


def _description(weakness: Weakness) -> str:
    """All that is known, as code: DefectDojo shows Markdown, and apps chose some of the text."""
    found = weakness.finding
    lines = [cleaned(found.message), f"Where: {place(found)}", f"Seen by: {witnesses(found)}"]
    lines.append(f"Brought by: {weakness.origin}")
    if weakness.baseline:
        lines.append(f"Against the baseline: {weakness.baseline}")
    if found.evidence:
        lines += ["", found.evidence]
    return "\n".join(f"    {line}" for line in cleaned("\n".join(lines)).splitlines())


def _identity(app: AppReport, weakness: Weakness) -> str:
    """The same in each pipeline, and of one app: DefectDojo knows a finding again by it."""
    return cleaned(f"{app.ref.label}:{weakness.finding.fingerprint}:{weakness.occurrence}")[-_ID:]


def _tags(app: AppReport, weakness: Weakness) -> list[str]:
    tags = [f"model:{app.ref.model}", f"family:{weakness.family}", f"origin:{weakness.origin}"]
    if weakness.baseline:
        tags.append(f"baseline:{weakness.baseline}")
    return [" ".join(cleaned(tag).replace(",", " ").split())[:100] for tag in tags]
