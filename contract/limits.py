"""Limits that several rooms share: those that must agree stand side by side, or derive."""

from datetime import timedelta

from contract.analyzers import AnalyzerKind
from contract.protocol import MAX_WAITING_S

# An activity sends a heartbeat each `BEAT_INTERVAL_S`. Four that are missing mean that its worker
# is dead, or held up: then nothing is lost but an attempt.
BEAT_INTERVAL_S = 1.0
HEARTBEAT_TIMEOUT = timedelta(seconds=4 * BEAT_INTERVAL_S)

# How long a build, a start or a run of an analyzer gives way to load tests of its host. One takes
# three minutes at most, unless it is repeated.
GIVE_WAY_S = 240.0

# One attempt of `run_analysis` waits until its analyzer has a free place, then for the run (whose
# deadline counts no waiting for load tests and for cores), then for the result.
PLACES_WAIT_S = 480.0
RUN_WAITS_S = GIVE_WAY_S + MAX_WAITING_S
FETCH_S = 120.0
LONGEST_RUN_S = max(kind.row.deadline_s for kind in AnalyzerKind) + RUN_WAITS_S
ANALYSIS_TIMEOUT = timedelta(seconds=PLACES_WAIT_S + LONGEST_RUN_S + FETCH_S)

# What a setting may allow for a build and for a start. Beyond it one attempt gives way to load
# tests and pulls base images. A start takes up to twice its deadline on a loaded host, half of it
# for services that come late, and `HEALTH_S` while a health check says `starting`.
BUILD_MAX_S = 3600.0
START_MAX_S = 3600.0
HEALTH_S = 300.0
START_TIMEOUT = timedelta(
    seconds=GIVE_WAY_S + max(BUILD_MAX_S, 2.5 * START_MAX_S + HEALTH_S) + 900.0
)

# A probe of one service of the platform; `preflight` asks all of them at once.
PROBE_S = 5.0
PREFLIGHT_TIMEOUT = timedelta(seconds=30)

# One attempt to record something: the store answers, or says why it does not, within this time.
RECORD_TIMEOUT = timedelta(minutes=4)

# How long an activity waits for one answer of the server, which it asks about workflows.
ASK_TIMEOUT = timedelta(seconds=5)

# What one running app does now, as a pipeline's heartbeat carries it for each app in flight.
DOING_CHARS = 300

# Reasons in histories, of tools and of apps, are cut to this length.
REASON_CHARS = 300

# One watch for alerts: a workflow with one activity, which looks once a minute for so long. A run
# costs the server some 20 KB, whatever it does.
ALERTS_WATCH = timedelta(minutes=30)
# Where no worker goes on with it, it ends after so long, and the next one begins.
ALERTS_LIMIT = ALERTS_WATCH + timedelta(minutes=10)
