"""Second generator (npm `loadtest --rps`) on a sample: does another program see the same app?

It runs at a rate at which `openloop` held the objective, and its figures are compared with those of
that step. Its times are whole milliseconds.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from analyzers.performance.aftermath import first_answer
from analyzers.performance.calibration_server import serving
from analyzers.performance.canary import DELAYS_S, LOAD_CANARY, gentle, prove
from analyzers.performance.figures import percentile_notes
from analyzers.performance.isolation import measured_alone
from analyzers.performance.openloop.limits import SHORT_WAIT_S
from analyzers.performance.openloop.plan import unknown_percentiles
from analyzers.performance.operations import Operation
from analyzers.performance.options import LoadOptions, read_options
from analyzers.performance.shared import HeldStep, taken_over
from analyzers.performance.site import Site
from analyzers.performance.survey import survey_app
from analyzers.runtime import blame
from analyzers.runtime.tool import Command, Execute, NotMeasured, Parsed, ToolFault, ToolRun
from contract.analysis import Category, Coverage, Metric, Skipped

_ERRORS = Path(__file__).with_name("non_2xx.mjs")
# Two generators of the same app differ by chance; by more than this factor, one is wrong.
_APART = 2.0
_COMPARED = ("throughput", "latency_p50", "latency_p95")
# Below this, whole milliseconds and the network's own jitter are most of a latency.
_FLOOR_MS = 5.0
_FIGURE = re.compile(r"^(?P<name>[A-Z][\w ()]*):\s+(?P<value>[\d.]+)", re.MULTILINE)
_PERCENTILE = re.compile(r"^\s*(?P<rank>\d+)%\s+(?P<ms>[\d.]+) ms", re.MULTILINE)
_LIMITED = re.compile(r"^\s*429:\s+(?P<count>\d+) errors", re.MULTILINE)
_RANKS = {50: "latency_p50", 90: "latency_p90", 95: "latency_p95", 99: "latency_p99"}


def parse_loadtest(text: str, target: str) -> tuple[Metric, ...]:
    """Metrics of loadtest's summary.

    Raises:
        ToolFault: a figure is missing, so this is not a complete summary.
    """
    figures = {match["name"]: float(match["value"]) for match in _FIGURE.finditer(text)}
    ranks = {int(match["rank"]): float(match["ms"]) for match in _PERCENTILE.finditer(text)}
    try:
        requests = figures["Completed requests"]
        values = [
            ("requests", requests, "count"),
            ("throughput", figures["Effective rps"], "1/s"),
            ("latency_mean", figures["Mean latency"], "ms"),
            ("latency_max", ranks[100], "ms"),
            *((name, ranks[rank], "ms") for rank, name in _RANKS.items()),
        ]
        errors = figures["Total errors"]
    except KeyError as error:
        raise ToolFault(f"loadtest: no {error} in its summary") from error
    if not requests:
        raise ToolFault("loadtest completed no request")
    values.append(("error_ratio", errors / requests, "ratio"))
    few = {f"latency_{rank}" for rank in unknown_percentiles(int(requests))}
    return tuple(
        Metric(name=name, value=round(value, 4), unit=unit, target=target)
        for name, value, unit in values
        if name not in few
    )


class LoadTest:
    """Adapter for `loadtest --rps RATE -t SECONDS --cores 1 URL`, on one operation."""

    name = "loadtest"
    looks_for = frozenset[Category]()
    canary = LOAD_CANARY
    cost = 2.0
    exclusive = True
    after: tuple[str, ...] = ("openloop",)

    def __init__(self, site: Site) -> None:
        self._site = site

    async def version(self, run: ToolRun, execute: Execute) -> str:
        """From the installed package itself; the program has no flag for it."""
        manifest = run.tools_dir / "node_modules/loadtest/package.json"
        try:
            return str(json.loads(manifest.read_bytes())["version"])
        except OSError as error:
            reason = f"loadtest is not installed in {run.tools_dir}"
            raise ToolFault(f"{reason}: run analyzers/install.sh performance") from error

    def rules_digest(self) -> str:
        """Rate and length are options; the version covers the rest, except for what an error is."""
        return hashlib.sha256(_ERRORS.read_bytes()).hexdigest()

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        """Load the first operation that answers 2xx at a moderate rate.

        Raises:
            AppFault, NotApplicable: as `blame.ROWS` say.
            ToolFault: the same; or not installed, no target, a bad option, no lock of the host.
        """
        options = read_options(run.request)
        if not run.request.targets:
            raise ToolFault("no running target was named in the request")
        if run.canary:
            return await _canary(run, execute, gentle(options))
        samples = _samples(run) or [
            _Sample(operation)
            for operation in (await survey_app(run, execute, options.calm_wait_s)).operations
        ]
        return await measured_alone(
            run, options, self._site, lambda: _measure(run, execute, samples, options)
        )


@dataclass(frozen=True, slots=True)
class _Sample:
    """An operation, and the step of `openloop` to compare it with, if there is one."""

    operation: Operation
    step: HeldStep | None = None


def _samples(run: ToolRun) -> list[_Sample]:
    """The operations that `openloop` left, measured ones first.

    Raises:
        NotApplicable: the app's own limit, met by `openloop`, is below any rate of a sample.
    """
    rate = read_options(run.request).check_rate
    left = taken_over(run)
    limits = [
        miss.limit for miss in left if miss.limit and (miss.limit.wait_s or 0.0) > SHORT_WAIT_S
    ]
    if limits:
        text = f"no second sample within the app's own limit: {limits[0].text}"
        raise blame.verdict("sample-rate-limited", text)
    found = [
        _Sample(operation, min(miss.held, key=lambda step: abs(step.rate - rate), default=None))
        for miss in left
        if (operation := miss.at(run.request.targets))
    ]
    return sorted(found, key=lambda sample: sample.step is None)


async def _canary(run: ToolRun, execute: Execute, options: LoadOptions) -> Parsed:
    async with serving(DELAYS_S) as port:
        operation = Operation("canary", f"http://127.0.0.1:{port}", "/", "GET /")
        parsed = await _measure(run, execute, [_Sample(operation)], options)
    prove({metric.name: metric.value for metric in parsed.metrics})
    return parsed


async def _measure(
    run: ToolRun, execute: Execute, samples: list[_Sample], options: LoadOptions
) -> Parsed:
    sample, *others = samples
    name, step = sample.operation.name, sample.step
    rate = step.rate if step else options.check_rate
    completed = await execute(_command(run.tools_dir, sample.operation, rate, options))
    text = completed.stdout.decode("utf-8", "replace")
    metrics = parse_loadtest(text, name)
    if limited := _LIMITED.search(text):
        words = (
            f"{limited['count']} answers 429 to {name} at {rate:g}/s: the limiter's, not the app's"
        )
        raise blame.verdict("sample-rate-limited", words)
    figures = {metric.name: metric.value for metric in metrics}
    if figures["error_ratio"] == 1:
        raise await _nothing_succeeded(sample.operation, rate)
    skipped = tuple(
        Skipped(what=operation.operation.name, reason="not in the sample") for operation in others
    )
    agreement, note = _agreement(name, figures, step)
    return Parsed(
        coverage=Coverage(
            unit="operations",
            given=len(samples),
            reached=1,
            items=(name,),
            skipped=skipped[:50],
            skipped_total=len(skipped),
        ),
        metrics=(*metrics, *agreement),
        notes=(
            note,
            "whatever is no 2xx is an error",
            *percentile_notes(name, int(figures["requests"])),
        ),
        data={"loop": "open", "rate": rate, "seconds": options.check_s},
    )


async def _nothing_succeeded(operation: Operation, rate: float) -> NotMeasured:
    """Whose fault it is that no request of a sample succeeded: later answers were too slow."""
    text = f"no request to {operation.name} succeeded at {rate:g}/s"
    answer = await first_answer(operation)
    if answer.unreachable:
        return blame.verdict("load-died", f"{text}, and nobody listens any more: {answer.text}")
    key = "load-server-errors" if answer.status >= 500 else "load-silent"
    return blame.verdict(key, f"{text}; asked afterwards: {answer.text}")


def _agreement(
    name: str, figures: Mapping[str, float], step: HeldStep | None
) -> tuple[tuple[Metric, ...], str]:
    """Whether both generators saw the same app, as a metric (1: they did not) and in words."""
    if step is None:
        return (), f"{name}: openloop held no step here, so there is nothing to compare with"
    apart = deviations(figures, step.figures)
    metric = Metric(
        name="cross_check_deviates", value=float(bool(apart)), unit="count", target=name
    )
    if apart:
        return (metric,), f"{name} at {step.rate:g}/s: more than {_APART:g}x apart: {apart}"
    return (metric,), f"{name} at {step.rate:g}/s: both generators agree within {_APART:g}x"


def deviations(measured: Mapping[str, float], expected: Mapping[str, float]) -> str:
    """Figures of both that differ by more than a factor of two; empty when none does."""
    found: list[str] = []
    for name in _COMPARED:
        if name not in measured or name not in expected:
            continue
        floor = _FLOOR_MS if name.startswith("latency") else 1e-9
        low, high = sorted((max(measured[name], floor), max(expected[name], floor)))
        if high > _APART * low:
            found.append(f"{name} {measured[name]:g} by loadtest, {expected[name]:g} by openloop")
    return "; ".join(found)


def _command(tools_dir: Path, operation: Operation, rate: float, options: LoadOptions) -> Command:
    program = str(tools_dir / "node_modules/.bin/loadtest")
    timeout_ms = str(int(options.timeout_s * 1000))
    headers = (part for name, value in operation.headers for part in ("-H", f"{name}:{value}"))
    return Command(
        argv=(
            *(program, "--rps", f"{rate:g}", "-t", str(options.check_s)),
            *("-d", timeout_ms, "-c", "10", "-k", "--cores", "1", "-R", str(_ERRORS)),
            *headers,
            operation.url,
        ),
        limit_s=options.check_s + options.timeout_s + 15,
    )
