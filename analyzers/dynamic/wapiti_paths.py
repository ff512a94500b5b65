"""Where wapiti's crawl begins, and where it must not go. Pure functions."""

import re
from typing import Any

from analyzers.dynamic.crawl import Page
from analyzers.dynamic.probe import is_safe
from analyzers.dynamic.surface import ServiceSurface

# For its own crawl: it has no list of links that must not be followed.
UNSAFE = (
    *("*/logout*", "*/log-out*", "*/signout*", "*/delete*", "*/remove*", "*/reset*"),
    *("*/drop", "*/seed", "*/init", "*/init-db", "*/init_db", "*/initdb"),
)


def start_paths(surface: ServiceSurface) -> list[str]:
    """GET operations with a value for each query parameter, as wapiti's command line takes them."""
    found = []
    for operation in surface.operations:
        if operation.method != "GET" or not is_safe(operation):
            continue
        query = "&".join(f"{item.name}={item.example or 'a'}" for item in operation.named("query"))
        found.append(operation.url() + (f"?{query}" if query else ""))
    return [path for path in found if re.fullmatch(r"/[\w./?=&%~+-]*", path)]


def leaving_paths(surface: ServiceSurface) -> list[str]:
    """Paths whose GET would end the session or change something else."""
    gets = [operation for operation in surface.operations if operation.method == "GET"]
    return [get.url() for get in gets if not is_safe(get)][:30]


def is_attackable(crawled: list[dict[str, Any]], starts: list[str]) -> bool:
    """Whether the crawl met anything that takes input; reports with answers leave out queries.

    Args:
        crawled: its requests, with their answers.
        starts: the paths that it started from.
    """
    if any("?" in path for path in starts):
        return True
    return any(
        "?" in request["url"] or request["post_params"] or _asks(request) for request in crawled
    )


def _asks(row: dict[str, Any]) -> bool:
    """Whether a page of the crawl has a form, or a link with a query."""
    page = Page(str((row.get("response") or {}).get("body") or ""))
    return bool(page.forms) or any("?" in link for link in page.links)
