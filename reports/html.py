"""One self-contained page: no request leaves it, no script but its own may run in it."""

import base64
import hashlib
from collections.abc import Collection, Sequence
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reports import formats
from reports.model import AppReport, FleetReport
from reports.names import CSV_NAME, JSON_NAME
from reports.view import FleetView

_TEMPLATES = Path(__file__).parent / "templates"
_STYLES = ("report.css", "tables.css", "phone.css", "print.css")
_FINDINGS_IN_PAGE = 10_000


class Page:
    """Reducer: what the page shows of each app."""

    def __init__(self) -> None:
        self._apps: list[AppReport] = []

    def add(self, app: AppReport) -> None:
        """Take an app into account."""
        self._apps.append(app)

    def result(self) -> tuple[AppReport, ...]:
        """The apps so far."""
        return tuple(self._apps)


def render_html(
    report: FleetReport,
    apps: Sequence[AppReport],
    json_name: str = JSON_NAME,
    beside: Collection[str] = (),
) -> str:
    """The report for people.

    Everything an app under test may have chosen is escaped, and the page's Content-Security-Policy
    allows only the style and the script whose digests it names.

    Args:
        report: content of the page.
        apps: what `Page` kept of the apps.
        json_name: file that the page names for all that it leaves out.
        beside: names of the files in its folder; the page links to those that it knows.
    """
    environment = _environment()
    style, script = "".join(_asset(name) for name in _STYLES), _asset("report.js")
    return environment.get_template("report.html.j2").render(
        report=report,
        view=FleetView(report, apps, findings_cap(len(report.apps)), beside),
        csv_name=CSV_NAME,
        json_name=json_name,
        style=Markup(style),  # noqa: S704 (our own file)
        script=Markup(script),  # noqa: S704 (our own file)
        policy=_policy(style, script),
    )


def findings_cap(apps: int) -> int:
    """How many findings of one app the page shows, so that a large fleet still opens: 20 to 200."""
    return max(20, min(200, _FINDINGS_IN_PAGE // max(apps, 1)))


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(formats.FILTERS)
    return environment


@lru_cache(maxsize=8)
def _asset(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
