"""The built-in alerts: one activity looks once a minute, and tells what began and what is over.

It needs no other server. What it cannot know is that everything is gone, itself included: for that,
let Prometheus or somebody else watch from outside.
"""

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities import Activities
from activities.alert_ports import AlertKeeper, Receivers, ServerLook
from activities.alert_rules import WINDOW, judge
from activities.alert_states import Telling, changed
from activities.alert_telling import tell_due
from activities.store_alarm import StoreAlarm
from contract.alert import Severity
from contract.alerting import Facts, ServerFacts, StoreFault
from contract.errors import PlatformError
from contract.limits import ALERTS_WATCH, BEAT_INTERVAL_S

ROUNDS_S = ALERTS_WATCH.total_seconds() - 10.0
"""How long one activity goes on looking: then its schedule starts the next one."""
_LOOK_S = 15.0
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
        self._alarm = StoreAlarm(ports.keeper, ports.receivers)

    def activities(self) -> Activities:
        """All activities of this class, for the control queue."""
        return [self.watch_alerts]

    @activity.defn(name="watch_alerts")
    async def watch_alerts(self, before: StoreFault | None = None) -> StoreFault | None:
        """Look again and again for some minutes. A look that fails is logged, and the next is made.

        Retry is safe: alerts and what is to be told are kept together; a notice that was sent and
        not noted is sent again, with the same ID. That the store fails is what the store cannot
        keep: heartbeats tell it to who takes the watch over, the result to the next watch.

        Args:
            before: what the last watch said of a store that failed.
        """
        info = activity.info()
        said = [StoreFault.model_validate(one) for one in info.heartbeat_details if one]
        self._alarm.fault = said[0] if said else before
        # Whoever takes it over ends when the first one would have: then the next watch begins.
        ends_at = info.scheduled_time + timedelta(seconds=self._rounds_s)
        beats = asyncio.create_task(_beat(self._alarm))
        try:
            while True:
                next_s = time.monotonic() + self._every_s
                await self.round()
                wait_s = max(0.0, next_s - time.monotonic())
                if datetime.now(UTC) + timedelta(seconds=wait_s) > ends_at:
                    return self._alarm.fault
                await _pause(wait_s)
        finally:
            beats.cancel()

    async def round(self) -> None:
        """Look once, and tell what is to be told."""
        now = datetime.now(UTC)
        try:
            await self._look(now)
            await self._alarm.works(now)
            await tell_due(self._ports.keeper, self._ports.receivers, now)
        except PlatformError as error:
            await self._alarm.fails(error, now)
        except Exception:  # a defect here must not end the watch: the next look may see more
            logger.exception("a look for alerts failed")

    async def _look(self, now: datetime) -> None:
        telling, fault = await self._telling()
        window, hosts, server = await asyncio.gather(
            self._ports.keeper.window(now - WINDOW), self._ports.keeper.hosts(), self._server()
        )
        facts = Facts(at=now, window=window, hosts=hosts, server=server, file_fault=fault)
        judged = judge(facts.model_copy(update={"every_s": self._every_s}))
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


async def _beat(alarm: StoreAlarm) -> None:
    while True:
        activity.heartbeat(alarm.fault)
        await asyncio.sleep(BEAT_INTERVAL_S)
