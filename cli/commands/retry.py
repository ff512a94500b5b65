"""`retry`: runs again what the platform failed, or the named apps as a whole."""

from collections.abc import Collection

from cli.exits import Exit
from cli.follow import follow_to_report
from cli.installation import store_of
from cli.output import print_result, say
from cli.recorded import recorded_in
from cli.session import open_session
from cli.summary import show_report
from contract.gate import Gate
from control.actions import Action, named
from control.documents import Retried
from control.naming import app_of
from control.pipelines import Pipeline
from control.retrying import retry
from settings import Settings


async def run_retry(
    settings: Settings,
    pipeline_id: str,
    apps: list[str],
    *,
    as_json: bool,
    strict: bool,
    gates: Collection[Gate] = (),
) -> Exit:
    """Retry inside a running pipeline, or reopen an ended one for what failed."""
    refs = [app_of(app) for app in apps]
    async with open_session(settings, say, start=True) as session:
        detail = named([ref.label for ref in refs]) or "what the platform failed"
        async with recorded_in(session, Action.RETRY, pipeline_id, detail):
            begun = await retry(Pipeline(session.client, pipeline_id), store_of(settings), refs)
        names = ", ".join(begun.apps)
        # Without us a stack we started would stop again, and the pipeline with it.
        if begun.apps and (session.started or begun.reopened or gates):
            say(f"retrying {names}")
            return await follow_to_report(
                session, pipeline_id, as_json=as_json, strict=strict, gates=gates
            )
    if gates:  # nothing to retry: the gates are those of what there is
        return show_report(settings, pipeline_id, as_json=as_json, strict=strict, gates=gates)
    document = Retried(pipeline_id=pipeline_id, retried=begun.apps)
    line = f"retrying: {names}" if names else "nothing to retry is infra_failed"
    print_result(document, line, as_json=as_json)
    return Exit.OK
