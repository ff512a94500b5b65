"""The canary of the load generators: a server of known delays, whose percentiles must come out."""

from collections.abc import Mapping

from analyzers.performance.options import LoadOptions
from analyzers.runtime.tool import Canary, ToolFault

# To Lighthouse a page that paints nothing is faulty, so this one has a heading.
_PAGE = '<!doctype html><html lang="en"><title>Canary</title><h1>Canary</h1></html>'
LOAD_CANARY = Canary(serve={"GET /": (200, {"Content-Type": "text/html"}, _PAGE)})

_QUICK_MS, _SLOW_MS = 80, 400
DELAYS_S = (*(_QUICK_MS / 1000,) * 7, _SLOW_MS / 1000)


def gentle(options: LoadOptions) -> LoadOptions:
    """Few requests: enough for a p95, too few to disturb a load test."""
    load = {"rates": (20.0,), "step_s": 2.0, "warmup_s": 0.0, "p95_ms": 10_000.0, "refine_steps": 0}
    return options.model_copy(update={**load, "check_rate": 20.0, "check_s": 3})


def prove(figures: Mapping[str, float]) -> None:
    """Compare measured figures with the delays of the canary server: one of eight answers is slow.

    The bounds leave room above, for a busy host, and none below: no answer came sooner.

    Raises:
        ToolFault: the generator is wrong about its percentiles, or did not succeed.
    """
    wanted = {
        "error_ratio": (0.0, 0.0),
        "latency_p50": (_QUICK_MS, _SLOW_MS - 1),
        "latency_p95": (_SLOW_MS, 4 * _SLOW_MS),
        "latency_max": (_SLOW_MS, 10 * _SLOW_MS),
    }
    for name, (low, high) in wanted.items():
        seen = figures.get(name)
        # A millisecond below is rounding, of the histogram or of whole milliseconds.
        if seen is None or not low - 1 <= seen <= high:
            raise ToolFault(f"canary: {name} measured as {seen}, the server gives {low} to {high}")
