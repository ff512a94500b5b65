"""The frame of all pages."""

import httpx


async def test_the_first_page_lists_pipelines(web: httpx.AsyncClient):
    answer = await web.get("/", follow_redirects=True)

    assert answer.status_code == 200
    assert '<a href="/pipelines/after">after</a>' in answer.text


async def test_a_page_that_is_not_there_says_so(web: httpx.AsyncClient):
    answer = await web.get("/nothing")

    assert answer.status_code == 404
    assert "there is no such page" in answer.text


async def test_a_program_gets_a_problem_document(web: httpx.AsyncClient):
    answer = await web.get("/api/v1/nothing")

    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 404
    assert answer.json()["code"] == "NOT_FOUND"
    assert "/api/v1/openapi.json" in answer.json()["next_step"]


async def test_a_page_runs_no_script_but_ours(web: httpx.AsyncClient):
    policy = (await web.get("/pipelines")).headers["content-security-policy"]

    assert "default-src 'none'" in policy
    assert "script-src 'nonce-" in policy
    assert "unsafe" not in policy


async def test_a_method_that_an_address_does_not_take_names_all_that_it_takes(web):
    answer = await web.put("/api/v1/pipelines", headers={"Authorization": "Bearer x"})

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"
