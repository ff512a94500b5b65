"""Where the logs of one app are, and what they say: by the store and the artifact store."""

from collections.abc import Iterable
from pathlib import Path

from cli.errors import UserError
from cli.program import command
from clients.artifacts import FileArtifactStore
from clients.telling import plain
from contract.analysis import ArtifactRef
from contract.analyzers import AnalyzerKind
from contract.record import CellRecord
from contract.spec import AppRef
from control.documents import AnalyzerLog, AppLogs, KeptLog
from control.listing import outline
from control.specfile import unlike
from settings import Settings


async def app_logs(settings: Settings, pipeline_id: str, ref: AppRef) -> AppLogs:
    """What is kept of the app.

    Raises:
        UserError: no such pipeline or app.
        PlatformError: the store cannot be read.
    """
    record = await outline(settings, pipeline_id, ref)
    if record is None:
        raise UserError(
            f"no pipeline {pipeline_id} in the store: {settings.data_dir} holds none",
            next_step=f"{command('status')} lists the pipelines there are",
        )
    if not record.apps:
        raise await _unknown(settings, pipeline_id, ref)
    (app,) = record.apps
    return AppLogs(
        pipeline_id=pipeline_id,
        app=ref.label,
        state=app.state,
        reason=app.reason,
        logs=tuple(_kept(settings, log) for log in app.facts.logs),
        analyzers=tuple(_analyzers(settings, record.cells)),
        worker_log=_service_log(settings, "worker"),
    )


async def _unknown(settings: Settings, pipeline_id: str, ref: AppRef) -> UserError:
    whole = await outline(settings, pipeline_id)
    apps = whole.apps if whole else ()
    known = [app.ref.label for app in apps]
    return UserError(
        f"pipeline {pipeline_id}: {unlike(ref.label, known, 'app')}",
        next_step=f"its apps: {', '.join(known)}",
    )


def _analyzers(settings: Settings, cells: Iterable[CellRecord]) -> Iterable[AnalyzerLog]:
    by_kind: dict[AnalyzerKind, list[CellRecord]] = {}
    for cell in cells:
        by_kind.setdefault(cell.analyzer, []).append(cell)
    for kind, own in by_kind.items():
        archive = next((cell.artifact for cell in own if cell.artifact), None)
        yield AnalyzerLog(
            analyzer=kind,
            states={cell.tool: cell.state for cell in own},
            result=_kept(settings, archive) if archive else None,
            service_log=_service_log(settings, kind),
        )


def _kept(settings: Settings, ref: ArtifactRef) -> KeptLog:
    path = _artifacts(settings) / ref.key
    return KeptLog(name=ref.name, artifact=ref, path=str(path), kept=path.is_file())


def _service_log(settings: Settings, program: str) -> str:
    path = settings.data_dir / "run" / f"{program}.log"
    return str(path) if path.is_file() else ""


def _artifacts(settings: Settings) -> Path:
    return settings.data_dir / "artifacts"


async def text_of(settings: Settings, log: KeptLog, lines: int) -> tuple[str, int]:
    """The last `lines` of a log (0: all), without what would command a terminal; how many it has.

    Raises:
        PlatformError: it is gone, or damaged.
    """
    content = await FileArtifactStore(_artifacts(settings)).get(log.artifact)
    every = plain(content.decode(errors="replace")).rstrip("\n").split("\n")
    return "\n".join(every[-lines:] if lines else every), len(every)
