"""Looks of tools at control apps, and the figures that follow from them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from contract.analysis import Finding, MeasurementState
from contract.analyzers import AnalyzerKind
from contract.control import AnswerSheet, Label
from contract.limits import REASON_CHARS
from contract.outcome import ALL_TOOLS
from contract.shortening import shortened
from reports.control_results import ToolScore
from reports.labels import believed, met, security
from reports.model import AppReport, CellReport
from reports.statistics.shares import wilson_interval

ToolKey = tuple[AnalyzerKind, str]
_MEASURED = MeasurementState.MEASURED
_INAPPLICABLE = MeasurementState.NOT_APPLICABLE
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Look:
    """One tool's look at one control app; `found` is None if it did not look."""

    control: str
    sheet: AnswerSheet
    reason: str
    inapplicable: bool
    version: tuple[str, str]
    found: Sequence[Finding] | None


def look_of(control: str, sheet: AnswerSheet, cell: CellReport) -> Look:
    """The look that a cell stands for."""
    measured = cell.state is _MEASURED
    return Look(
        control=control,
        sheet=sheet,
        reason=cell.report.reason,
        inapplicable=cell.state is _INAPPLICABLE,
        version=version_of(cell),
        found=security(cell.report.findings) if measured else None,
    )


def fused_look(
    control: str,
    app: AppReport,
    sheet: AnswerSheet,
    kind: AnalyzerKind | None,
    cells: Mapping[ToolKey, CellReport],
) -> Look:
    """What the tools of an analyzer saw together; they looked if one of them did."""
    mine = {key: cell for key, cell in cells.items() if kind in (None, key[0])}
    tools = {tool for (_, tool), cell in mine.items() if cell.state is _MEASURED}
    found = [
        weakness.finding
        for weakness in app.weaknesses
        if not tools.isdisjoint(_witnesses(weakness.finding))
    ]
    lost = [cell.report.reason for cell in app.cells if kind in (None, cell.analyzer)]
    return Look(
        control=control,
        sheet=sheet,
        reason=next((reason for reason in lost if reason), app.reason),
        inapplicable=bool(mine) and {cell.state for cell in mine.values()} == {_INAPPLICABLE},
        version=("", ""),
        found=security(found) if tools else None,
    )


def _witnesses(found: Finding) -> set[str]:
    return {name.partition(":")[0] for name in found.witnesses or (found.tool,)}


def version_of(cell: CellReport) -> tuple[str, str]:
    """With which version of itself and of its rules a tool measured."""
    return cell.report.version, cell.report.provenance.rules_digest


def seen(look: Look) -> set[str]:
    """IDs of the weaknesses that the tool saw."""
    return met(look.sheet, look.found or ())


def blind(key: ToolKey, looks: Iterable[Look]) -> str:
    """What the tool missed although it must see it; empty if it looked at nothing, or saw all."""
    missed: list[str] = []
    for look in looks:
        must = look.sheet.must_see.get(f"{key[0]}/{key[1]}", ())
        unseen = set[str]() if look.found is None else set(must) - seen(look)
        labels = (label for label in look.sheet.weaknesses if label.id in unseen)
        missed += [f"{label.name} in {look.control}" for label in labels]
    if not missed:
        return ""
    more = f" and {len(missed) - _NAMED} more" if len(missed) > _NAMED else ""
    text = f"not trusted: of control apps, it did not see {', '.join(missed[:_NAMED])}{more}"
    return shortened(text, REASON_CHARS)


def score(
    looks: Sequence[Look], is_certain: Callable[[Look, Label], bool], kinds: set[AnalyzerKind]
) -> ToolScore:
    """The figures of these looks.

    Args:
        looks: one for each control.
        is_certain: whether a weakness that was not seen was looked for.
        kinds: analyzers whose weaknesses count.
    """
    found, unknown, missed = 0, 0, list[str]()
    for look in looks:
        its = seen(look)
        for label in look.sheet.weaknesses:
            if look.inapplicable or kinds.isdisjoint(label.analyzers):
                continue
            if label.id in its:
                found += 1
            elif look.found is None or not is_certain(look, label):
                unknown += 1
            else:
                missed.append(f"{look.control}/{label.id}")
    labels = found + len(missed)
    clean = [look.found for look in looks if look.sheet.is_clean and look.found is not None]
    lost = [look for look in looks if look.found is None and not look.inapplicable]
    return ToolScore(
        analyzer=None,
        tool=ALL_TOOLS,
        labels=labels,
        found=found,
        missed=tuple(missed),
        unknown=unknown,
        recall=round(found / labels, 4) if labels else None,
        interval=wilson_interval(found, labels) if labels else None,
        clean=len(clean),
        false_alarms=sum(map(len, clean)) if clean else None,
        believed=sum(len(believed(one)) for one in clean) if clean else None,
        not_measured=tuple(f"{look.control}: {look.reason}" for look in lost),
    )
