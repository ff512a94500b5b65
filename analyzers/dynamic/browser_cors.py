"""CORS failures that only our own origin causes are no findings.

An app allows the origin under which its author opens it. Where that origin is known, pages are
opened under it and a failure is the app's. Where another origin is possible (`127.0.0.1` for
`localhost`, a port that no compose file publishes), we ask the app: a request that it allows from
there would not have failed.
"""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from analyzers.dynamic.bounds import Budget
from analyzers.dynamic.http import BoundedClient
from analyzers.runtime.live.origins import Origins
from contract.analysis import Target

_BLOCKED = re.compile(
    r"Access to .{1,40}? at '(?P<url>[^']+)'(?: \(redirected from '[^']+'\))?"
    r" from origin '(?P<origin>[^']+)' has been blocked by CORS policy: (?P<why>.*)",
    re.DOTALL,
)
# Refused for its origin, and not for a header, a method or a wildcard.
_ORIGIN = re.compile(
    r"No 'Access-Control-Allow-Origin' header|not equal to the supplied origin|HTTP ok status"
)
# A script's error when the browser kept the answer of a request from it.
_CONSEQUENCE = re.compile(r"Failed to fetch|NetworkError|Network Error|Load failed", re.IGNORECASE)
_MAX_ASKED = 20
_MAX_ORIGINS = 12

Rows = list[dict[str, Any]]


async def without_own_cors(
    rows: Rows, targets: Sequence[Target], origins: Origins, expected: Sequence[str]
) -> tuple[Rows, list[str]]:
    """`rows` without failures that would not occur under an `expected` origin, and their notes."""
    notes: dict[str, None] = {}
    verdicts: dict[tuple[str, str, bool], str] = {}
    kept: Rows = []
    for row in rows:
        excused = set[str]()
        for event in row.get("events") or []:
            found = _BLOCKED.match(event["text"]) if event["kind"] == "console-error" else None
            if found is None or not _ORIGIN.search(found["why"]):
                continue
            url, origin, preflight = found["url"], found["origin"], "preflight" in found["why"]
            key = (url, origin, preflight)
            if key not in verdicts and len(verdicts) < _MAX_ASKED:
                others = [other for other in expected if other != origin][:_MAX_ORIGINS]
                verdicts[key] = await _let_in(url, others, preflight, targets, origins)
            if other := verdicts.get(key):
                excused.add(url)
                where = f"{urlsplit(url).netloc} lets in {other}"
                notes[f"no finding: {where}, and the page was opened as {origin} here"] = None
        kept.append({**row, "events": _others(row, excused)} if excused else row)
    return kept, list(notes)


def _others(row: dict[str, Any], excused: set[str]) -> list[dict[str, Any]]:
    """Events of a page without the excused requests and their consequences."""

    def is_of_them(event: dict[str, Any]) -> bool:
        found = _BLOCKED.match(event["text"])
        named = found["url"] if found else event["url"]
        consequence = event["kind"] in {"console-error", "page-error"}
        return named in excused or (consequence and bool(_CONSEQUENCE.search(event["text"])))

    return [event for event in row["events"] if not is_of_them(event)]


async def _let_in(
    url: str, others: Sequence[str], preflight: bool, targets: Sequence[Target], origins: Origins
) -> str:
    """The first of `others` that the service behind `url` allows; empty: none, or not the app's.

    We ask as the browser did: a preflight changes nothing, and a plain request was a GET.
    """
    target = origins.behind(url, targets)
    if target is None:
        return ""
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    budget = Budget(max_requests=_MAX_ORIGINS, limit_s=20)
    async with BoundedClient(target, budget) as client:
        for origin in others:
            headers = {"Origin": origin}
            if preflight:
                headers |= {"Access-Control-Request-Method": "GET"}
            answer = await client.send("OPTIONS" if preflight else "GET", path, headers=headers)
            if answer is None or (preflight and not answer.ok):
                continue
            if answer.headers.get("access-control-allow-origin", "") == origin:
                return origin
    return ""
