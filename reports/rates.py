"""Rates that do not depend on their outcome: an app counts where it was looked at in full.

A rule that takes a failure from any tool, but a pass only from all of them, counts failures even
if data is missing, and passes only if no data is missing. Here an app whose looks are incomplete
is missing in both cases. An app that did not start has no live look that could be lost; so apps
that did not start are counted at the share at which the others were decided.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from contract.analysis import Category, Confidence, Finding, MeasurementState, Severity
from contract.analyzers import AnalyzerKind
from contract.outcome import ALL_TOOLS, AppFacts
from contract.weakness import Weakness
from reports.counts import Rate
from reports.model import CellReport
from reports.statistics.shares import Judged, Verdict, share_of
from reports.summary import AppSummary

ToolKey = tuple[AnalyzerKind, str]
GRAVE = frozenset({Severity.CRITICAL, Severity.HIGH})
_MEASURED = MeasurementState.MEASURED
_APP_FAILED = MeasurementState.APP_FAILED
_INFRA_FAILED = MeasurementState.INFRA_FAILED


class Look(NamedTuple):
    """What became of one cell.

    Attributes:
        recorded: False: it was expected and never came.
        security: its tool looks for weaknesses.
    """

    analyzer: AnalyzerKind
    tool: str
    state: MeasurementState
    recorded: bool
    security: bool


@dataclass(frozen=True, slots=True)
class Requirement:
    """Which tools must have looked at an app, the same ones for every app of a fleet.

    Attributes:
        live: tools of live analyzers. One tool of each analyzer must have looked: then it is known
            whether the app runs, because its processes are checked before and after.
        security: tools that look for weaknesses. Each of them must have looked.
        left_out: tools that would be required, but measured nothing on any app. A tool that
            measured and is not trusted is none of them: no app was looked at in full.
    """

    live: frozenset[ToolKey] = frozenset()
    security: frozenset[ToolKey] = frozenset()
    left_out: tuple[ToolKey, ...] = ()

    @property
    def label(self) -> str:
        """What is known of an app that passes."""
        dynamic = any(kind.is_live for kind, _ in self.security)
        clean = "no high finding" if dynamic else "no high finding in the source"
        return f"Runs, {clean}" if self.live else clean.capitalize()


def requirement_of(looks: Iterable[Look], *, running: bool = False) -> Requirement:
    """What is required of each app of the fleet with these looks; equal ones may be left out.

    While its pipeline is `running`, a tool without cells may still get some: it is not left out.
    """
    states: defaultdict[ToolKey, set[MeasurementState]] = defaultdict(set)
    whole: defaultdict[AnalyzerKind, set[MeasurementState]] = defaultdict(set)
    looking: set[ToolKey] = set()
    for look in looks:
        seen = {look.state} if look.recorded or not running else set[MeasurementState]()
        if look.tool == ALL_TOOLS:
            whole[look.analyzer] |= seen
        else:
            states[look.analyzer, look.tool] |= seen
        if look.security:
            looking.add((look.analyzer, look.tool))
    for kind in whole.keys() - {kind for kind, _ in states}:
        states[kind, ALL_TOOLS] = set()
    gone = {key for key, seen in states.items() if _is_gone(seen | whole[key[0]])}
    there = states.keys() - gone
    missed = (key for key in gone if key[0].is_live or key in looking)
    return Requirement(
        live=frozenset(key for key in there if key[0].is_live),
        security=frozenset(there & looking),
        left_out=tuple(sorted(missed, key=_in_table)),
    )


def _in_table(key: ToolKey) -> tuple[int, str]:
    return list(AnalyzerKind).index(key[0]), key[1]


def _is_gone(seen: set[MeasurementState]) -> bool:
    """Whether a tool measured nothing anywhere; that an app failed is no measurement of it."""
    return _INFRA_FAILED in seen and seen <= {_INFRA_FAILED, _APP_FAILED}


def judged(
    cells: Sequence[CellReport],
    weaknesses: Iterable[Weakness],
    facts: AppFacts,
    required: Requirement,
) -> tuple[Judged, Judged]:
    """Whether one app runs, and whether it runs and is free of grave weaknesses."""
    lives, tools = _looks(cells, required)
    started = _started(facts, cells, required)
    grave = any(is_grave(found.finding) for found in weaknesses if found.counts)
    runs = _judged(lives, started) if required.live else _unseen(cells)
    return runs, _judged([*lives, *tools], started, grave, of=tools)


def rates(apps: Iterable[AppSummary], required: Requirement) -> tuple[Rate, ...]:
    """The two rates that a report gives for a group of apps of the fleet."""
    mine = list(apps)
    runs = [Judged(app.runs, app.known_broken, app.started) for app in mine]
    clean = [Judged(app.secure, app.known_insecure, app.started) for app in mine]
    of_live = tuple(key for key in required.left_out if key[0].is_live)
    return (
        _rate("runs", runs, label="Runs and stays up", left_out=of_live),
        _rate("no_high_finding", clean, required.label, required.left_out),
    )


def is_grave(finding: Finding) -> bool:
    """Whether a finding decides against an app; not if its only tool is unsure of it."""
    return is_sure(finding) and finding.severity in GRAVE and finding.category is Category.SECURITY


def is_sure(finding: Finding) -> bool:
    """Whether it is more than a guess of a single tool."""
    seen_by = {witness.partition(":")[0] for witness in finding.witnesses}
    return finding.confidence is not Confidence.LOW or len(seen_by) > 1


def rate(name: str, verdicts: Sequence[Verdict]) -> Rate:
    """A plain rate of verdicts with its interval and bounds."""
    return _rate(name, [Judged(verdict, False, True) for verdict in verdicts])


def _rate(
    name: str, judged: Sequence[Judged], label: str = "", left_out: Sequence[ToolKey] = ()
) -> Rate:
    share = share_of(judged)
    return Rate.model_validate(
        {
            "name": name,
            "label": label,
            "passed": share.passed,
            "failed": share.failed,
            "missing": share.missing,
            "not_applicable": share.aside,
            "known_failed": share.known_failed,
            "left_out": tuple(f"{kind}/{tool}" for kind, tool in left_out),
            "rate": share.rate,
            "interval": share.interval,
            "bounds": share.bounds,
        }
    )


def _judged(
    looks: Sequence[MeasurementState],
    started: bool | None,
    grave: bool = False,
    of: Sequence[MeasurementState] | None = None,
) -> Judged:
    """The verdict on one app.

    Args:
        looks: states of the cells that are required.
        started: see `Judged`.
        grave: whether a finding decides against it.
        of: states of the cells of which at least one must be applicable; None: `looks`.
    """
    fails = grave or _APP_FAILED in looks
    if not set(looks if of is None else of) - {MeasurementState.NOT_APPLICABLE}:
        return Judged("not applicable", False, started)
    if _INFRA_FAILED in looks:
        return Judged("missing", fails, started)
    return Judged("fail" if fails else "pass", fails, started)


def _unseen(cells: Iterable[CellReport]) -> Judged:
    """An app of a fleet that no live analyzer measured: at most a failure is known."""
    states = [cell.state for cell in cells if cell.analyzer.is_live]
    if not states:
        return Judged("not applicable", False, None)
    return Judged("missing", _APP_FAILED in states, None)


def _looks(
    cells: Sequence[CellReport], required: Requirement
) -> tuple[list[MeasurementState], list[MeasurementState]]:
    """State of each required live analyzer and of each required tool of one app."""
    known = {(cell.analyzer, cell.tool): _look(cell) for cell in cells}

    def state(key: ToolKey) -> MeasurementState:
        return known.get(key) or known.get((key[0], ALL_TOOLS)) or _INFRA_FAILED

    lives = [
        _of_analyzer({state(key) for key in required.live if key[0] is kind})
        for kind in sorted({kind for kind, _ in required.live})
    ]
    return lives, [state(key) for key in sorted(required.security)]


def _look(cell: CellReport) -> MeasurementState:
    """The cell's state; missing if its tool had something to look at, and could read none of it."""
    coverage = cell.report.coverage
    unread = coverage is not None and not coverage.reached and coverage.skipped_total
    inapplicable = cell.state is MeasurementState.NOT_APPLICABLE
    return _INFRA_FAILED if inapplicable and unread else cell.state


def _of_analyzer(states: set[MeasurementState]) -> MeasurementState:
    order = (_APP_FAILED, _MEASURED, _INFRA_FAILED, MeasurementState.NOT_APPLICABLE)
    return next(state for state in order if state in states)


def _started(facts: AppFacts, cells: Iterable[CellReport], required: Requirement) -> bool | None:
    """Whether the app ran at all; None if no live cell tells.

    The images of an app are recorded only if it ran.
    """
    states = {cell.state for cell in cells if cell.analyzer.is_live}
    if not required.live or _MEASURED in states or facts.images:
        return True
    if _APP_FAILED in states:
        return False
    return None if _INFRA_FAILED in states else True
