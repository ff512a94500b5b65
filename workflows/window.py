"""The window: a bounded number of apps in flight, and a few that are built ahead of their turn."""

from collections.abc import Coroutine
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from contract.spec import PipelineSpec
    from workflows import policies
    from workflows.background import Background
    from workflows.breakers import Breakers
    from workflows.child import Child, Situation
    from workflows.state import PipelineState


class Window:
    """The apps in flight, and all that decides whether one more may begin.

    A child is signalled when what it knows differs from what is so now. So a child that is being
    started misses nothing, and hears nothing of a change that did not last.

    Args:
        breakers: while the pipeline's own is not closed, one app at a time is on trial.

    Attributes:
        size: how many apps may be in flight at once.
        paused: whether nothing new begins before `resume`.
        background: the work of the children, and what else goes on beside the pipeline's main line.
        cancelling: whether everything is to end.
        gave_up: why nothing more begins; "" while it may.
    """

    def __init__(self, breakers: Breakers, spec: PipelineSpec, state: PipelineState) -> None:
        self._breakers = breakers
        self._builds_ahead = any(kind.is_live for kind in spec.analyzers)
        self._children: list[Child] = []
        self.background = Background()
        self.size = state.parallelism or spec.parallelism
        self.paused = state.paused
        self.cancelling = False
        self.gave_up = ""

    @property
    def stopped(self) -> bool:
        """Whether nothing more begins, for good."""
        return self.cancelling or bool(self.gave_up)

    @property
    def is_empty(self) -> bool:
        """Whether no app is in flight, nor built ahead."""
        return not self._children

    @property
    def in_flight(self) -> int:
        """How many apps the window counts: all but those that are built ahead."""
        return len(self._children) - len(self._ahead)

    @property
    def may_launch(self) -> bool:
        """Whether one more app may be started, or built ahead."""
        goes_on = not self.paused and not self.stopped
        return goes_on and (not self.next_is_ahead or self._may_build_ahead)

    @property
    def next_is_ahead(self) -> bool:
        """Whether the next app is only built: the window is full, or others come before it."""
        return not self._has_room or bool(self._ahead)

    @property
    def situation(self) -> Situation:
        """What a child that begins now has to know."""
        return Situation(self.paused, self._breakers.opened(), self.next_is_ahead)

    def launch(self, child: Child, work: Coroutine[Any, Any, None]) -> None:
        """Take `child` in, and run `work`, which follows it to its end and calls `leave`."""
        self._children.append(child)
        self.background.run(self._keep_informed(child))
        self.background.run(work)

    def leave(self, child: Child) -> None:
        """`child` has ended, and all of it is recorded."""
        self._children.remove(child)

    def cancel(self) -> None:
        """Cancel every child; each still tears down and records."""
        self.cancelling = True
        for child in self._children:
            child.cancel()

    async def promote_in_turn(self) -> None:
        """Give each app that was built ahead its turn, in order; runs until it is cancelled."""
        while True:
            await workflow.wait_condition(lambda: self._may_promote)
            self._ahead[0].ahead = False

    @property
    def _ahead(self) -> list[Child]:
        return [child for child in self._children if child.ahead]

    @property
    def _may_promote(self) -> bool:
        """A pipeline that stops lets go, too: what was built ahead must come to its end."""
        has_turn = self._has_room and not self.paused
        return bool(self._ahead) and (has_turn or self.stopped)

    @property
    def _may_build_ahead(self) -> bool:
        wanted = self._builds_ahead and not self._breakers.on_trial
        return wanted and len(self._ahead) < policies.BUILD_AHEAD

    @property
    def _has_room(self) -> bool:
        return self.in_flight < (1 if self._breakers.on_trial else self.size)

    async def _keep_informed(self, child: Child) -> None:
        """Signal to `child` what changes, from its start to its end."""
        while child in self._children:
            await workflow.wait_condition(
                lambda: child not in self._children or self._news(child) is not None
            )
            if news := self._news(child):
                await child.inform(news, {b.name: b for b in self._breakers.progress()})

    def _news(self, child: Child) -> Situation | None:
        """The situation, if `child` does not know it and can be signalled."""
        now = Situation(self.paused, self._breakers.opened(), child.ahead)
        return now if child.handle is not None and now != child.knows else None
