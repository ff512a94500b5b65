"""Second generator (npm `loadtest --rps`) on a sample: does another program see the same app?

It too sends at a fixed rate, so its percentiles can be held against those of `openloop`. It counts
4xx, 5xx and broken connections as errors and resolves times to whole milliseconds.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from analyzers.performance.canary import LOAD_CANARY, gentle, is_canary
from analyzers.performance.lock import host_lock
from analyzers.performance.options import LoadOptions, read_options
from analyzers.performance.probe import Operation, survey_app, taken_over
from analyzers.runtime.tool import AppFault, Command, Execute, Parsed, ToolFault, ToolRun
from contract.analysis import Coverage, Metric, Skipped

_FIGURE = re.compile(r"^(?P<name>[A-Z][\w ()]*):\s+(?P<value>[\d.]+)", re.MULTILINE)
_PERCENTILE = re.compile(r"^\s*(?P<rank>\d+)%\s+(?P<ms>[\d.]+) ms", re.MULTILINE)
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
    return tuple(
        Metric(name=name, value=round(value, 4), unit=unit, target=target)
        for name, value, unit in values
    )


class LoadTest:
    """Adapter for `loadtest --rps RATE -t SECONDS --cores 1 URL`, on one operation."""

    name = "loadtest"
    canary = LOAD_CANARY
    cost = 2.0
    exclusive = True
    after: tuple[str, ...] = ("openloop",)

    async def version(self, run: ToolRun, execute: Execute) -> str:
        """From the installed package itself; the program has no flag for it."""
        manifest = run.tools_dir / "node_modules/loadtest/package.json"
        try:
            return str(json.loads(manifest.read_bytes())["version"])
        except OSError as error:
            reason = f"loadtest is not installed in {run.tools_dir}"
            raise ToolFault(f"{reason}: run analyzers/install.sh performance") from error

    def rules_digest(self) -> str:
        """Rate and length are options; the version says the rest."""
        return ""

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        """Load the first operation that answers 2xx at a moderate rate.

        Raises:
            AppFault: nothing answers 2xx, or not one request of the sample succeeded.
            ToolFault: not installed, no target, a bad option, the host's lock was not to be had.
        """
        options = read_options(run.request)
        if not run.request.targets:
            raise ToolFault("no running target was named in the request")
        if is_canary(run):
            operation = Operation("canary", run.request.targets[0].base_url, "/", "GET /")
            return await _sample(run, execute, (operation,), gentle(options))
        operations = taken_over(run.shared.get("openloop", ()), run.request.targets)
        operations = operations or (await survey_app(run)).operations
        async with host_lock(options.lock_file, options.lock_wait_s):
            return await _sample(run, execute, operations, options)


async def _sample(
    run: ToolRun, execute: Execute, operations: Sequence[Operation], options: LoadOptions
) -> Parsed:
    first, *others = operations
    completed = await execute(_command(run.tools_dir, first.url, options))
    metrics = parse_loadtest(completed.stdout.decode("utf-8", "replace"), first.name)
    if next(one.value for one in metrics if one.name == "error_ratio") == 1:
        raise AppFault(f"no request to {first.name} succeeded at {options.check_rate:g}/s")
    skipped = tuple(Skipped(what=one.name, reason="not in the sample") for one in others)
    return Parsed(
        coverage=Coverage(
            unit="operations",
            given=len(operations),
            reached=1,
            items=(first.name,),
            skipped=skipped[:50],
            skipped_total=len(skipped),
        ),
        metrics=metrics,
        notes=("cross-check on one operation: 4xx, 5xx and broken connections are errors",),
        data={"loop": "open", "rate": options.check_rate, "seconds": options.check_s},
    )


def _command(tools_dir: Path, url: str, options: LoadOptions) -> Command:
    program = str(tools_dir / "node_modules/.bin/loadtest")
    timeout_ms = str(int(options.timeout_s * 1000))
    return Command(
        argv=(
            *(program, "--rps", f"{options.check_rate:g}", "-t", str(options.check_s)),
            *("-d", timeout_ms, "-c", "10", "-k", "--cores", "1", url),
        ),
        limit_s=options.check_s + options.timeout_s + 15,
    )
