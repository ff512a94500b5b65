"""Does an app still answer? Silence is no death: an app under load is slow."""

import asyncio

from analyzers.dynamic.answer import Answer
from analyzers.dynamic.bounds import Budget
from analyzers.dynamic.http import BoundedClient
from analyzers.dynamic.target_facts import TargetFacts, facts_of
from analyzers.runtime.blame import verdict
from analyzers.runtime.tool import ToolRun
from contract.analysis import Target


async def require_answer(target: Target, when: str) -> Answer:
    """Prove that `target` answers HTTP, whatever the status; returns its answer to `GET /`.

    Raises:
        AppFault: it refused or dropped every connection.
        ToolFault: it accepted connections and gave no answer in time: perhaps slow, but not dead.
    """
    reasons = list[str]()
    async with BoundedClient(target, Budget(max_requests=3, limit_s=40)) as client:
        for pause_s in (0.0, 0.2, 1.0):
            await asyncio.sleep(pause_s)
            if (answer := await client.send("GET", "/", patient=False)) is not None:
                return answer
            reasons += client.unanswered.values()
            client.unanswered.clear()
    reason = f"{target.service} does not answer {when} the measurement: {(reasons or [''])[-1]}"
    is_slow = any("within" in why or "Timeout" in why for why in reasons)
    raise verdict("scan-silent" if is_slow else "scan-died", reason)


async def prepared_facts(run: ToolRun, target: Target) -> TargetFacts:
    """The facts of a target and the headers it needs, for tools that send requests themselves."""
    facts = facts_of(run, target)
    budget = Budget(max_requests=3, limit_s=65)  # wait for a quota of the usual minute
    async with BoundedClient(target, budget, facts=facts) as client:
        await client.send("GET", "/", counted=False)
    return facts
