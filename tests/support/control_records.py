"""Records of pipelines with control apps, as small as they can be."""

from collections.abc import Mapping, Sequence
from typing import Any

from contract.analysis import Coverage, Finding, Location, MeasurementState, Severity, ToolReport
from contract.analyzers import AnalyzerKind, Category
from contract.record import AppRecord, CellRecord, FusedRecord, PipelineRecord
from contract.role import AppRole
from contract.roles import control_ref
from contract.spec import AppRef
from control.added import answer_sheet

STATIC, DYNAMIC = AnalyzerKind.STATIC, AnalyzerKind.DYNAMIC
MEASURED, INFRA, NOT_APPLICABLE = (
    MeasurementState.MEASURED,
    MeasurementState.INFRA_FAILED,
    MeasurementState.NOT_APPLICABLE,
)
FLAWED, CLEAN = ("careless-1", 1), ("careful-1", 1)
SUBJECT = ("m", 1)


def finding(tool: str, cwe: int, line: int = 1, **more: Any) -> Finding:
    """A security finding of a tool in app.py, unless `more` says otherwise."""
    location = more.pop("location", Location(path="app.py", line=line))
    return Finding(
        tool=tool,
        rule_id=f"{tool}-{cwe}",
        message="m",
        severity=more.pop("severity", Severity.HIGH),
        cwe=(cwe,),
        location=location,
        fingerprint=f"{tool}{cwe}{location}",
        witnesses=(f"{tool}:{tool}-{cwe}",),
        **more,
    )


def report(
    tool: str,
    state: MeasurementState = MEASURED,
    findings: Sequence[Finding] = (),
    version: str = "1",
) -> ToolReport:
    """What a tool that looks for weaknesses reports."""
    measured = state is MEASURED
    return ToolReport(
        tool=tool,
        version=version,
        state=state,
        reason="" if measured else f"{tool} {state}",
        looks_for=(Category.SECURITY,),
        coverage=Coverage(unit="files", reached=1) if measured else None,
        findings=tuple(findings),
    )


def seen(tool: str, control: tuple[str, int], *ids: str, kind: str = "static") -> list[Finding]:
    """Findings of a tool for these labels; without ids, for all that it must see."""
    sheet = answer_sheet(*control)
    wanted = ids or sheet.must_see.get(f"{kind}/{tool}", ())
    return [
        finding(tool, label.cwe, label.line, location=Location(path=label.file, line=label.line))
        for label in sheet.weaknesses
        if label.id in wanted
    ]


Cells = Mapping[tuple[str, int], Sequence[ToolReport]]
"""Reports of each app, by model and number; control apps by the names of their folders."""


def record(cells: Cells, kind: AnalyzerKind = STATIC) -> PipelineRecord:
    """A pipeline with these apps; all but `FLAWED` and `CLEAN` are subjects."""
    apps: list[AppRecord] = []
    of_cells: list[CellRecord] = []
    fused: list[FusedRecord] = []
    for (model, number), reports in cells.items():
        is_control = (model, number) in (FLAWED, CLEAN)
        own = AppRef(model=model, app_number=number)
        ref = control_ref(model, number) if is_control else own
        sheet = answer_sheet(model, number) if is_control else None
        role = AppRole.CONTROL if is_control else AppRole.SUBJECT
        apps.append(AppRecord(ref=ref, role=role, sheet=sheet, state=MEASURED))
        of_cells += [CellRecord(ref=ref, analyzer=kind, report=one) for one in reports]
        found = tuple(found for one in reports for found in one.findings)
        fused.append(FusedRecord(ref=ref, analyzer=kind, findings=found))
    return PipelineRecord(
        pipeline_id="p",
        state="completed",
        spec={"analyzers": [kind.value]},
        apps=tuple(apps),
        cells=tuple(of_cells),
        fused=tuple(fused),
    )


def with_cells(
    pipeline: PipelineRecord, kind: AnalyzerKind, reports: Sequence[ToolReport]
) -> PipelineRecord:
    """The pipeline with what the tools of one more analyzer report of each app."""
    more = (CellRecord(ref=a.ref, analyzer=kind, report=r) for a in pipeline.apps for r in reports)
    spec = {"analyzers": [*pipeline.spec["analyzers"], kind.value]}
    return pipeline.model_copy(update={"cells": (*pipeline.cells, *more), "spec": spec})
