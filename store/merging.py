"""What a newer outcome of a subtask replaces, tool by tool: pure.

A retry runs only the tools that lack a measurement, and the retry itself may fail. A measurement is
never replaced by an outcome that measured nothing.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from contract.analysis import Finding, MeasurementState
from contract.outcome import ALL_TOOLS
from store.rows import Row, SubtaskRows, finding_rows, still_witnessed

_MEASURED = MeasurementState.MEASURED
_INFRA_FAILED = MeasurementState.INFRA_FAILED


@dataclass(frozen=True, slots=True)
class Replacement:
    """Rows to add and tools whose cells go first; `measured_before`: tools whose cells stay."""

    rows: SubtaskRows
    gone: frozenset[str]
    measured_before: frozenset[str]


def replaced(
    rows: SubtaskRows, before: Mapping[str, MeasurementState], *, reported: bool
) -> Replacement:
    """What `rows` replaces of the cells `before`.

    Args:
        rows: everything of the newer outcome.
        before: state of each tool's cell as it is stored.
        reported: whether the newer outcome has an analyzer's report. An outcome without a report
            never replaces a measured cell; an outcome with a report replaces it only by a
            measurement or by a failure of the app.
    """
    named = [tool for tool in before if tool != ALL_TOOLS]
    new = _spelled_out(rows, named)
    indices = [i for i, cell in enumerate(new.cells) if not _stands(cell, before, reported)]
    reported_tools = {cell["tool"] for cell in new.cells}
    gone = {new.cells[i]["tool"] for i in indices}
    if named or reported_tools != {ALL_TOOLS}:
        gone.add(ALL_TOOLS)
    if reported:
        gone |= {tool for tool, state in before.items() if state is _INFRA_FAILED} - reported_tools
    return Replacement(
        rows=SubtaskRows(
            subtask=new.subtask,
            cells=[new.cells[i] for i in indices],
            findings={at: new.findings[i] for at, i in enumerate(indices) if i in new.findings},
            metrics={at: new.metrics[i] for at, i in enumerate(indices) if i in new.metrics},
        ),
        gone=frozenset(gone),
        measured_before=frozenset(
            tool for tool, state in before.items() if state is _MEASURED and tool not in gone
        ),
    )


def fused_together(
    new: SubtaskRows, old_bodies: Iterable[Any], measured_before: frozenset[str]
) -> list[Row]:
    """Fused findings of a report and of the cells that stay; equal ones are joined."""
    if not measured_before:
        return new.fused
    old = tuple(map(Finding.model_validate, old_bodies))
    return _joined(_fused(new), still_witnessed(old, measured_before))


def fused_beside(
    new: SubtaskRows, old_bodies: Iterable[Any], measured_before: frozenset[str]
) -> list[Row]:
    """Fused findings of the cells that stay, and those of further tools.

    A finding that was there keeps its words; the further tools are witnesses of it.
    """
    further = {cell["tool"] for cell in new.cells}
    old = (_without(Finding.model_validate(body), further) for body in old_bodies)
    there = tuple(finding for finding in old if finding is not None)
    return _joined(still_witnessed(there, measured_before), _fused(new))


def _without(finding: Finding, tools: Collection[str]) -> Finding | None:
    """The finding as others saw it; None when only these tools did."""
    others = tuple(name for name in finding.witnesses if name.partition(":")[0] not in tools)
    if finding.witnesses and not others:
        return None
    return finding.model_copy(update={"witnesses": others})


def _fused(rows: SubtaskRows) -> list[Finding]:
    return [Finding.model_validate(row["body"]) for row in rows.fused]


def _joined(first: Iterable[Finding], more: Iterable[Finding]) -> list[Row]:
    """`first`, and those of `more` that are not among them; the others are witnesses."""
    together = list(first)
    at = {finding.fingerprint: i for i, finding in enumerate(together) if finding.fingerprint}
    for finding in more:
        i = at.get(finding.fingerprint)
        if i is None:
            together.append(finding)
        else:
            witnesses = tuple(dict.fromkeys((*finding.witnesses, *together[i].witnesses)))
            together[i] = together[i].model_copy(update={"witnesses": witnesses})
    return finding_rows(together)


def _spelled_out(rows: SubtaskRows, named: list[str]) -> SubtaskRows:
    """`rows` with one cell for each known tool in place of the wildcard cell."""
    if not named or [cell["tool"] for cell in rows.cells] != [ALL_TOOLS]:
        return rows
    return SubtaskRows(
        subtask=rows.subtask, cells=[{**rows.cells[0], "tool": tool} for tool in named]
    )


def _stands(cell: Row, before: Mapping[str, MeasurementState], reported: bool) -> bool:
    """Whether the stored cell stays instead of `cell`."""
    if before.get(cell["tool"]) is not _MEASURED or cell["state"] == _MEASURED:
        return False
    return not reported or cell["state"] == _INFRA_FAILED
