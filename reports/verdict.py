"""The report in one sentence."""

from collections.abc import Iterable

from contract.analysis import Category
from reports.counts import FindingTally, StateCounts
from reports.parts import Totals
from reports.rates import GRAVE


def verdict(pipeline_state: str, totals: Totals, without_source: Iterable[str]) -> str:
    """The sentences for a person who reads nothing else of the report.

    Args:
        pipeline_state: how it ended.
        totals: of the apps that it is about.
        without_source: tools that could not ask a source outside about some app.
    """
    lacking = sorted(without_source)
    parts = [_apps(totals, "measured" if lacking else "measured in full"), _cells(totals.cells)]
    parts += [_weaknesses(totals), _clean(totals), _without_source(lacking)]
    if pipeline_state in ("cancelled", "failed"):
        parts.insert(0, f"The pipeline was {pipeline_state}.".replace("was failed", "failed"))
    return " ".join(part for part in parts if part)


def _apps(totals: Totals, measured: str) -> str:
    number = totals.apps.total + totals.unfinished
    parts = [
        f"{count} {label}"
        for count, label in (
            (totals.apps.measured, measured),
            (
                totals.apps.app_failed,
                "failed by themselves" if totals.apps.app_failed > 1 else "failed by itself",
            ),
            (totals.apps.infra_failed, "not measured in full because of the platform"),
            (totals.apps.not_applicable, "with nothing to measure"),
            (totals.unfinished, "not finished yet"),
        )
        if count
    ]
    return f"{_plural(number, 'app')}: {_joined(parts)}." if parts else "No apps."


def _cells(cells: StateCounts) -> str:
    applicable = cells.total - cells.not_applicable
    if not applicable:
        return ""
    return f"{cells.measured} of {applicable} measurements stand."


def _weaknesses(totals: Totals) -> str:
    for tally in totals.findings:
        if tally.category is Category.SECURITY:
            if tally.by_severity is None:
                return "Nothing is known about their security."
            grave = sum(tally.by_severity[severity] for severity in GRAVE)
            found = _plural(tally.total or 0, "security finding")
            return f"{found}, {grave} of them high or critical{_apart(tally)}."
    return ""


def _apart(tally: FindingTally) -> str:
    """What of the findings is not held against whoever wrote the apps."""
    counts = (
        (tally.scaffold, "the scaffold brought"),
        (tally.suppressed, "need no action as was decided"),
    )
    parts = [f"{count} {words}" for count, words in counts if count]
    if tally.origin_unknown:
        parts.append(f"of {tally.origin_unknown} nobody knows whether the scaffold brought them")
    return f"; {', '.join(parts)}" if parts else ""


def _clean(totals: Totals) -> str:
    """The rate of sound apps with what it stands on; one app is no rate."""
    found = next((rate for rate in totals.rates if rate.name == "no_high_finding"), None)
    if found is None or totals.apps.total + totals.unfinished < 2:
        return ""
    decided = found.passed + found.failed
    if found.rate is None:
        why = "no app was looked at by every tool that this takes"
        return f"{found.label}: unknown, {why}." if found.missing else ""
    undecided = f", {found.missing} undecided" if found.missing else ""
    sentence = f"{found.label}: {found.rate * 100:.0f} % ({found.passed} of {decided}{undecided})."
    if not found.left_out:
        return sentence
    names, more = ", ".join(found.left_out[:3]), len(found.left_out) - 3
    named = f"{names}{f' and {more} more' * (more > 0)}"
    return f"{sentence} Not required, as it measured nothing: {named}."


def _without_source(tools: list[str]) -> str:
    """Tools that could not ask, which the apps' states leave out (`SubtaskOutcome.state`)."""
    if not tools:
        return ""
    return (
        f"{_joined(tools)} could not ask {'its' if len(tools) == 1 else 'their'} source of"
        " advisories: known holes of dependencies are not measured in full, and apps count as"
        " measured without them."
    )


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
