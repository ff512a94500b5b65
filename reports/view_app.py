"""One app as its own page shows it."""

from collections.abc import Collection, Iterable, Iterator

from contract.analysis import ArtifactRef, MeasurementState, Severity
from contract.weakness import Weakness
from reports.counts import FindingTally
from reports.formats import METRIC_LABELS, witnesses
from reports.glance import gravest
from reports.model import AppReport, LoadFigures
from reports.names import document_name, github_sarif_name, log_name, sarif_name
from reports.view_models import security_of

# What to know about a row's figures; alone they make no row.
_FLAGS = ("censored", "contended")
# A page of so many findings, and letters in them, still opens; all are in the app's document.
MOST_FINDINGS, MOST_LETTERS = 2_000, 3_000_000


class AppView:
    """One app with as many of its findings as fit a page.

    Attributes:
        findings: those that the page has, in their order.
        left_out: how many only the document has.
        beside: names of the files in the folder of the report.
    """

    def __init__(self, app: AppReport, beside: Collection[str] = ()) -> None:
        self.app = app
        self.beside = beside
        self.findings = tuple(_that_fit(app.weaknesses))
        self.left_out = len(app.weaknesses) - len(self.findings)

    @property
    def states(self) -> tuple[MeasurementState, ...]:
        """Every state, in its order."""
        return tuple(MeasurementState)

    @property
    def document(self) -> str:
        """Name of the app's document, if it lies there."""
        name = document_name(self.app.ref)
        return name if name in self.beside else ""

    @property
    def notes_first(self) -> bool:
        """Whether its notes stand beside the reason: they may be why it failed."""
        measured = (MeasurementState.MEASURED, MeasurementState.NOT_APPLICABLE)
        return bool(self.app.reason) and self.app.state not in measured

    @property
    def security(self) -> FindingTally | None:
        """Its security findings, counted."""
        return security_of(self.app.findings)

    @property
    def load_columns(self) -> list[str]:
        """Metrics of the load table, then its flags; only those that a tool measured."""
        present = {name for row in self.load_rows for name in row.figures}
        return [name for name in (*METRIC_LABELS, *_FLAGS) if name in present]

    @property
    def load_rows(self) -> list[LoadFigures]:
        """Load figures of operations."""
        return [row for row in self.app.load if row.figures.keys() & METRIC_LABELS.keys()]

    @property
    def load_context(self) -> list[LoadFigures]:
        """Figures of the host and its calibration during the load test."""
        return [row for row in self.app.load if row not in self.load_rows]

    @property
    def severities(self) -> list[Severity]:
        """Severities among the shown findings, for the filter."""
        found = {weakness.finding.severity for weakness in self.findings}
        return [level for level in Severity if level in found]

    @property
    def tools(self) -> list[str]:
        """Tools among the shown findings, for the filter."""
        shown = self.findings
        return sorted({name for w in shown for name in witnesses(w.finding).split(", ")})

    @property
    def sarif(self) -> list[str]:
        """Its SARIF logs that lie in the folder."""
        names = (sarif_name(self.app.ref), github_sarif_name(self.app.ref))
        return [name for name in names if name in self.beside]

    @property
    def logs(self) -> Iterator[tuple[ArtifactRef, str]]:
        """Each log with its file in the folder; an empty name where there is none."""
        for at, log in enumerate(self.app.facts.logs):
            name = log_name(self.app.ref, at, log)
            yield log, name if name in self.beside else ""


def _that_fit(weaknesses: Iterable[Weakness]) -> Iterator[Weakness]:
    """The gravest ones, until the page is full."""
    room = MOST_LETTERS
    for weakness in gravest(weaknesses, MOST_FINDINGS):
        room -= len(weakness.finding.message) + len(weakness.finding.evidence)
        if room < 0:
            return
        yield weakness
