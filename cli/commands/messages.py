"""Messages to a running pipeline: `pause`, `resume`, `cancel`, `parallelism`, `reset-breaker`."""

from collections.abc import Awaitable, Callable

from cli.exits import Exit
from cli.output import print_result, say
from cli.recorded import recorded_in
from cli.session import open_session
from control.actions import Action
from control.live_documents import Sent
from control.pipelines import Pipeline
from control.steering import waits_for_worker
from settings import Settings

Message = Callable[[Pipeline], Awaitable[str | int | None]]


async def send(
    settings: Settings,
    pipeline_id: str,
    message: Message,
    name: str,
    *,
    action: Action,
    detail: str = "",
    as_json: bool,
) -> Exit:
    """Send one message, and print what the pipeline answers.

    Args:
        settings: of this installation.
        pipeline_id: which pipeline.
        message: sends it.
        name: of the message, for people and documents.
        action: as the log of changes names it.
        detail: with what, for the log.
        as_json: print a document.
    """
    async with open_session(settings, say, start=False) as session:
        pipeline = Pipeline(session.client, pipeline_id)
        async with recorded_in(session, action, pipeline_id, detail):
            await pipeline.require_running()
            answer = await message(pipeline)
        waits = await waits_for_worker(pipeline)
    document = Sent(pipeline_id=pipeline_id, sent=name, answer=answer, waits=waits)
    print_result(document, f"{name}: sent to {pipeline_id}", as_json=as_json)
    if waits:
        say(f"it is kept until somebody works on the pipeline: {waits}")
    return Exit.OK
