"""Whether what a container has open is reached through its publication, which is the engine's."""

from collections.abc import Mapping

from clients.docker.containers import State
from clients.probe import Answer, ask
from clients.sockets import Listening

_DIRECT_S = 2.0


async def unreached(
    state: State, found: Listening, answers: Mapping[int, Answer], reaches: bool
) -> int:
    """A published port that is open within, and refuses whoever comes from outside; 0: none does.

    Where this machine reaches the container itself, that must not refuse, too: what listens for
    IPv6 alone is the app's.

    Args:
        state: of the container.
        found: where it listens.
        answers: of its published ports, by port within.
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
