"""`export`: one archive of a pipeline, from which its rows and every table can be made again."""

import asyncio
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from activities.result_cache import load_report
from clients.analyzers.upload import pack_source
from clients.archive_writer import ArchiveWriter
from clients.artifacts import FileArtifactStore
from contract.analysis import AnalyzerReport, ArtifactRef
from contract.archive import (
    artifact_member,
    journal_member,
    source_member,
    suppressions_member,
)
from contract.errors import PlatformError
from contract.findings import StoredSuppression
from contract.journal import ENTRY
from contract.progress import ENDED
from contract.record import PipelineRecord
from contract.spec import AppRef, SourceRef
from control.archive_documents import Exported
from control.errors import WrongInputError
from control.form_artifacts import parquet_files
from control.forms import Source
from control.journals import journal_of_rows
from control.reporting import write_anew
from control.reports import report_folder
from control.stored import Stored
from store.results import SqlResultStore

Say = Callable[[str], None]
SUPPRESSIONS = TypeAdapter(tuple[StoredSuppression, ...])
_YOUNG_S = 60


@contextmanager
def private_folder(parent: Path, name: str) -> Generator[Path]:
    """A folder that is gone afterwards."""
    parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(parent, name)
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=parent) as folder:
        held = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield Path(folder)
        finally:
            os.close(held)


def _remove_abandoned(parent: Path, name: str) -> None:
    """Remove folders of processes that were killed: nobody holds their lock."""
    for folder in parent.glob(f"{name}-*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime < _YOUNG_S:
                continue  # perhaps not locked yet
            held = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
            finally:
                os.close(held)


@dataclass(slots=True)
class _Export:
    """An archive on its way.

    Attributes:
        not_held: what belongs to the pipeline and cannot be had any more, with the reason.
    """

    writer: ArchiveWriter
    artifacts: FileArtifactStore
    place: Path
    with_sources: bool
    not_held: list[str] = field(default_factory=list)

    async def pipeline(self, store: SqlResultStore, pipeline_id: str) -> None:
        """Add what happened to one pipeline, its results, and its apps' source."""
        journal = self.place / "journal.jsonl"
        with journal.open("wb") as file:
            async for line in self._lines(store, pipeline_id):
                file.write(line)
        self.writer.add_file(journal_member(pipeline_id), journal)
        decisions = tuple(await store.suppressions([pipeline_id]))
        self.writer.add_bytes(
            suppressions_member(pipeline_id), SUPPRESSIONS.dump_json(decisions, indent=1)
        )

    async def _lines(self, store: SqlResultStore, pipeline_id: str) -> AsyncIterator[bytes]:
        async for entry in journal_of_rows(store, pipeline_id, self, self._add_apps):
            yield ENTRY.dump_json(entry) + b"\n"

    def held(self, archive: ArtifactRef) -> bool:
        """Whether a result is still there."""
        return self.artifacts.packed(archive) is not None

    async def load(self, archive: ArtifactRef) -> AnalyzerReport:
        """The report of a result."""
        return await load_report(self.artifacts, archive)

    async def _add_apps(self, record: PipelineRecord) -> None:
        await asyncio.to_thread(self._add, record)

    def _add(self, record: PipelineRecord) -> None:
        for ref, artifact in _artifacts(record):
            self._artifact(ref, artifact)
        if self.with_sources:
            for app in record.apps:
                self._source(app.ref, app.source)

    def _artifact(self, ref: AppRef, artifact: ArtifactRef) -> None:
        name = artifact_member(artifact.sha256)
        if name in self.writer:
            return
        packed = self.artifacts.packed(artifact)
        if packed is None:
            self.not_held.append(f"{ref.label}: {artifact.name or artifact.key} is gone")
            return
        self.writer.add_file(name, packed)

    def _source(self, ref: AppRef, source: SourceRef) -> None:
        name = source_member(source.digest)
        if name in self.writer:
            return
        packed = self.place / "source.tar"
        try:
            pack_source(source, packed)
        except PlatformError as error:
            self.not_held.append(f"{ref.label}: its source: {error.message}")
            return
        self.writer.add_file(name, packed)


async def export(
    stored: Stored,
    data_dir: Path,
    pipeline_id: str,
    target: Path,
    *,
    sources: bool,
    assay: str,
    say: Say,
) -> Exported:
    """Write an archive of an ended pipeline to `target`: whole, or not at all.

    Args:
        stored: the store.
        data_dir: with artifacts and reports.
        pipeline_id: of the pipeline.
        target: the archive.
        sources: whether the apps' source is put into it, so that they can be measured again.
        assay: name and version of the program.
        say: is told what is done.

    Raises:
        NotStoredError: there is no such pipeline.
        WrongInputError: it has not ended, or the target cannot be written.
        PlatformError: the store cannot be read, or the disk not written.
    """
    if target.is_dir():
        raise WrongInputError(f"{target} is a folder", next_step="name a file in it")
    if not target.parent.is_dir():
        raise WrongInputError(f"no folder {target.parent}", next_step="name one that is there")
    outline = await stored.outline(pipeline_id)
    if outline.state not in ENDED:
        raise WrongInputError(
            f"pipeline {pipeline_id} is {outline.state}",
            next_step="export it when it has ended, or cancel it",
        )
    # What is recorded may be newer than the report: a retry, a decision, a log of another scanner.
    report = await write_anew(stored, data_dir, pipeline_id, say)
    ids = await _with_baselines(stored, pipeline_id, outline)
    artifacts = FileArtifactStore(data_dir / "artifacts")
    with private_folder(data_dir / "tmp", "export") as place, ArchiveWriter(target) as writer:
        work = _Export(writer, artifacts, place, sources)
        for name in ids:
            say(f"{name}: its journal and its results")
            await stored.answered(name, lambda store, name=name: work.pipeline(store, name))
        say("the report and its tables")
        folder = report_folder(data_dir, pipeline_id)
        await asyncio.to_thread(_add_report, writer, folder)
        tables = place / "parquet"
        names = await asyncio.to_thread(
            parquet_files, report, Source(data_dir, report, assay).apps(), tables
        )
        for name in names:
            await asyncio.to_thread(writer.add_file, f"report/parquet/{name}", tables / name)
        manifest = writer.finish(
            {
                "pipeline_id": pipeline_id,
                "pipelines": tuple(ids),
                "made_by": assay,
                "not_held": tuple(work.not_held),
            }
        )
    return Exported(
        pipeline_id=pipeline_id,
        archive=str(target),
        size_bytes=target.stat().st_size,
        members=len(manifest.members),
        pipelines=tuple(ids),
        not_held=tuple(work.not_held),
    )


async def _with_baselines(stored: Stored, pipeline_id: str, outline: PipelineRecord) -> list[str]:
    """The pipeline and its baseline, the baseline of that one, and so on, as far as stored."""
    ids = [pipeline_id]
    baseline = outline.spec.get("baseline")
    while baseline and baseline not in ids:
        try:
            outline = await stored.outline(str(baseline))
        except PlatformError:
            break
        ids.append(str(baseline))
        baseline = outline.spec.get("baseline")
    return ids


def _artifacts(record: PipelineRecord) -> Iterator[tuple[AppRef, ArtifactRef]]:
    for app in record.apps:
        for log in app.facts.logs:
            yield app.ref, log
    for cell in record.cells:
        if cell.artifact is not None:
            yield cell.ref, cell.artifact


def _add_report(writer: ArchiveWriter, folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not path.is_symlink() and not name.startswith("."):
            writer.add_file(f"report/{name}", path)
