"""Self-contained pages: no request leaves them, no script but their own may run in them."""

import base64
import hashlib
from collections.abc import Collection, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from contract.spec import AppRef
from reports import formats
from reports.glance import Glance
from reports.model import AppReport, FleetReport
from reports.names import CSV_NAME, HTML_NAME, JSON_NAME
from reports.pictures.drawing import Picture
from reports.pictures.of_study import slug
from reports.view import FleetView
from reports.view_app import AppView

_TEMPLATES = Path(__file__).parent / "templates"
_STYLES = ("report.css", "tables.css", "pictures.css", "phone.css", "print.css")


def render_html(
    report: FleetReport,
    glances: Mapping[AppRef, Glance],
    beside: Collection[str] = (),
) -> str:
    """The report of a fleet for people; what it leaves out of an app is in the app's own page.

    Everything an app under test may have chosen is escaped, and the page's Content-Security-Policy
    allows only the style and the script whose digests it names.

    Args:
        report: content of the page.
        glances: what `Glances` kept of the apps.
        beside: names of the files in its folder; the page links to those that it knows.
    """
    view = FleetView(report, glances, beside)
    return _render("report.html.j2", report=report, view=view, csv_name=CSV_NAME)


def render_app(app: AppReport, beside: Collection[str] = ()) -> str:
    """The page of one app, in the folder `apps`.

    Args:
        app: content of the page.
        beside: names of the files in the folder of the report, `apps/x.json` and the like.
    """
    return _render("app_page.html.j2", view=AppView(app, beside), html_name=HTML_NAME)


def _render(template: str, **values: Any) -> str:
    style, script = report_style(), _asset("report.js")
    return (
        _environment()
        .get_template(template)
        .render(
            json_name=JSON_NAME,
            style=Markup(style),  # noqa: S704 (our own file)
            script=Markup(script),  # noqa: S704 (our own file)
            policy=_policy(style, script),
            **values,
        )
    )


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return environment_of()


def environment_of(*folders: Path) -> Environment:
    """Where templates of these folders, and those of reports, are rendered with escaping."""
    environment = Environment(
        loader=FileSystemLoader([*folders, _TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(formats.FILTERS, drawn=_drawn, slug=slug)
    return environment


def report_style() -> str:
    """The style sheet of reports."""
    return "".join(map(_asset, _STYLES))


@lru_cache(maxsize=8)
def _asset(name: str) -> str:
    """A style or script, without the indentation that only people need."""
    text = (_TEMPLATES / name).read_text(encoding="utf-8")
    return "\n".join(line.strip() for line in text.splitlines()) + "\n"


def _drawn(picture: Picture) -> Markup:
    """A picture as a part of a page; all text in it was escaped when it was drawn."""
    return Markup(picture.svg)  # noqa: S704


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
