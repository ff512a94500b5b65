"""Ends a series when the app limits its clients, before the quota of later tools is used up."""

from analyzers.performance.openloop.limits import (
    SHORT_WAIT_S,
    TOO_MANY,
    Quota,
    RateLimit,
    quota_of,
    wait_of,
)
from analyzers.performance.openloop.sender import Reply

# How long answers are counted after the first 429, where the quota is back at once.
_WATCH_S = 2.0


class LimitWatch:
    """Watches the answers of one series for a limit.

    Attributes:
        limit: how the app limited us; None as long as it did not.
    """

    def __init__(self) -> None:
        self.limit: RateLimit | None = None
        self._answered = 0
        self._since_onset = 0
        self._onset_s: float | None = None
        self._quota = Quota()
        self._wait_s: float | None = None
        self._why = ""

    def take(self, reply: Reply, at_s: float) -> None:
        """Take one answer, `at_s` after the start of the series."""
        if reply.status == TOO_MANY:
            self._limited(reply, at_s)
        elif 200 <= reply.status < 300:
            self._answered += self._onset_s is None
            self._since_onset += self._onset_s is not None
            if reply.headers is not None and self._onset_s is None:
                self._spending(quota_of(reply.headers), at_s)

    def reason_to_stop(self, now_s: float) -> str:
        """Why no further request is sent; empty while requests are sent."""
        if self._onset_s is None:
            return ""
        if self.is_short and now_s - self._onset_s < _WATCH_S and not self._why:
            return ""
        self._conclude(now_s)
        return self._why or f"rate limit: 429 after {self._answered} answers"

    def end_of_step(self, now_s: float) -> None:
        """The step that met a limit is over, even if its watch is not."""
        self._conclude(now_s)

    @property
    def is_short(self) -> bool:
        """Whether the quota is back at once: a rate per second, as far as the app says."""
        return self._wait_s is None or self._wait_s <= SHORT_WAIT_S

    def _limited(self, reply: Reply, at_s: float) -> None:
        if self._onset_s is not None:
            return
        self._onset_s = at_s
        headers = reply.headers or {}
        self._quota, self._wait_s = quota_of(headers), wait_of(headers)

    def _spending(self, quota: Quota, at_s: float) -> None:
        """A quota that is announced is not used up completely."""
        if quota.is_to_be_kept:
            self._onset_s, self._quota, self._wait_s = at_s, quota, quota.back_s
            self._why = (
                f"rate limit: {quota.remaining:.0f} of {quota.limit:.0f} requests are left, "
                "kept for what follows"
            )

    def _conclude(self, now_s: float) -> None:
        if self.limit is not None or self._onset_s is None:
            return
        per_s, source = self._allowed(now_s)
        self.limit = RateLimit(
            answered=self._answered,
            after_s=round(self._onset_s, 3),
            per_s=per_s,
            source=source,
            wait_s=self._wait_s,
        )

    def _allowed(self, now_s: float) -> tuple[float | None, str]:
        """About how many requests per second one client may send, and the source of that figure."""
        onset_s = self._onset_s or 0.0
        quota = self._quota
        if quota.per_s:
            return quota.per_s, f"{quota.limit:g} per {quota.window_s:g} s, as the app says"
        if not self.is_short and self._wait_s is not None:
            spent_s = onset_s + self._wait_s
            if quota.limit:
                return quota.limit / spent_s, f"{quota.limit:g} per about {spent_s:.0f} s"
            return self._answered / spent_s, f"{self._answered} answers in {spent_s:.0f} s"
        watched_s = now_s - onset_s
        if self._since_onset and watched_s >= _WATCH_S / 2:
            return self._since_onset / watched_s, f"answered in the {watched_s:.1f} s after it"
        return None, ""
