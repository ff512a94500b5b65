"""Lighthouse: how a front end loads in a real browser, as scores and Web Vitals."""

import hashlib
import json
import shutil
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from analyzers.performance.canary import LOAD_CANARY, is_canary
from analyzers.performance.host import Thresholds
from analyzers.performance.isolation import measured_alone
from analyzers.performance.options import read_options
from analyzers.performance.pages import Page, pages_of
from analyzers.performance.site import Site
from analyzers.runtime import blame
from analyzers.runtime.tool import AppFault, Command, Execute, Parsed, ToolFault, ToolRun
from contract.analysis import Coverage, Metric

_BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_CHROME_FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage"
    " --disable-background-networking"
)
_CANARY_FLAGS = (
    "--only-audits=document-title",
    "--disable-full-page-screenshot",
)
_CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
_AUDITS = {
    "first-contentful-paint": ("first_contentful_paint", "ms"),
    "largest-contentful-paint": ("largest_contentful_paint", "ms"),
    "total-blocking-time": ("total_blocking_time", "ms"),
    "speed-index": ("speed_index", "ms"),
    "interactive": ("time_to_interactive", "ms"),
    "server-response-time": ("server_response_time", "ms"),
    "cumulative-layout-shift": ("cumulative_layout_shift", "score"),
    "total-byte-weight": ("page_weight", "bytes"),
}
# A browser keeps every core of a small host busy by itself.
_LIMITS = Thresholds(pressure=0.9)
# The page's own doing; every other runtime error is Lighthouse's or the browser's.
_PAGE_ERRORS = frozenset(
    {"NO_FCP", "NO_LCP", "NOT_HTML", "ERRORED_DOCUMENT_REQUEST", "FAILED_DOCUMENT_REQUEST"}
    | {"PAGE_HUNG", "CHROME_INTERSTITIAL_ERROR", "INVALID_DOC_TYPE"}
)


def parse_lighthouse(raw: bytes, target: str) -> tuple[Metric, ...]:
    """Category scores (0 to 100) and key figures; what Lighthouse left empty is left out.

    Raises:
        AppFault: the page did not load or paint.
        ToolFault: the report is not one, or carries no figure.
    """
    try:
        report = json.loads(raw)
        categories, audits = report["categories"], report["audits"]
    except (ValueError, KeyError, TypeError) as error:
        raise ToolFault(f"lighthouse: unreadable report: {error}") from error
    if problem := report.get("runtimeError"):
        text = f"lighthouse: {problem.get('code')}: {str(problem.get('message'))[:300]}"
        raise (
            blame.verdict("page-broken", text)
            if problem.get("code") in _PAGE_ERRORS
            else ToolFault(text)
        )
    metrics = (*_scores(categories, target), *_figures(audits, target))
    if not metrics:
        raise ToolFault("lighthouse: the report carries no figure")
    return metrics


def _scores(categories: dict[str, Any], target: str) -> tuple[Metric, ...]:
    return tuple(
        Metric(
            name=f"lighthouse_{name.replace('-', '_')}",
            value=round(categories[name]["score"] * 100, 1),
            unit="score",
            target=target,
        )
        for name in _CATEGORIES
        if name in categories and categories[name].get("score") is not None
    )


def _figures(audits: dict[str, Any], target: str) -> tuple[Metric, ...]:
    return tuple(
        Metric(name=name, value=round(audits[audit]["numericValue"], 4), unit=unit, target=target)
        for audit, (name, unit) in _AUDITS.items()
        if audits.get(audit, {}).get("numericValue") is not None
    )


class Lighthouse:
    """Adapter for `lighthouse URL --output=json`."""

    name = "lighthouse"
    canary = LOAD_CANARY
    cost = 2.0
    exclusive = True
    after: tuple[str, ...] = ("openloop",)

    def __init__(self, site: Site) -> None:
        self._site = site

    async def version(self, run: ToolRun, execute: Execute) -> str:
        """Lighthouse's version; the browser it drives must be there too."""
        _browser()
        manifest = run.tools_dir / "node_modules/lighthouse/package.json"
        try:
            return str(json.loads(manifest.read_bytes())["version"])
        except OSError as error:
            reason = f"lighthouse is not installed in {run.tools_dir}"
            raise ToolFault(f"{reason}: run analyzers/install.sh performance") from error

    def rules_digest(self) -> str:
        """The categories asked for and the browser's flags."""
        return hashlib.sha256(" ".join((*_CATEGORIES, _CHROME_FLAGS)).encode()).hexdigest()

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        """Load a page of every target that serves HTML, whatever its role.

        Raises:
            AppFault, NotApplicable: as `blame.ROWS` have it.
            ToolFault: the same; or browser or Lighthouse is missing or failed.
        """
        options = read_options(run.request)
        pages = await pages_of(run, execute, options.calm_wait_s)
        if is_canary(run):
            return await _measure(run, execute, pages, _CANARY_FLAGS, 1)
        wanted = (f"--only-categories={','.join(_CATEGORIES)}",)
        return await measured_alone(
            run,
            options,
            self._site,
            lambda: _measure(run, execute, pages, wanted, options.lighthouse_runs),
            _LIMITS,
        )


async def _measure(
    run: ToolRun, execute: Execute, pages: Sequence[Page], flags: tuple[str, ...], runs: int
) -> Parsed:
    metrics: list[Metric] = []
    for page in pages:
        run.progress(f"lighthouse: {page.service}")
        path = urlsplit(page.url).path
        name = f"GET {path}" if len(pages) == 1 else f"{page.service} GET {path}"
        loads: list[tuple[Metric, ...]] = []
        for number in range(runs):
            completed = await execute(_command(run, page.url, flags))
            run.attach(f"{page.service}-{number + 1}.json", completed.output)
            try:
                loads.append(parse_lighthouse(completed.output, name))
            except AppFault as fault:
                if page.foreign:
                    needs = f"{fault}; it wants {', '.join(page.foreign)}, which no tool may reach"
                    raise blame.verdict("page-needs-outside", needs) from fault
                raise
        metrics += _medians(loads)
    items = tuple(page.url for page in pages)
    coverage = Coverage(unit="urls", given=len(items), reached=len(items), items=items)
    return Parsed(coverage=coverage, metrics=tuple(metrics), data={"runs": runs})


def _medians(loads: Sequence[tuple[Metric, ...]]) -> list[Metric]:
    """Per figure the median of the loads that have it."""
    return [
        one.model_copy(
            update={
                "value": statistics.median(
                    metric.value for load in loads for metric in load if metric.name == one.name
                )
            }
        )
        for one in loads[0]
    ]


def _command(run: ToolRun, url: str, flags: tuple[str, ...]) -> Command:
    output = run.workspace / "lighthouse.json"
    output.unlink(missing_ok=True)
    program = str(run.tools_dir / "node_modules/.bin/lighthouse")
    return Command(
        argv=(
            *(program, url, "--quiet", "--output=json", f"--output-path={output}"),
            *("--no-enable-error-reporting", f"--chrome-flags={_CHROME_FLAGS}", *flags),
        ),
        env={"CHROME_PATH": _browser(), "CI": "1"},
        # 1: it wrote a report whose `runtimeError` says why the page could not be measured.
        ok_exit_codes=frozenset({0, 1}),
        output=output,
        limit_s=120.0,
    )


def _browser() -> str:
    for name in _BROWSERS:
        if path := shutil.which(name):
            return str(Path(path))
    raise ToolFault("no Chromium found: apt-get install chromium")
