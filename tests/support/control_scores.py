"""The control apps with and without weaknesses, for tests and benchmarks."""

from collections.abc import Iterable

from contract.analysis import Finding
from contract.analyzers import AnalyzerKind
from contract.control import AnswerSheet
from control.added import CONTROLS, answer_sheet
from reports import labels as scoring

__all__ = ["CLEAN", "CONTROLS", "FLAWED", "met", "sheet"]

FLAWED = ("careless-1/app1", "careless-1/app2")
CLEAN = ("careful-1/app1", "careful-1/app2")


def sheet(app: str, kind: AnalyzerKind = AnalyzerKind.STATIC) -> AnswerSheet:
    """What an analyzer may find in a control app."""
    model, _, folder = app.partition("/")
    return answer_sheet(model, int(folder.removeprefix("app"))).of(kind)


def met(app: str, findings: Iterable[Finding]) -> set[str]:
    """IDs of what a static tool may find in the app, and some finding is about."""
    return scoring.met(sheet(app), findings)
