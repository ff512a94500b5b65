"""Decisions that weaknesses need no action, taken in the browser and over the API."""

import re

import httpx
import pytest

FINDINGS = "/pipelines/after/findings"
DECISIONS = "/pipelines/after/suppressions"
API = f"/api/v1{DECISIONS}"
MADE = {"fingerprint": "v2-kept", "app": "openai/gpt-4o/app1", "who": "Ada", "why": "test data"}


async def states(client: httpx.AsyncClient) -> dict[str, str]:
    found = (await client.get(f"/api/v1{FINDINGS}?state=suppressed")).json()["findings"]
    return {
        item["weakness"]["finding"]["fingerprint"]: item["weakness"]["suppression"]["why"]
        for item in found
    }


async def test_a_weakness_is_suppressed_from_the_list(operator: httpx.AsyncClient):
    text = (await operator.get(f"{FINDINGS}?severity=high")).text
    link = re.findall(r'href="([^"]+suppressions/new\?[^"]+)"', text)[0].replace("&amp;", "&")
    form = (await operator.get(link)).text
    assert 'value="v2-kept"' in form
    assert 'value="operator"' in form

    data = {**MADE, "back": re.findall(r'name="back" value="([^"]*)"', form)[0]}
    answer = await operator.post(DECISIONS, data=data)

    assert answer.status_code == 303
    assert answer.headers["location"] == f"{FINDINGS}?severity=high&told=suppressed"
    assert await states(operator) == {"v2-kept": "test data"}
    shown = (await operator.get(answer.headers["location"])).text
    assert "It needs no action from now on" in shown
    assert "Ada: test data" in shown


@pytest.mark.parametrize(
    ("wrong", "cause"),
    [
        ({"why": ""}, "why"),
        ({"fingerprint": "v2-none"}, "no weakness of pipeline after has the fingerprint v2-none"),
        ({"until": "2001-01-01"}, "it would never hold"),
        ({"until": "soon"}, "until"),
        ({"rule": "B608"}, "fingerprint alone"),
    ],
)
async def test_a_refused_decision_is_shown_again(
    operator: httpx.AsyncClient, wrong: dict[str, str], cause: str
):
    answer = await operator.post(DECISIONS, data={**MADE, "who": "Ada <b>", **wrong})

    assert answer.status_code == 400
    assert cause in answer.text
    assert 'value="Ada &lt;b&gt;"' in answer.text
    assert await states(operator) == {}


async def test_what_is_missing_is_told_in_the_words_of_the_form(operator: httpx.AsyncClient):
    answer = await operator.post(DECISIONS, data={"rule": "B608", "why": "generated"})

    assert answer.status_code == 400
    assert "give a fingerprint, or a rule and a path" in answer.text
    assert "--" not in answer.text


async def test_a_decision_for_every_app_names_none(operator: httpx.AsyncClient):
    await operator.post(DECISIONS, data={**MADE, "scope": "every"})

    (kept,) = (await operator.get(API)).json()["decisions"]
    assert kept["suppression"]["app"] == ""


async def test_a_decision_is_taken_back_with_a_reason(operator: httpx.AsyncClient):
    await operator.post(API, json=MADE)
    key = {"fingerprint": "v2-kept", "app": MADE["app"]}
    refused = await operator.post(f"{DECISIONS}/withdraw", data=key)
    kept = await states(operator)
    answer = await operator.post(f"{DECISIONS}/withdraw", data={**key, "why": "it is real"})

    assert refused.status_code == 400
    assert "taken back with a reason" in refused.text
    assert kept
    assert answer.headers["location"] == f"{DECISIONS}?told=withdrawn"
    assert await states(operator) == {}


async def test_every_change_is_in_the_log_with_its_reason(operator: httpx.AsyncClient):
    await operator.post(API, json=MADE)
    await operator.post(f"{API}/withdraw", json={**MADE, "why": "it is real"})
    log = (await operator.get("/audit")).text

    assert "test data" in log
    assert "it is real" in log


async def test_a_decision_that_is_not_there_cannot_be_taken_back(operator: httpx.AsyncClient):
    answer = await operator.post(f"{API}/withdraw", json=MADE)

    assert answer.status_code == 400
    assert "no decision about exactly this" in answer.json()["detail"]


async def test_decisions_are_a_file_to_review(operator: httpx.AsyncClient):
    await operator.post(API, json=MADE)
    answer = await operator.get(f"{DECISIONS}/file")

    assert "why: test data" in answer.text
    assert 'filename="suppressions.yaml"' in answer.headers["content-disposition"]


async def test_a_reader_decides_nothing(web: httpx.AsyncClient):
    for url in (DECISIONS, API):
        answer = await web.post(url, data=MADE)
        assert answer.status_code in (401, 403)
