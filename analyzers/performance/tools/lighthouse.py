"""Lighthouse: how a front end loads in a real browser, as scores and Web Vitals."""

import asyncio
import hashlib
import json
import re
import shutil
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from analyzers.performance.canary import LOAD_CANARY
from analyzers.performance.host import Thresholds, wait_until_calm
from analyzers.performance.isolation import measured_alone
from analyzers.performance.options import read_options
from analyzers.performance.pages import Page, pages_of
from analyzers.performance.site import Site
from analyzers.runtime import blame
from analyzers.runtime.live.chromium import CHROMIUM_SWITCHES, chromium_switches
from analyzers.runtime.live.confine import Confinement
from analyzers.runtime.live.origins import Origins, origins_of
from analyzers.runtime.tool import (
    AppFault,
    Command,
    Execute,
    NotMeasured,
    Parsed,
    ToolFault,
    ToolRun,
)
from contract.analysis import Category, Coverage, Metric

_BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_HEADLESS = "--headless=new"
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
# From a page that answered a moment ago: a limit on clients, a login, but no failure of the app.
_REFUSED = re.compile(r"Status code: (4\d\d)")
# Errors of the page itself; every other runtime error is Lighthouse's or the browser's.
_PAGE_ERRORS = frozenset(
    {"NO_FCP", "NO_LCP", "NOT_HTML", "ERRORED_DOCUMENT_REQUEST", "FAILED_DOCUMENT_REQUEST"}
    | {"PAGE_HUNG", "CHROME_INTERSTITIAL_ERROR", "INVALID_DOC_TYPE"}
)


def parse_lighthouse(raw: bytes, target: str) -> tuple[Metric, ...]:
    """Category scores (0 to 100) and key figures; values that Lighthouse left empty are left out.

    Raises:
        AppFault: the page did not load or paint.
        ToolFault: it is no report, or has no figure.
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
    looks_for = frozenset[Category]()
    canary = LOAD_CANARY
    cost = 2.0
    exclusive = True
    after: tuple[str, ...] = ("openloop",)

    def __init__(self, site: Site) -> None:
        self._site = site

    async def version(self, run: ToolRun, execute: Execute) -> str:
        """Lighthouse's version; the browser that it drives must exist, too."""
        _browser()
        manifest = run.tools_dir / "node_modules/lighthouse/package.json"
        try:
            return str(json.loads(manifest.read_bytes())["version"])
        except OSError as error:
            reason = f"lighthouse is not installed in {run.tools_dir}"
            raise ToolFault(f"{reason}: run analyzers/install.sh performance") from error

    def rules_digest(self) -> str:
        """The categories that we ask for and the browser's flags."""
        words = (*_CATEGORIES, _HEADLESS, *CHROMIUM_SWITCHES)
        return hashlib.sha256(" ".join(words).encode()).hexdigest()

    async def run(self, run: ToolRun, execute: Execute) -> Parsed:
        """Load a page of every target that serves HTML, whatever its role.

        Raises:
            AppFault, NotApplicable: as `blame.ROWS` say.
            ToolFault: the same; or browser or Lighthouse is missing or failed.
        """
        options = read_options(run.request)
        pages = await pages_of(run, execute, options.calm_wait_s)
        origins = await asyncio.to_thread(origins_of, run.request.targets, run.source)
        look = _Look(run, execute, pages, origins, options.calm_wait_s)
        if run.canary:
            return await look.measure(_CANARY_FLAGS, 1)
        wanted = (f"--only-categories={','.join(_CATEGORIES)}",)
        return await measured_alone(
            run,
            options,
            self._site,
            lambda: look.measure(wanted, options.lighthouse_runs),
            _LIMITS,
        )


class _Look:
    """Loads of an app's pages, each under the origin it expects and with no way out but the app."""

    def __init__(
        self,
        run: ToolRun,
        execute: Execute,
        pages: Sequence[Page],
        origins: Origins,
        calm_wait_s: float,
    ) -> None:
        self._run = run
        self._execute = execute
        self._pages = pages
        self._origins = origins
        self._calm_wait_s = calm_wait_s
        self._browser = _browser()
        self._tools = run.tools_dir.resolve()
        programs = (Path(self._browser), Path(shutil.which("node") or "/usr/bin/node"))
        self._box = Confinement(run.workspace, origins.routes, programs, (self._tools,))

    async def measure(self, flags: tuple[str, ...], runs: int) -> Parsed:
        """Figures of every page, medians of `runs` loads."""
        run, metrics, items = self._run, list[Metric](), list[str]()
        for page in self._pages:
            run.progress(page.service)
            url = self._origins.page_url(page.service, page.url)
            path = urlsplit(url).path
            name = f"GET {path}" if len(self._pages) == 1 else f"{page.service} GET {path}"
            loads: list[tuple[Metric, ...]] = []
            for number in range(runs):
                attachment = f"{page.service}-{number + 1}.json"
                loads.append(await self._load(page, url, flags, name, attachment))
            metrics += _medians(loads)
            items.append(url)
        return Parsed(
            coverage=Coverage(
                unit="urls", given=len(items), reached=len(items), items=tuple(items)
            ),
            metrics=tuple(metrics),
            data={"runs": runs},
            notes=(*self._origins.opened_notes(), *self._origins.notes, *self._box.notes),
        )

    async def _load(
        self, page: Page, url: str, flags: tuple[str, ...], name: str, attachment: str
    ) -> tuple[Metric, ...]:
        """Figures of one load; a page that does not paint is loaded once more on a calm host."""
        try:
            return await self._loaded_once(url, flags, name, attachment)
        except AppFault:
            self._run.progress("the page did not paint: once more on a calm host")
        calm = await wait_until_calm(_LIMITS, self._calm_wait_s)
        try:
            return await self._loaded_once(url, flags, name, attachment)
        except AppFault as fault:
            raise self._unpainted(fault, page, calm=calm) from fault

    async def _loaded_once(
        self, url: str, flags: tuple[str, ...], name: str, attachment: str
    ) -> tuple[Metric, ...]:
        completed = await self._execute(self._command(url, flags))
        self._run.attach(attachment, completed.output)
        return parse_lighthouse(completed.output, name)

    def _unpainted(self, fault: AppFault, page: Page, *, calm: bool) -> NotMeasured:
        """Whose fault it is that a page did not load or paint."""
        if stopped := self._box.held().refusals:
            return blame.verdict("page-needs-outside", f"{fault}; {stopped}")
        if refused := _REFUSED.search(str(fault)):
            row = "load-rate-limited" if refused[1] == "429" else "load-nothing"
            return blame.verdict(row, f"the page was there, and is refused now: {fault}")
        if "NO_FCP" in str(fault) and not page.scripted:
            return blame.verdict("page-empty", f"{fault}; the page holds nothing to be seen")
        return fault if calm else blame.verdict("page-slow", f"{fault}; the host was not calm")

    def _command(self, url: str, flags: tuple[str, ...]) -> Command:
        output = self._box.folder / "lighthouse.json"
        output.unlink(missing_ok=True)
        program = str(self._tools / "node_modules/.bin/lighthouse")
        # Lighthouse takes them as one word and splits it as a shell does.
        switches = " ".join(map(_quoted, (_HEADLESS, *chromium_switches(self._origins))))
        return self._box.command(
            (
                *(
                    program,
                    url,
                    "--quiet",
                    "--output=json",
                    f"--output-path=/proc/self/cwd/{output.name}",
                ),
                *("--no-enable-error-reporting", f"--chrome-flags={switches}", *flags),
            ),
            env={"CHROME_PATH": self._browser, "CI": "1"},
            # 1: it wrote a report whose `runtimeError` says why a page could not be measured.
            ok_exit_codes=frozenset({0, 1}),
            output=output,
            limit_s=120.0,
        )


def _quoted(switch: str) -> str:
    name, _, value = switch.partition("=")
    return f'{name}="{value}"' if " " in value else switch


def _medians(loads: Sequence[tuple[Metric, ...]]) -> list[Metric]:
    """For each figure the median of the loads that have it."""
    return [
        first_metric.model_copy(
            update={
                "value": statistics.median(
                    metric.value
                    for load in loads
                    for metric in load
                    if metric.name == first_metric.name
                )
            }
        )
        for first_metric in loads[0]
    ]


def _browser() -> str:
    for name in _BROWSERS:
        if path := shutil.which(name):
            return str(Path(path))
    raise ToolFault("no Chromium found: apt-get install chromium")
