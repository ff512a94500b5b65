"""Results of analyzers, cached until they are recorded: after a crash no tool runs again."""

import io
import tarfile

from pydantic import ValidationError

from activities.ports import ArtifactStore
from contract.analysis import AnalyzerReport, ArtifactRef, MeasurementState, ToolReport
from contract.errors import ErrorCode, PlatformError
from contract.ids import REPORT_OF
from contract.protocol import REPORT_MEMBER

# Codes of an artifact that is damaged or gone: it does not help to read it again.
LOST = frozenset({ErrorCode.DATA_LOSS, ErrorCode.NOT_FOUND})


async def save_result(
    artifacts: ArtifactStore, key: str, archive: ArtifactRef, report: AnalyzerReport
) -> None:
    """Cache `archive` under `key`, its report beside it. The key is written last: it commits."""
    small = await artifacts.put_bytes(report.model_dump_json().encode(), REPORT_MEMBER)
    await artifacts.cache(_report_key(archive), small)
    await artifacts.cache(key, archive)


async def load_report(artifacts: ArtifactStore, archive: ArtifactRef) -> AnalyzerReport:
    """The report of a cached archive.

    Raises:
        PlatformError: NOT_FOUND or DATA_LOSS, when neither the copy nor the archive can be read.
    """
    small = await artifacts.cached(_report_key(archive))
    if small is not None:
        return _parse(await artifacts.get(small))
    return _parse(_first_member(await artifacts.get(archive)))


def with_missing_tools(report: AnalyzerReport, asked: tuple[str, ...]) -> AnalyzerReport:
    """`report` with a cell for each tool in `asked`: one without a report is `infra_failed`."""
    reported = {tool.tool for tool in report.tools}
    missing = tuple(
        ToolReport(
            tool=tool,
            state=MeasurementState.INFRA_FAILED,
            reason="the analyzer returned no report of this tool",
        )
        for tool in asked
        if tool not in reported
    )
    return report.model_copy(update={"tools": (*report.tools, *missing)}) if missing else report


def _report_key(archive: ArtifactRef) -> str:
    return f"{REPORT_OF}{archive.sha256}"


def _first_member(content: bytes) -> bytes:
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            member = archive.extractfile(REPORT_MEMBER)
            if member is not None:
                return member.read()
    except (tarfile.TarError, KeyError) as exc:
        raise PlatformError(ErrorCode.DATA_LOSS, f"result archive: {exc}") from exc
    raise PlatformError(ErrorCode.DATA_LOSS, f"result archive holds no {REPORT_MEMBER}")


def _parse(raw: bytes) -> AnalyzerReport:
    try:
        return AnalyzerReport.model_validate_json(raw)
    except ValidationError as exc:
        raise PlatformError(ErrorCode.DATA_LOSS, f"{REPORT_MEMBER} is no valid report") from exc
