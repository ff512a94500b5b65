"""One line of `doctor`: on which version of the workers pipelines begin."""

from cli.documents import Check
from cli.stack.lifecycle import running_stack
from clients.temporal import connect
from contract.errors import PlatformError
from control.deployments import deployment_status
from settings import Settings, temporal_is_configured


async def versions_check(settings: Settings) -> list[Check]:
    """What the server says of the versions; nothing where there is no server."""
    elsewhere = temporal_is_configured()
    stack = None if elsewhere else running_stack(settings)
    if stack is None and not elsewhere:
        return []
    name = "versions of the workers"
    address, namespace = (stack.temporal_address, "default") if stack else (None, None)
    try:
        client = await connect(address, namespace, keys=settings.payload_key_text)
        status = await deployment_status(client, stack.deployment if stack else settings.deployment)
    except PlatformError as error:
        return [Check(name, False, error.message, error.next_step)]
    others = [
        f"{one.pipelines} pipelines run on {one.build_id}"
        for one in status.versions
        if one.pipelines and one.build_id != status.current
    ]
    begins = f"pipelines begin on build {status.current}" if status.current else "not versioned"
    detail = status.problem or "; ".join([begins, *others])
    return [Check(name, not status.problem, detail, "docs/versions.md says what to do")]
