"""The files of a report: made of what was recorded, with the apps' logs beside them."""

from collections.abc import Mapping

import pytest
from temporalio.exceptions import ApplicationError

from activities.reports import ReportActivities
from contract.analysis import ArtifactRef
from contract.errors import ErrorCode, PlatformError
from contract.outcome import AppFacts
from contract.record import AppRecord, PipelineRecord
from contract.spec import AppRef
from tests.activities.fakes import FakeArtifacts, FakeResults, environment


class Writer:
    """Keeps what was written, by name, in the order it came."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    async def write(self, pipeline_id: str, files: Mapping[str, bytes]) -> dict[str, str]:
        assert all(files.values())
        self.files |= files
        return {name: f"/reports/{pipeline_id}/{name}" for name in files}


async def test_the_report_is_written_from_what_was_recorded() -> None:
    write = ReportActivities(FakeResults(), Writer(), FakeArtifacts([])).write_report

    paths = await environment()[0].run(write, "p")

    assert paths == ("/reports/p/report.json", "/reports/p/report.html")


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
    page = writer.files["report.html"].decode()
    assert 'href="m%252F1-app1.2.build.log.txt"' in page
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
