"""An app that attacks by every text it can choose: no page runs, styles or hides anything of it."""

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio
from fastapi.routing import APIRoute

from contract.access import Change
from contract.ids import safe_model
from control.access_kept import KeptAccess
from control.audit import AuditLog
from dashboard.shown import shown
from tests.support.dashboard_site import operating, site_of
from tests.support.every_route import page_routes
from tests.support.hostile_installation import (
    EVIL,
    MARKUP,
    OTHER,
    PIPELINE,
    REF,
    archive_at,
    hostile_installation,
)
from tests.support.page_checks import wrong_in


def named(route: APIRoute) -> str:
    return route.path


# Answers without end; the page that they belong to is made of the same templates.
READ = [route for route in page_routes("GET") if not route.path.endswith("/events")]
CHANGE = page_routes("POST")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    await hostile_installation(folder)
    kept = KeptAccess(site_of(folder).stored)
    change = Change(who=EVIL, action=MARKUP[:60], subject=EVIL, detail=EVIL, address=EVIL)
    async with AuditLog(kept).keeping(change):
        pass
    await kept.close()
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def web(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with operating(site_of(folder), name="reader") as client:
        yield client


async def address(route: APIRoute, folder: Path, ref: Any = REF) -> str:
    """The route for the hostile app; what else it names gets the attack."""
    known = {
        "pipeline_id": PIPELINE,
        "model": quote(safe_model(ref.model), safe=""),
        "app": f"app{ref.app_number}",
        "sha256": (await archive_at(folder)).sha256,
        "fingerprint": quote(f"v2-{MARKUP}0", safe=""),
        "occurrence": "0",
        "at": "0",
    }
    evil = quote(MARKUP.replace("/", ""), safe="")
    return re.sub(r"\{(\w+)[^}]*\}", lambda found: known.get(found[1], evil), route.path)


def require_harmless(answer: httpx.Response) -> None:
    policy = answer.headers["content-security-policy"]
    if answer.headers.get("content-type", "").startswith("text/html"):
        assert wrong_in(answer.text, policy) == []
        assert "script-src 'nonce-" in policy
    elif answer.status_code == 200:
        kept = answer.headers.get("content-disposition", "").startswith("attachment")
        assert kept or answer.headers["content-type"] in ("image/png", "image/jpeg")
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.status_code != 500, answer.text


def queries(route: APIRoute) -> set[str]:
    """Names of what the route may be asked; also those of a model of parameters."""
    found: set[str] = set()
    for field in route.dependant.query_params:
        model = field.field_info.annotation
        inner = getattr(model, "model_fields", None)
        found |= set(inner) if inner else {field.alias}
    return found


@pytest.mark.parametrize("route", READ, ids=named)
async def test_a_page_stays_a_page(web: httpx.AsyncClient, folder: Path, route: APIRoute):
    needed = {"id": f"v2-{MARKUP}0", "old": PIPELINE, "new": PIPELINE}
    asked = {name: text for name, text in needed.items() if name in queries(route)}
    for ref in (REF, OTHER):
        where = await address(route, folder, ref)
        require_harmless(await web.get(where))
        require_harmless(await web.get(where, params=asked))


@pytest.mark.parametrize("route", READ, ids=named)
async def test_a_query_stays_a_query(web: httpx.AsyncClient, folder: Path, route: APIRoute):
    names = queries(route) | {"after", "next", "q", "who"}
    where = await address(route, folder)
    require_harmless(await web.get(where, params=dict.fromkeys(names, EVIL)))
    for name in names:
        require_harmless(await web.get(where, params={name: MARKUP[:60]}))


@pytest.mark.parametrize("route", CHANGE, ids=named)
async def test_what_was_typed_stays_what_was_typed(folder: Path, tmp_path: Path, route: APIRoute):
    copy = shutil.copytree(folder, tmp_path / "changed")
    fields = {field.alias for field in route.dependant.body_params} | {"why", "next", "id"}
    models = (field.field_info.annotation for field in route.dependant.body_params)
    fields |= {name for model in models for name in getattr(model, "model_fields", ())}
    async with operating(site_of(copy)) as web:
        where = await address(route, copy)
        require_harmless(await web.post(where, data=dict.fromkeys(fields, EVIL)))


async def test_the_attack_is_in_the_pages(web: httpx.AsyncClient, folder: Path):
    """Else the other tests would prove nothing."""
    every = [await web.get(await address(route, folder)) for route in READ]
    shown = [page for page in every if "&lt;evil onevil" in page.text and page.status_code == 200]
    page = await web.get("/audit")

    assert len(shown) >= 10

    assert "&#39;&#34;&gt;&lt;evil onevil=evil() style=evil&gt;&lt;script&gt;" in page.text
    assert "\\x1b[31m\\u202e\ufffd\\x07" in page.text


@pytest.mark.parametrize(
    "text",
    [
        "<p onclick=x>",
        "<p style='a:b'>",
        "<script>x()</script>",
        "<script nonce='abc'>x()</script>",
        "<script src='/static/x.js'></script>",
        "<a href='javascript:x()'>",
        "<a href='java\tscript:x()'>",
        "<iframe>",
        "<evil>",
        "<!--evil",
        "\x1b[31m",
        "829348951",
    ],
)
def test_the_check_finds_what_it_looks_for(text: str):
    assert wrong_in(f"<p>{text}</p>-->", "script-src 'nonce-abc'")


def test_letters_that_nobody_sees_are_shown():
    assert shown("a\x1b[31m\u202eb\ud800\r\n\té") == "a\\x1b[31m\\u202eb\\ud800\r\n\té"
    assert shown(7) == 7
