"""Addresses of the pages: the only maker of links."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from contract.ids import safe_model
from contract.spec import AppRef

API = "/api/v1"


def pipeline_url(pipeline_id: str, page: str = "") -> str:
    """A page of a pipeline; `page`: `findings`, `models`, ...; empty: the live one."""
    base = f"/pipelines/{quote(pipeline_id, safe='')}"
    return f"{base}/{page}" if page else base


def app_url(pipeline_id: str, ref: AppRef, part: str = "") -> str:
    """The page of an app, or something below it.

    The model is one segment in the safe form of its name, encoded once more, so that neither a
    browser nor a proxy takes a slash or dots in it for folders.
    """
    model = quote(safe_model(ref.model), safe="")
    base = f"{pipeline_url(pipeline_id)}/apps/{model}/app{ref.app_number}"
    return f"{base}/{part}" if part else base


def findings_url(pipeline_id: str, **filters: str) -> str:
    """The findings of a pipeline that a filter leaves."""
    return with_query(pipeline_url(pipeline_id, "findings"), filters)


def with_query(url: str, query: Mapping[str, str]) -> str:
    """`url` with those parameters that are not empty."""
    text = urlencode({name: value for name, value in query.items() if value})
    return f"{url}?{text}" if text else url


def files_url(pipeline_id: str, ref: AppRef, key: str, member: str = "") -> str:
    """A file of an app, which may be hostile; `member`: of the archive that the key stands for."""
    model = quote(safe_model(ref.model), safe="")
    app = f"{quote(pipeline_id, safe='')}/{model}/app{ref.app_number}"
    return with_query(f"/files/{app}/{key.rpartition('/')[2]}", {"member": member})


def login_url(to: str) -> str:
    """The page to log in, which leads to `to`."""
    return with_query("/login", {"next": to})


def spec_url(name: str, part: str = "") -> str:
    """The page of a spec that was written, or something below it."""
    base = f"/specs/{quote(name, safe='')}"
    return f"{base}/{part}" if part else base
