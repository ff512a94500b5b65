"""Checks that block, each in a thread of its own: a disk that hangs holds back nothing else."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread

from control.system_documents import Part


class Checks:
    """What is being checked now, for all who look: nothing is checked twice at the same time.

    Threads are daemons: the process ends without those that hang.
    """

    def __init__(self) -> None:
        self._under_way: dict[str, Future[Part]] = {}

    def start(self, id_: str, check: Callable[[], Part]) -> Future[Part]:
        """The answer of this check, which begins unless it is under way; goes on if cancelled."""
        known = self._under_way.get(id_)
        if known is None or known.done():
            known = self._under_way[id_] = Future()
            known.set_running_or_notify_cancel()
            Thread(target=_run, args=(check, known), name=f"check {id_}", daemon=True).start()
        return known


def _run(check: Callable[[], Part], answer: Future[Part]) -> None:
    try:
        answer.set_result(check())
    except Exception as error:
        answer.set_exception(error)
