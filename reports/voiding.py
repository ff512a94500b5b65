"""A tool that missed what it must see on a control app was blind: what it measured does not count.

Its cells become missing before anything is counted, so that every form of the report shows it.
Cells of control apps stay as they are: they are the proof.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from contract.analysis import Confidence, Finding, MeasurementState, Severity, ToolReport
from contract.analyzers import AnalyzerKind
from contract.record import CellRecord, FusedRecord, PipelineRecord
from contract.role import AppRole
from contract.spec import AppRef

Void = Mapping[tuple[AnalyzerKind, str], str]
"""Why a tool of an analyzer is not trusted, by both."""
_ByName = Mapping[str, list[Finding]]
_Own = Mapping[tuple[AppRef, AnalyzerKind], _ByName]
_WORDS = ("rule_id", "message", "severity", "location", "shape", "evidence")
_CONFIDENCES, _SEVERITIES = tuple(Confidence), tuple(Severity)


def voided(record: PipelineRecord, void: Void) -> PipelineRecord:
    """The record without the measurements of these tools; the same record where there are none."""
    if not void:
        return record
    controls = [app.ref for app in record.apps if app.role is AppRole.CONTROL]
    cells = (c if c.ref in controls else _voided_cell(c, void) for c in record.cells)
    own = _findings_of_trusted(record.cells, void)
    fused = (f if f.ref in controls else _voided_fusion(f, void, own) for f in record.fused)
    return record.model_copy(update={"cells": tuple(cells), "fused": tuple(fused)})


def is_void(cell: CellRecord, void: Void) -> bool:
    """Whether the cell was measured by a tool that is not trusted."""
    measured = cell.state is MeasurementState.MEASURED
    return measured and (cell.analyzer, cell.tool) in void


def why_void(cells: Iterable[CellRecord], void: Void) -> str:
    """Why one of these cells, as `voided` left them, does not count; empty: they all do."""
    lost = (c.report.reason for c in cells if void.get((c.analyzer, c.tool)) == c.report.reason)
    return next(lost, "")


def _voided_cell(cell: CellRecord, void: Void) -> CellRecord:
    if not is_void(cell, void):
        return cell
    reason = void[cell.analyzer, cell.tool]
    return cell.model_copy(update={"report": _unmeasured(cell.report, reason)})


def _unmeasured(report: ToolReport, reason: str) -> ToolReport:
    """The report of a tool that did not measure; how it was run, and what it kept, stay."""
    return report.model_copy(
        update={
            "state": MeasurementState.INFRA_FAILED,
            "reason": reason,
            "coverage": None,
            "findings": (),
            "metrics": (),
            "data": {},
        }
    )


def _findings_of_trusted(cells: Iterable[CellRecord], void: Void) -> _Own:
    """What tools that are trusted found, each by itself."""
    own: defaultdict[tuple[AppRef, AnalyzerKind], _ByName] = defaultdict(lambda: defaultdict(list))
    for cell in cells:
        if (cell.analyzer, cell.tool) not in void:
            by_name = own[cell.ref, cell.analyzer]
            for finding in cell.report.findings:
                by_name[finding.fingerprint].append(finding)
    return own


def _voided_fusion(fused: FusedRecord, void: Void, own: _Own) -> FusedRecord:
    blind = frozenset(tool for kind, tool in void if kind is fused.analyzer)
    if not blind:
        return fused
    alone = own.get((fused.ref, fused.analyzer), {})
    kept = (_without(finding, blind, alone) for finding in fused.findings)
    return fused.model_copy(update={"findings": tuple(f for f in kept if f is not None)})


def _without(
    finding: Finding, blind: frozenset[str], alone: Mapping[str, Sequence[Finding]]
) -> Finding | None:
    """The finding as others than blind tools saw it; None if nobody else did.

    Args:
        finding: after fusion.
        blind: names of tools.
        alone: what the other tools found, each by itself, by fingerprint.
    """
    seen = finding.witnesses or (finding.tool,)
    trusted = tuple(name for name in seen if name.partition(":")[0] not in blind)
    if len(trusted) == len(seen):
        return finding
    if not trusted:
        return None
    names = dict.fromkeys((finding.fingerprint, *finding.aliases))
    sightings = [
        one
        for name in names
        if name
        for one in alone.get(name, ())
        if not set(trusted).isdisjoint(_witnesses(one))
    ]
    return _retold(finding, sightings).model_copy(update={"witnesses": trusted})


def _retold(finding: Finding, sightings: Sequence[Finding]) -> Finding:
    """The finding in the words of the strongest of these; it keeps the names that it is known by.

    What nobody is left to tell is a guess. No confidence grows by a witness that is gone.
    """
    if not sightings:
        return finding.model_copy(update={"confidence": Confidence.LOW})
    told = min(sightings, key=lambda one: (*_strength(one), _apart(one, finding)))
    numbers = dict.fromkeys(number for one in sightings for number in one.cwe)
    update = {name: getattr(told, name) for name in _WORDS} | {
        "confidence": max(finding.confidence, told.confidence, key=_CONFIDENCES.index),
        "cwe": tuple(numbers),
    }
    return finding.model_copy(update=update)


def _strength(finding: Finding) -> tuple[int, int]:
    return _CONFIDENCES.index(finding.confidence), _SEVERITIES.index(finding.severity)


def _apart(one: Finding, other: Finding) -> int:
    """Lines between two findings; one fingerprint may stand for several places of a file."""
    return abs((one.location.line or 0) - (other.location.line or 0))


def _witnesses(finding: Finding) -> tuple[str, ...]:
    return finding.witnesses or (f"{finding.tool}:{finding.rule_id}",)
