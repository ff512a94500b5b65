"""The findings of a fleet: filters, pages, files and decisions."""

import csv
import io
import json
import re
import zipfile
from pathlib import Path

import httpx
import pytest

from control.findings import Findings
from tests.support.dashboard_site import browsing, site_of

PAGE = "/pipelines/after/findings"
API = "/api/v1/pipelines/after/findings"


def rows(text: str) -> list[str]:
    """The places of a page's list."""
    return re.findall(r"<code>(src/\w+\.py:7)</code>", text)


async def test_a_list_says_what_nobody_measured(web: httpx.AsyncClient):
    text = (await web.get(PAGE)).text

    assert rows(text) == ["src/fresh.py:7", "src/kept.py:7", "src/other.py:7"]
    assert "not known: static/bandit on 1 app (infra_failed)" in text
    assert "Looks at an app that they measured: 2 of 3." in text


async def test_a_row_leads_to_its_weakness_and_its_app(web: httpx.AsyncClient):
    text = (await web.get(f"{PAGE}?text=fresh")).text
    links = re.findall(r'href="(/pipelines/after/apps/[^"]+)"', text)

    assert len(links) == 2
    for link in links:
        assert "fresh" in (await web.get(link.replace("&amp;", "&"))).text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("severity=critical", ["fresh"]),
        ("app=openai/gpt-4o/app4", ["other"]),
        ("state=new", ["fresh"]),
        ("state=new&state=unchanged", ["fresh", "kept"]),
        ("cwe=89&tool=bandit&owasp=A03&family=sql-injection", ["fresh", "kept", "other"]),
        ("text=SRC/KEPT", ["kept"]),
        ("text=of+fresh+%3Cb%3E", ["fresh"]),
        ("text=no+such+words", []),
        ("category=quality", []),
        ("model=&app=&tool=&category=&text=", ["fresh", "kept", "other"]),
    ],
)
async def test_filters(web: httpx.AsyncClient, query: str, expected: list[str]):
    text = (await web.get(f"{PAGE}?{query}")).text
    answer = (await web.get(f"{API}?{query}")).json()

    assert rows(text) == [f"src/{name}.py:7" for name in expected]
    places = [item["weakness"]["finding"]["location"]["path"] for item in answer["findings"]]
    assert places == [f"src/{name}.py" for name in expected]


async def test_an_empty_list_is_no_zero_while_something_was_not_measured(web: httpx.AsyncClient):
    text = (await web.get(f"{PAGE}?text=nowhere")).text

    assert "none is listed" in text
    assert ">0 weaknesses" not in text


async def test_of_what_no_tool_looks_for_nothing_is_known(web: httpx.AsyncClient):
    text = (await web.get(f"{PAGE}?category=requirement")).text

    assert "no tool of those that were asked looks for this" in text
    assert "none is listed" in text


async def test_an_app_that_nobody_measured_has_no_zero(web: httpx.AsyncClient):
    text = (await web.get(f"{PAGE}?app=openai/gpt-4o/app2")).text

    assert "no tool that looks for this has measured an app" in text
    assert "none is listed" in text


@pytest.mark.parametrize(
    ("query", "cause"),
    [
        ("cwe=many", "is no CWE"),
        ("tool=bandid", "no tool bandid ran"),
        ("severity=worst", "severity"),
        ("app=nobody", "names no app"),
        ("after=xyz", "the cursor is no cursor"),
        ("text=" + "x" * 5_000, "at most 200 characters"),
    ],
)
async def test_a_wrong_filter_is_shown_again_with_what_is_wrong(
    web: httpx.AsyncClient, query: str, cause: str
):
    name, _, value = query.partition("=")
    page, problem = await web.get(f"{PAGE}?{query}"), await web.get(f"{API}?{query}")

    assert page.status_code == problem.status_code == 400
    assert cause in page.text.replace("&#39;", "'")
    assert "Traceback" not in page.text
    assert problem.headers["content-type"] == "application/problem+json"
    if name != "after":
        assert f'value="{value[:500]}"' in page.text


async def test_a_pipeline_that_is_not_there(web: httpx.AsyncClient):
    for url in ("/pipelines/gone/findings", "/api/v1/pipelines/gone/findings/export"):
        answer = await web.get(url)
        assert answer.status_code == 404
        assert "no pipeline" in answer.text


async def test_what_is_fixed_is_listed_by_the_comparison(web: httpx.AsyncClient):
    answer = await web.get(f"{PAGE}?state=fixed&severity=medium")

    assert answer.status_code == 303
    expected = "/compare?then=before&now=after&state=fixed&severity=medium"
    assert answer.headers["location"] == expected


async def test_pages_hold_each_weakness_once(web: httpx.AsyncClient):
    seen: list[str] = []
    after = ""
    while after is not None:
        answer = (await web.get(API, params={"limit": 1, "after": after})).json()
        seen += [item["weakness"]["finding"]["fingerprint"] for item in answer["findings"]]
        after = answer["after"]

    assert seen == ["v2-fresh", "v2-kept", "v2-other"]


async def test_a_cursor_is_good_for_its_own_question(web: httpx.AsyncClient):
    after = (await web.get(API, params={"limit": 1})).json()["after"]
    other = await web.get(API, params={"limit": 1, "after": after, "severity": "high"})

    assert other.status_code == 400
    assert "another question" in other.json()["detail"]


async def test_what_is_filtered_is_exported_whole(web: httpx.AsyncClient):
    query = {"state": ["new", "unchanged"]}
    table, document, log = [
        await web.get(f"{API}/export", params={**query, "form": form})
        for form in ("csv", "json", "sarif")
    ]

    with zipfile.ZipFile(io.BytesIO(table.content)) as folder:
        names = folder.namelist()
        lines = list(csv.DictReader(folder.read("findings.csv").decode().splitlines()))
    assert names == ["findings.csv", "not_known.csv"]
    assert [line["path"] for line in lines] == ["src/fresh.py", "src/kept.py"]
    assert not any(line["message"].startswith("=") for line in lines)
    found = Findings.model_validate_json(document.text)
    assert [item.weakness.finding.fingerprint for item in found.findings] == ["v2-fresh", "v2-kept"]
    assert found.not_measured
    assert len(json.loads(log.text)["runs"][0]["results"]) == 2
    assert "attachment" in table.headers["content-disposition"]


async def test_an_export_of_a_wrong_question_is_no_file(web: httpx.AsyncClient):
    answer = await web.get(f"{API}/export", params={"tool": "bandid"})

    assert answer.status_code == 400
    assert "no tool bandid" in answer.json()["detail"]


async def test_only_whoever_may_change_decides(recorded: Path):
    async with browsing(site_of(recorded), address="192.0.2.7") as far:
        answer = await far.post("/pipelines/after/suppressions", data={"fingerprint": "v2-kept"})

    assert answer.status_code in (401, 403)
