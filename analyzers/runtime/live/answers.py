"""Whether an HTTP answer can be the thing that was asked for, or that was *not looked at*. Pure.

Every tool that sends requests to an app counts only answers that this module accepts. It compares
an answer with the app's answers to random paths: an answer that says the same as those says nothing
about the path that was asked for. Nonces, tokens, times and the echo of the path are no difference.
A different word is, so pages of one template, and empty lists, are accepted.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from urllib.parse import SplitResult, urljoin, urlsplit

from analyzers.runtime.live.bodies import decoded, is_alike, words_of

COMPARED_BYTES = 64 * 1024  # of a body: pages with the same beginning and the same length are alike
REDIRECTS = frozenset({301, 302, 303, 307, 308})
REFUSALS = frozenset({400, 401, 403, 405, 406, 407, 411, 415, 421, 426, 451, 501})
LOGIN_PATH = re.compile(
    r"(?:^|/)(?:(?:users?|accounts?|auth|admin)/)?"
    r"(?:log[-_]?in|sign[-_]?in|log[-_]?on|authenticate|auth|sso|sessions?/new)(?:\.\w+)?/?$",
    re.IGNORECASE,
)
PASSWORD_FIELD = re.compile(rb"<input[^>]{0,300}type\s*=\s*[\"']?password", re.IGNORECASE)
ONWARD = re.compile(r"(?:^|&)(?:next|return|redirect|continue|from|to|url|goto)\w*=", re.IGNORECASE)


class Unseen(StrEnum):
    """Why the thing that was asked for was not looked at."""

    LIKE_RANDOM = "like the answer to a random path"
    SAME_REFUSAL = "refused like everything else"
    TO_LOGIN = "led to a login"
    TO_OTHER_ORIGIN = "redirected to another origin"
    UNREADABLE = "could not be read"
    CAPPED = "body read in part only"
    RATE_LIMITED = "rate limited"


@dataclass(frozen=True, slots=True)
class Question:
    """The request.

    Attributes:
        url: absolute. With a path alone every absolute redirect would lead to another origin.
    """

    method: str
    url: str

    @property
    def parts(self) -> SplitResult:
        """The parts of the URL; those of `/` if it cannot be parsed."""
        try:
            return urlsplit(self.url)
        except ValueError:
            return urlsplit("/")

    @property
    def path(self) -> str:
        """Path without query, `/` at least."""
        return self.parts.path or "/"


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer.

    Attributes:
        headers: names in any case; one value of a repeated header.
        body: its beginning, gzip and deflate undone.
        capped: whether the body is longer than what was read.
        final_url: where the followed redirects ended; empty if none was followed.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    capped: bool = False
    final_url: str = ""

    def header(self, name: str) -> str:
        """The value of a header, empty if there is none; `name` in lower case."""
        return next((value for key, value in self.headers.items() if key.lower() == name), "")

    @property
    def media_type(self) -> str:
        """`text/html`: lower case, without parameters."""
        return self.header("content-type").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` is None if the answer can be what was asked for. `detail` is for people."""

    reason: Unseen | None = None
    detail: str = ""

    @property
    def is_seen(self) -> bool:
        """Whether what was asked for was looked at."""
        return self.reason is None

    def __str__(self) -> str:
        """`redirected to another origin: https://127.0.0.1/`; empty if it was looked at."""
        return ": ".join(filter(None, (self.reason, self.detail)))


@dataclass(slots=True)
class Baseline:
    """Answers of one app to random paths, by method, folder and file extension."""

    known: dict[tuple[str, str, str], list[tuple[Question, Reply]]] = field(default_factory=dict)

    def add(self, question: Question, reply: Reply) -> None:
        """Keep the answer to a random path, unless it is rate limited: then it says nothing."""
        if not is_rate_limited(reply):
            self.known.setdefault(group_of(question), []).append((question, reply))

    def lacks(self, question: Question) -> bool:
        """Whether no random path was asked for yet with this method, folder and extension."""
        return group_of(question) not in self.known

    def near(self, question: Question, *, is_error: bool) -> list[list[tuple[Question, Reply]]]:
        """Groups that a random path in its place would be part of, the nearest first.

        The answer at a folder is the entry page of what is there: a single-page app answers every
        path with its root page, and the root page itself was still looked at. Errors have no entry.
        """
        method, folder, extension = group_of(question)
        entry = question.path if question.path.endswith("/") and not is_error else ""
        groups = [
            (key[1], rows)
            for key, rows in self.known.items()
            if key[0] == method
            and folder.startswith(key[1])
            and key[1] != entry
            and key[2] in {extension, ""}
        ]
        return [rows for _, rows in sorted(groups, key=lambda group: -len(group[0]))]


def group_of(question: Question) -> tuple[str, str, str]:
    """Method, folder (`/api/`) and file extension (`.js`, empty if there is none)."""
    folder, _, name = question.path.rpartition("/")
    stem, dot, extension = name.rpartition(".")
    has_one = dot and re.fullmatch(r"[A-Za-z0-9]{1,12}", extension) and (stem or name)
    return question.method.upper(), f"{folder}/", f".{extension.lower()}" if has_one else ""


def random_path(question: Question, token: str) -> str:
    """A path that nobody wrote, in the same folder and with the same extension."""
    _, folder, extension = group_of(question)
    return f"{folder}{token}{extension}"


def judge(
    question: Question, reply: Reply, baseline: Baseline, place: Question | None = None
) -> Verdict:
    """Whether `reply` can be what `question` asked for.

    Args:
        question: with an absolute URL.
        reply: to it, or to the request to which its redirects led.
        baseline: of the same app, asked with the same login.
        place: the path whose neighbours it is compared with; None: its own. For `/greet/{name}`,
            where any name is answered, it is `/greet`.
    """
    if is_rate_limited(reply):
        wait = reply.header("retry-after")
        return Verdict(Unseen.RATE_LIMITED, f"{reply.status}" + (f", again in {wait}" * bool(wait)))
    onward = _onward(question, reply)
    if onward and (verdict := _judge_redirect(question, reply, onward)):
        return verdict
    if verdict := _judge_readable(reply):
        return verdict
    for group in baseline.near(place or question, is_error=reply.status >= 400):
        if verdict := _judge_against(question, reply, group):
            return verdict
    return Verdict(Unseen.CAPPED, f"{len(reply.body)} bytes") if reply.capped else Verdict()


def is_rate_limited(reply: Reply) -> bool:
    """Whether it is a 429, or a refusal that says when to try again or that a quota is used up."""
    if reply.status in {403, 503}:
        spent = reply.header("x-ratelimit-remaining") or reply.header("ratelimit-remaining")
        return bool(reply.header("retry-after")) or spent.strip() == "0"
    return reply.status == 429


def retry_after_s(reply: Reply, now: datetime) -> float | None:
    """Seconds after which the app allows the next request; None if it does not say.

    Args:
        reply: its `Retry-After` is seconds or a date (RFC 9110, 10.2.3); else seconds, or the Unix
            time, in `RateLimit-Reset` and `X-RateLimit-Reset`.
        now: with a time zone.
    """
    wait = reply.header("retry-after").strip()
    names = ("ratelimit-reset", "x-ratelimit-reset")
    wait = wait or next((value for name in names if (value := reply.header(name).strip())), "")
    if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", wait):
        seconds = float(wait)
        return max(0.0, seconds - now.timestamp()) if seconds > _UNIX_TIME else seconds
    try:
        return max(0.0, (parsedate_to_datetime(wait) - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def is_login(path: str) -> bool:
    """Whether a path is where people log in."""
    return LOGIN_PATH.search(path.partition("?")[0]) is not None


def text_of(reply: Reply) -> str | None:
    """The body as text; None if it cannot be read as its headers say."""
    return decoded(reply.body, reply.header("content-type"), reply.header("content-encoding"))


def _onward(question: Question, reply: Reply) -> str:
    """The URL, absolute or relative, to which the answer led or points; empty if to none."""
    if reply.final_url and reply.final_url != question.url:
        return _joined(question.url, reply.final_url)
    location = reply.header("location")
    return _joined(question.url, location) if reply.status in REDIRECTS and location else ""


def _joined(base: str, url: str) -> str:
    try:
        return urljoin(base, url)
    except ValueError:
        return "//unreadable.invalid/"


def _judge_redirect(question: Question, reply: Reply, onward: str) -> Verdict | None:
    """Whether it leads to another origin or to a login: that needs no baseline."""
    target = Question(question.method, onward)
    if target.parts.netloc and _origin(target.parts) != _origin(question.parts):
        return Verdict(Unseen.TO_OTHER_ORIGIN, _origin(target.parts))
    if target.path.rstrip("/") == question.path.rstrip("/") or is_login(question.path):
        return None
    is_door = target.path == "/" or ONWARD.search(target.parts.query)
    asks = is_door and PASSWORD_FIELD.search(reply.body[:COMPARED_BYTES])
    return Verdict(Unseen.TO_LOGIN, target.path[:200]) if asks or is_login(target.path) else None


def _origin(parts: SplitResult) -> str:
    default = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(default)}/"[:200]


def _judge_readable(reply: Reply) -> Verdict | None:
    if not reply.body or text_of(reply) is not None:
        return None
    coding, kind = reply.header("content-encoding"), reply.header("content-type")
    return Verdict(Unseen.UNREADABLE, (coding or kind or "no text")[:100])


def _judge_against(
    question: Question, reply: Reply, group: list[tuple[Question, Reply]]
) -> Verdict | None:
    """The verdict by one group of random answers; None if they do not speak against the answer."""
    alike = [(asked, answer) for asked, answer in group if answer.status == reply.status]
    if not alike:
        return None
    if reply.status in REFUSALS and reply.status != 400:  # the words of a 400 tell who refused
        return Verdict(Unseen.SAME_REFUSAL, f"{reply.status}")
    if reply.status in REDIRECTS:
        is_same = any(_place(question, reply) == _place(*answer) for answer in alike)
    else:
        is_same = _says_the_same(question, reply, alike)
    reason = Unseen.SAME_REFUSAL if reply.status in REFUSALS else Unseen.LIKE_RANDOM
    return Verdict(reason, f"{reply.status}") if is_same else None


def _place(question: Question, reply: Reply) -> str:
    """Where a redirect points, without the echo of the path that was asked for."""
    return " ".join(sorted(words_of(reply.header("location"), [question.url])))


def _says_the_same(question: Question, reply: Reply, alike: list[tuple[Question, Reply]]) -> bool:
    if not reply.body or not any(answer.body for _, answer in alike):
        shapes = {(answer.media_type, len(answer.body)) for _, answer in alike}
        return (reply.media_type, len(reply.body)) in shapes
    return is_alike(
        (question.url, reply.body),
        [(asked.url, answer.body) for asked, answer in alike],
        COMPARED_BYTES,
    )


_UNIX_TIME = 1e9  # too many seconds for a wait: a point in time
