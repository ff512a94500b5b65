"""One person's way through the dashboard, in a real browser over a real stack.

A pipeline is started, watched while parts die and come back, held and let go, an app is opened, a
finding is filtered and suppressed, a report is downloaded. Then every page is looked at: by axe, by
day, by night and in a narrow window.
"""

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import ROOT, Assay
from tests.e2e.test_dashboard_stack import answers, processes, wait_for
from tests.support.browser import Browser, browser
from tests.support.dashboard_pages import NO_PAGE, crawled, templates

pytestmark = pytest.mark.browser
MODELS = ("careless-1", "careful-1")
# There while a pipeline runs, where the journey looks at them; and where an app was started.
NOT_ALWAYS = {
    *("/pipelines/{pipeline_id}/cancel", "/pipelines/{pipeline_id}/add"),
    *("/new/step", "/pipelines/{pipeline_id}/retry"),
    "/pipelines/{pipeline_id}/apps/{model}/{app}/logs/{at}",
}
WIDTH = 390


@dataclass(frozen=True)
class Journey:
    """What happened on the way.

    Attributes:
        pipeline: ID of the pipeline that was started.
        paused: what was seen in the pages of the held pipeline.
        said: what scripts and the policy complained about.
    """

    address: str
    pipeline: str
    paused: dict[str, Any]
    download: dict[str, Any]
    audit: str
    said: list[str]


@pytest.fixture(scope="module")
def address(assay: Assay) -> str:
    stack = json.loads((assay.data / "run" / "stack.json").read_text())
    return f"http://127.0.0.1:{stack['dashboard_port']}"


@pytest.fixture(scope="module")
def window(address: str) -> Iterator[Browser]:
    with browser(address) as window:
        yield window


@pytest.fixture(scope="module")
def journey(assay: Assay, address: str, window: Browser) -> Journey:
    log_in(assay, window)
    pipeline = start(assay, window)
    said: list[str] = []
    window("mark")
    window("wait", text="running", selector="#live-now")
    watch_the_worker_die(assay, window)
    said += window("complaints")
    assert window("is_marked"), "the page was loaded again"
    paused = hold(window, pipeline)
    window("mark")
    said += window("complaints")
    watch_the_dashboard_die(assay, window, address)
    window("complaints")  # of the connection that was lost, as it must be
    assert window("is_marked"), "the page was loaded again"
    window("click", role="button", name="Resume")
    window("wait", text="running", selector="#live-now")
    follow_an_app(window, pipeline)
    window("open", path=f"/pipelines/{pipeline}")
    window("mark")
    window("wait", text="completed", selector="#live-now")
    assert window("is_marked"), "the end was seen only by a reload"
    look_at_an_app(window, pipeline)
    suppress_a_finding(window, pipeline)
    download = take_the_report(window, pipeline)
    window("open", path="/audit")
    said += window("complaints")
    return Journey(address, pipeline, paused, download, window("text"), said)


def log_in(assay: Assay, window: Browser) -> None:
    link = json.loads(assay.run("token", "link", "--json").stdout)
    window("open", path=link["url"])
    window("click", role="button", name="Log in")
    assert "Log out" in window("text", selector="body")


def start(assay: Assay, window: Browser) -> str:
    """By the questions of the browser: two models, two templates, one analyzer."""
    fleet = fleet_of(assay.fleets / "seen")
    name = f"seen-{time.time_ns()}"
    window("open", path="/new")
    window("open", path=next(to for to in window("links") if "seen" in to))
    window("boxes", name="model", ticked=list(MODELS))
    window("click", role="button", name="Next")
    window("boxes", name="analyzer", ticked=["static"])
    window("click", role="button", name="Next")
    window("fill", label="Apps in flight at once, 1 to 50; can be changed while it runs", text="1")
    window("click", role="button", name="Next")
    assert str(fleet) in window("text")
    window("fill", label="ID of the pipeline; started twice, it is one pipeline", text=name)
    window("click", role="button", name="Write it and start")
    window("click", role="link", name="watch it live")
    assert window("url").endswith(f"/pipelines/{name}")
    return name


def fleet_of(folder: Path) -> Path:
    """Control apps that nobody has analysed before: nothing of them is in the cache."""
    for model in MODELS:
        shutil.copytree(ROOT / "controls" / model, folder / model)
        for number in (1, 2):
            (folder / model / f"app{number}" / "new.py").write_text(f"NEW = {time.time_ns()}\n")
    return folder


def watch_the_worker_die(assay: Assay, window: Browser) -> None:
    (worker,) = processes(assay, "worker.py")
    worker.kill()
    worker.wait(10)
    window("wait", text="1 of 4", selector="#live-now")


def watch_the_dashboard_die(assay: Assay, window: Browser, address: str) -> None:
    (dashboard,) = processes(assay, "starter.py", "dashboard")
    dashboard.kill()
    dashboard.wait(10)
    window("wait", text="No connection", selector="#live-lost")
    wait_for(lambda: answers(f"{address}/health"))
    window("gone", selector="#live-lost")


def hold(window: Browser, pipeline: str) -> dict[str, Any]:
    """What is seen of it, and where one could cancel it or add to it, while it is held."""
    window("click", role="button", name="Pause")
    window("wait", text="paused", selector="#live-now")
    seen = {"live": window("looked_at", path="")}
    for page in ("cancel", "add"):
        seen[page] = window("looked_at", path=f"/pipelines/{pipeline}/{page}")
    window("open", path=f"/pipelines/{pipeline}")
    return seen


def follow_an_app(window: Browser, pipeline: str) -> None:
    """The last one, to its end, without a reload; then the list says that its pipeline runs."""
    window("open", path=f"/pipelines/{pipeline}/apps/{sorted(MODELS)[-1]}/app2")
    window("mark")
    window("wait", text="Now: running", selector="#fresh")
    window("wait", text="cells measured", selector="p.state:has(.pill.measured)")
    assert window("is_marked"), "the page was loaded again"


def look_at_an_app(window: Browser, pipeline: str) -> None:
    window("open", path=f"/pipelines/{pipeline}")
    window("click", role="link", name="careless-1/app1")
    assert "Data from the request" in window("text")
    window("open", path=next(to for to in window("links") if "/finding?" in to))
    assert "app.py" in window("text")


def suppress_a_finding(window: Browser, pipeline: str) -> None:
    window("open", path=f"/pipelines/{pipeline}/findings")
    window("fill", label="CWE", text="CWE-89")
    window("click", role="button", name="Filter")
    assert "cwe=CWE-89" in window("url")
    before = window("count", selector="table.weaknesses tbody tr")
    assert before > 0
    window("open", path=window("links", selector="table.weaknesses td:last-child a")[0])
    window("fill", label="Why", text="the input is a constant")
    window("click", role="button", name="Suppress")
    assert "the input is a constant" in window("text")


def take_the_report(window: Browser, pipeline: str) -> dict[str, Any]:
    window("open", path=f"/pipelines/{pipeline}/reports")
    return window("download", role="link", name="report.json alone")


def test_it_was_all_seen_without_a_complaint(journey: Journey):
    assert journey.said == []


def test_a_page_whose_first_stream_is_lost_gets_another_one(journey: Journey, window: Browser):
    window("lose", pattern="**/events*", times=2)
    window("open", path=f"/pipelines/{journey.pipeline}")
    window("mark")

    window("wait", text="No connection", selector="#live-lost")
    window("gone", selector="#live-lost")

    assert window("is_marked")
    said = window("complaints")  # of the two that were lost, and of nothing else
    assert said
    assert all("Failed to" in one for one in said)


@pytest.mark.parametrize("page", ["live", "cancel", "add"])
def test_a_page_of_a_running_pipeline_is_for_everybody(journey: Journey, page: str):
    assert wrong(journey.paused[page]) == {}


def test_the_report_came_whole(journey: Journey, assay: Assay):
    report = assay.data / "reports" / journey.pipeline / "report.json"

    assert journey.download["bytes"] == report.stat().st_size


@pytest.mark.parametrize("action", ["login link", "pause", "resume", "suppress"])
def test_each_change_is_kept_with_who_made_it(journey: Journey, action: str):
    assert action in journey.audit


def test_every_page_is_for_everybody(journey: Journey, window: Browser):
    """Each page that links lead to; none is left out."""
    with httpx.Client(base_url=journey.address, trust_env=False, timeout=30) as reader:
        pages = crawled(reader, ["/pipelines", f"/pipelines/{journey.pipeline}", "/login"])
    pages |= {path: [path] for path in ("/tokens", "/audit")}
    missed = {
        template
        for template in templates()
        if template not in pages and not NO_PAGE.search(template)
    }
    assert missed <= NOT_ALWAYS

    seen = {one: window("looked_at", path=one) for one, *_ in filter(None, pages.values())}

    assert {path: found for path, one in seen.items() if (found := wrong(one))} == {}
    assert window("complaints") == []


def wrong(seen: dict[str, Any]) -> dict[str, Any]:
    """What is wrong with a page."""
    found = {name: seen[name] for name in ("light", "dark", "phone", "nameless") if seen[name]}
    if len(seen["h1"]) != 1 or not seen["title"] or not seen["lang"]:
        found["shape"] = [seen["h1"], seen["title"], seen["lang"]]
    if seen["narrow"]["width"] > WIDTH:
        found["wide"] = seen["narrow"]["width"]
    return found
