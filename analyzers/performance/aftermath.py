"""The state of an app after a series: well, slow, gone, or limiting our requests."""

import asyncio
import time

from analyzers.performance.host import Thresholds, wait_until_calm
from analyzers.performance.openloop.limits import TOO_MANY, quota_of
from analyzers.performance.openloop.plan import LoadResult
from analyzers.performance.operations import Operation
from analyzers.performance.probe import Answer, ask, new_client
from analyzers.runtime import blame

# A server that restarts its worker refuses for a moment.
_REFUSALS = 6
_INTERVAL_S = 0.5
# A backlog of a load test may take an app this long on a busy host.
_PATIENCE_S = 30.0


async def look_after(operation: Operation, result: LoadResult) -> str:
    """Ask after a series until the app answers. Returns a note for readers; empty: all is well.

    Raises:
        AppFault: nobody listens any more.
        ToolFault: it accepts connections and does not answer, even on a calm host.
    """
    where = (
        f"{operation.name} after {result.last_answer_s:.1f} s and "
        f"{result.requests_by_then} requests"
    )
    last = await first_answer(operation)
    if last.unreachable:
        text = f"stopped answering under load: {where} ({last.text})"
        raise blame.verdict("load-died", text)
    if not last.status:
        text = f"no answer within {_PATIENCE_S:g} s after the load: {where} ({last.text})"
        raise blame.verdict("load-silent", text)
    return f"stopped answering and came back: {where}" if result.died else ""


async def limited_now(operation: Operation) -> str:
    """Why the app's own limit forbids another series; empty where it does not."""
    async with new_client(dict(operation.headers)) as client:
        answer = await ask(client, operation.url)
    wait = f", again in {answer.wait_s:.0f} s" if answer.wait_s is not None else ""
    if answer.status == TOO_MANY:
        return f"not begun: rate limited (429{wait})"
    quota = quota_of(answer.headers)
    if quota.is_to_be_kept:
        left = f"{quota.remaining:.0f} of {quota.limit:.0f} requests are left"
        return f"not begun: rate limited, {left} for what follows"
    return ""


async def first_answer(operation: Operation) -> Answer:
    """The first answer with a status; without one, the last answer when patience is over."""
    refused, end = 0, time.monotonic() + _PATIENCE_S
    async with new_client(dict(operation.headers)) as client:
        while True:
            answer = await ask(client, operation.url)
            refused = refused + 1 if answer.unreachable else 0
            if answer.status or refused >= _REFUSALS:
                return answer
            if time.monotonic() >= end:
                return answer
            if answer.silent:
                await wait_until_calm(Thresholds(), max(0.0, end - time.monotonic()))
            await asyncio.sleep(_INTERVAL_S)
