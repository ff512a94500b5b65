"""The static tools on the control apps: few weaknesses are missed, none is invented."""

from pathlib import Path

import pytest

from analyzers.runtime.source.listing import list_source
from analyzers.runtime.tool import SourceTree
from analyzers.static.fusion import fuse
from analyzers.static.tools import REPUTATIONS, TOOLS
from contract.analysis import Confidence, Finding, MeasurementState, ToolReport
from tests.support.control_scores import CLEAN, CONTROLS, FLAWED, met, sheet
from tests.support.static_run import measure_tree

SECURITY_TOOLS = ("opengrep", "bandit", "ruff", "eslint", "detect-secrets", "container-files")


@pytest.fixture(scope="module")
async def reports(tmp_path_factory: pytest.TempPathFactory) -> list[ToolReport]:
    """What each tool found; the four apps are one tree, so that each tool starts once."""
    whole = list_source(CONTROLS)
    files = tuple(name for name in whole.files if name.startswith((*FLAWED, *CLEAN)))
    tree = SourceTree(whole.root, files)
    reports: list[ToolReport] = []
    for tool in (tool for tool in TOOLS if tool.name in SECURITY_TOOLS):
        parsed = await measure_tree(tool, tree, tmp_path_factory.mktemp(tool.name))
        reports.append(
            ToolReport(
                tool=tool.name,
                state=MeasurementState.MEASURED,
                coverage=parsed.coverage,
                findings=parsed.findings,
                data=parsed.data,
            )
        )
    return reports


@pytest.fixture(scope="module")
def fused(reports: list[ToolReport]) -> dict[str, list[Finding]]:
    """Findings after fusion, by app."""
    found = fuse(reports, REPUTATIONS)
    return {app: [own for one in found if (own := within(app, one))] for app in (*FLAWED, *CLEAN)}


def within(app: str, found: Finding) -> Finding | None:
    """The finding with its path below the app, if it is one of the app's."""
    path = Path(found.location.path or "")
    if not path.is_relative_to(app):
        return None
    place = found.location.model_copy(update={"path": str(path.relative_to(app))})
    return found.model_copy(update={"location": place})


def test_nine_of_ten_labelled_weaknesses_are_found(fused: dict[str, list[Finding]]):
    wanted = sum(len(sheet(app).weaknesses) for app in FLAWED)
    missed = {
        app: {one.id for one in sheet(app).weaknesses} - met(app, fused[app]) for app in FLAWED
    }

    assert sum(map(len, missed.values())) <= wanted // 10, missed


@pytest.mark.parametrize("app", CLEAN)
def test_a_clean_app_is_not_accused(app: str, fused: dict[str, list[Finding]]):
    believed = [one for one in fused[app] if one.confidence is not Confidence.LOW]

    assert [(one.rule_id, one.location.path, one.location.line) for one in believed] == []


@pytest.mark.parametrize("app", FLAWED)
def test_each_tool_sees_what_it_must_see(app: str, reports: list[ToolReport]):
    answers = sheet(app)
    named = {tool for tool in answers.must_see if tool.startswith("static/")}
    blind = {
        name: sorted(missed)
        for report in reports
        if (name := f"static/{report.tool}") in named
        and (missed := set(answers.must_see[name]) - met(app, of_app(app, report)))
    }

    assert named <= {f"static/{tool}" for tool in SECURITY_TOOLS}
    assert blind == {}


def of_app(app: str, report: ToolReport) -> list[Finding]:
    """Findings of a tool in one of the apps."""
    return [own for found in report.findings if (own := within(app, found))]
