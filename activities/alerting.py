"""The built-in alerts: one activity looks once a minute, and tells what began and what is over.

It needs no other server. What it cannot know is that everything is gone, itself included: for that,
let Prometheus or somebody else watch from outside.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities import Activities
from activities.alert_ports import AlertKeeper, HostLook, Receivers, ServerLook
from activities.alert_rules import WINDOW, judge, notice
from activities.alert_states import Telling, changed
from contract.alert import Notice, Severity
from contract.alerting import Delivery, Facts, HostFacts, ServerFacts
from contract.errors import PlatformError
from contract.limits import ALERTS_WATCH, BEAT_INTERVAL_S

ROUNDS_S = ALERTS_WATCH.total_seconds() - 10.0
"""How long one activity goes on looking: then its schedule starts the next one."""
_LOOK_S, _TELL_S = 15.0, 40.0
logger = logging.getLogger("assay.alerts")


@dataclass(frozen=True, slots=True)
class AlertPorts:
    """What the alerts reach the world through."""

    keeper: AlertKeeper
    receivers: Receivers
    server: ServerLook


class AlertActivities:
    """Looks, decides, tells. All that it knows is in the store: any worker may go on with it."""

    def __init__(self, ports: AlertPorts, every_s: float, rounds_s: float = ROUNDS_S) -> None:
        """Nothing is looked at yet.

        Args:
            ports: see `AlertPorts`.
            every_s: from one look to the next.
            rounds_s: how long one activity goes on.
        """
        self._ports = ports
        self._every_s = every_s
        self._rounds_s = rounds_s
        self._store_failed: Notice | None = None

    def activities(self) -> Activities:
        """All activities of this class, for the control queue."""
        return [self.watch_alerts]

    @activity.defn(name="watch_alerts")
    async def watch_alerts(self) -> None:
        """Look again and again for some minutes. A look that fails is logged, and the next is made.

        Retry is safe: alerts and what is to be told are kept together; a notice that was sent and
        not noted is sent again, with the same ID.
        """
        # Whoever takes it over ends when the first one would have: then the next watch begins.
        ends_at = activity.info().scheduled_time + timedelta(seconds=self._rounds_s)
        beats = asyncio.create_task(_beat())
        try:
            while True:
                next_s = time.monotonic() + self._every_s
                await self.round()
                wait_s = max(0.0, next_s - time.monotonic())
                if datetime.now(UTC) + timedelta(seconds=wait_s) > ends_at:
                    return
                await _pause(wait_s)
        finally:
            beats.cancel()

    async def round(self) -> None:
        """Look once, and tell what is to be told."""
        now = datetime.now(UTC)
        try:
            await self._look(now)
            await tell_due(self._ports.keeper, self._ports.receivers, now)
        except PlatformError as error:
            await self._store_fails(error, now)
        except Exception:  # a defect here must not end the watch: the next look may see more
            logger.exception("a look for alerts failed")
        else:
            await self._store_works()

    async def _look(self, now: datetime) -> None:
        telling, fault = await self._telling()
        window, hosts, server = await asyncio.gather(
            self._ports.keeper.window(now - WINDOW), self._ports.keeper.hosts(), self._server()
        )
        judged = judge(Facts(at=now, window=window, hosts=hosts, server=server, file_fault=fault))
        await self._ports.keeper.change(now, lambda before: changed(before, judged, now, telling))

    async def _server(self) -> ServerFacts | None:
        try:
            async with asyncio.timeout(_LOOK_S):
                return await self._ports.server.look()
        except (PlatformError, TimeoutError) as error:
            logger.warning("the server cannot be asked for alerts: %s", error)
        except Exception:  # what the store says is judged all the same
            logger.exception("a look at the server failed")
        return None

    async def _telling(self) -> tuple[Telling, str]:
        """Who is told, and what is wrong with the file that says it."""
        receivers = self._ports.receivers
        try:
            wanting = {severity: await receivers.wanting(severity) for severity in Severity}
            return Telling(wanting, await receivers.repeat_s()), ""
        except PlatformError as error:
            return Telling({}, 0.0, known=False), error.message

    async def _store_fails(self, error: PlatformError, now: datetime) -> None:
        """What cannot be kept is told at once, once: it may be told again by another worker."""
        logger.warning("alerts cannot be kept: %s", error.message)
        if self._store_failed is None:
            text = "the store of results does not answer"
            self._store_failed = notice("StoreFailing", now, text, detail=error.message)
            await self._send(self._store_failed)

    async def _store_works(self) -> None:
        if self._store_failed is not None:
            over = self._store_failed.model_copy(update={"is_over": True})
            self._store_failed = None
            await self._send(over)

    async def _send(self, news: Notice) -> None:
        try:
            names = await self._ports.receivers.wanting(news.severity)
        except PlatformError:
            return
        told = await asyncio.gather(*(self._ports.receivers.deliver(n, news) for n in names))
        for why in filter(None, told):
            logger.warning("notice %s not sent: %s", news.key, why)


async def tell_due(keeper: AlertKeeper, receivers: Receivers, now: datetime) -> tuple[str, ...]:
    """Tell each receiver what it is to be told now; what went wrong, one sentence for each.

    Raises:
        PlatformError: what is to be told cannot be read, or what was told cannot be kept.
    """
    if rewritten := await receivers.rewritten():
        await keeper.hurry(rewritten, now)
    due = await keeper.claim(now)
    told = await asyncio.gather(*(_tell_one(keeper, receivers, mine) for mine in due.values()))
    return tuple(filter(None, told))


async def _tell_one(keeper: AlertKeeper, receivers: Receivers, due: Sequence[Delivery]) -> str:
    """What one receiver is to be told, in order, until it fails once."""
    give_up_s = time.monotonic() + _TELL_S
    for delivery in due:
        if time.monotonic() > give_up_s:
            break
        why = await receivers.deliver(delivery.receiver, delivery.notice)
        await keeper.told(delivery, why, datetime.now(UTC))
        if why:
            logger.warning("notice %s not sent: %s", delivery.notice.key, why)
            return why
    return ""


async def tell_host(look: HostLook, keeper: AlertKeeper, every_s: float) -> None:
    """Keep what this host's worker sees of it, again and again, until it is cancelled.

    That it fails is logged once for each time that it begins to fail.
    """
    failed = False
    while True:
        try:
            facts: HostFacts = await look.look()
            await keeper.tell_host(facts)
            failed = False
        except PlatformError as error:
            if not failed:
                logger.warning("what this host is like cannot be kept: %s", error.message)
            failed = True
        except Exception:  # nothing that watches may end the worker
            if not failed:
                logger.exception("this host cannot be looked at")
            failed = True
        await asyncio.sleep(every_s)


class Outbox:
    """The port `Notifier` for news: kept first, so that a receiver that is away gets them later."""

    def __init__(self, keeper: AlertKeeper, receivers: Receivers) -> None:
        self._keeper = keeper
        self._receivers = receivers

    async def send(self, notice: Notice) -> tuple[str, ...]:
        """Keep `notice` for every receiver that wants it, and tell them what they are to be told.

        Answers what went wrong; a receiver that failed is told later. Raises nothing.
        """
        now = datetime.now(UTC)
        try:
            names = await self._receivers.wanting(notice.severity)
            await self._keeper.add(notice, names, now)
            return await tell_due(self._keeper, self._receivers, now)
        except PlatformError as error:
            return (error.message,)


async def _pause(seconds: float) -> None:
    """Wait; a worker that stops hands the watch over to another one at once."""
    try:
        async with asyncio.timeout(seconds):
            await activity.wait_for_worker_shutdown()
    except TimeoutError:
        return
    message = "the worker stops: another one goes on"
    raise ApplicationError(
        message, next_retry_delay=timedelta(seconds=1), category=ApplicationErrorCategory.BENIGN
    )


async def _beat() -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(BEAT_INTERVAL_S)
