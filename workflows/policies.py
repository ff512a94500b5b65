"""Every time-out and retry policy. Changing one is replay-safe; nowhere else are there any.

Every activity heartbeats each second. A killed worker is noticed within `HEARTBEAT_TIMEOUT`, and
its activities run again elsewhere about half a second later, whatever their own time-out is. Errors
that no retry can cure carry `non_retryable` themselves; only Temporal's own types are listed here.
"""

from datetime import timedelta
from typing import TypedDict

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType

from contract.limits import (
    ALERTS_WATCH,
    ANALYSIS_TIMEOUT,
    HEARTBEAT_TIMEOUT,
    PREFLIGHT_TIMEOUT,
    RECORD_TIMEOUT,
    START_TIMEOUT,
)


class Policy(TypedDict, total=False):
    """Keyword arguments of an activity call that say how long and how often."""

    schedule_to_close_timeout: timedelta
    schedule_to_start_timeout: timedelta
    start_to_close_timeout: timedelta
    heartbeat_timeout: timedelta
    retry_policy: RetryPolicy
    cancellation_type: ActivityCancellationType


NEVER_RETRIED = ("PayloadsTooLarge",)

# How often a subtask is run anew after its analyzer was down, and an app on another host.
MAX_ROUNDS = 3
MAX_STARTS = 8
# How often one live subtask is begun: above what `MAX_STARTS` allows, for an app that is silent
# each time its turn comes is not started anew.
MAX_TRIES = 12

# A kill without an out-of-memory record may be somebody's hand: the measurement is repeated once.
KILLS_FORGIVEN = 1
# An app that ends by itself while it waits is started anew; one that does so each time is broken.
UNWATCHED_DEATHS_FORGIVEN = 2
# A silent app on a busy host is asked again after each of these; one look takes minutes itself.
SILENCE_PAUSES = (timedelta(seconds=20), timedelta(seconds=60))

# A running live subtask does not see that its host is gone (its retry waits in that host's queue),
# so a check on the host's quick queue watches over it.
HOST_WATCH = timedelta(seconds=60)
HOST_LOST_AFTER = timedelta(seconds=60)

# An earlier run's guard may still be tearing the same app down.
GUARD_RETRY = timedelta(seconds=2)
GUARD_ATTEMPTS = 300

WINDOW_MAX = 50
# Apps beyond the window whose images are built meanwhile: each takes room on a disk.
BUILD_AHEAD = 2
# Recording apps that never ran: one activity each so many, so that no payload grows with the fleet.
SKIP_BATCH = 200


def _retry(
    *, attempts: int, initial_s: float = 0.5, maximum_s: float = 20.0, factor: float = 2.0
) -> RetryPolicy:
    return RetryPolicy(
        initial_interval=timedelta(seconds=initial_s),
        backoff_coefficient=factor,
        maximum_interval=timedelta(seconds=maximum_s),
        maximum_attempts=attempts,
        non_retryable_error_types=NEVER_RETRIED,
    )


# Rides out a restart of an analyzer (about 70 s); a longer outage is the breaker's business.
RUN_ANALYSIS = Policy(
    start_to_close_timeout=ANALYSIS_TIMEOUT,
    heartbeat_timeout=HEARTBEAT_TIMEOUT,
    retry_policy=_retry(attempts=9),
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
)
START_APP = Policy(
    start_to_close_timeout=START_TIMEOUT,
    heartbeat_timeout=HEARTBEAT_TIMEOUT,
    retry_policy=_retry(attempts=7),
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
)
START_BUILT = Policy(
    schedule_to_start_timeout=HOST_LOST_AFTER,
    start_to_close_timeout=START_TIMEOUT,
    heartbeat_timeout=HEARTBEAT_TIMEOUT,
    retry_policy=_retry(attempts=7),
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
)
CHECK_APP = Policy(
    schedule_to_start_timeout=HOST_LOST_AFTER,
    # An app that is silent is asked again for minutes before that means anything.
    start_to_close_timeout=timedelta(minutes=6),
    heartbeat_timeout=HEARTBEAT_TIMEOUT,
    retry_policy=_retry(attempts=7, maximum_s=10.0),
)
# After a measurement: its engine may be away for minutes, and the numbers are worth the wait.
CHECK_AFTER = Policy(
    schedule_to_start_timeout=HOST_LOST_AFTER,
    schedule_to_close_timeout=timedelta(minutes=10),
    start_to_close_timeout=timedelta(minutes=6),
    heartbeat_timeout=HEARTBEAT_TIMEOUT,
    retry_policy=_retry(attempts=0, maximum_s=10.0),
)
TEARDOWN_APP = Policy(
    schedule_to_start_timeout=HOST_LOST_AFTER,
    start_to_close_timeout=timedelta(minutes=5),
    heartbeat_timeout=HEARTBEAT_TIMEOUT,
    retry_policy=_retry(attempts=21, maximum_s=15.0),
)
PREFLIGHT = Policy(
    start_to_close_timeout=PREFLIGHT_TIMEOUT,
    heartbeat_timeout=HEARTBEAT_TIMEOUT,
    retry_policy=_retry(attempts=0, maximum_s=5.0),
)
# The store may be gone for a while; a result is never dropped for that.
RECORD = Policy(
    start_to_close_timeout=RECORD_TIMEOUT,
    schedule_to_close_timeout=timedelta(hours=6),
    heartbeat_timeout=HEARTBEAT_TIMEOUT,
    retry_policy=_retry(attempts=0, maximum_s=10.0),
)
# Without the next apps a pipeline cannot go on, however long the store is gone.
READ = Policy(
    start_to_close_timeout=RECORD_TIMEOUT,
    heartbeat_timeout=HEARTBEAT_TIMEOUT,
    retry_policy=_retry(attempts=0, maximum_s=10.0),
)
# A fleet of 10,000 apps takes tens of minutes; its heartbeats say how far it is.
REPORT = Policy(
    start_to_close_timeout=timedelta(hours=4),
    schedule_to_close_timeout=timedelta(hours=8),
    heartbeat_timeout=HEARTBEAT_TIMEOUT,
    retry_policy=_retry(attempts=11),
)
# It lasts as long as its pipeline. What it tells is for people: no failure of it matters.
WATCH_APPS = Policy(
    start_to_close_timeout=timedelta(hours=24),
    heartbeat_timeout=HEARTBEAT_TIMEOUT,
    retry_policy=_retry(attempts=0),
    cancellation_type=ActivityCancellationType.TRY_CANCEL,
)
AWAIT_APP = Policy(
    start_to_close_timeout=timedelta(hours=24),
    heartbeat_timeout=HEARTBEAT_TIMEOUT,
    retry_policy=_retry(attempts=0),
)
JANITOR = Policy(
    schedule_to_start_timeout=timedelta(minutes=5),
    start_to_close_timeout=timedelta(minutes=20),
    heartbeat_timeout=HEARTBEAT_TIMEOUT,
    retry_policy=_retry(attempts=3),
)
# Reading a large fleet takes minutes; a disk that is away for a while is waited for.
PLAN_SCAN = Policy(
    start_to_close_timeout=timedelta(hours=1),
    schedule_to_close_timeout=timedelta(hours=2),
    heartbeat_timeout=HEARTBEAT_TIMEOUT,
    retry_policy=_retry(attempts=0, maximum_s=60.0),
)
# It may have begun the pipeline when it fails: only a refusal ends it.
START_SCAN = Policy(
    start_to_close_timeout=timedelta(hours=1),
    heartbeat_timeout=HEARTBEAT_TIMEOUT,
    retry_policy=_retry(attempts=0, maximum_s=10.0),
)
AWAIT_SCAN = Policy(
    start_to_close_timeout=timedelta(hours=24),
    heartbeat_timeout=HEARTBEAT_TIMEOUT,
    retry_policy=_retry(attempts=0),
    cancellation_type=ActivityCancellationType.TRY_CANCEL,
)
COMPARE_SCAN = Policy(
    start_to_close_timeout=timedelta(hours=4),
    schedule_to_close_timeout=timedelta(hours=8),
    heartbeat_timeout=HEARTBEAT_TIMEOUT,
    retry_policy=_retry(attempts=11),
)
# Both are for people: no run fails for them.
MISSED_SCANS = Policy(
    start_to_close_timeout=timedelta(minutes=1),
    heartbeat_timeout=HEARTBEAT_TIMEOUT,
    retry_policy=_retry(attempts=5, maximum_s=10.0),
)
NOTIFY_OF_SCAN = Policy(
    start_to_close_timeout=timedelta(minutes=5),
    heartbeat_timeout=HEARTBEAT_TIMEOUT,
    retry_policy=_retry(attempts=5, maximum_s=60.0),
)
# Whoever takes a watch over goes on with what the store has.
WATCH_ALERTS = Policy(
    start_to_close_timeout=ALERTS_WATCH + timedelta(minutes=5),
    heartbeat_timeout=HEARTBEAT_TIMEOUT,
    retry_policy=_retry(attempts=0, maximum_s=10.0),
    cancellation_type=ActivityCancellationType.TRY_CANCEL,
)
