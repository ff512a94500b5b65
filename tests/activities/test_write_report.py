"""The files of a report: made of what was recorded, with the apps' logs beside them."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from activities.reports import ReportActivities
from contract.analysis import ArtifactRef
from contract.errors import ErrorCode, PlatformError
from contract.outcome import AppFacts
from contract.record import AppRecord, PipelineRecord
from contract.spec import AppRef, AppRole
from reports.model import AppReport, FleetReport
from tests.activities.fakes import FakeArtifacts, FakeResults, environment
from tests.unit import report_samples as samples


class Writer:
    """Keeps what was published, by name."""

    folder = Path("/nowhere")

    def __init__(self) -> None:
        self.drafted: dict[str, bytes] = {}
        self.files: dict[str, bytes] = {}

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self.drafted)

    @asynccontextmanager
    async def draft(self, pipeline_id: str) -> AsyncGenerator["Writer"]:
        self.drafted = {}
        yield self

    async def write(self, files: Mapping[str, bytes]) -> None:
        assert all(files.values())
        self.drafted |= files

    async def append(self, files: Mapping[str, bytes]) -> None:
        for name, more in files.items():
            self.drafted[name] = self.drafted.get(name, b"") + more

    async def publish(self) -> dict[str, str]:
        self.files = dict(self.drafted)
        return {name: f"/reports/p/{name}" for name in self.files}


async def written(record: PipelineRecord) -> dict[str, bytes]:
    writer = Writer()
    write = ReportActivities(FakeResults(record), writer, FakeArtifacts([])).write_report
    await environment()[0].run(write, record.pipeline_id)
    return writer.files


async def test_the_report_is_written_from_what_was_recorded() -> None:
    write = ReportActivities(FakeResults(), Writer(), FakeArtifacts([])).write_report

    paths = await environment()[0].run(write, "p")

    assert paths == ("/reports/p/report.json", "/reports/p/report.html")


async def test_each_app_has_a_document_of_the_same_writing() -> None:
    files = await written(samples.fleet())

    fleet = FleetReport.model_validate_json(files["report.json"])
    documents = [
        AppReport.model_validate_json(files[f"apps/{app.name}.json"]) for app in fleet.apps
    ]
    assert [one.ref for one in documents] == [app.ref for app in samples.fleet().apps]
    assert {one.generated_at for one in documents} == {fleet.generated_at}
    cells = sum(len(one.cells) for one in documents)
    assert files["cells.csv"].count(b"\n") == 1 + cells == 1 + fleet.totals.cells.total


async def test_apps_of_other_roles_have_documents_and_count_in_no_figure() -> None:
    record = samples.fleet()
    control, *subjects = record.apps
    control = control.model_copy(update={"role": AppRole.CONTROL})

    files = await written(record.model_copy(update={"apps": (*subjects, control)}))

    fleet = FleetReport.model_validate_json(files["report.json"])
    assert [app.ref for app in fleet.others] == [control.ref]
    assert [app.ref for app in fleet.apps] == [app.ref for app in subjects]
    assert fleet.totals.apps.total == 3
    assert control.ref.label not in fleet.matrix
    assert f"apps/{fleet.others[0].name}.json" in files


async def test_a_report_of_which_something_failed_is_not_published() -> None:
    class Gone(FakeResults):
        async def load_apps(self, pipeline_id: str, only: object) -> PipelineRecord:
            raise PlatformError(ErrorCode.UNAVAILABLE, "the store is gone")

    writer = Writer()
    write = ReportActivities(Gone(samples.fleet()), writer, FakeArtifacts([])).write_report

    with pytest.raises(ApplicationError):
        await environment()[0].run(write, "p")

    assert writer.files == {}


async def test_logs_lie_beside_the_report_as_text_where_they_can_be_read() -> None:
    artifacts, writer = FakeArtifacts([]), Writer()
    kept = await artifacts.put_bytes(b"Traceback: <b>x</b>", "build.log")
    gone = kept.model_copy(update={"key": "sha256/00/00", "name": "gone.log"})
    huge = kept.model_copy(update={"size_bytes": 5 * 1024**2, "name": "huge.log"})
    archive_of_it = kept.model_copy(update={"name": "dynamic.tar"})
    app = AppRecord(
        ref=AppRef(model="m/1", app_number=1),
        facts=AppFacts(logs=(gone, kept, huge, archive_of_it)),
    )
    record = PipelineRecord(
        pipeline_id="p", state="completed", spec={"analyzers": ["static"]}, apps=(app,)
    )
    write = ReportActivities(FakeResults(record), writer, artifacts).write_report

    await environment()[0].run(write, "p")

    texts = {name: data for name, data in writer.files.items() if name.endswith(".txt")}
    assert texts == {"m%2F1-app1.2.build.log.txt": b"Traceback: <b>x</b>"}
    page = writer.files["apps/m%2F1-app1.html"].decode()
    assert 'href="../m%252F1-app1.2.build.log.txt"' in page
    assert page.count(".log.txt") == 1


async def test_a_store_that_does_not_answer_is_no_reason_to_write_a_report_without_logs() -> None:
    class Down(FakeArtifacts):
        async def get(self, ref: ArtifactRef) -> bytes:
            raise PlatformError(ErrorCode.UNAVAILABLE, "the disk does not answer")

    log = ArtifactRef(key="sha256/ab/ab", sha256="ab" * 32, size_bytes=3, name="build.log")
    app = AppRecord(ref=AppRef(model="m", app_number=1), facts=AppFacts(logs=(log,)))
    record = PipelineRecord(
        pipeline_id="p", state="completed", spec={"analyzers": ["static"]}, apps=(app,)
    )
    writer = Writer()

    with pytest.raises(ApplicationError) as failed:
        await environment()[0].run(
            ReportActivities(FakeResults(record), writer, Down([])).write_report, "p"
        )

    assert (failed.value.type, writer.files) == ("UNAVAILABLE", {})
