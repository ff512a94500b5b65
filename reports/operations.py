"""Operations of an app, as tools name them in what they reached and left out. Pure.

Probes write `app GET /notes/7?page=1`, the browser `app /notes`, some leave out the service.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

_PARAMETER = re.compile(r"\{[^/}]*\}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
_QUERY = re.compile(r"[?#]")


@dataclass(frozen=True, slots=True)
class Named:
    """An operation as a tool names it.

    Attributes:
        service: empty: the tool names none.
        request: `GET /notes/7`.
    """

    service: str
    request: str


@lru_cache(maxsize=1_000)  # the names of one app are asked about for each of its findings
def named(told: str) -> Named | None:
    """The operation that a text begins with; None: it names none.

    >>> named("app GET /notes/7?page=1"), named("app /notes"), named("module sql")
    (Named(service='app', request='GET /notes/7'), Named(service='app', request='GET /notes'), None)
    """
    words = told.split(" ")
    at = next((place for place, word in enumerate(words) if word.startswith("/")), None)
    if at is None:
        return None
    before = words[:at]
    method = before.pop() if before and before[-1].upper() in _METHODS else "GET"
    path = _QUERY.split(words[at].rstrip(":"))[0]
    return Named(" ".join(before), f"{method.upper()} {path}")


def key_of(method: str, path: str) -> str:
    """`GET /notes/{}`: equal for operations that differ only in the names of parameters."""
    return f"{method.upper()} {_PARAMETER.sub('{}', path.rstrip('/') or '/')}"


def fits(wanted: str, request: str) -> bool:
    """Whether a request is one to this operation, segment by segment.

    Args:
        wanted: the operation, as `key_of` makes it.
        request: as `Named` has it.

    >>> fits("GET /notes/{}", "GET /notes/7"), fits("GET /notes/{}", "GET /notes/7/tags")
    (True, False)
    """
    given = request if request.endswith(" /") else request.rstrip("/")
    if "{}" not in wanted or wanted.count("/") != given.count("/"):
        return wanted == given
    return all(
        part == other or (part == "{}" and other != "")
        for part, other in zip(wanted.split("/"), given.split("/"), strict=True)
    )
