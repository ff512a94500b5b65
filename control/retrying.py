"""Runs apps of a pipeline again: inside the running pipeline, or by reopening an ended one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from temporalio.client import Client

from contract.plan import Reopening
from contract.spec import AppRef
from control.pipelines import Pipeline
from control.starting import start_again
from control.stored import Stored
from workflows.state import PipelineRun


@dataclass(frozen=True, slots=True)
class Retry:
    """What a retry started.

    Attributes:
        apps: `model/appN` of what runs again; none when nothing was `infra_failed`.
        reopened: the pipeline had ended, and was opened again.
    """

    apps: tuple[str, ...]
    reopened: bool


async def retry(pipeline: Pipeline, stored: Stored, apps: Sequence[AppRef]) -> Retry:
    """Run `apps` again as a whole; when none is named, whatever the platform failed.

    Raises:
        PlatformError: no such pipeline or app; the server or the store does not answer.
    """
    if await pipeline.is_running():
        return Retry(tuple(await pipeline.retry_failed(apps)), reopened=False)
    labels = [app.label for app in apps]
    ended = await stored.reopening(pipeline.id, labels)
    again = tuple(await reopen(pipeline.client, ended, labels))
    return Retry(again, reopened=bool(again))


async def reopen(client: Client, ended: Reopening, labels: Collection[str]) -> list[str]:
    """Start an ended pipeline again for the apps that were chosen, if there are any: their labels.

    Args:
        client: of the server.
        ended: what the store knows of the pipeline.
        labels: the apps (`model/appN`) that run again as a whole.

    Raises:
        PlatformError: it runs already.
    """
    if ended.choices:
        await start_again(client, PipelineRun.again(ended, labels))
    return [app.ref.label for app in ended.choices]
