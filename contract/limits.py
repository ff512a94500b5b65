"""Limits that several rooms share: those that must agree stand side by side."""

from datetime import timedelta

# An activity sends a heartbeat each `BEAT_INTERVAL_S`. Four that are missing mean that its worker
# is dead, or held up: then nothing is lost but an attempt.
BEAT_INTERVAL_S = 1.0
HEARTBEAT_TIMEOUT = timedelta(seconds=4 * BEAT_INTERVAL_S)

# One attempt of `run_analysis` waits up to `PLACES_WAIT_S` until its analyzer has a free place,
# works up to its subtask's deadline, then fetches the result within `FETCH_S`.
PLACES_WAIT_S = 480.0
FETCH_S = 120.0
ANALYSIS_TIMEOUT = timedelta(minutes=30)

# A build or a start gives way to load tests of its host for up to `GIVE_WAY_S`.
GIVE_WAY_S = 240.0
START_TIMEOUT = timedelta(minutes=30)

# A probe of one service of the platform; `preflight` asks all of them at once.
PROBE_S = 5.0
PREFLIGHT_TIMEOUT = timedelta(seconds=30)

# How long an activity waits for one answer of the server, which it asks about workflows.
ASK_TIMEOUT = timedelta(seconds=5)

# What one running app does now, as a pipeline's heartbeat carries it for up to 52 apps.
DOING_CHARS = 300

# Reasons in histories, of tools and of apps, are cut to this length.
REASON_CHARS = 300
