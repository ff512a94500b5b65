"""Messages to a pipeline, with the document of what came of each."""

from collections.abc import Awaitable, Callable, Sequence

from contract.errors import PlatformError
from contract.priority import PipelinePriority
from contract.spec import AppRef
from control.adding import add
from control.documents import Added, Retried
from control.errors import WrongInputError
from control.live_documents import Sent
from control.naming import app_of
from control.pipelines import Pipeline
from control.prioritising import change_priority
from control.retrying import retry
from control.stored import Stored

_APPS_MAX = 500


async def pause(pipeline: Pipeline) -> Sent:
    """Start no new work; running tools finish.

    Raises:
        EndedError: the pipeline has ended.
        PlatformError: no server knows it, or answers.
    """
    return await _sent(pipeline, "pause", pipeline.pause)


async def resume(pipeline: Pipeline) -> Sent:
    """Go on after a pause; raises as `pause`."""
    return await _sent(pipeline, "resume", pipeline.resume)


async def cancel(pipeline: Pipeline) -> Sent:
    """End running tools, tear down, write the report of what there is; raises as `pause`."""
    return await _sent(pipeline, "cancel", pipeline.cancel)


async def set_parallelism(pipeline: Pipeline, apps: int) -> Sent:
    """Change how many apps are in flight at once (1 to 50).

    Raises:
        WrongInputError: it is not within that.
        PlatformError: as `pause`.
    """
    return await _sent(pipeline, "set_parallelism", lambda: pipeline.set_parallelism(apps))


async def set_priority(pipeline: Pipeline, priority: PipelinePriority) -> Sent:
    """Change how urgent the pipeline is, with all that it has waiting; raises as `pause`."""

    async def change() -> int:
        return await change_priority(pipeline.client, pipeline.id, priority)

    return await _sent(pipeline, "set_priority", change)


async def reset_breaker(pipeline: Pipeline, name: str) -> Sent:
    """Close a circuit breaker by hand.

    Raises:
        WrongInputError: the pipeline has no such breaker.
        PlatformError: as `pause`.
    """
    return await _sent(pipeline, "reset_breaker", lambda: pipeline.reset_breaker(name))


async def _sent(
    pipeline: Pipeline, name: str, message: Callable[[], Awaitable[str | int | None]]
) -> Sent:
    await pipeline.require_running()
    answer = await message()
    return Sent(
        pipeline_id=pipeline.id, sent=name, answer=answer, waits=await waits_for_worker(pipeline)
    )


async def waits_for_worker(pipeline: Pipeline) -> str:
    """Why the server keeps what a pipeline was sent until a worker comes; empty: one is there."""
    try:
        trouble = await pipeline.stranded()
    except PlatformError:  # it was sent, that is what counts
        return ""
    return f"{trouble.message}; {trouble.next_step}" if trouble else ""


async def retry_apps(pipeline: Pipeline, stored: Stored, labels: Sequence[str]) -> Retried:
    """Run these apps again as a whole; when none is named, what the platform failed.

    A pipeline that has ended is opened again.

    Raises:
        WrongInputError: a label names no app of the pipeline.
        PlatformError: no server answers; the store does not know the pipeline.
    """
    begun = await retry(pipeline, stored, _named(labels))
    return Retried(pipeline_id=pipeline.id, retried=begun.apps)


async def add_apps(pipeline: Pipeline, stored: Stored, labels: Sequence[str]) -> Added:
    """Add apps from the folder of its fleet to a running pipeline.

    Raises:
        NoMoreAppsError: the pipeline has ended.
        WrongInputError: a label names no app there, or one that the pipeline has.
        PlatformError: no server answers.
    """
    return await add(pipeline, stored, _named(labels), None)


def _named(labels: Sequence[str]) -> list[AppRef]:
    if len(labels) > _APPS_MAX:
        raise WrongInputError(
            f"{len(labels)} apps at once", next_step=f"name at most {_APPS_MAX} at a time"
        )
    return [app_of(label.strip()) for label in labels if label.strip()]
