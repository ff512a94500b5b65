"""Runs by subtask ID: started once, attached to as often as asked, kept until acknowledged.

A run belongs to the service, not to a connection. The same request attaches to the run again. A
different request under the same ID replaces the run or its result: the workflow's ID guarantees
that a subtask has one caller, so the newest request counts.
"""

import asyncio
import logging
import shutil
import tempfile
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from analyzers.runtime.redact import Redaction
from analyzers.runtime.wire.archive import ResultShelf, StoredResult, digests, write_archive
from contract.analysis import AnalyzerReport, SubtaskRequest
from contract.errors import ErrorCode, PlatformError
from contract.protocol import DEFAULT_MAX_RESULT_BYTES, Failed, Progress, request_digest
from telemetry.bound import bound, masking, of_subtask
from telemetry.spans import span

RESULT_EXPIRY = timedelta(hours=24)
RETRY_AFTER_S = 5.0

logger = logging.getLogger("assay.analyzer")

OnProgress = Callable[[Progress], None]
Measure = Callable[[SubtaskRequest, Path, OnProgress], Awaitable[tuple[AnalyzerReport, Path]]]


class Job:
    """One run, or a finished result.

    Attributes:
        key: names its archive; no other run has it.
        progress: what the run said last.
        result: set when it finished.
        failure: set when it failed; a failed job is forgotten by the registry at once.
    """

    def __init__(self, request_digest: str, subtask_id: str, secrets_digest: str = "") -> None:
        self.key = uuid.uuid4().hex
        self.request_digest = request_digest
        self.secrets_digest = secrets_digest
        self.subtask_id = subtask_id
        self.progress = Progress(subtask_id=subtask_id, done=0, total=0, message="starting")
        self.result: StoredResult | None = None
        self.failure: Failed | None = None
        self.task: asyncio.Task[None] | None = None
        self.end_code = ErrorCode.CANCELLED
        self.end_reason = "cancelled"
        self._changed = asyncio.Event()

    @property
    def ended(self) -> bool:
        """Whether there is a result or a failure."""
        return self.result is not None or self.failure is not None

    @property
    def ending(self) -> bool:
        """Whether somebody asked the run to end."""
        return self.task is not None and self.task.cancelling() > 0

    def notify(self) -> None:
        """Wake everybody who waits for a change."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait_for_change(self, limit_s: float) -> None:
        """Return at the next change, or after `limit_s` seconds."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), limit_s)

    def on_progress(self, progress: Progress) -> None:
        """Keep the progress and wake those who wait."""
        self.progress = progress
        self.notify()


class JobRegistry:
    """The service's runs.

    Args:
        measure: does the work, in the private folder it is given; answers the report and the folder
            of attachments.
        shelf: keeps finished results.
        work_dir: private folders of runs; what is there at the start belonged to a dead process.
        capacity: runs at the same time.
    """

    def __init__(
        self,
        measure: Measure,
        shelf: ResultShelf,
        work_dir: Path,
        capacity: int,
        max_result_bytes: int = DEFAULT_MAX_RESULT_BYTES,
    ) -> None:
        self.capacity = capacity
        self.started = 0
        self._measure = measure
        self._shelf = shelf
        self._work_dir = work_dir
        self._max_result_bytes = max_result_bytes
        self._jobs: dict[str, Job] = {}
        for result in shelf.load().values():
            job = Job(result.request_digest, result.subtask_id, result.secrets_digest)
            job.key, job.result = result.key, result
            self._jobs[result.subtask_id] = job

    @property
    def running(self) -> int:
        """How many runs are at work."""
        return sum(not job.ended for job in self._jobs.values())

    @property
    def kept(self) -> int:
        """How many finished results wait for their acknowledgement."""
        return sum(job.result is not None for job in self._jobs.values())

    def get(self, subtask_id: str) -> Job | None:
        """The run or result of a subtask."""
        return self._jobs.get(subtask_id)

    def archive(self, job: Job) -> Path:
        """Where the result of a finished job lies."""
        return self._shelf.path(job.key)

    async def submit(self, request: SubtaskRequest, trace: Mapping[str, str] | None = None) -> Job:
        """Start the run, or attach to it or to its result.

        Args:
            request: what is to be measured.
            trace: the caller's span; a run that goes on stays below the one that started it.

        Raises:
            PlatformError: RESOURCE_EXHAUSTED when all places are taken.
        """
        digest = (request_digest(request), request.secrets_digest)
        while known := self._jobs.get(request.subtask_id):
            if (known.request_digest, known.secrets_digest) == digest and not known.ending:
                return known
            await self._end(known, "replaced by a newer request for the same subtask")
        if self.running >= self.capacity:
            raise PlatformError(
                ErrorCode.RESOURCE_EXHAUSTED,
                f"all {self.capacity} places are taken",
                retry_after_s=RETRY_AFTER_S,
            )
        job = Job(digest[0], request.subtask_id, digest[1])
        self._jobs[request.subtask_id] = job
        self.started += 1
        job.task = asyncio.create_task(self._traced(job, request, trace or {}))
        job.task.add_done_callback(lambda _task: self._ended(job))
        return job

    async def cancel(self, subtask_id: str) -> bool:
        """End a run with all its processes and forget it or its result; whether it was known."""
        job = self._jobs.get(subtask_id)
        if job is None:
            return False
        await self._end(job, "cancelled by the client")
        return True

    async def acknowledge(self, subtask_id: str, sha256: str = "") -> None:
        """Forget a finished result. A run that goes on is left alone.

        With `sha256` only the result of that digest is forgotten: an acknowledgement that comes
        late does not lose a newer result.
        """
        job = self._jobs.get(subtask_id)
        if job and job.result and sha256 in ("", job.result.sha256):
            await self.forget(job)

    async def forget(self, job: Job) -> None:
        """Drop a finished job's result. A job that has taken its place stays."""
        if self._jobs.get(job.subtask_id) is job:
            del self._jobs[job.subtask_id]
        await asyncio.to_thread(self._shelf.drop, job.key)

    async def stop(self) -> None:
        """End every run, as `UNAVAILABLE`: asking again later helps. Results stay on the shelf."""
        why, code = "the analyzer shuts down", ErrorCode.UNAVAILABLE
        running = [job for job in self._jobs.values() if not job.ended]
        await asyncio.gather(*(self._interrupt(job, why, code) for job in running))

    async def expire(self) -> None:
        """Forget results that nobody fetched within `RESULT_EXPIRY`."""
        oldest = datetime.now(UTC) - RESULT_EXPIRY
        for job in list(self._jobs.values()):
            if job.result and job.result.finished_at < oldest:
                await self.forget(job)

    async def _end(self, job: Job, why: str) -> None:
        await self._interrupt(job, why, ErrorCode.CANCELLED)
        if job.result:
            await self.forget(job)

    async def _interrupt(self, job: Job, why: str, code: ErrorCode) -> None:
        if job.task and not job.task.done():
            if not job.ending:  # a second cancellation would interrupt the clean-up of the first
                job.end_code, job.end_reason = code, why
                job.task.cancel()
            await asyncio.wait([job.task])

    def _ended(self, job: Job) -> None:
        """Fail the job of a task that was cancelled before its first step."""
        if not job.ended:
            self._fail(job, job.end_code, job.end_reason)
        job.notify()

    async def _traced(self, job: Job, request: SubtaskRequest, trace: Mapping[str, str]) -> None:
        about = {"subtask": job.subtask_id, "analyzer": request.analyzer.value}
        mask = Redaction(request.secrets).text
        with (
            masking(mask),
            bound(**of_subtask(job.subtask_id)),
            span(f"run {request.analyzer}", parent=trace, **about) as recorder,
        ):
            logger.info("run begins")
            await self._run(job, request)
            if job.failure:
                recorder.fail(job.failure.code)
            logger.info("run ended%s", f": {job.failure.message}" if job.failure else "")

    async def _run(self, job: Job, request: SubtaskRequest) -> None:
        folder: Path | None = None
        try:
            folder = self._private_folder()
            report, attachments = await self._measure(request, folder, job.on_progress)
            job.progress = job.progress.model_copy(update={"message": "writing the result"})
            job.notify()
            with span("write result"):
                await self._keep(job, report, attachments)
        except asyncio.CancelledError:
            self._fail(job, job.end_code, job.end_reason)
        except PlatformError as error:
            self._fail(job, error.code, error.message)
        except Exception as error:
            logger.exception("run of %s failed", job.subtask_id)
            self._fail(job, ErrorCode.INTERNAL, f"{type(error).__name__}: {error}")
        finally:
            if folder is not None:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    def _private_folder(self) -> Path:
        try:
            return Path(tempfile.mkdtemp(prefix="run-", dir=self._work_dir))
        except OSError as error:
            raise PlatformError(
                ErrorCode.RESOURCE_EXHAUSTED,
                f"no private folder for the run: {error.strerror}: {self._work_dir}",
            ) from error

    async def _keep(self, job: Job, report: AnalyzerReport, attachments: Path) -> None:
        """Put the result on the shelf. A thread cannot be cancelled: what it wrote is removed."""
        store = asyncio.ensure_future(asyncio.to_thread(self._store, job, report, attachments))
        try:
            job.result = await asyncio.shield(store)
        except asyncio.CancelledError:
            await asyncio.wait([store])
            await asyncio.to_thread(self._shelf.drop, job.key)
            raise

    def _fail(self, job: Job, code: ErrorCode, message: str) -> None:
        job.failure = Failed(subtask_id=job.subtask_id, code=code, message=message[:2_000])
        if self._jobs.get(job.subtask_id) is job:
            del self._jobs[job.subtask_id]

    def _store(self, job: Job, report: AnalyzerReport, attachments: Path) -> StoredResult:
        part = self._shelf.part(job.key)
        write_archive(report, attachments, part, self._max_result_bytes)
        size, sha256, chunks = digests(part)
        result = StoredResult(
            key=job.key,
            subtask_id=job.subtask_id,
            request_digest=job.request_digest,
            secrets_digest=job.secrets_digest,
            size_bytes=size,
            sha256=sha256,
            chunks=chunks,
            finished_at=datetime.now(UTC),
        )
        self._shelf.put(result)
        return result
