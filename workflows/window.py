"""How many apps of a pipeline are in flight, and how many are built ahead of their turn."""

from collections.abc import Callable

from workflows import policies
from workflows.admission import Admission
from workflows.child import Children
from workflows.fleet import Fleet
from workflows.status import Status


class Window:
    """What may begin now; it decides nothing but by what it is asked about.

    Args:
        stopped: whether the pipeline starts nothing more, for good.
    """

    def __init__(
        self,
        fleet: Fleet,
        children: Children,
        admission: Admission,
        status: Status,
        stopped: Callable[[], bool],
    ) -> None:
        self._fleet = fleet
        self._children = children
        self._admission = admission
        self._status = status
        self._stopped = stopped
        self.builds_ahead = False

    def may_launch(self) -> bool:
        """Whether one more app may be started, or built ahead."""
        goes_on = bool(self._fleet.pending) and not self._status.paused and not self._stopped()
        return goes_on and (not self.next_is_ahead() or self._may_build_ahead())

    def next_is_ahead(self) -> bool:
        """Whether the next app is only built: the window is full, or others come before it."""
        return not self._has_room() or bool(self._children.ahead)

    def may_promote(self) -> bool:
        """Whether the turn of an app that was built ahead has come.

        A pipeline that stops lets go, too: that app must come to its end.
        """
        has_turn = self._has_room() and not self._status.paused
        return bool(self._children.ahead) and (has_turn or self._stopped())

    def _may_build_ahead(self) -> bool:
        live = any(kind.is_live for kind in self._fleet.plan.spec.analyzers)
        wanted = live and self.builds_ahead and not self._on_trial
        return wanted and self._children.ahead < policies.BUILD_AHEAD

    def _has_room(self) -> bool:
        size = 1 if self._on_trial else self._status.parallelism
        return self._children.in_window < size

    @property
    def _on_trial(self) -> bool:
        """Whether one app shows if the platform works again."""
        return self._admission.board.pipeline.opened_at_s is not None
