"""A fleet's report as its page shows it: apps by model, the matrix as a grid, pictures by name."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from contract.analysis import Category
from contract.spec import AppRef
from contract.weakness import BaselineState
from reports.baseline_results import BaselineCount, BaselineReport
from reports.counts import FindingTally
from reports.glance import Glance
from reports.model import FleetReport
from reports.names import CSV_NAME, FLEET_SARIF_NAME, app_page_name
from reports.pictures.of_fleet import columns_of, loads, run, states
from reports.rates import GRAVE
from reports.summary import AppSummary
from reports.view_matrix import Columns, GridField, by_analyzer, grid, in_blocks
from reports.view_models import ModelsView, security_of

# Apps that stand open at first, apps whose details are parsed before somebody opens them, and apps
# that have details at all; of more, each is one line of a table.
_OPEN_APPS, _APPS_IN_DOM, _APPS_WITH_DETAILS = 8, 24, 600
# Controls, repeats and scaffolds that are named.
_OTHERS = 200


@dataclass(frozen=True, slots=True)
class AppLine:
    """One app on the page of its fleet.

    Attributes:
        page: its own page beside this one; empty: there is none.
        grids: its row in each block of the matrix.
    """

    app: AppSummary
    glance: Glance
    anchor: str
    page: str
    grids: tuple[tuple[GridField, ...], ...]

    @property
    def security(self) -> FindingTally | None:
        """Its security findings, counted."""
        return security_of(self.app.findings)

    @property
    def left_out(self) -> int:
        """Findings that only its own page has."""
        return self.glance.total - len(self.glance.shown)


class FleetView(ModelsView):
    """The report as the page's template walks through it."""

    def __init__(
        self, report: FleetReport, glances: Mapping[AppRef, Glance], beside: Collection[str]
    ) -> None:
        super().__init__(report.models, report.totals, report.study)
        self.open_apps = len(report.apps) <= _OPEN_APPS
        self.lazy = len(report.apps) > _APPS_IN_DOM
        self.details = len(report.apps) <= _APPS_WITH_DETAILS
        self.files = [name for name in (CSV_NAME, FLEET_SARIF_NAME) if name in beside]
        self.has_csv = CSV_NAME in self.files
        checked = report.controls
        self.controls = checked if checked.controls or checked.why_none or checked.void else None
        self.families = report.families if len(report.apps) > 1 else None
        self.baseline = report.baseline
        self.baseline_states = tuple(BaselineState)
        self.baseline_rows = list(_against(report.baseline)) if report.baseline else []
        self.suppressions = report.suppressions
        self.blocks = _blocks(report, glances)
        self.models: defaultdict[str, list[AppLine]] = defaultdict(list)
        for index, app in enumerate(report.apps):
            self.models[app.ref.model].append(self._line(index, app, glances, beside))
        self.other_pages = [(app, _page(app, beside)) for app in report.others[:_OTHERS]]
        self.beside = _counted(report.others)
        self.states_picture = None if self.blocks or not report.matrix else states(report)
        self.load_pictures = tuple(loads(report.apps))
        self.run_picture = run(report)

    @property
    def parts(self) -> dict[str, str]:
        """Anchors of the page's parts that are there, each with its name."""
        there = {
            "models": ("By model", True),
            "compared": ("Which differ", bool(self.study.compared)),
            "templates": ("By template", bool(self.study.template_measures)),
            "matrix": ("What was measured", True),
            "missing": ("What was not", True),
            "controls": ("Controls", bool(self.controls)),
            "baseline": ("Baseline", bool(self.baseline)),
            "families": ("Shared flaws", bool(self.families)),
            "suppressed": ("Suppressed", bool(self.suppressions)),
            "load": ("Load", bool(self.load or self.load_pictures)),
            "judges": ("Judges", bool(self.study.agreed)),
            "apps": ("By app", True),
            "tools": ("How", True),
        }
        return {anchor: words for anchor, (words, is_there) in there.items() if is_there}

    def _line(
        self,
        index: int,
        app: AppSummary,
        glances: Mapping[AppRef, Glance],
        beside: Collection[str],
    ) -> AppLine:
        glance = glances.get(app.ref, Glance())
        return AppLine(
            app=app,
            glance=glance,
            anchor=f"app-{index}",
            page=_page(app, beside),
            grids=tuple(grid(glance.fields, block) for block in self.blocks),
        )


def _against(report: BaselineReport) -> Iterator[tuple[str, dict[BaselineState, int]]]:
    """Security findings by what the baseline says of them: all, grave ones, and by model."""
    yield "all models", _by_state(report.counts)
    grave = [count for count in report.counts if count.severity in GRAVE]
    yield "all models, high or critical", _by_state(grave)
    for one in report.models:
        yield one.model, _by_state(one.counts)


def _by_state(counts: Iterable[BaselineCount]) -> dict[BaselineState, int]:
    found = dict.fromkeys(BaselineState, 0)
    for one in counts:
        if one.category is Category.SECURITY:
            found[one.state] += one.count
    return found


def _page(app: AppSummary, beside: Collection[str]) -> str:
    name = app_page_name(app.ref)
    return name if name in beside else ""


def _blocks(report: FleetReport, glances: Mapping[AppRef, Glance]) -> tuple[Columns, ...]:
    """Columns of the matrix; none if the fleet has more fields than a page can hold."""
    if not any(one.fields for one in glances.values()):
        return ()
    return in_blocks(by_analyzer(columns_of(report.matrix)))


def _counted(others: Sequence[AppSummary]) -> str:
    """`4 control, 1 scaffold`: apps that count in no figure of a model."""
    roles = Counter(app.role.value for app in others)
    return ", ".join(f"{count} {role}" for role, count in roles.items())
