"""What a reverse proxy says of who asks, and what its clients try to say in its place."""

import shutil
from pathlib import Path

import httpx
import pytest

from contract.access import Scope
from dashboard.site import Doors, Site
from tests.support.dashboard_site import browsing, site_of, token_for

PROXY = "198.51.100.2"
FORGED, TRUE = "192.0.2.66", "192.0.2.7"
DOORS = Doors(hosts=("lab",), proxy=PROXY, proxy_scopes_header="X-Scopes")
BEA = ("X-Forwarded-User", "bea")


@pytest.fixture
def site(tmp_path: Path, empty_store: Path) -> Site:
    shutil.copytree(empty_store, tmp_path, dirs_exist_ok=True)
    return site_of(tmp_path, doors=DOORS)


async def me(site: Site, *lines: tuple[str, str]) -> httpx.Response:
    """Whom the dashboard takes a request of the proxy with these header lines for."""
    async with browsing(site, PROXY, Host="lab") as web:
        return await web.get("/api/v1/me", headers=list(lines))


@pytest.mark.parametrize("name", ["-", "X-Scopes", "X-Forwarded-Scopes"])
async def test_without_a_header_for_scopes_none_gives_any(site: Site, name: str):
    site = site_of(site.data_dir, doors=Doors(hosts=("lab",), proxy=PROXY))
    answer = await me(site, BEA, (name, "operate"))

    assert answer.json()["scopes"] == ["read"]


@pytest.mark.parametrize(
    "lines",
    [
        [("X-Forwarded-For", FORGED), ("X-Forwarded-For", TRUE)],
        [("X-Forwarded-For", f"{FORGED}, {TRUE}")],
        [("X-Forwarded-For", f"{FORGED}, {FORGED}"), ("X-Forwarded-For", f"{FORGED},{TRUE}")],
    ],
)
async def test_the_address_is_what_the_proxy_added_last(site: Site, lines: list[tuple[str, str]]):
    assert (await me(site, BEA, *lines)).json()["address"] == TRUE


async def test_two_names_are_nobody(site: Site):
    answer = await me(site, ("X-Forwarded-User", "boss"), ("X-Forwarded-User", "eve"))

    assert answer.status_code == 401


async def test_scopes_that_are_said_twice_give_none_but_to_read(site: Site):
    answer = await me(site, BEA, ("X-Scopes", "operate"), ("X-Scopes", "read"))

    assert answer.json()["scopes"] == ["read"]


@pytest.mark.parametrize("text", ["Basic YTpi", "Bearer eyJhbGciOi.e30.x", "Negotiate abc"])
async def test_what_it_hands_on_of_its_own_login_changes_nothing(site: Site, text: str):
    async with browsing(site, PROXY, Host="lab", Authorization=text) as web:
        answers = [await web.get("/api/v1/me", headers=[BEA]) for _ in range(12)]

    assert {answer.status_code for answer in answers} == {200}
    assert answers[-1].json()["name"] == "bea"


async def test_its_own_login_is_no_sign_of_a_program(site: Site):
    """A browser sends what the proxy adds a bearer to: a form of somebody else may be behind it."""
    headers = {"X-Forwarded-User": "bea", "X-Scopes": "operate", "Authorization": "Bearer eyJ"}
    async with browsing(site, PROXY, Host="lab", **headers) as web:
        answer = await web.post("/api/v1/tokens/x/revoke")

    assert answer.status_code == 403
    assert "by a page of this dashboard" in answer.json()["detail"]


async def test_a_token_of_ours_counts_more_than_the_name(site: Site):
    token = await token_for(site, Scope.READ, name="ana")
    right = await me(site, BEA, ("Authorization", f"Bearer {token}"))
    wrong = await me(site, BEA, ("Authorization", "Bearer assay_wrong"))

    assert right.json()["name"] == "ana"
    assert wrong.status_code == 401


async def test_other_ways_to_log_in_are_no_tries(site: Site):
    async with browsing(site, TRUE, Host="lab", Authorization="Basic YTpi") as web:
        tries = [(await web.get("/api/v1/me")).status_code for _ in range(12)]

    assert set(tries) == {401}
