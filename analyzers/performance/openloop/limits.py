"""An app's statements about its limit on clients: 429, Retry-After and RateLimit header fields.

The fields exist in several drafts and in the older `X-` form, and libraries mix them. The values
come from the app under test: a value that is no sane number is ignored.
"""

import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from contract.base import Frozen

TOO_MANY = 429
# A quota that is back this soon is a rate per second: the accepted requests can be measured.
SHORT_WAIT_S = 2.0
# This share of a slower quota is left to the tools that follow the load test.
_KEPT_SHARE = 1 / 2
_MAX_COUNT = 1e9
_MAX_WAIT_S = 86_400.0 * 31
_EPOCH_FROM = 1e9  # no reset is that many seconds away: it is a point in time
_PREFIXES = ("RateLimit-", "X-RateLimit-", "X-Rate-Limit-")
_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,9})?")
_PARAMETER = re.compile(r"\b([a-z]+)\s*=\s*(\d{1,15})\b")


class Quota(Frozen):
    """The quota in one answer; None where it is not given.

    Attributes:
        limit: requests per window; `window_s`: its length.
        remaining: requests left now; `reset_s`: seconds until the quota is complete again.
    """

    limit: float | None = None
    window_s: float | None = None
    remaining: float | None = None
    reset_s: float | None = None

    @property
    def back_s(self) -> float | None:
        """Seconds until the quota is complete again, at most a whole window."""
        return self.reset_s if self.reset_s is not None else self.window_s

    @property
    def is_to_be_kept(self) -> bool:
        """Whether the rest of the quota is for later tools: it takes long to come back."""
        if self.limit is None or self.remaining is None or self.back_s is None:
            return False
        return self.back_s > SHORT_WAIT_S and self.remaining <= self.limit * _KEPT_SHARE

    @property
    def per_s(self) -> float | None:
        """Requests per second that the quota allows in the long run."""
        return self.limit / self.window_s if self.limit and self.window_s else None


class RateLimit(Frozen):
    """How an app limited us during one series.

    Attributes:
        answered: 2xx answers from the start of the series until the limit showed.
        after_s: when it showed, from the start of the series.
        per_s: about what one client may send in the long run; None where nothing says.
        source: where `per_s` was read.
        wait_s: when the quota is back, counted from then; None where nothing says.
    """

    answered: int
    after_s: float
    per_s: float | None = None
    source: str = ""
    wait_s: float | None = None

    @property
    def text(self) -> str:
        """For a reader of the report."""
        known = f"about {self.per_s:.3g}/s per client ({self.source})" if self.per_s else "unknown"
        wait = f"; the quota is back after {self.wait_s:.0f} s" if self.wait_s else ""
        return (
            f"rate limit {known}: shown after {self.answered} answers in {self.after_s:.1f} s{wait}"
        )


def quota_of(headers: Mapping[str, str], now: float | None = None) -> Quota:
    """The quota in the header fields of one answer; the tightest policy counts.

    >>> quota_of({"RateLimit-Policy": '"day";q=1000;w=86400, "min";q=60;w=60'}).per_s
    0.011574074074074073
    """
    now = time.time() if now is None else now
    limit, window_s = _policy(headers)
    combined = dict(_PARAMETER.findall(headers.get("RateLimit", "")[:500].lower()))
    if limit is None:
        limit = _number(combined.get("limit") or _field(headers, "Limit"))
    remaining = combined.get("remaining") or combined.get("r") or _field(headers, "Remaining")
    reset = combined.get("reset") or combined.get("t") or _field(headers, "Reset")
    return Quota(
        limit=limit, window_s=window_s, remaining=_number(remaining), reset_s=_wait(reset, now)
    )


def retry_after_s(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds of `Retry-After`, a number or a date; None without a sane one."""
    now = time.time() if now is None else now
    value = headers.get("Retry-After", "").strip()[:100]
    if not value or _NUMBER.fullmatch(value):
        return _wait(value, now)
    try:
        return min(max(parsedate_to_datetime(value).timestamp() - now, 0.0), _MAX_WAIT_S)
    except (ValueError, TypeError, OverflowError):
        return None


def wait_of(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """When the quota is back: by `Retry-After`, else by the reset field."""
    asked = retry_after_s(headers, now)
    return asked if asked is not None else quota_of(headers, now).reset_s


def _policy(headers: Mapping[str, str]) -> tuple[float | None, float | None]:
    """(limit, window) of the policy that allows least; older drafts write it into the limit."""
    texts = [headers.get("RateLimit-Policy", ""), _field(headers, "Limit")]
    found: list[tuple[float, float]] = []
    for item in ",".join(texts)[:1_000].split(","):
        words = dict(_PARAMETER.findall(item.lower()))
        limit = _number(words.get("q") or item.split(";")[0].strip())
        window_s = _number(words.get("w"))
        if limit and window_s:
            found.append((limit, window_s))
    return min(found, key=lambda pair: pair[0] / pair[1], default=(None, None))


def _field(headers: Mapping[str, str], name: str) -> str:
    return next((headers[key] for prefix in _PREFIXES if (key := prefix + name) in headers), "")


def _number(text: str | None) -> float | None:
    match = _NUMBER.match((text or "").strip()[:100])
    value = float(match[0]) if match else None
    return value if value is not None and value <= _MAX_COUNT else None


def _wait(text: str | None, now: float) -> float | None:
    match = _NUMBER.match((text or "").strip()[:100])
    if not match:
        return None
    value = float(match[0])
    seconds = value - now if value >= _EPOCH_FROM else value
    return min(max(seconds, 0.0), _MAX_WAIT_S)
