"""`import-sarif`: a log of another scanner as a further tool of one app."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from activities.recording import Recording
from activities.result_cache import load_report
from analyzers.runtime.source.identified import identified
from analyzers.runtime.wire.archive import write_archive
from clients.artifacts import FileArtifactStore
from clients.sarif_log import SarifRun, read_log
from clients.source import walk_source
from contract.analysis import AnalyzerReport, ToolReport
from contract.analyzers import AnalyzerKind, Category
from contract.outcome import SubtaskOutcome, ToolSummary
from contract.plan import PlanHeader
from contract.progress import ENDED
from contract.spec import AppSpec
from control.archive_documents import ImportedLog, ImportedTool
from control.archiving import private_folder
from control.errors import WrongInputError
from control.reporting import Note, write_anew
from control.sarif_findings import UnknownLevelError, tool_name, tool_report
from control.stored import Stored
from store.results import SqlResultStore

# A log is about source; its tool stands beside those that look for weaknesses in it.
_KIND = next(
    kind for kind in AnalyzerKind if not kind.is_live and Category.SECURITY in kind.row.fuses
)
_MAX_BYTES = 1024**3


async def import_log(
    stored: Stored,
    data_dir: Path,
    pipeline_id: str,
    label: str,
    path: Path,
    note: Note,
    tool: str = "",
) -> ImportedLog:
    """Record what a SARIF log says of one app; the same log twice changes nothing.

    Args:
        stored: the store.
        data_dir: with the artifacts.
        pipeline_id: of the pipeline.
        label: the app, `model/appN`.
        path: the log.
        note: is told how far the work is.
        tool: name of the tool, instead of that in the log.

    Raises:
        NotStoredError: there is no such pipeline.
        WrongInputError: it has no such app, or the log names no tool or an unknown level.
        PlatformError: the log cannot be read, or the store or the disk not be written.
    """
    app = await stored.answered(pipeline_id, lambda store: _app(store, pipeline_id, label))
    tools = await asyncio.to_thread(_tools, app, path, tool)
    report = AnalyzerReport(
        subtask_id=app.subtask_id(_KIND),
        analyzer=_KIND,
        tools=tools,
        fused=tuple(
            found for cell in tools for found in cell.findings if found.category in _KIND.row.fuses
        ),
    )
    artifacts = FileArtifactStore(data_dir / "artifacts")
    with private_folder(data_dir / "tmp", "sarif") as place:
        archive = place / "result.tar"
        await asyncio.to_thread(write_archive, report, place, archive, _MAX_BYTES)
        artifact = await artifacts.put_file(archive, f"{tools[0].tool}.tar")
    outcome = SubtaskOutcome(
        subtask_id=report.subtask_id,
        analyzer=_KIND,
        tools=tuple(
            ToolSummary(
                tool=cell.tool, state=cell.state, reason=cell.reason, findings=len(cell.findings)
            )
            for cell in tools
        ),
        report=artifact,
    )

    async def record(store: SqlResultStore) -> None:
        await store.record_imported(app, outcome, report)
        recording = Recording(store, lambda ref: load_report(artifacts, ref))
        await recording.list_weaknesses(pipeline_id, [app.ref])

    await stored.answered(pipeline_id, record)
    # The list of weaknesses and the report say what is known of the whole fleet.
    if (await stored.outline(pipeline_id)).state in ENDED:
        await write_anew(stored, data_dir, pipeline_id, note)
    return ImportedLog(
        pipeline_id=pipeline_id,
        app=label,
        tools=tuple(
            ImportedTool(
                tool=cell.tool,
                state=cell.state,
                reason=cell.reason,
                findings=len(cell.findings),
                notes=cell.provenance.notes,
            )
            for cell in tools
        ),
    )


async def _app(store: SqlResultStore, pipeline_id: str, label: str) -> AppSpec:
    choices = await store.apps_to_retry(pipeline_id, [label])
    (entry,) = await store.read_apps(pipeline_id, [choices[0].position])
    header: PlanHeader = await store.load_header(pipeline_id)
    return header.app_spec(entry.app)


def _tools(app: AppSpec, path: Path, asked: str) -> tuple[ToolReport, ...]:
    runs: dict[str, list[SarifRun]] = {}
    for run in read_log(path):
        if not asked and not run.driver.get("name"):
            raise WrongInputError(f"{path}: a run names no tool", next_step="name one (--tool)")
        runs.setdefault(tool_name(run.driver, asked), []).append(run)
    if not runs:
        raise WrongInputError(f"{path}: it has no runs, so no tool says anything")
    root = Path(app.source.path)
    names = _files(root)
    try:
        reports = [tool_report(tool, mine, names, app.ref) for tool, mine in runs.items()]
    except UnknownLevelError as error:
        raise WrongInputError(f"{path}: {error}") from error
    return tuple(
        cell.model_copy(update={"findings": tuple(identified(cell.findings, root))})
        for cell in reports
    )


def _files(root: Path) -> Sequence[str]:
    """Relative paths of the app's files; none where its folder is gone."""
    if not root.is_dir():
        raise WrongInputError(
            f"the app's folder {root} is not here, so no place in the log can be checked",
            next_step="import the log where the app's source is",
        )
    return [path.relative_to(root).as_posix() for path in walk_source(root)]
