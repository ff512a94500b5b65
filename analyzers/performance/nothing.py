"""Why there is nothing to load, and whose fault that is, by how everything answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from analyzers.performance.openloop.limits import TOO_MANY
from analyzers.performance.probe import Answer
from analyzers.runtime import blame
from analyzers.runtime.live.answers import LOGIN_PATH, Unseen
from analyzers.runtime.tool import NotMeasured

_NAMED = 8
_MISSING = frozenset({404, 405, 410})
_LOGIN = frozenset({401, 403, 407})


class Kind(StrEnum):
    """The kinds of answers that cannot be loaded."""

    SERVER_ERROR = "server error"
    SILENT = "no answer in time"
    UNREACHABLE = "no connection"
    HTTPS = "only https"
    LOGIN = "login"
    LIMITED = "rate limited"
    MISSING = "not there"
    FALLBACK = "fallback page"
    WRITES = "changes state"
    NO_PAGE = "no HTML"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Miss:
    """One operation that cannot be loaded.

    Attributes:
        operation: its name.
        reason: for the report, the status first.
        wait_s: when a limited client may ask again.
    """

    operation: str
    kind: Kind
    reason: str
    wait_s: float | None = None


def miss_of(answer: Answer, unseen: Unseen | None, where: str) -> Miss | None:
    """Why `answer` cannot be loaded; None where it can.

    Args:
        answer: the last of a chain of redirects.
        unseen: the result of the comparison with random paths.
        where: the path at the end of the chain.
    """
    kind = _kind(answer, unseen, where)
    if kind is None:
        return None
    shown = answer.text
    if kind is Kind.FALLBACK and answer.ok:
        shown = "same page as for an unknown path"
    elif kind is Kind.LOGIN and answer.ok:
        shown = f"redirects to a login at {where}"
    elif kind is Kind.LIMITED and answer.wait_s is not None:
        shown = f"{answer.text} (rate limit, again in {answer.wait_s:.0f} s)"
    elif answer.location:
        shown = f"{answer.text} to {answer.location[:200]}"
    return Miss("", kind, shown, answer.wait_s)


def _kind(answer: Answer, unseen: Unseen | None, where: str) -> Kind | None:
    if answer.unreachable:
        return Kind.UNREACHABLE
    if answer.silent:
        return Kind.SILENT
    if answer.status == TOO_MANY or (unseen is Unseen.RATE_LIMITED and answer.status == 403):
        return Kind.LIMITED
    if answer.status >= 500:
        return Kind.SERVER_ERROR
    if unseen is Unseen.TO_LOGIN or answer.status in _LOGIN or LOGIN_PATH.search(answer.location):
        return Kind.LOGIN
    if answer.status in _MISSING:
        return Kind.MISSING
    if unseen in {Unseen.LIKE_RANDOM, Unseen.SAME_REFUSAL}:
        return Kind.FALLBACK
    return None if answer.ok else Kind.OTHER


def nothing_to_load(
    misses: Sequence[Miss], *, reached: bool, only_writes: bool = False, unread: str = ""
) -> NotMeasured:
    """The verdict on an app without any operation that can be loaded.

    Args:
        misses: all requests that failed.
        reached: whether any connection was made.
        only_writes: whether all routes could be read, and each of them changes state.
        unread: why not all routes could be read.
    """
    listed = ", ".join(f"{miss.operation} {miss.reason}" for miss in misses[:_NAMED])
    if not reached:
        text = f"cannot reach the app from here: {listed}: check the target's address and network"
        return blame.verdict("load-unreachable", text)
    key, words = _row({miss.kind for miss in misses}, only_writes)
    gap = f"; {unread}" if unread and key in {"load-not-found", "load-nothing"} else ""
    return blame.verdict(key, f"{words}: {listed}{gap}")


def _row(kinds: set[Kind], only_writes: bool) -> tuple[str, str]:
    meaningful = kinds - {Kind.MISSING, Kind.FALLBACK, Kind.WRITES}
    if not meaningful:
        return _nothing_meaningful(kinds, only_writes)
    if meaningful == {Kind.SERVER_ERROR}:
        return "load-server-errors", "every endpoint answered non-2xx"
    if meaningful == {Kind.HTTPS}:
        return "load-https-only", "not measurable over http, it only redirects to https"
    if Kind.LIMITED in meaningful and meaningful <= {Kind.LIMITED, Kind.LOGIN}:
        return "load-rate-limited", "the app limits its clients, nothing could be asked"
    if meaningful == {Kind.LOGIN}:
        return "load-login", "everything needs a login, and a load test does not log in"
    if Kind.SILENT in meaningful and meaningful <= {Kind.SILENT, Kind.UNREACHABLE}:
        return "load-silent", "no answer in time, asked twice: slow is not dead"
    return "load-nothing", "nothing here can be loaded"


def _nothing_meaningful(kinds: set[Kind], only_writes: bool) -> tuple[str, str]:
    if only_writes:
        return "load-only-writes", "no operation only reads, and a load test changes nothing"
    if kinds <= {Kind.MISSING, Kind.WRITES}:
        return "load-not-found", "only 404 seen: declare endpoints, or serve an OpenAPI document"
    return "load-nothing", "nothing here can be loaded"
