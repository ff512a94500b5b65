"""`rerun`: measures cells of an archive again, and says whether they come out the same."""

import shutil
import tarfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pydantic import ValidationError

from clients.archive import ArchiveReader, open_archive
from clients.source import digest_tree
from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.archive import source_member
from contract.base import first_problem
from contract.errors import ErrorCode, PlatformError
from contract.ids import safe_model
from contract.journal import PageRegistered
from contract.plan import PlanHeader
from contract.spec import AppsSpec, PipelinePlan, PipelineSpec, PlannedApp, SourceRef
from control.archive_documents import RerunCell
from control.archiving import private_folder
from control.errors import WrongInputError
from control.unpacking import journal
from reports.model import AppReport, CellReport
from reports.names import document_name

Say = Callable[[str], None]
_RESET = ("baseline", "suppressions", "scaffold", "noise", "ranking")
Cells = dict[tuple[AnalyzerKind, str], CellReport]


class Choice:
    """What is to be measured again: `model/appN`, `model/appN/bandit`, `model/appN/static/bandit`.

    Attributes:
        label: the app.
        wanted: the tool, or analyzer and tool; empty: all that measured.
    """

    def __init__(self, text: str) -> None:
        model, mark, rest = text.rpartition("/app")
        number, _, self.wanted = rest.partition("/")
        if not mark or not model or not number.isdecimal():
            raise WrongInputError(f"{text!r} names no app", next_step="write MODEL/appN[/TOOL]")
        self.label = f"{model}/app{number}"

    def asks_for(self, cell: CellReport) -> bool:
        """Whether a cell is asked for, and can be measured again at all."""
        return _can_run(cell) and self.wanted in ("", cell.tool, cell.name)


def _can_run(cell: CellReport) -> bool:
    """Not a cell that never came, nor the log of another scanner."""
    return cell.recorded and not cell.report.imported


def plan_again(
    path: Path, choice: Choice, folder: Path, pipeline_id: str, say: Say
) -> tuple[PipelinePlan, AppReport]:
    """The plan that measures the chosen cells again, and what the archive says of their app.

    Args:
        path: the archive.
        choice: what is measured again.
        folder: the app's source is put below it.
        pipeline_id: of the new pipeline.
        say: is told what is done.

    Raises:
        WrongInputError: the archive has no such app or cell, or not its source.
        PlatformError: the archive is damaged.
    """
    with open_archive(path) as archive:
        header, planned = _planned(archive, choice.label)
        told = _told(archive, planned)
        cells = [cell for cell in told.cells if choice.asks_for(cell)]
        if not cells:
            known = ", ".join(cell.name for cell in told.cells if _can_run(cell))
            raise WrongInputError(
                f"{choice.label} has no cell {choice.wanted!r}", next_step=f"it has: {known}"
            )
        source = _source(archive, planned, folder)
    say(f"{choice.label}: measuring {', '.join(cell.name for cell in cells)} again")
    app = planned.model_copy(update={"source": source})
    return PipelinePlan(
        pipeline_id=pipeline_id,
        spec=_spec(header.spec, cells, folder),
        apps=(app,),
        templates={k: v for k, v in header.templates.items() if k == planned.template},
    ), told


def compared(told: AppReport, again: AppReport, choice: Choice) -> tuple[RerunCell, ...]:
    """Each chosen cell as the archive tells it, and as it came out again."""
    fresh = {(cell.analyzer, cell.tool): cell for cell in again.cells}
    asked = [cell for cell in told.cells if choice.asks_for(cell)]
    return tuple(_compared(cell, fresh.get((cell.analyzer, cell.tool))) for cell in asked)


def _compared(told: CellReport, again: CellReport | None) -> RerunCell:
    if again is None:
        return RerunCell(cell=told.name, told=told.state, reasons=("it did not come",))
    before, after = (
        Counter(found.fingerprint for found in cell.report.findings) for cell in (told, again)
    )
    lost, new = (before - after).total(), (after - before).total()
    reasons = [*_differences(told, again)]
    if lost or new:
        reasons.append(f"{lost} findings of the archive are missing, {new} are new")
    return RerunCell(
        cell=told.name,
        told=told.state,
        again=again.state,
        versions=(told.report.version, again.report.version),
        findings=(before.total(), after.total()),
        reproduced=not reasons,
        reasons=tuple(reasons),
        figures=tuple(_figures(told, again)),
    )


def _differences(told: CellReport, again: CellReport) -> Iterator[str]:
    why = again.report.reason or told.report.reason
    if told.state is not again.state:
        yield f"{told.state} in the archive, {again.state} now" + (f": {why}" if why else "")
    elif told.state in (MeasurementState.INFRA_FAILED, MeasurementState.NOT_APPLICABLE):
        yield f"{told.state} in the archive and now: {why}"
    elif told.report.version != again.report.version:
        yield f"version {told.report.version} in the archive, {again.report.version} now"


def _figures(told: CellReport, again: CellReport) -> Iterator[str]:
    """Measured numbers side by side; what varies by itself decides nothing."""
    after = {(one.name, one.target): one for one in again.report.metrics}
    for metric in told.report.metrics:
        other = after.get((metric.name, metric.target))
        if other is not None and other.value != metric.value:
            where = f" of {metric.target}" if metric.target else ""
            yield f"{metric.name}{where}: {metric.value:g} -> {other.value:g} {metric.unit}"


def _planned(archive: ArchiveReader, label: str) -> tuple[PlanHeader, PlannedApp]:
    for entry in journal(archive, archive.manifest.pipeline_id):
        if not isinstance(entry, PageRegistered):
            break  # pages come first
        for app in entry.page.apps:
            if app.ref.label == label:
                return entry.header, app
    raise WrongInputError(f"the archive has no app {label}")


def _told(archive: ArchiveReader, app: PlannedApp) -> AppReport:
    name = f"report/{document_name(app.ref)}"
    try:
        return AppReport.model_validate_json(archive.read(name))
    except ValidationError as error:
        message = f"{name} cannot be read: {first_problem(error)}"
        raise PlatformError(ErrorCode.DATA_LOSS, message) from error


def _source(archive: ArchiveReader, app: PlannedApp, folder: Path) -> SourceRef:
    """Unpack the app's source; it is the very tree that was measured, or it is refused."""
    member = source_member(app.source.digest)
    if member not in archive:
        why = next((line for line in archive.manifest.not_held if app.ref.label in line), "")
        raise WrongInputError(
            f"the archive does not hold the source of {app.ref.label}{why and f' ({why})'}",
            next_step="export it with sources",
        )
    target = folder / safe_model(app.ref.model) / f"app{app.ref.app_number}"
    with private_folder(folder, "unpack") as place:
        packed = archive.extract(member, place / "source.tar")
        try:
            with tarfile.open(packed, "r:") as tar:
                tar.extractall(place / "source", filter="data")
        except (tarfile.TarError, OSError, ValueError, RecursionError) as error:
            raise PlatformError(
                ErrorCode.DATA_LOSS, f"{member} cannot be unpacked: {error}"
            ) from error
        source = digest_tree(place / "source")
        if source.digest != app.source.digest:
            message = f"{member} is not the source that was measured"
            raise PlatformError(ErrorCode.DATA_LOSS, message)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        (place / "source").rename(target)
    return source.model_copy(update={"path": str(target.resolve())})


def _spec(spec: PipelineSpec, cells: Iterable[CellReport], folder: Path) -> PipelineSpec:
    """The same spec for these cells alone, without results of earlier runs."""
    tools: dict[AnalyzerKind, tuple[str, ...]] = {}
    for cell in cells:
        tools[cell.analyzer] = (*tools.get(cell.analyzer, ()), cell.tool)
    reset = {name: None for name in _RESET if name in PipelineSpec.model_fields}
    return spec.model_copy(
        update={
            **reset,
            # Whoever made the archive does not decide that its code is trusted here.
            "apps": AppsSpec(root=str(folder)),
            "egress": "deny",
            "analyzers": tuple(kind for kind in AnalyzerKind if kind in tools),
            "tools": {k: () if "*" in names else names for k, names in tools.items()},
            "controls": "off",
            "cache": False,
        }
    )
