"""A real browser in front of an app that attacks: by what it wrote, and by a page of its own."""

import asyncio
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest

from contract.ids import safe_model
from control.access import Access
from control.access_kept import KeptAccess
from tests.support.browser import Browser, browser
from tests.support.dashboard_server import serving
from tests.support.dashboard_site import site_of
from tests.support.hostile_installation import PIPELINE, REF, hostile_installation

pytestmark = pytest.mark.browser
APP = f"/pipelines/{PIPELINE}/apps/{quote(safe_model(REF.model), safe='')}/app1"
PAGES = ("/pipelines", f"/pipelines/{PIPELINE}", f"/pipelines/{PIPELINE}/findings", APP, "/audit")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("attacked")
    asyncio.run(hostile_installation(folder))
    return folder


@pytest.fixture(scope="module")
def origin(folder: Path) -> Generator[str]:
    with serving(folder) as address:
        yield address


@pytest.fixture(scope="module")
def window(origin: str) -> Generator[Browser]:
    with browser(origin) as opened:
        yield opened


def link(folder: Path, origin: str) -> str:
    """What `assay token link` prints."""

    async def made() -> str:
        kept = KeptAccess(site_of(folder).stored)
        try:
            return (await Access(kept).make_link("ana@lab")).key
        finally:
            await kept.close()

    return f"{origin}/enter?key={asyncio.run(made())}"


@pytest.fixture
def attacker(origin: str) -> Generator[str]:
    """Address of an app under test whose page posts to the dashboard."""
    page = f"""<!doctype html><title>app</title><form method="post" action="{origin}/tokens/revoke">
<input name="name" value="x"><button>Go on</button></form>"""

    class App(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), App)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_a_person_logs_in_by_link_and_out_again(window: Browser, folder: Path, origin: str):
    address = link(folder, origin)
    window("open", path="/tokens")
    assert "Log in" in window("text", selector="header")
    window("open", path=address)
    window("click", role="button", name="Log in")
    assert "ana@lab" in window("text", selector="header")
    assert window("open", path="/tokens")["status"] == 200
    assert window("open", path=address)["status"] == 401
    window("click", role="button", name="Log out")
    assert window("open", path="/tokens")["status"] == 401
    window("complaints")  # of the two 401


@pytest.mark.parametrize("path", PAGES)
def test_nothing_of_an_app_runs_in_a_page(window: Browser, path: str):
    seen = window("open", path=path)

    assert seen["status"] == 200
    assert len(seen["h1"]) == 1
    assert window("complaints") == []
    assert window("count", selector="evil, [onevil], script:not([src]), [style]") == 0


def test_a_page_of_an_app_changes_nothing_in_the_name_of_its_reader(
    window: Browser, folder: Path, origin: str, attacker: str
):
    window("open", path=link(folder, origin))
    window("click", role="button", name="Log in")
    window("open", path=attacker)
    window("click", role="button", name="Go on")

    assert "a change must be asked for by a page of this dashboard" in window(
        "text", selector="body"
    )
    window("complaints")
