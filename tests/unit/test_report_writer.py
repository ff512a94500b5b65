"""Report files are whole, replaced as a whole, and stay in their folder."""

import pytest

from clients.report_writer import FileReportWriter
from contract.errors import ErrorCode, PlatformError


async def test_files_are_written_and_replaced(tmp_path):
    writer = FileReportWriter(tmp_path / "reports")

    await writer.write("p1", {"report.json": b"old", "report.html": b"<p>"})
    paths = await writer.write("p1", {"report.json": b"new"})

    assert paths == {"report.json": str(tmp_path / "reports" / "p1" / "report.json")}
    assert (tmp_path / "reports" / "p1" / "report.json").read_bytes() == b"new"
    assert sorted(path.name for path in (tmp_path / "reports" / "p1").iterdir()) == [
        "report.html",
        "report.json",
    ]


@pytest.mark.parametrize(
    ("pipeline_id", "name"),
    [("../p", "report.json"), ("p", "../report.json"), ("p", "a/b"), ("", "x"), ("p", "")],
)
async def test_names_cannot_lead_elsewhere(tmp_path, pipeline_id, name):
    with pytest.raises(PlatformError) as refused:
        await FileReportWriter(tmp_path).write(pipeline_id, {name: b""})

    assert refused.value.code is ErrorCode.INVALID_ARGUMENT
    assert list(tmp_path.iterdir()) == []
