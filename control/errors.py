"""The errors of `control`; all are `PlatformError`.

A situation has a class of its own if a program may want to say the next step in its own words
(which command or page helps). `next_step` itself names no program.
"""

from pathlib import Path

from contract.errors import ErrorCode, PlatformError

ALIVE_S = 90.0
"""The server lists a worker that is gone for some minutes; one that lives asks once a minute."""


class WrongInputError(PlatformError):
    """A person can correct what was given: a spec, a name, a folder."""

    def __init__(self, message: str, *, next_step: str = "", lines: tuple[str, ...] = ()) -> None:
        super().__init__(ErrorCode.INVALID_ARGUMENT, message, next_step=next_step, lines=lines)


class ServerAwayError(PlatformError):
    """The Temporal server or the worker does not answer now; asked again, it may."""

    def __init__(self, message: str, *, next_step: str) -> None:
        super().__init__(ErrorCode.UNAVAILABLE, message, next_step=next_step)


class StrandedError(ServerAwayError):
    """A pipeline runs, and no worker has the code that it began with.

    Attributes:
        build_id: names that code; empty: it is of no version, and no worker at all is there.
    """

    def __init__(self, pipeline_id: str, build_id: str) -> None:
        step = (
            f"start a worker of that build, or let it go on on the current one: "
            f"deployment move {build_id}"
        )
        of_build = f" of build {build_id}" if build_id else ""
        super().__init__(
            f"nobody works on pipeline {pipeline_id}: no worker{of_build} has asked "
            f"for work within the last {ALIVE_S:g} s",
            next_step=step if build_id else "start a worker with the same TEMPORAL_* settings",
        )
        self.build_id = build_id


class NoWorkerError(PlatformError):
    """No worker would do the work."""

    def __init__(self, task_queue: str, namespace: str) -> None:
        super().__init__(
            ErrorCode.UNAVAILABLE,
            f"no worker polls {task_queue} in namespace {namespace}",
            next_step="start a worker with the same TEMPORAL_* settings",
        )


class StoreGoneError(PlatformError):
    """The file of the store was there, and is not: what it recorded is not known to be nothing."""

    def __init__(self, file: Path) -> None:
        super().__init__(
            ErrorCode.UNAVAILABLE,
            f"the store is gone: {file} is not there any more",
            next_step="put the file back; if it is lost, rebuild the store from the server's "
            "histories",
        )


class PipelineError(PlatformError):
    """Something is wrong with one pipeline.

    Attributes:
        pipeline_id: which one.
    """

    def __init__(
        self, pipeline_id: str, code: ErrorCode, message: str, *, next_step: str = ""
    ) -> None:
        super().__init__(code, message, next_step=next_step)
        self.pipeline_id = pipeline_id


class NoPipelineError(PipelineError):
    """The server knows no such pipeline."""

    def __init__(self, pipeline_id: str) -> None:
        super().__init__(
            pipeline_id,
            ErrorCode.NOT_FOUND,
            f"no running pipeline {pipeline_id}",
            next_step="list the pipelines there are",
        )


class NotStoredError(PipelineError):
    """The store knows no such pipeline, or there is no store yet."""

    def __init__(self, pipeline_id: str, message: str) -> None:
        super().__init__(
            pipeline_id,
            ErrorCode.NOT_FOUND,
            message,
            next_step="list the pipelines there are",
        )


class NoScheduleError(PlatformError):
    """The server knows no schedule of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            ErrorCode.NOT_FOUND, f"no schedule {name}", next_step="list the schedules there are"
        )


class PrunedError(NotStoredError):
    """The pipeline was removed from the store on purpose."""

    def __init__(self, pipeline_id: str) -> None:
        message = f"pipeline {pipeline_id} was removed on purpose, with its report (prune)"
        super().__init__(pipeline_id, message)
        self.next_step = "start its spec under another ID to measure it again"


class NoAppError(PipelineError):
    """The pipeline has no such app."""

    def __init__(self, pipeline_id: str, label: str) -> None:
        super().__init__(
            pipeline_id,
            ErrorCode.NOT_FOUND,
            f"pipeline {pipeline_id} has no app {label}",
            next_step="see the apps that it has",
        )


class AlreadyRanError(PipelineError):
    """The ID stands for a pipeline that has ended."""

    def __init__(self, pipeline_id: str, message: str) -> None:
        super().__init__(
            pipeline_id,
            ErrorCode.ALREADY_EXISTS,
            message,
            next_step="see its report, retry what failed, or choose another ID",
        )


class OtherPlanError(PipelineError):
    """The ID stands for a running pipeline with another plan."""

    def __init__(self, pipeline_id: str, message: str) -> None:
        super().__init__(
            pipeline_id,
            ErrorCode.FAILED_PRECONDITION,
            message,
            next_step="choose another ID, or cancel the running one first",
        )


class EndedError(PipelineError):
    """The pipeline has ended, and takes no message any more."""

    def __init__(self, pipeline_id: str) -> None:
        super().__init__(
            pipeline_id,
            ErrorCode.FAILED_PRECONDITION,
            f"pipeline {pipeline_id} has ended",
            next_step="see its report",
        )


class NoMoreAppsError(PipelineError):
    """The pipeline has ended, and takes no apps any more."""

    def __init__(self, pipeline_id: str) -> None:
        super().__init__(
            pipeline_id,
            ErrorCode.FAILED_PRECONDITION,
            f"pipeline {pipeline_id} has ended",
            next_step="submit the apps as another pipeline",
        )


class NoReportError(PipelineError):
    """The pipeline has written no report where it was looked for."""

    def __init__(self, pipeline_id: str, path: Path) -> None:
        super().__init__(
            pipeline_id,
            ErrorCode.NOT_FOUND,
            f"no report of pipeline {pipeline_id} at {path}",
            next_step="see whether the pipeline still runs",
        )


class DamagedReportError(PipelineError):
    """The written report is not whole."""

    def __init__(self, pipeline_id: str, path: Path, cause: str) -> None:
        super().__init__(
            pipeline_id,
            ErrorCode.FAILED_PRECONDITION,
            f"{path} is damaged: {cause}",
            next_step="write the report anew",
        )


class OldReportError(PipelineError):
    """Another version of Assay wrote the report."""

    def __init__(self, pipeline_id: str, path: Path, version: str) -> None:
        super().__init__(
            pipeline_id,
            ErrorCode.FAILED_PRECONDITION,
            f"{path} has schema {version or 'unknown'}, which this version does not read",
            next_step="write the report anew",
        )
