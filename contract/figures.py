"""What the tools measured of apps in several pipelines: what the store hands to their history."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from contract.role import AppRole
from contract.spec import AppRef

Figures = Mapping[str, Any]
"""The tools of one app in one pipeline, by name of the cell (`static/bandit`):

- `v`: version and digest of rules; `k`: digest of our own code for it, if known; `s`: state;
  `p`: 1, it looked at a part; `u`: 1, an earlier report was used again; `n`: findings, if it looks
  for any.
- of a load test that measured: `f`: figures by name, each by target; `r`: the arrival rate of its
  latencies, by target; `x`: targets whose throughput is a lower bound; `c`: 1, the host was busy;
  `h`: what this host could send.

Those of load tests are one text, all others another one, which seldom changes: an equal `scanned`
says that it is the same but for `u`.
"""

CONTENDED, CENSORED, RATE, HOST = "contended", "censored", "arrival_rate", "calibration_throughput"
LATENCIES = ("latency_p50", "latency_p95")
LOAD_FIGURES = (
    "throughput_at_objective",
    *LATENCIES,
    "error_ratio",
    "app_memory_max",
    "lighthouse_performance",
    "first_contentful_paint",
    "largest_contentful_paint",
    "total_blocking_time",
)
"""Metrics that are compared with those of earlier pipelines."""
SUMMED = "app_memory_max"
"""Its targets are services, not operations: an app uses what all of them use."""


class PipelineAt(NamedTuple):
    """A pipeline of a history; `conditions`: by analyzer, digest of what its spec says of it."""

    pipeline_id: str
    created_at: datetime
    conditions: Mapping[str, str] = {}


class AppFigures(NamedTuple):
    """One app in one pipeline.

    Attributes:
        source: digest of its source; empty: unknown.
        engine: `container` or `process`.
        load: `Figures` of load tests as JSON.
        scanned: digest of `scans`.
        scans: `Figures` of the other tools as JSON; empty: those of the newest pipeline.
    """

    pipeline_id: str
    ref: AppRef
    role: AppRole
    source: str
    engine: str
    load: str
    scanned: str
    scans: str = ""


class FiguresPart(NamedTuple):
    """The apps of one model in all pipelines of a history, those of an app one after another."""

    pipelines: Sequence[PipelineAt]
    rows: Sequence[AppFigures]
