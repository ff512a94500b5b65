"""The parts of the live view, without a server: what changed, where an app stands, what waits."""

import asyncio
import re
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from contract.analysis import MeasurementState
from contract.analyzers import AnalyzerKind
from contract.overview import CellsCount
from contract.plan import PlanHeader, pages_of
from contract.progress import (
    AnalyzerReadiness,
    AppProgress,
    BreakerProgress,
    PipelinePhase,
    PipelineProgress,
)
from contract.spec import AppRef, AppsSpec, PipelinePlan, PipelineSpec, PlannedApp, SourceRef
from control.cells import MatrixRow, MatrixTool
from control.documents import TimeLeft
from control.live_documents import LiveChange, LivePipeline
from control.time_left import Span
from control.waiting import waits_of
from control.watching import Watcher
from dashboard.live import timeline
from dashboard.live.changes import Changes, Part
from dashboard.live.document import Document
from dashboard.live.partials import Overview, Page, Table, left_in_words
from dashboard.live.query import Rows, query_of
from dashboard.live.standing import standing_of
from dashboard.live.timeline import Timeline, so_far
from dashboard.live.view import event
from dashboard.rendering import fragment
from reports.pictures.drawing import Picture
from tests.support.dashboard_site import browsing, site_of
from tests.support.store_folder import store_in

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REF = AppRef(model="m", app_number=1)


def parts(**values: str) -> dict[str, Part[str]]:
    return {name: Part(value, value) for name, value in values.items()}


def test_a_viewer_gets_what_changed_since_the_version_it_has() -> None:
    changes = Changes[str]()
    changes.update(parts(a="1", b="1"))
    first = changes.id
    changes.update(parts(a="2", b="1"))
    changes.update(parts(a="2"))

    assert changes.since(changes.version_of(first)) == {"a": "2", "b": None}
    assert changes.since(0) == {"a": "2"}, "who knows nothing has nothing to forget"
    assert changes.since(changes.version) == {}


def test_what_stays_the_same_is_no_version() -> None:
    changes = Changes[str]()

    assert changes.update(parts(a="1"))
    assert not changes.update(parts(a="1"))
    assert changes.version == 1


def test_what_was_gone_and_is_back_is_news() -> None:
    changes = Changes[str]()
    changes.update(parts(a="1"))
    changes.update({})
    gone = changes.version
    changes.update(parts(a="1"))

    assert changes.since(gone) == {"a": "1"}


@pytest.mark.parametrize("id_", ["", "x", ".", "other.1", "{life}.9", "{life}.-1", "{life}.1e5"])
def test_an_id_of_another_life_or_of_the_future_stands_for_nothing(id_: str) -> None:
    changes = Changes[str]()
    changes.update(parts(a="1"))
    life = changes.id.partition(".")[0]

    assert changes.version_of(id_.format(life=life)) == 0


def live(**fields: object) -> LivePipeline:
    known = {"pipeline_id": "p", "phase": PipelinePhase.RUNNING, "state": "running"}
    return LivePipeline.model_validate(known | {"told_by": "server"} | fields)


def line(step: str = "analysing", **fields: object) -> AppProgress:
    return AppProgress.model_validate({"ref": REF, "step": step, "workflow_id": "w"} | fields)


def row(state: MeasurementState | None = None, reason: str = "") -> MatrixRow:
    return MatrixRow(position=0, ref=REF, state=state, reason=reason)


@pytest.mark.parametrize("state", [None, *MeasurementState])
def test_an_app_that_runs_is_shown_as_running_whatever_the_store_has(
    state: MeasurementState | None,
) -> None:
    standing = standing_of(row(state), line("waits for a free slot"), live())

    assert (standing.word, standing.state) == ("running", None)
    assert standing.told == "waits for a free slot"


def test_an_app_waits_only_while_its_server_says_that_the_pipeline_goes_on() -> None:
    waiting = line("waiting", workflow_id="")

    assert standing_of(row(), waiting, live()).word == "waiting"
    assert standing_of(row(), None, live()).word == "waiting"
    assert standing_of(row(), None, live(told_by="store")).word == "not finished"
    assert standing_of(row(), waiting, live(away="nobody answers")).word == "not finished"
    assert standing_of(row(), None, live(phase=PipelinePhase.CANCELLING)).word == "not finished"
    assert standing_of(row(), line(), live(away="nobody answers")).word == "was running"


def test_an_ended_app_has_its_own_reason() -> None:
    ended = row(MeasurementState.INFRA_FAILED, "cancelled by a person")

    assert standing_of(ended, None, live()).told == "cancelled by a person"
    late = AppProgress(ref=REF, step="finished", state=MeasurementState.APP_FAILED, reason="died")
    assert standing_of(row(), late, live())[::3] == (MeasurementState.APP_FAILED, "died")


def test_what_waits_is_told_once_with_its_reason() -> None:
    slow = "static: waits for a free slot"
    apps = tuple(
        AppProgress(ref=AppRef(model="m", app_number=n), step=slow, workflow_id="w") for n in (1, 2)
    )
    progress = PipelineProgress(
        pipeline_id="p",
        phase=PipelinePhase.WAITING,
        message="for dynamic (no browser)",
        total=9,
        finished=3,
        in_flight=2,
        parallelism=2,
        apps=apps,
        analyzers=(
            AnalyzerReadiness(analyzer=AnalyzerKind.STATIC, ok=True),
            AnalyzerReadiness(analyzer=AnalyzerKind.DYNAMIC, ok=False, reason="no browser"),
        ),
        breakers=(
            BreakerProgress(name="dynamic", state="open", reason="no browser"),
            BreakerProgress(name="static", state="closed"),
        ),
    )

    assert waits_of(progress) == (
        "the pipeline for dynamic (no browser)",
        "4 apps for a place: 2 may be in flight at once",
        "what needs dynamic: its breaker is open, no browser",
        "what needs dynamic: no browser",
        "2 apps: static: waits for a free slot",
    )


def test_apps_that_are_built_ahead_wait_for_a_place() -> None:
    apps = tuple(
        AppProgress(ref=AppRef(model="m", app_number=n), step="", workflow_id="w") for n in (1, 2)
    )
    phase = PipelinePhase.RUNNING
    progress = PipelineProgress(
        pipeline_id="p", phase=phase, total=3, in_flight=1, parallelism=1, apps=apps
    )

    assert waits_of(progress) == (
        "1 app for a place, and built meanwhile",
        "1 app for a place: 1 may be in flight at once",
    )


def test_each_tool_stands_below_its_own_analyzer() -> None:
    kinds = (AnalyzerKind.STATIC, AnalyzerKind.STATIC, AnalyzerKind.DYNAMIC)
    tools = tuple(MatrixTool(analyzer=kind, tool=f"t{at}") for at, kind in enumerate(kinds))
    table = Table(tools, (), (), 0, None)

    text = fragment(
        "live_part.html.j2",
        part_name="matrix",
        table=table,
        pipeline_id="p",
        workflow_url=str,
        may_operate=True,
        seen=live(),
        first_page="",
        next_page="",
    )

    groups = re.findall(r'colspan="(\d)"><span>(\w+)</span>', text)
    assert groups == [("2", "static"), ("1", "dynamic")]
    assert re.findall(r"<span>(t\d)</span>", text) == ["t0", "t1", "t2"]


HOSTILE = '"><script>x</script></hx-partial><hx-partial hx-target="body">\n\ndata: y\x0b\u2028'


def test_what_an_app_says_breaks_out_of_no_event() -> None:
    ref = AppRef(model=HOSTILE.strip(), app_number=1)
    seen = live(
        apps=(AppProgress(ref=ref, step=HOSTILE, workflow_id="w"),),
        waits=(HOSTILE,),
        message=HOSTILE,
        away=HOSTILE,
        breakers=(BreakerProgress(name=HOSTILE, state="open", reason=HOSTILE),),
    )
    values = {
        "seen": Overview(seen),
        "left": HOSTILE,
        "ahead": 0,
        "running": seen.apps,
        "pipeline_id": "p",
        "workflow_url": lambda _ref: HOSTILE,  # pyright: ignore[reportUnknownLambdaType]
    }
    parts = ("now", "running", "waits", "health")

    text = "".join(
        fragment("live_part.html.j2", part_name=part, may_operate=True, **values) for part in parts
    )
    told = event(text).removesuffix("\n").split("\n")

    assert "<script" not in text
    assert "<hx-" not in text
    assert all(line.startswith("data: ") for line in told)


def test_an_analyzer_that_starts_is_no_open_breaker() -> None:
    starting = AnalyzerReadiness(
        analyzer=AnalyzerKind.STATIC, ok=False, starting=True, reason="starting: canaries"
    )
    progress = PipelineProgress(
        pipeline_id="p",
        phase=PipelinePhase.RUNNING,
        analyzers=(starting,),
        breakers=(BreakerProgress(name="static", state="open", reason="starting"),),
    )

    assert waits_of(progress) == ("what needs static: starting: canaries",)


def test_the_time_left_goes_from_the_median_to_nine_of_ten() -> None:
    left = TimeLeft(low_s=60, high_s=600, by_apps=5, p50_s=300)

    assert left_in_words(live(left=left)) == "about 5 to 10 min"
    assert left_in_words(live(left_unknown="not known yet")) == "not known yet"
    assert left_in_words(live(phase=PipelinePhase.COMPLETED)) == "none: it has ended"


def test_an_ended_app_of_which_nobody_says_how_is_in_no_picture() -> None:
    began, ended = NOW - timedelta(seconds=9), NOW - timedelta(seconds=2)
    spans = [
        Span(began, None, "m/app1"),
        Span(began, ended, "m/app2"),
        Span(began, ended, "m/app3"),
    ]
    third = AppRef(model="m", app_number=3)
    told = AppProgress(ref=third, step="finished", state=MeasurementState.MEASURED)

    picture = so_far(live(apps=(told,)), spans, NOW)

    assert picture is not None
    assert picture.description.startswith("2 apps, at most 2 at once")
    assert "lower bound" not in picture.svg
    assert so_far(live(), spans[1:], NOW) is None


async def test_a_bar_grows_while_its_app_runs_and_somebody_tells_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=lambda _zone: told_at)  # pyright: ignore[reportUnknownLambdaType]
    monkeypatch.setattr(timeline, "datetime", clock)
    runs, ended = Span(NOW, None, "m/app1"), Span(NOW, NOW + timedelta(seconds=9), "m/app2")
    picture = Timeline(tmp_path, "p")

    async def lengths(*spans: Span, **fields: object) -> list[str]:
        nonlocal told_at
        told = list[str]()
        for seconds in (30, 31, 90):
            told_at = NOW + timedelta(seconds=seconds)
            await picture.update(live(apps=(line(state="measured"),), **fields), spans)
            told.append(picture.picture.description if picture.picture else "none")
        return [text.rpartition(" in ")[2] for text in told]

    told_at = NOW
    assert await lengths(runs) == ["30 s.", "30 s.", "1:30 min."]
    assert len(set(await lengths(replace(ended, label="m/app1")))) == 1
    away_since = NOW + timedelta(seconds=20)
    assert await lengths(runs, away="nobody", away_since=away_since) == ["20 s."] * 3
    over = {"phase": PipelinePhase.CANCELLED, "finished_at": away_since}
    assert await lengths(runs, **over) == ["20 s."] * 3


@pytest.mark.parametrize("who", ["the one who waits", "the drawing"])
async def test_a_timeline_that_was_given_up_is_drawn_when_somebody_looks_again(
    recorded: Path, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    begun, goes_on = threading.Event(), threading.Event()

    whole = so_far(live(), [Span(NOW, None, "m/app1")], NOW)

    def slow(_: object) -> Picture | None:
        begun.set()
        goes_on.wait(10)
        return whole

    monkeypatch.setattr(timeline, "run", slow)
    picture, over = Timeline(recorded, "after"), live(phase=PipelinePhase.COMPLETED)
    looks = asyncio.create_task(picture.update(over, []))
    assert await asyncio.to_thread(begun.wait, 10)
    if who == "the drawing":
        picture.close()
        await looks
    else:
        looks.cancel()
        with pytest.raises(asyncio.CancelledError):
            await looks
    goes_on.set()
    async with asyncio.timeout(10):
        while picture.picture is None:
            await picture.update(over, [])
            await asyncio.sleep(0.01)

    assert picture.picture is whole


async def test_a_document_is_told_whole_then_by_what_differs() -> None:
    document = Document()
    odd = "one\u2028two\x85three\x0bfour\r\nfive"
    await document.update(live(apps=(line(),), finished=0, waits=("one",), message=odd))
    events = document.events("", time.monotonic() + 60)
    retry, first = await anext(events), await anext(events)
    count = CellsCount(
        analyzer=AnalyzerKind.STATIC, tool="t", state=MeasurementState.MEASURED, cells=1
    )
    await document.update(live(finished=1, waits=("one",), cells=(count,), message=odd))
    second = await anext(events)

    assert retry == b"retry: 1000\n\n"
    assert first.isascii(), "readers end lines in different places"
    id_, name, data = first.decode().split("\n")[:3]
    assert (id_[:4], name) == ("id: ", "event: state")
    assert LivePipeline.model_validate_json(data.removeprefix("data: ")).message == odd
    change = LiveChange.model_validate_json(second.decode().split("\n")[2].removeprefix("data: "))
    assert set(change.fields) == {"finished", "cells"}
    assert (change.apps, change.gone) == ((), ("m/app1",))


async def test_who_follows_a_view_that_is_closed_is_let_go() -> None:
    document = Document()
    await document.update(live())
    events = document.events(document.changes.id, time.monotonic() + 60)
    await anext(events)
    await document.close()

    assert [event async for event in events] == []


async def test_the_page_of_a_recorded_pipeline_needs_no_server(web: httpx.AsyncClient) -> None:
    page = (await web.get("/pipelines/after")).text
    document = (await web.get("/api/v1/pipelines/after")).json()

    assert 'title="bandit: not measured. killed at its limit"' in page
    assert (document["told_by"], document["state"], document["away"]) == ("store", "completed", "")
    assert document["cells"] == [
        {"analyzer": "static", "tool": "bandit", "state": "infra_failed", "cells": 1},
        {"analyzer": "static", "tool": "bandit", "state": "measured", "cells": 2},
    ]


async def register(folder: Path, name: str, apps: int) -> None:
    """An unfinished pipeline in the store of a folder."""
    store = await store_in(folder)
    refs = [AppRef(model="m", app_number=number) for number in range(1, apps + 1)]
    planned = tuple(
        PlannedApp(ref=ref, source=SourceRef(path=f"/fleet/{ref.label}", digest=ref.label))
        for ref in refs
    )
    spec = PipelineSpec(apps=AppsSpec(root="fleet"), analyzers=(AnalyzerKind.STATIC,))
    plan = PipelinePlan(pipeline_id=name, spec=spec, apps=planned)
    await store.register_page(PlanHeader.of(plan), pages_of(plan)[0])
    await store.close()


async def test_a_page_that_was_opened_early_gets_the_way_to_the_next_apps(tmp_path: Path) -> None:
    site = site_of(tmp_path)
    watcher = SimpleNamespace(revision="", spans=[])
    query = query_of("p", Rows(limit=2, model="m", state="unfinished"))
    page = Page(
        query,
        site.stored,
        Timeline(tmp_path, "p"),
        cast(Watcher, watcher),
        site.workflow_url,
        may_operate=False,
    )
    await page.update(live())
    early = page.changes.version
    await register(tmp_path, "p", apps=5)
    watcher.revision = "1"
    await page.update(live())
    news = page.since(early).decode()

    link = re.search(r'rel="next" href="([^"]*)"', news)
    assert link, news
    asked = parse_qs(urlsplit(unescape(link[1])).query)
    (after,) = asked.pop("after")
    assert asked == {"model": ["m"], "state": ["unfinished"], "limit": ["2"]}
    assert query_of("p", Rows(after=after, model="m", state="unfinished")).after


async def test_of_a_store_that_is_away_it_is_not_said_that_it_knows_no_apps(tmp_path: Path) -> None:
    site = site_of(tmp_path)
    watcher = cast(Watcher, SimpleNamespace(revision="", spans=[]))
    query, timeline_ = query_of("p", Rows()), Timeline(tmp_path, "p")
    page = Page(query, site.stored, timeline_, watcher, site.workflow_url, may_operate=False)

    await page.update(live(store_away="gone"))
    away = page.since(0).decode()
    version = page.changes.version
    await page.update(live())

    assert "Not known: the store cannot be read." in away
    assert "The store does not know the apps yet." in page.since(version).decode()


async def test_an_unfinished_pipeline_without_a_server_says_that_the_rest_is_not_known(
    tmp_path: Path,
) -> None:
    await register(tmp_path, "left", apps=1)

    async with browsing(site_of(tmp_path)) as web:
        page = (await web.get("/pipelines/left")).text
        document = (await web.get("/api/v1/pipelines/left")).json()

    assert "nobody works" not in page.lower()
    assert "No app runs now." not in page
    assert "Not known: the server does not say who works." in page
    assert (document["hosts"], document["message"]) == (None, "")
    assert "<b>Away:</b> the Temporal server does not answer" in page
    assert 'class="pill unfinished">not finished</span>' in page
    assert "running</span>" not in page
    assert (document["total"], document["finished"], document["state"]) == (1, 0, "unfinished")


async def test_the_timeline_stays_after_the_end(web: httpx.AsyncClient) -> None:
    page = (await web.get("/pipelines/after")).text

    assert "When each app was analysed" in page
    assert "so far" not in page


async def test_the_matrix_is_filtered_and_paged_with_a_cursor_of_its_question(
    web: httpx.AsyncClient,
) -> None:
    api = "/api/v1/pipelines/after/matrix"
    first = (await web.get(api, params={"limit": 1})).json()
    rest = (await web.get(api, params={"limit": 2, "after": first["after"]})).json()
    wrong = await web.get(api, params={"after": first["after"], "text": "app2"})
    page = (await web.get("/pipelines/after", params={"state": "infra_failed"})).text
    nothing = (await web.get("/pipelines/after", params={"text": "nowhere"})).text

    found = [one["ref"]["app_number"] for one in (*first["rows"], *rest["rows"])]
    assert (found, rest["after"]) == ([1, 2, 4], None)
    assert wrong.status_code == 400
    assert "belongs to another question" in wrong.json()["detail"]
    assert "/app2</a>" in page
    assert "/app1</a>" not in page
    assert "No app matches." in nothing


@pytest.mark.parametrize(
    "query", ["state=nonsense", "limit=0", "limit=201", "text=" + "x" * 201, "after=%%%", "done=x"]
)
async def test_a_wrong_question_is_one_clear_error(web: httpx.AsyncClient, query: str) -> None:
    answer = await web.get(f"/pipelines/after?{query}")

    assert answer.status_code == (200 if query == "done=x" else 400)
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "action", ["pause", "resume", "cancel", "parallelism", "priority", "reset-breaker"]
)
async def test_nothing_is_steered_without_a_server(
    operator: httpx.AsyncClient, action: str
) -> None:
    data = {"apps": "3", "name": "static", "priority": "low"}
    page = await operator.post(f"/pipelines/after/{action}", data=data)
    documents = {"parallelism": {"apps": 3}, "priority": {"priority": "low"}}
    document = (documents | {"reset-breaker": {"name": "static"}}).get(action)
    api = await operator.post(f"/api/v1/pipelines/after/{action}", json=document)

    assert page.status_code == api.status_code == 503
    assert "the Temporal server does not answer" in page.text
    assert api.json()["next_step"] == "start it"


@pytest.mark.parametrize("action", ["pause", "cancel", "retry", "add", "parallelism"])
async def test_who_may_only_read_changes_nothing(web: httpx.AsyncClient, action: str) -> None:
    assert (await web.post(f"/pipelines/after/{action}")).status_code in (401, 403)


async def test_an_unknown_pipeline_is_not_found_and_is_not_remembered(
    web: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.live.hub._PIPELINES_MAX", 3)
    for number in range(8):
        answer = await web.get(f"/api/v1/pipelines/nobody-{number}")
        assert answer.status_code == 404, answer.text

    assert (await web.get("/api/v1/pipelines/after")).status_code == 200
