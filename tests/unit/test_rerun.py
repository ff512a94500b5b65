"""What an archive says can be measured again: its plan, and the comparison of what came out."""

from pathlib import Path

import pytest

from contract.analysis import MeasurementState, Metric
from contract.analyzers import AnalyzerKind
from contract.errors import PlatformError
from control.archiving import export
from control.errors import WrongInputError
from control.rerunning import Choice, compared, plan_again
from reports.model import AppReport
from tests.support.installation import Installation, analysed, write_fleet


def silent(_text: str) -> None:
    """Nobody listens."""


@pytest.fixture(scope="module")
async def made(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An archive with its sources; no test changes it."""
    return (await archived(tmp_path_factory.mktemp("made"), sources=True)).read_bytes()


@pytest.fixture
def archive(made: bytes, tmp_path: Path) -> Path:
    (tmp_path / "a.zip").write_bytes(made)
    return tmp_path / "a.zip"


async def archived(tmp_path: Path, *, sources: bool) -> Path:
    write_fleet(tmp_path / "fleet")
    here = Installation(tmp_path / "here")
    here.data_dir.mkdir()
    await analysed(here, tmp_path / "fleet")
    await export(
        here.stored,
        here.data_dir,
        "p1",
        tmp_path / "a.zip",
        sources=sources,
        assay="assay 1",
        say=silent,
    )
    return tmp_path / "a.zip"


def told(archive: Path, tmp_path: Path, text: str = "m/app1/bandit") -> tuple[AppReport, Choice]:
    choice = Choice(text)
    return plan_again(archive, choice, tmp_path / "again", "p2", silent)[1], choice


async def test_the_plan_has_one_app_one_tool_and_the_same_source(archive: Path, tmp_path: Path):
    choice = Choice("m/app1/static/bandit")
    plan, _ = plan_again(archive, choice, tmp_path / "again", "p2", silent)

    (app,) = plan.apps
    assert app.ref.label == "m/app1"
    assert Path(app.source.path, "app.py").read_text() == "print(1)\n"
    assert plan.spec.analyzers == (AnalyzerKind.STATIC,)
    assert plan.spec.tools == {AnalyzerKind.STATIC: ("bandit",)}
    assert not plan.spec.cache


@pytest.mark.parametrize("text", ["", "m", "m/app", "m/appx/bandit", "/app1"])
def test_what_names_no_app_is_said(text: str):
    with pytest.raises(WrongInputError, match="names no app"):
        Choice(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [("m/app9", "no app m/app9"), ("m/app1/zap", "no cell 'zap'"), ("o/app1", "no app o/app1")],
)
async def test_what_the_archive_does_not_have_is_said(
    archive: Path, tmp_path: Path, text: str, why: str
):
    with pytest.raises(WrongInputError, match=why):
        told(archive, tmp_path, text)


async def test_without_its_source_nothing_is_measured_again(tmp_path: Path):
    archive = await archived(tmp_path, sources=False)
    with pytest.raises(WrongInputError, match="does not hold the source"):
        told(archive, tmp_path)


async def test_the_same_findings_are_reproduced_whatever_their_lines(archive: Path, tmp_path: Path):
    before, choice = told(archive, tmp_path)
    (cell,) = compared(before, before, choice)
    assert cell.reproduced
    assert cell.findings == (2, 2)


async def test_a_lost_and_a_new_finding_are_told(archive: Path, tmp_path: Path):
    before, choice = told(archive, tmp_path)
    (cell,) = compared(before, changed(before, lose=1), choice)
    assert not cell.reproduced
    assert cell.reasons == ("1 findings of the archive are missing, 0 are new",)


async def test_another_version_is_no_reproduction(archive: Path, tmp_path: Path):
    before, choice = told(archive, tmp_path)
    (cell,) = compared(before, changed(before, version="2"), choice)
    assert cell.reasons == ("version 1.9.4 in the archive, 2 now",)


async def test_what_was_not_measured_is_not_reproduced(archive: Path, tmp_path: Path):
    before, choice = told(archive, tmp_path)
    lost = changed(
        before, state=MeasurementState.INFRA_FAILED, reason="down", findings=(), metrics=()
    )
    (cell,) = compared(lost, lost, choice)
    assert not cell.reproduced
    assert cell.reasons == ("infra_failed in the archive and now: down",)


async def test_whoever_made_the_archive_does_not_decide_that_its_code_is_trusted(
    archive: Path, tmp_path: Path
):
    from tests.unit.test_exchange import rewrite

    def trusted(name: str, data: bytes) -> bytes:
        data = data.replace(b'"trusted":false', b'"trusted":true')
        return data.replace(b'"egress":"deny"', b'"egress":"allow"')

    rewrite(archive, tmp_path / "b.zip", trusted)
    plan, _ = plan_again(tmp_path / "b.zip", Choice("m/app1"), tmp_path / "again", "p2", silent)
    assert not plan.spec.apps.trusted
    assert plan.spec.egress == "deny"


async def test_figures_are_told_and_decide_nothing(archive: Path, tmp_path: Path):
    before, choice = told(archive, tmp_path)
    faster = Metric(name="lines", value=121.0, unit="count")
    (cell,) = compared(before, changed(before, metrics=(faster,)), choice)
    assert cell.reproduced
    assert cell.figures == ("lines: 120 -> 121 count",)


async def test_a_source_that_is_not_the_measured_one_is_refused(archive: Path, tmp_path: Path):
    import io
    import tarfile

    from tests.unit.test_exchange import rewrite

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo("app.py")
        member.size = 3
        tar.addfile(member, io.BytesIO(b"bad"))

    def other(name: str, data: bytes) -> bytes:
        return buffer.getvalue() if name.startswith("sources/") else data

    rewrite(archive, tmp_path / "b.zip", other)
    with pytest.raises(PlatformError, match="is not the source that was measured"):
        told(tmp_path / "b.zip", tmp_path)


def changed(app: AppReport, *, lose: int = 0, **update: object) -> AppReport:
    """The app whose bandit cell came out otherwise."""
    cells = []
    for cell in app.cells:
        if cell.tool == "bandit":
            findings = cell.report.findings[lose:]
            report = cell.report.model_copy(update={"findings": findings, **update})
            record = cell.record.model_copy(update={"report": report})
            cell = cell.model_copy(update={"record": record})
        cells.append(cell)
    return app.model_copy(update={"cells": tuple(cells)})
