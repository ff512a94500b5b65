"""A report is written again from what is recorded: where it is missing, damaged, old, or asked."""

import json
from pathlib import Path
from typing import Any

import pytest

from activities.recording import Recording
from activities.report_writing import ReportWriting
from clients.artifacts import FileArtifactStore
from clients.report_writer import FileReportWriter
from contract.analysis import AnalyzerReport, ArtifactRef, MeasurementState
from contract.analyzers import AnalyzerKind
from contract.errors import PlatformError
from contract.findings import FindingsQuery
from contract.record import PipelineRecord
from control.errors import DamagedReportError, NoReportError, OldReportError
from control.reporting import report_of, write_anew
from control.reports import read_apps, read_report, report_path
from control.stored import Stored
from store.results import SqlResultStore
from tests.store import samples
from tests.support.new_store import new_store


async def recorded(folder: Path, state: str = "completed") -> Stored:
    """A store of a pipeline with an app that ended, and one that did not."""
    url = f"sqlite:///{folder / 'assay.db'}"
    await new_store(url)
    store = SqlResultStore.from_url(url)
    await samples.register(store, samples.plan(apps=2))
    report = samples.report(samples.measured("bandit", 2), samples.failed("semgrep"))
    await store.record_subtask("p1", samples.app(), samples.outcome(report), report)
    await store.record_app(samples.app(), samples.app_outcome(MeasurementState.INFRA_FAILED))
    if state != "running":
        await store.record_pipeline_state("p1", state, {})
    await store.close()
    return Stored(url, in_use=lambda: False)


async def test_a_missing_report_of_an_ended_pipeline_is_written(tmp_path: Path) -> None:
    stored, said = await recorded(tmp_path), list[str]()

    report = await report_of(stored, tmp_path, "p1", said.append)

    assert report == read_report(tmp_path, "p1")
    assert [app.ref for app in read_apps(tmp_path, report)] == [app.ref for app in report.apps]
    assert (report.totals.cells.measured, len(report.apps)) == (1, 2)
    assert "writing it anew" in said[0]
    assert report_path(tmp_path, "p1", "html").is_file()


async def test_a_report_that_is_there_is_only_read(tmp_path: Path) -> None:
    stored, said = await recorded(tmp_path), list[str]()
    written = await write_anew(stored, tmp_path, "p1", said.append)
    said.clear()

    assert await report_of(stored, tmp_path, "p1", said.append) == written
    assert said == []


@pytest.mark.parametrize("text", ["", "{", '{"schema_version": "2.0"}', "[]"])
async def test_a_report_that_cannot_be_read_is_replaced(tmp_path: Path, text: str) -> None:
    stored = await recorded(tmp_path)
    path = report_path(tmp_path, "p1", "json")
    path.parent.mkdir(parents=True)
    path.write_text(text)

    report = await report_of(stored, tmp_path, "p1", lambda _: None)

    assert report == read_report(tmp_path, "p1")


async def test_a_running_pipeline_has_no_report_unless_it_is_asked_for(tmp_path: Path) -> None:
    stored = await recorded(tmp_path, "running")

    with pytest.raises(NoReportError):
        await report_of(stored, tmp_path, "p1", lambda _: None)
    report = await write_anew(stored, tmp_path, "p1", lambda _: None)

    assert (report.pipeline.state, report.totals.unfinished) == ("running", 1)
    assert "1 not finished yet" in report.verdict


async def test_what_is_recorded_nowhere_cannot_be_written(tmp_path: Path) -> None:
    stored = await recorded(tmp_path)
    path = report_path(tmp_path, "other", "json")
    path.parent.mkdir(parents=True)
    path.write_text('{"schema_version": "2.0"}')

    with pytest.raises(PlatformError, match=r"schema 2\.0.*cannot be written anew") as refused:
        await report_of(stored, tmp_path, "other", lambda _: None)
    assert refused.value.next_step
    with pytest.raises(NoReportError):
        await report_of(stored, tmp_path, "nowhere", lambda _: None)


async def test_an_app_of_another_writing_is_no_part_of_the_report(tmp_path: Path) -> None:
    stored = await recorded(tmp_path)
    report = await write_anew(stored, tmp_path, "p1", lambda _: None)
    path = report_path(tmp_path, "p1", "json").parent / "apps" / f"{report.apps[0].name}.json"
    document = json.loads(path.read_text())

    path.write_text(json.dumps(document | {"generated_at": "2020-01-01T00:00:00Z"}))
    with pytest.raises(DamagedReportError, match="another writing"):
        list(read_apps(tmp_path, report))

    path.write_text(json.dumps(document | {"schema_version": "2.0"}))
    with pytest.raises(OldReportError):
        list(read_apps(tmp_path, report))


async def test_the_same_rows_make_the_same_report(tmp_path: Path) -> None:
    stored = await recorded(tmp_path)

    first = await write_anew(stored, tmp_path, "p1", lambda _: None)
    second = await write_anew(stored, tmp_path, "p1", lambda _: None)

    same_moment = second.model_copy(update={"generated_at": first.generated_at})
    assert same_moment == first


class Raced(SqlResultStore):
    """Has an app end between the reading of a report and its listing."""

    async def replace_weaknesses(self, *args: Any) -> None:
        other = SqlResultStore(self._engine)
        if (await other.load_apps("p1", [samples.app(2).ref])).apps[0].state is None:
            await _end_app_2(Recording(other, _loaded))
        await super().replace_weaknesses(*args)


async def _end_app_2(recording: Recording) -> None:
    app, report = samples.app(2), await _loaded(samples.ARTIFACT)
    await recording.subtask(app, samples.outcome(report, app))
    await recording.app(app, samples.app_outcome().model_copy(update={"ref": app.ref}))


async def _loaded(_archive: ArtifactRef) -> AnalyzerReport:
    of_app = samples.app(2).subtask_id(AnalyzerKind.STATIC)
    report = samples.report(samples.measured(), fused=tuple(map(samples.finding, range(3))))
    return report.model_copy(update={"subtask_id": of_app})


async def test_the_report_of_a_running_pipeline_lists_no_app_that_ended_meanwhile(
    tmp_path: Path,
) -> None:
    stored = await recorded(tmp_path, "running")
    raced = Raced.from_url(stored.url)
    artifacts = FileArtifactStore(tmp_path / "artifacts")

    writing = ReportWriting(raced, FileReportWriter(tmp_path / "reports"), artifacts)
    await writing.write("p1", lambda _: None)

    page = await raced.findings_page(FindingsQuery(pipeline_id="p1", counted=True))
    await raced.close()
    assert [item.ref.app_number for item in page.items] == [2, 2, 2]
    assert page.unlisted_apps == 0


async def test_an_app_whose_weaknesses_cannot_be_listed_any_more_is_unlisted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = await recorded(tmp_path)
    store = SqlResultStore.from_url(stored.url)
    recording = Recording(store, _loaded)
    query = FindingsQuery(pipeline_id="p1", counted=True)
    await recording.list_weaknesses("p1", [samples.app(1).ref])
    await _end_app_2(recording)
    listed = await store.findings_page(query)

    def broken(_record: PipelineRecord) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("reports.listed.weaknesses_by_app", broken)
    await recording.list_weaknesses("p1", [samples.app(2).ref])
    after = await store.findings_page(query)
    await store.close()
    assert (listed.total, listed.unlisted_apps) == (3, 0)
    assert (after.total, after.unlisted_apps) == (0, 1)
