"""Whether an open port of a container can be reached through the port that the engine publishes."""

from collections.abc import Mapping

from clients.docker.containers import State
from clients.probe import Answer, ask
from clients.sockets import Listening

_DIRECT_S = 2.0


async def unreached(
    state: State, found: Listening, answers: Mapping[int, Answer], reaches: bool
) -> int:
    """A published port that is open inside and refuses connections from outside; 0: none does.

    Where this machine reaches the container itself, the port must accept there: one that refuses
    there, too, listens only for IPv6, and that is the app's fault.

    Args:
        state: of the container.
        found: the sockets that it listens on.
        answers: of its published ports, by container port.
        reaches: whether this machine reaches containers at their own addresses.
    """
    for port, answer in answers.items():
        if answer.kind != "refused" or port not in found.outside or port not in state.ports:
            continue
        if not reaches or not state.address:
            return port
        if (await ask(f"http://{state.address}:{port}", _DIRECT_S)).kind != "refused":
            return port
    return 0
