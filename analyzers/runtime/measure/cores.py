"""The cores of one service, handed out to its tools: fair by owner, and then the longest first."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

MAX_PASSED = 8
_DUST = 1e-9


@dataclass(slots=True, eq=False)
class _Ask:
    """One that waits for a share.

    Attributes:
        passed: how often a smaller ask was served while this one was next and did not fit.
    """

    owner: str
    cores: float
    urgency: float
    turn: "asyncio.Future[float]"
    passed: int = 0


class CpuBudget:
    """Hands out shares of the cores, fairly by owner: one app's slow tool starves no other app.

    The owner that holds least is served next; among equals, the one that was served (or came)
    longest ago. Of an owner's tools the most urgent comes first, among equals the one that asked
    first. If the next ask does not fit, smaller ones may fill the gap, at most `MAX_PASSED` times:
    then the gap is kept for it. Asks of one moment are served together, so that the order does not
    depend on which coroutine ran first.

    Args:
        cores: the whole budget. A tool that costs more gets all of it. A tool that costs more than
            one core gets at most its owner's even part, if that is at least one core: so it never
            has to wait until several tools of other owners end together.
    """

    def __init__(self, cores: float) -> None:
        self._cores = cores
        self._free = cores
        self._held: dict[str, float] = {}
        self._waiting: list[_Ask] = []
        self._last_turn: dict[str, int] = {}
        self._turns = 0
        self._is_due = False

    @asynccontextmanager
    async def hold(
        self, cores: float, owner: str = "", urgency: float = 0.0
    ) -> AsyncGenerator[None]:
        """Wait for a share of `cores` and hold it in the name of `owner`."""
        share = await self._acquire(min(max(cores, 0.0), self._cores), owner, urgency)
        try:
            yield
        finally:
            self._give_back(owner, share)

    async def _acquire(self, cores: float, owner: str, urgency: float) -> float:
        ask = _Ask(owner, cores, urgency, asyncio.get_running_loop().create_future())
        self._waiting.append(ask)
        self._last_turn.setdefault(owner, self._next_turn())
        self._serve_soon()
        try:
            return await ask.turn
        except asyncio.CancelledError:
            if ask.turn.done() and not ask.turn.cancelled():
                self._give_back(owner, ask.turn.result())
            else:
                self._waiting = [other for other in self._waiting if other is not ask]
                self._forget(owner)
                self._serve_soon()
            raise

    def _give_back(self, owner: str, share: float) -> None:
        self._free += share
        left = self._held.pop(owner) - share
        if left > _DUST:
            self._held[owner] = left
        self._forget(owner)
        self._serve_soon()

    def _forget(self, owner: str) -> None:
        """Forget an owner that neither holds nor waits."""
        if owner not in self._held and all(ask.owner != owner for ask in self._waiting):
            self._last_turn.pop(owner, None)

    def _next_turn(self) -> int:
        self._turns += 1
        return self._turns

    def _serve_soon(self) -> None:
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._serve)

    def _serve(self) -> None:
        """Serve as many as fit."""
        self._is_due = False
        self._waiting = [ask for ask in self._waiting if not ask.turn.done()]
        while (ask := self._fitting(self._in_order())) is not None:
            share = self._share(ask)
            self._waiting.remove(ask)
            self._free -= share
            self._held[ask.owner] = self._held.get(ask.owner, 0.0) + share
            self._last_turn[ask.owner] = self._next_turn()
            ask.turn.set_result(share)

    def _in_order(self) -> list[_Ask]:
        return sorted(
            self._waiting,
            key=lambda ask: (
                round(self._held.get(ask.owner, 0.0), 6),
                self._last_turn[ask.owner],
                -ask.urgency,
            ),
        )

    def _fitting(self, asks: Sequence[_Ask]) -> _Ask | None:
        """The next ask, or one that may fill the gap that it leaves."""
        for ask in asks:
            if self._share(ask) <= self._free + _DUST:
                if ask is not asks[0]:
                    asks[0].passed += 1
                return ask
            if asks[0].passed >= MAX_PASSED:
                return None
        return None

    def _share(self, ask: _Ask) -> float:
        owners = {*self._held, *(other.owner for other in self._waiting)}
        return min(ask.cores, max(self._cores / len(owners), 1.0))
