"""Software bills of materials of the apps: the CycloneDX documents that a tool attached."""

import json
from collections.abc import Mapping
from typing import Any

from contract.analysis import ArtifactRef, MeasurementState
from contract.analyzers import AnalyzerKind
from reports.model import AppReport

TOOL, ATTACHMENT = "cyclonedx-bom", "bom.json"
MEMBER = f"{TOOL}/{ATTACHMENT}"
INDEX_NAME = "index.json"
NO_DOCUMENT = "its report has no document"
_NO_JSON = "its document cannot be read: it is no JSON, or nested too deep"
_NO_BOM = "its document is no CycloneDX"


def source_of(app: AppReport) -> tuple[ArtifactRef | None, str]:
    """The archive that holds the app's document; None and the reason where there is none."""
    cell = next((cell for cell in app.cells if cell.tool == TOOL), None)
    if cell is None:
        whole = next((one for one in app.cells if _reads_source(one.analyzer)), None)
        reason = whole.report.reason if whole else ""
        return None, reason or f"{TOOL} was not run"
    if cell.state is not MeasurementState.MEASURED and ATTACHMENT not in cell.report.attachments:
        return None, f"{cell.state}: {cell.report.reason}"
    if ATTACHMENT not in cell.report.attachments or cell.record.artifact is None:
        return None, NO_DOCUMENT
    return cell.record.artifact, ""


def named(document: bytes, app: AppReport) -> tuple[bytes | None, str]:
    """The document with the app as what it describes; None and the reason if it cannot be read."""
    try:
        return _named(json.loads(document), app)
    except (ValueError, RecursionError):
        return None, _NO_JSON


def _named(bom: Any, app: AppReport) -> tuple[bytes | None, str]:
    if not isinstance(bom, dict) or bom.get("bomFormat") != "CycloneDX":
        return None, _NO_BOM
    metadata: Any = bom.get("metadata")
    known: Mapping[str, Any] = metadata if isinstance(metadata, dict) else {}
    component = {
        "type": "application",
        "name": app.ref.label,
        "bom-ref": f"app:{app.ref.label}",
        "hashes": [{"alg": "SHA-256", "content": app.source_digest}],
    }
    if not app.source_digest:
        del component["hashes"]
    whole = bom | {"metadata": {**known, "component": component}}
    return json.dumps(whole, indent=1, allow_nan=False).encode(), ""


def _reads_source(kind: AnalyzerKind) -> bool:
    return not kind.is_live and kind.row.equipment == "tools"


def index(pipeline: str, files: Mapping[str, str], missing: Mapping[str, str]) -> bytes:
    """What there is: the file of each app, and why an app has none."""
    document = {"pipeline": pipeline, "documents": files, "missing": missing}
    return json.dumps(document, indent=1).encode() + b"\n"
