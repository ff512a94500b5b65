"""How much figures differ when the same app is measured again."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from contract.analyzers import AnalyzerKind
from contract.spec import AppRole
from reports.statistics.components import FEWEST_FREEDOM, components
from reports.study.compared import Noise
from reports.study.figures import Measure
from reports.study.measures import Look
from reports.study.seeing import ASIDE, MISSING, Seen, finite
from reports.study.table import Table
from reports.summary import AppSummary

_REPEATED = ("load/", "findings/")


def noise(table: Table, looks: Iterable[Look]) -> tuple[Noise, ...]:
    """One entry for each load figure and each scanner; none if the fleet has no repeats."""
    units = _units(table)
    if not any(app.role is AppRole.REPEAT for app in table.others):
        return ()
    return tuple(_of(look, units) for look in looks if look.measure.name.startswith(_REPEATED))


def repeated_scans(table: Table) -> Iterator[Look]:
    """What live analyzers that are no load tests find, before fusion, if they were repeated."""
    repeats = [app for app in table.others if app.role is AppRole.REPEAT]
    for kind in AnalyzerKind:
        scans = kind.is_live and kind.row.figures == "none"
        if scans and any(kind in app.analyzers for app in repeats):
            measure = Measure(
                name=f"findings/{kind}",
                label=f"Findings of {kind} tools, before fusion",
                kind="mean",
                better="less",
                compared=True,
                observed="apps that they measured whole",
            )
            yield Look(measure, partial(_found, kind))


def _found(kind: AnalyzerKind, app: AppSummary) -> Seen:
    mine = app.analyzers.get(kind)
    if mine is None or mine.cells.app_failed or mine.cells.total == mine.cells.not_applicable:
        return ASIDE
    if mine.findings is None or mine.cells.infra_failed:
        return MISSING
    return Seen("seen", float(mine.findings))


def _units(table: Table) -> list[list[AppSummary]]:
    """Measurements of the same code: a repeat has the source of its subject."""
    by_source: defaultdict[str, list[AppSummary]] = defaultdict(list)
    repeats = [app for app in table.others if app.role is AppRole.REPEAT and app.source_digest]
    repeated = {app.source_digest for app in repeats}
    for app in (*table.subjects, *repeats):
        if app.source_digest in repeated:
            by_source[app.source_digest].append(app)
    return [by_source[digest] for digest in sorted(by_source)]


def _of(look: Look, units: Sequence[Sequence[AppSummary]]) -> Noise:
    seen = [[finite(look.of(app)) for app in unit] for unit in units]
    values = [[one.value for one in unit if one.state == "seen"] for unit in seen]
    several = [unit for unit in values if len(unit) >= 2]
    made = Noise(
        measure=look.measure.name,
        unit=look.measure.unit,
        apps=len(several),
        measurements=sum(len(unit) for unit in several),
    )
    found = components(several)
    if found is None:
        reason = f"fewer than {FEWEST_FREEDOM} repeats that measured it"
        return made.model_copy(update={"reason": reason})
    return made.model_copy(
        update={
            "within_sd": found.within_sd,
            "between_sd": found.between_sd,
            "limit": found.limit,
            "noise_share": found.noise_share,
        }
    )
