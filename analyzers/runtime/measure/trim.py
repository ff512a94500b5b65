"""Findings beyond what a report may carry: all go into an attachment, the worst stay in the report.

Both sides build or read a report as a whole, so its size bounds their memory. An attachment is
streamed and may be as large as the archive.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from contract import left_out
from contract.analysis import AnalyzerReport, Finding, Metric, Severity, ToolReport
from contract.left_out import TRUE_COUNT
from contract.protocol import MAX_REPORT_BYTES

ALL_FINDINGS = "findings.jsonl"
ALL_FUSED = "fused.jsonl"
MAX_FINDINGS = 20_000
MAX_FINDINGS_BYTES = 8 * 1024 * 1024
_NOTES_BYTES = 64 * 1024
_SEVERITIES = tuple(Severity)


def with_findings(cell: ToolReport, findings: Sequence[Finding], folder: Path) -> ToolReport:
    """`cell` with as many of `findings` as one tool may list. Blocking.

    Args:
        cell: has none yet.
        findings: all of them.
        folder: of the tool's attachments.
    """
    whole = cell.model_copy(update={"findings": tuple(findings)})
    few = len(findings) <= MAX_FINDINGS
    if few and _size_bytes(findings) <= MAX_FINDINGS_BYTES:
        return whole
    return _cut(whole, folder, MAX_FINDINGS_BYTES)


def whole(cell: ToolReport, folder: Path) -> ToolReport:
    """`cell` with all its findings, also those that were cut. Blocking.

    Args:
        cell: of a tool.
        folder: of its attachments.
    """
    if ALL_FINDINGS not in cell.attachments:
        return cell
    with (folder / ALL_FINDINGS).open(encoding="utf-8") as file:
        findings = [Finding.model_validate_json(line) for line in file]
    return cell.model_copy(update={"findings": tuple(findings)})


def fitted(
    report: AnalyzerReport, attachments: Path, max_bytes: int = MAX_REPORT_BYTES
) -> AnalyzerReport:
    """`report` cut to `max_bytes` of JSON; long lists are cut first. Blocking.

    Args:
        report: of all tools.
        attachments: folder with a sub-folder per tool.
        max_bytes: of `report.json`.
    """
    lists = [*(cell.findings for cell in report.tools), report.fused]
    sizes = [_size_bytes(findings) for findings in lists]
    bare = report.model_copy(
        update={"tools": tuple(_bare(cell) for cell in report.tools), "fused": ()}
    )
    left = max_bytes - _NOTES_BYTES - len(bare.model_dump_json().encode())
    if sum(sizes) <= left:
        return report
    *shares, fused_share = _shares(sizes, max(left, 0))
    tools = [
        cell if size <= share else _cut(cell, attachments / cell.tool, share)
        for cell, size, share in zip(report.tools, sizes, shares, strict=False)
    ]
    fused = report.fused
    if sizes[-1] > fused_share:
        most = max(range(len(tools)), key=lambda index: sizes[index])
        fused = _fitting(report.fused, fused_share)
        tools[most] = _with_fused(tools[most], report.fused, fused, attachments)
    return report.model_copy(update={"tools": tuple(tools), "fused": fused})


def _cut(cell: ToolReport, folder: Path, max_bytes: int) -> ToolReport:
    metrics, attachments = cell.metrics, cell.attachments
    total = next((int(metric.value) for metric in metrics if metric.name == TRUE_COUNT), None)
    if total is None:  # else the findings were written when they were first cut
        total = len(cell.findings)
        metrics = (*metrics, Metric(name=TRUE_COUNT, value=total, unit="count"))
        attachments = (*attachments, _write(cell.findings, folder / ALL_FINDINGS))
    kept = _fitting(cell.findings, max_bytes)
    before = left_out.read(cell.data, left_out.TOOLS_KEY)
    gone = left_out.added(before, left_out.left_out(cell.findings, kept))
    cut = f"findings cut: the worst {len(kept)} of {total} are listed, all stand in {ALL_FINDINGS}"
    provenance = cell.provenance.model_copy(update={"cuts": (cut,)})
    return cell.model_copy(
        update={
            "findings": kept,
            "metrics": metrics,
            "attachments": attachments,
            "provenance": provenance,
            "data": {**cell.data, left_out.TOOLS_KEY: left_out.noted(gone)},
        }
    )


def _with_fused(
    cell: ToolReport, fused: Sequence[Finding], kept: Sequence[Finding], attachments: Path
) -> ToolReport:
    """Fused findings belong to no tool: the tool with most findings carries those that were cut."""
    name = _write(fused, attachments / cell.tool / ALL_FUSED)
    cut = (
        f"fused findings cut: the worst {len(kept)} of {len(fused)} are listed, all stand in {name}"
    )
    gone = left_out.noted(left_out.left_out(fused, kept))
    provenance = cell.provenance.model_copy(update={"cuts": (*cell.provenance.cuts, cut)})
    return cell.model_copy(
        update={
            "attachments": (*cell.attachments, name),
            "provenance": provenance,
            "data": {**cell.data, left_out.FUSED_KEY: gone},
        }
    )


def _fitting(findings: Sequence[Finding], max_bytes: int) -> tuple[Finding, ...]:
    """The findings without evidence if that is enough, else the worst of them that fit."""
    bare = [finding.model_copy(update={"evidence": ""}) for finding in findings]
    bare.sort(key=lambda finding: _SEVERITIES.index(finding.severity))
    kept: list[Finding] = []
    for finding in bare[:MAX_FINDINGS]:
        max_bytes -= _size_bytes([finding])
        if max_bytes < 0:
            break
        kept.append(finding)
    return tuple(kept)


def _bare(cell: ToolReport) -> ToolReport:
    return cell.model_copy(update={"findings": ()})


def _size_bytes(findings: Iterable[Finding]) -> int:
    return sum(len(finding.model_dump_json().encode()) + 1 for finding in findings)


def _shares(sizes: Sequence[int], left: int) -> list[int]:
    """Shares of `left` bytes for lists of these sizes: even, but none is more than it needs."""
    shares = [0] * len(sizes)
    for place, index in enumerate(sorted(range(len(sizes)), key=lambda index: sizes[index])):
        shares[index] = min(sizes[index], left // (len(sizes) - place))
        left -= shares[index]
    return shares


def _write(findings: Iterable[Finding], path: Path) -> str:
    """Write one JSON object a line; the name of the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for finding in findings:
            file.write(finding.model_dump_json() + "\n")
    return path.name
