"""Addresses of the pages: the only maker of links."""

from collections.abc import Iterable, Mapping, Sequence
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


def finding_url(pipeline_id: str, ref: AppRef, fingerprint: str, occurrence: int = 0) -> str:
    """The page of one weakness of an app."""
    query = {"id": fingerprint, "n": str(occurrence) if occurrence else ""}
    return with_query(app_url(pipeline_id, ref, "finding"), query)


def findings_url(pipeline_id: str, **filters: str) -> str:
    """The findings of a pipeline that a filter leaves."""
    return with_query(pipeline_url(pipeline_id, "findings"), filters)


def with_query(url: str, query: Mapping[str, str | Sequence[str]]) -> str:
    """`url` with those parameters that are not empty; one with several values is there for each."""
    text = urlencode({name: value for name, value in query.items() if value}, doseq=True)
    return f"{url}?{text}" if text else url


def with_pairs(url: str, pairs: Iterable[tuple[str, str]]) -> str:
    """`url` with parameters of which one name may be there several times; empty ones are not."""
    text = urlencode([(name, value) for name, value in pairs if value])
    return f"{url}?{text}" if text else url


def export_url(pipeline_id: str, form: str, pairs: Iterable[tuple[str, str]]) -> str:
    """What a filter leaves of the findings, as a file: `csv`, `json`, `sarif`."""
    url = f"{API}{pipeline_url(pipeline_id, 'findings')}/export"
    return with_pairs(url, [*pairs, ("form", form)])


def suppressions_url(pipeline_id: str, part: str = "") -> str:
    """The decisions for a pipeline, or something below them."""
    return pipeline_url(pipeline_id, f"suppressions/{part}" if part else "suppressions")


def suppress_url(pipeline_id: str, fingerprint: str, app: str = "", back: str = "") -> str:
    """The form of a decision about a weakness; `back`: the query of the list that it was in."""
    query = {"fingerprint": fingerprint, "app": app, "back": back}
    return with_query(suppressions_url(pipeline_id, "new"), query)


def compare_url(then: str = "", now: str = "", pairs: Iterable[tuple[str, str]] = ()) -> str:
    """Two pipelines side by side; without them: the page on which to choose them."""
    return with_pairs("/compare", [("then", then), ("now", now), *pairs])


def files_url(pipeline_id: str, ref: AppRef, key: str, member: str = "") -> str:
    """A file of an app, which may be hostile; `member`: of the archive that the key stands for."""
    model = quote(safe_model(ref.model), safe="")
    app = f"{quote(pipeline_id, safe='')}/{model}/app{ref.app_number}"
    return with_query(f"/files/{app}/{key.rpartition('/')[2]}", {"member": member})


def login_url(to: str) -> str:
    """The page to log in, which leads to `to`."""
    return with_query("/login", {"next": to})


def schedule_url(name: str, what: str) -> str:
    """Where a form asks for a change of a recurring scan."""
    return f"/schedules/{quote(name, safe='')}/{what}"


def spec_url(name: str, part: str = "") -> str:
    """The page of a spec that was written, or something below it."""
    base = f"/specs/{quote(name, safe='')}"
    return f"{base}/{part}" if part else base
