"""Two pipelines side by side, in the browser and over the API."""

import asyncio
import re

import httpx
import pytest

from control import comparisons

PAGE, API = "/compare?then=before&now=after", "/api/v1/compare?then=before&now=after"


def table(text: str, caption: str) -> list[list[str]]:
    """The rows of a table of a page, without marks."""
    body = text.partition(f'aria-labelledby="{caption}">')[2].partition("</table>")[0]
    body = body.partition("<tbody>")[2]
    return [
        [
            " ".join(re.sub(r"<[^>]+>", " ", cell).split())
            for cell in re.split(r"</t[dhr]>", row)[:-2]
        ]
        for row in body.split("<tr>")[1:]
    ]


async def test_what_nobody_looked_at_is_named_beside_the_counts(web: httpx.AsyncClient):
    text = (await web.get(PAGE)).text

    (model, every) = table(text, "models")
    assert model[0] == "openai/gpt-4o"
    assert model[1:5] == [
        "1 1 high or critical",
        "1 1 high or critical",
        "1",
        "1 or more 1 high or critical",
    ]
    assert model[5] == "1 of 2"
    assert every[1:] == model[1:]
    assert "static/bandit measured only in before on 1 app" in text
    assert "1 × static/bandit did not measure now: killed at its limit" in text


async def test_what_is_no_longer_measured_is_told_whatever_category_is_asked_for(
    web: httpx.AsyncClient,
):
    (lost,) = (await web.get(API)).json()["lost"]
    line = "static/bandit: 1 app (openai/gpt-4o/app2): killed at its limit"

    for page in (PAGE, f"{PAGE}&category=quality"):
        text = (await web.get(page)).text
        assert "No longer measured" in text
        assert f"<li>{line}</li>" in text
    assert (lost["tool"], lost["apps"]) == ("static/bandit", 1)
    assert "No longer measured" not in (await web.get("/compare?then=after&now=before")).text


async def test_the_api_says_the_same(web: httpx.AsyncClient):
    told = (await web.get(API)).json()

    assert told["looks"] == {"both": 1, "then_only": 1, "now_only": 0, "neither": 0}
    assert [(change["state"], change["there"]) for change in told["changes"]] == [
        ("new", True),
        ("unknown", False),
        ("fixed", False),
    ]
    assert told["after"] is None


async def test_of_what_no_tool_looks_for_there_is_no_number(web: httpx.AsyncClient):
    text = (await web.get(f"{PAGE}&category=requirement")).text

    assert "no tool of either pipeline looks for requirement: nothing is known of it" in text
    assert table(text, "models")[-1][1:5] == ["nobody looked"] * 4


@pytest.mark.parametrize(
    ("query", "states"),
    [
        ("state=fixed", ["fixed"]),
        ("severity=critical&severity=medium", ["new", "fixed"]),
        ("text=FRESH", ["new"]),
        ("app=openai/gpt-4o/app2", ["unknown"]),
        ("tool=static/bandit&cwe=89&model=openai/gpt-4o", ["new", "unknown", "fixed"]),
        ("category=quality", []),
    ],
)
async def test_changes_are_filtered(web: httpx.AsyncClient, query: str, states: list[str]):
    told = (await web.get(f"{API}&{query}")).json()

    assert [change["state"] for change in told["changes"]] == states
    assert (await web.get(f"{PAGE}&{query}")).status_code == 200


async def test_pages_hold_each_change_once(web: httpx.AsyncClient):
    seen: list[str] = []
    after = ""
    while after is not None:
        told = (await web.get(f"{API}&limit=1&after={after}")).json()
        seen += [change["state"] for change in told["changes"]]
        after = told["after"]

    assert seen == ["new", "unknown", "fixed"]


@pytest.mark.parametrize(
    ("query", "cause"),
    [
        ("then=before&now=before", "not compared with itself"),
        ("then=before", "is not usable"),
        ("then=before&now=after&tool=bandid", "no tool bandid ran"),
        ("then=before&now=after&app=openai/gpt-4o/app9", "not in pipeline after"),
        ("then=before&now=after&model=gpt", "not in pipeline after: gpt"),
        ("then=before&now=after&cwe=x", "is no CWE"),
        ("pick=before", "two pipelines are compared"),
    ],
)
async def test_a_wrong_question_is_shown_again(web: httpx.AsyncClient, query: str, cause: str):
    answer = await web.get(f"/compare?{query}")

    assert answer.status_code == 400
    assert cause in answer.text.replace("&#39;", "'")
    assert "<b>Next:</b>" in answer.text
    assert '<form class="filters asked"' in answer.text


async def test_a_pipeline_that_is_not_there(web: httpx.AsyncClient):
    for url in ("/compare?then=before&now=gone", "/api/v1/compare?then=before&now=gone"):
        assert (await web.get(url)).status_code == 404


async def test_of_two_that_were_picked_the_older_one_is_the_earlier(web: httpx.AsyncClient):
    for query in ("pick=after&pick=before", "pick=before&pick=after"):
        answer = await web.get(f"/compare?{query}")
        assert answer.headers["location"] == "/compare?then=before&now=after"


async def test_the_form_offers_the_pipelines(web: httpx.AsyncClient):
    text = (await web.get("/compare")).text

    assert '<option value="before">' in text
    assert "<h1>Compare two pipelines</h1>" in text


async def test_a_comparison_that_takes_long_says_how_far_it_is(
    web: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
):
    gate = asyncio.Event()

    async def slow(*_, on_progress, **__):
        on_progress(20, 3_000)
        await gate.wait()

    monkeypatch.setattr(comparisons, "compare", slow)
    monkeypatch.setattr(comparisons, "_PATIENCE_S", 0.01)
    query = "&severity=low"  # nobody asked this before
    page, answer = await web.get(f"{PAGE}{query}"), await web.get(f"{API}{query}")

    assert page.status_code == answer.status_code == 202
    assert "20 of 3,000 apps are compared" in page.text
    assert page.headers["refresh"] == "3"
    assert f'<a href="{PAGE.replace("&", "&amp;")}&amp;severity=low">Look again</a>' in page.text
    assert answer.headers["retry-after"] == "3"
    assert answer.json() == {"then": "before", "now": "after", "done": 20, "of": 3_000}
