"""Which page of each service a browser opens, and why there is none."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from analyzers.performance.host import Thresholds, wait_until_calm
from analyzers.performance.nothing import Kind, Miss, miss_of, nothing_to_load
from analyzers.performance.probe import Answer, follow, leads_to_https, new_client, path_of
from analyzers.performance.routes import forbidden
from analyzers.performance.shared import taken_over
from analyzers.performance.survey import MAX_WAIT_S, survey_app
from analyzers.runtime import blame
from analyzers.runtime.tool import Execute, NotMeasured, ToolRun
from contract.analysis import Target

_NO_HTML = "no service serves HTML at /"


@dataclass(frozen=True, slots=True)
class Page:
    """A page of one service, at the address its own redirects led to.

    Attributes:
        scripted: whether it runs scripts, as far as we know: a page without scripts that paints
            nothing has nothing to paint.
    """

    service: str
    url: str
    scripted: bool = True


async def pages_of(run: ToolRun, execute: Execute, calm_wait_s: float) -> tuple[Page, ...]:
    """The start page of every service that has one, else the first page found in it.

    Raises:
        AppFault, NotApplicable, ToolFault: there is none, as `blame.ROWS` say.
    """
    targets = run.request.targets
    found, misses = await _start_pages(targets)
    if not found and {miss.kind for miss in misses} & {Kind.SERVER_ERROR, Kind.SILENT}:
        run.progress("no page answers: asked again once the host is calm")
        await wait_until_calm(Thresholds(), calm_wait_s)
        found, misses = await _start_pages(targets)
    if not found:
        found = await _other_pages(run, execute, misses)
    if not found:
        raise no_page(misses)
    return found


async def _start_pages(targets: Sequence[Target]) -> tuple[tuple[Page, ...], list[Miss]]:
    found: list[Page] = []
    misses: list[Miss] = []
    async with new_client() as client:
        for target in targets:
            url, answer = await _start(client, target.base_url + "/")
            if answer.is_page:
                found.append(Page(target.service, url, b"<script" in answer.body.lower()))
                continue
            miss = miss_of(answer, None, path_of(url)) or Miss("", Kind.NO_PAGE, "no HTML")
            kind = Kind.HTTPS if leads_to_https(url, answer) else miss.kind
            misses.append(Miss(f"{target.service} GET {path_of(url)}", kind, miss.reason))
    return tuple(found), misses


async def _start(client: httpx.AsyncClient, url: str) -> tuple[str, Answer]:
    """The end of a start page's redirects; we wait for a limit that is soon over."""
    for again in (True, False):
        ended, answer = await follow(
            client, url, allowed=lambda onward: not forbidden(path_of(onward))
        )
        if not again or answer.wait_s is None or answer.wait_s > MAX_WAIT_S:
            break
        await asyncio.sleep(answer.wait_s)
    return ended, answer


async def _other_pages(run: ToolRun, execute: Execute, misses: Sequence[Miss]) -> tuple[Page, ...]:
    """The first page per service among those found by a survey, of `openloop` or our own."""
    if not {miss.kind for miss in misses} & {Kind.MISSING, Kind.OTHER, Kind.NO_PAGE, Kind.LOGIN}:
        return ()
    operations = [
        operation for left in taken_over(run) if (operation := left.at(run.request.targets))
    ]
    if not operations:
        try:
            operations = list((await survey_app(run, execute)).operations)
        except NotMeasured:
            return ()
    first: dict[str, Page] = {}
    for operation in operations:
        if operation.is_page and not operation.headers:
            first.setdefault(operation.service, Page(operation.service, operation.url))
    return tuple(first.values())


def no_page(misses: Sequence[Miss]) -> NotMeasured:
    """Why no service has a page, by the answer of each start page."""
    kinds = {miss.kind for miss in misses}
    listed = ", ".join(f"{miss.operation} {miss.reason}" for miss in misses)
    if kinds <= {Kind.MISSING, Kind.NO_PAGE}:
        return blame.verdict("page-none", f"{_NO_HTML}: {listed}")
    if Kind.NO_PAGE in kinds:
        return blame.verdict("load-nothing", f"{_NO_HTML}: {listed}")
    return nothing_to_load(misses, reached=kinds != {Kind.UNREACHABLE})
