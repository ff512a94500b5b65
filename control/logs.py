"""Finds and reads the logs of one app: the store knows them, the artifact store has them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from clients.artifacts import FileArtifactStore
from clients.log_lines import plain
from contract.analysis import ArtifactRef
from contract.analyzers import AnalyzerKind
from contract.record import CellRecord
from contract.spec import AppRef
from control.errors import WrongInputError
from control.log_documents import AnalyzerLog, AppLogs, KeptLog
from control.log_files import StackLogs
from control.log_records import Wanted
from control.mistakes import unlike
from control.stored import Stored


async def app_logs(stored: Stored, data_dir: Path, pipeline_id: str, ref: AppRef) -> AppLogs:
    """What is kept of the app.

    Args:
        stored: the store that knows the pipeline.
        data_dir: folder of its artifacts, and of the logs of a local stack.
        pipeline_id: which pipeline.
        ref: which app.

    Raises:
        NotStoredError: no such pipeline.
        PlatformError: no such app; or the store cannot be read.
    """
    record = await stored.outline(pipeline_id, ref)
    if not record.apps:
        raise await _unknown(stored, pipeline_id, ref)
    (app,) = record.apps
    return AppLogs(
        pipeline_id=pipeline_id,
        app=ref.label,
        state=app.state,
        reason=app.reason,
        logs=tuple(_kept(data_dir, log) for log in app.facts.logs),
        analyzers=tuple(_analyzers(data_dir, record.cells)),
        worker_log=_service_log(data_dir, "worker"),
    )


async def _unknown(stored: Stored, pipeline_id: str, ref: AppRef) -> WrongInputError:
    apps = (await stored.outline(pipeline_id)).apps
    known = [app.ref.label for app in apps]
    return WrongInputError(
        f"pipeline {pipeline_id}: {unlike(ref.label, known, 'app')}",
        next_step=f"its apps: {', '.join(known)}",
    )


def _analyzers(data_dir: Path, cells: Iterable[CellRecord]) -> Iterable[AnalyzerLog]:
    by_kind: dict[AnalyzerKind, list[CellRecord]] = {}
    for cell in cells:
        by_kind.setdefault(cell.analyzer, []).append(cell)
    for kind, own in by_kind.items():
        archive = next((cell.artifact for cell in own if cell.artifact), None)
        yield AnalyzerLog(
            analyzer=kind,
            states={cell.tool: cell.state for cell in own},
            result=_kept(data_dir, archive) if archive else None,
            service_log=_service_log(data_dir, kind),
        )


def _kept(data_dir: Path, ref: ArtifactRef) -> KeptLog:
    path = _artifacts(data_dir) / ref.key
    return KeptLog(name=ref.name, artifact=ref, path=str(path), kept=path.is_file())


def _service_log(data_dir: Path, program: str) -> str:
    path = data_dir / "run" / f"{program}.log"
    return str(path) if path.is_file() else ""


def stack_logs(data_dir: Path, wanted: Wanted) -> StackLogs:
    """The logs of the local stack of this data folder; without one they are empty."""
    return StackLogs(data_dir / "run", wanted)


def kept_at(log: KeptLog) -> datetime | None:
    """When the log was kept; None: it is not here."""
    try:
        return datetime.fromtimestamp(Path(log.path).stat().st_mtime, UTC)
    except OSError:
        return None


def _artifacts(data_dir: Path) -> Path:
    return data_dir / "artifacts"


async def text_of(data_dir: Path, log: KeptLog, lines: int) -> tuple[str, int]:
    """The last `lines` of a log (0: all), without what would command a terminal; how many it has.

    Raises:
        PlatformError: it is gone, or damaged.
    """
    content = await FileArtifactStore(_artifacts(data_dir)).get(log.artifact)
    every = plain(content.decode(errors="replace")).rstrip("\n").split("\n")
    return "\n".join(every[-lines:] if lines else every), len(every)
