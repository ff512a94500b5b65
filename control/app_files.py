"""What is kept of one app: results, what tools attached to them, logs; and a log by pages."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from clients.artifacts import FileArtifactStore
from clients.log_lines import plain
from contract.analysis import ArtifactRef
from contract.analyzers import AnalyzerKind
from contract.attached import SCREENSHOTS
from contract.errors import ErrorCode
from control.app_kept_documents import (
    AppFiles,
    AttachedFile,
    LogPage,
)
from control.app_reading import ReadApp
from control.errors import PipelineError
from reports.model import CellReport

LINES_PER_PAGE = 200
_PICTURE_TOOL = "browser"
_MOST_LOG_BYTES = 8 * 1024 * 1024


async def app_files(data_dir: Path, app: ReadApp) -> AppFiles:
    """Names and references of all files that are kept of an app."""
    attached = [each for cell in app.report.cells for each in _attached(cell)]
    archives = tuple(_archives(app.report.cells))
    logs = app.report.facts.logs
    every = [*(ref for _, ref in archives), *logs]
    return AppFiles(
        pipeline_id=app.pipeline_id,
        app=app.ref.label,
        screenshots=tuple(each for each in attached if _is_screenshot(each)),
        attached=tuple(each for each in attached if not _is_screenshot(each)),
        archives=archives,
        logs=logs,
        gone=tuple(await asyncio.to_thread(_gone, data_dir / "artifacts", every)),
    )


def _attached(cell: CellReport) -> Iterator[AttachedFile]:
    archive = cell.record.artifact
    if archive is None:
        return
    shown = _shown(cell)
    for name in cell.report.attachments:
        yield AttachedFile(
            tool=cell.tool,
            member=f"{cell.tool}/{name}",
            archive=archive,
            shows=shown.get(name, ""),
        )


def _shown(cell: CellReport) -> dict[str, str]:
    """What each picture shows, as the browser tool says."""
    rows = cell.report.data.get(SCREENSHOTS)
    known = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return {
        str(row.get("name")): f"{row.get('service', '')} {row.get('path', '')}".strip()
        for row in known
    }


def _is_screenshot(file: AttachedFile) -> bool:
    return file.tool == _PICTURE_TOOL and file.member.endswith(".png")


def _archives(cells: tuple[CellReport, ...]) -> Iterator[tuple[AnalyzerKind, ArtifactRef]]:
    """Each archive once, with its analyzer."""
    seen: set[ArtifactRef] = set()
    for cell in cells:
        archive = cell.record.artifact
        if archive is not None and archive not in seen:
            seen.add(archive)
            yield cell.analyzer, archive


def _gone(root: Path, every: list[ArtifactRef]) -> Iterator[str]:
    store = FileArtifactStore(root)
    for ref in every:
        if store.packed(ref) is None:
            yield ref.key


async def log_page(data_dir: Path, app: ReadApp, at: int, first: int | None) -> LogPage:
    """Some lines of one log of an app.

    Args:
        data_dir: folder of the artifacts.
        app: the app.
        at: place among its logs, from 0.
        first: number of the first line, from 1; None: the last page, where the cause stands.

    Raises:
        PipelineError: NOT_FOUND: it has no such log.
        PlatformError: the log is gone, or damaged.
    """
    logs = app.report.facts.logs
    if not 0 <= at < len(logs):
        raise PipelineError(
            app.pipeline_id,
            ErrorCode.NOT_FOUND,
            f"{app.ref.label} has {len(logs)} log(s), and none at place {at}",
            next_step="see the logs that it has",
        )
    content = await FileArtifactStore(data_dir / "artifacts").get(logs[at])
    cut = _cut(content)
    lines = await asyncio.to_thread(_lines, content[cut:])
    last_page = (len(lines) - 1) // LINES_PER_PAGE * LINES_PER_PAGE + 1
    start = min(max(1, first or last_page), max(1, len(lines)))
    end = start + LINES_PER_PAGE
    return LogPage(
        pipeline_id=app.pipeline_id,
        app=app.ref.label,
        at=at,
        log=logs[at],
        first=start,
        lines=tuple(lines[start - 1 : end - 1]),
        total=len(lines),
        cut_bytes=cut,
        before=max(1, start - LINES_PER_PAGE) if start > 1 else None,
        after=end if end <= len(lines) else None,
    )


def _cut(content: bytes) -> int:
    """Bytes at the beginning of a log that is too long: what is left begins with a whole line."""
    over = len(content) - _MOST_LOG_BYTES
    return max(content.find(b"\n", over - 1, -1) + 1, over) if over > 0 else 0


def _lines(content: bytes) -> list[str]:
    return plain(content.decode(errors="replace")).rstrip("\n").split("\n")
